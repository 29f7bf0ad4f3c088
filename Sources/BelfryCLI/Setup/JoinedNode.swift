internal import BelfryCore
internal import BelfryIdentity
internal import BelfryWorker
internal import Foundation

/// What the cluster said of a node when it joined, kept beside its identity: where its coordinators
/// are, so that `worker run` needs to be told nothing.
struct JoinedNode: Codable {
  var coordinators: [String]

  init(_ membership: JoinClient.Membership, reachedAt server: String) {
    coordinators = membership.coordinators.isEmpty ? [server] : membership.coordinators
  }

  /// Nil for an identity that was made by hand.
  init?(beside files: IdentityFiles) throws {
    guard let text = try files.node() else { return nil }
    do {
      self = try JSONDecoder().decode(JoinedNode.self, from: Data(text.utf8))
    } catch {
      throw UserError(
        .badFile, "\(files.nodePath) cannot be read",
        why: "it is not what belfry worker join wrote",
        next: ["give --server, or join again with --force"])
    }
  }

  var text: String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    // Texts can always be written.
    let data = (try? encoder.encode(self)) ?? Data()
    return String(decoding: data, as: UTF8.self) + "\n"
  }
}
