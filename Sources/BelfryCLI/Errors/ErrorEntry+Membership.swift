extension ErrorEntry {
  /// Nodes, and how they come in.
  static func membership(_ code: ErrorCode) -> ErrorEntry {
    switch code {
    case .noSuchNode:
      ErrorEntry(
        "there is no such node", "nobody sees it, and nothing is recorded of it", "belfry node list"
      )
    case .noSuchToken:
      ErrorEntry("there is no such token", "its id is wrong", "belfry token list")
    case .tokenDamaged:
      ErrorEntry(
        "the token is damaged",
        "a character is missing or was changed: its checksum says so, and nothing was sent",
        "copy the whole line again", another)
    case .tokenUsed:
      ErrorEntry(
        "the token is used up", "it lets in as many machines as --uses said, one by default",
        another)
    case .tokenExpired:
      ErrorEntry("the token has expired", "it is good for --ttl, 30 minutes by default", another)
    case .tokenRevoked:
      ErrorEntry("the token was revoked", "an operator has taken it back", another)
    case .tokenUnknown:
      ErrorEntry(
        "the cluster does not know this token",
        "it was made for this CA, but is not in this cluster's store", another)
    case .wrongCluster:
      ErrorEntry(
        "the server is not the cluster in the token",
        "its CA is another one, its certificate is not valid now, or what was sent did not arrive as it"
          + " was sent; the secret stayed here",
        "check the address; if it is right, somebody may be in between", another)
    case .clocksApart:
      ErrorEntry(
        "the clocks differ by more than 60 s",
        "certificates of one machine would not be valid yet, or not any more, on the other",
        "set the wrong one right: timedatectl set-ntp true", "then join again, with the same token")
    case .nameTaken:
      ErrorEntry(
        "the node's name is in use", "names are unique in a cluster", "choose another: --name NAME",
        "or, if that node is gone: belfry node remove NAME")
    default:
      ErrorEntry(
        "the identity cannot be written",
        "the disk is full, or the folder belongs to somebody else",
        "make room, or name another folder with --identity",
        "then join again, with the same token: it knows this machine's key again")
    }
  }

  private static let another = "another one: belfry token create"
}
