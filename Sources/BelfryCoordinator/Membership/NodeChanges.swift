package import BelfryCore
package import BelfryNet
internal import BelfryRPC

/// Changes nodes' records one at a time, each by one atomic write over what was read.
package struct NodeChanges: Sendable {
  /// A record that changes under our hands is read again so often.
  static let roundsMax = 20

  let store: any RecordStore
  package let directory: NodeDirectory

  package init(store: any RecordStore, directory: NodeDirectory) {
    self.store = store
    self.directory = directory
  }

  /// What is recorded of a node: twice nil when nothing is. One that cannot be read is an error to
  /// whoever would write over it.
  func read(_ name: NodeName) async throws(RPCStatus) -> (stored: StoredRecord?, node: NodeRecord?)
  {
    switch await store.record(.nodes, name.text) {
    case .failure(let problem):
      throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
    case .success(nil): return (nil, nil)
    case .success(let stored?):
      guard let node = NodeRecord(stored) else {
        throw RPCStatus(
          .dataLoss,
          "what the cluster has recorded of \(name) is damaged, or of a newer Belfry: look into the "
            + "collection nodes of the store")
      }
      return (stored, node)
    }
  }

  /// Writes a node's record over the one that was read, or where there was none; the directory knows
  /// it at once. False: somebody was quicker.
  func keep(
    _ node: NodeRecord, over old: StoredRecord?, at now: WallTime
  ) async throws(RPCStatus) -> Bool {
    let record = node.stored(version: (old?.version ?? 0) + 1, at: now)
    let written = old == nil ? await store.create(record) : await store.replace(record)
    guard let written else {
      throw RPCStatus(
        .unavailable, "the store did not answer: nobody can know what was written; ask again")
    }
    if written { directory.take([record], at: now) }
    return written
  }

  /// - Parameter body: makes the new record of the one there is; nil: it stays as it is.
  @discardableResult
  package func change(
    _ name: NodeName, at now: WallTime, _ body: (NodeRecord?) throws -> NodeRecord?
  ) async throws -> NodeRecord? {
    for _ in 0..<Self.roundsMax {
      let (stored, node) = try await read(name)
      guard let next = try body(node) else { return nil }
      if try await keep(next, over: stored, at: now) { return next }
    }
    throw RPCStatus(.aborted, "the record of \(name) keeps changing: ask again")
  }

  /// What operators have set of a node goes with it: the next of that name is another. Best effort: where the
  /// store does not answer, they see it and can take it back.
  func dropControl(of name: NodeName) async {
    guard case .success(let control?) = await store.record(.controls, name.text) else { return }
    _ = await store.remove(control)
  }

  /// A node has opened a session: the certificate before the one it shows is good no more, and it is
  /// seen. Best effort: what is not written now is written at its next session or renewal.
  package func hasOpened(_ peer: PeerIdentity, at now: WallTime) async {
    guard let name = NodeName(peer.name) else { return }
    _ = try? await change(name, at: now) { node in
      guard var node, node.state == .member else { return nil }
      // It may have been renewed since: then the one before is the one that it shows.
      if node.serial == peer.serial { node.previousSerial = "" }
      if node.isEphemeral { node.seen = now }
      return node
    }
  }
}
