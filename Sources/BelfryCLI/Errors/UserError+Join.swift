internal import BelfryIdentity
internal import BelfryWorker

extension UserError {
  /// Why a machine could not join: each with what to do next.
  init(joining error: JoinError, _ server: String, _ token: JoinToken, _ files: IdentityFiles) {
    let again = "belfry worker join https://\(server) --token-file -"
    switch error.kind {
    case .unreachable:
      self.init(
        .unavailable, "cannot reach \(server)", why: error.message,
        next: ["check the address and that a coordinator runs there, then: \(again)"])
    case .notOurProtocol:
      self.init(
        .notOurProtocol, "\(server) is no Belfry coordinator", why: error.message,
        next: ["check host and port: a coordinator serves RPC on 7443 unless told otherwise"])
    case .wrongCluster:
      self.init(
        .wrongCluster, "\(server) is not the cluster that the token was made for",
        why: "\(error.message); nothing secret was sent",
        next: [
          "check the address; if it is right, somebody may be in between",
          "make a token on that cluster: belfry token create",
        ])
    case .clocksApart:
      self.init(
        .clocksApart, "the clocks differ too much", why: error.message,
        next: ["set the wrong one right (timedatectl set-ntp true), then: \(again)"])
    case .serverCertificate:
      self.init(
        .wrongCluster, "the coordinator's certificate is not valid", why: error.message,
        next: [
          "where its CA is: belfry cert issue coordinator NAME --host HOST --dir DIR --force",
          "then start it again",
        ])
    case .tryAgain:
      self.init(
        .timeout, "the coordinator did not answer", why: error.message,
        next: ["the same token can be used again: \(again)"])
    case .cannotStore:
      self.init(
        .cannotStore, "the identity cannot be written to \(files.folder)", why: error.message,
        next: [
          "make room, or name another folder with --identity; --force replaces what is in the way",
          "then, with the same token: \(again)",
        ])
    case .keyDamaged:
      self.init(
        .badFile, "a join was begun here before, and its key is damaged",
        why: "\(files.joiningKeyPath): \(error.message)",
        next: [
          "rm \(files.joiningKeyPath)",
          "then: \(again); if the token was used with that key already, with another one",
        ])
    case .failed:
      self.init(
        .notPossible, "the coordinator cannot let this machine in", why: error.message,
        next: [
          "ask an operator: the coordinator's log and belfry node list say more",
          "then, with the same token: \(again)",
        ])
    case .badAnswer:
      self.init(
        .notOurProtocol, "the coordinator's answer makes no sense", why: error.message,
        next: ["compare the versions: belfry version"])
    case .refused(let code): self.init(refused: code, error.message, server, token)
    }
  }

  private init(refused code: String, _ why: String, _ server: String, _ token: JoinToken) {
    let another = "ask an operator for another token: belfry token create"
    switch code {
    case "token-used": self.init(.tokenUsed, "the token is used up", why: why, next: [another])
    case "token-expired":
      self.init(.tokenExpired, "the token has expired", why: why, next: [another])
    case "token-revoked":
      self.init(.tokenRevoked, "the token was revoked", why: why, next: [another])
    case "token-unknown":
      self.init(.tokenUnknown, "the cluster does not know this token", why: why, next: [another])
    case "name-taken":
      self.init(
        .nameTaken, "the name is in use", why: why,
        next: ["choose another: --name", "or, if that node is gone: belfry node remove NAME"])
    case "name-missing":
      self.init(
        .badName, "the node has no name", why: why, next: ["--name \("$(hostname -s)")"])
    case "name-forbidden":
      self.init(
        .badName, "the token is for another name", why: why,
        next: ["leave out --name: the token says who this machine is", another])
    case "revoked":
      self.init(
        .refused, "the cluster refuses a node of this name", why: why,
        next: ["choose another: --name", "or free it: belfry node remove NAME"])
    case "other-session":
      self.init(
        .wrongCluster, "the cluster did not accept the proof", why: why,
        next: ["if it happens again somebody may be in between; \(another)"])
    case "too-many-tries":
      self.init(
        .timeout, "no token is looked at now", why: why,
        next: [
          "then, with the same token: belfry worker join https://\(server) --token-file -",
          "if it was not you: somebody behind the same address guesses",
        ])
    case "no-authority":
      self.init(
        .unavailable, "\(server) cannot let machines in", why: why,
        next: ["ask a coordinator that has the CA, or start this one with --authority"])
    default:
      self.init(.badJob, "the request was not accepted", why: why)
    }
  }
}
