package import BelfryCore
package import BelfryNet
package import BelfryRPC
internal import Synchronization

/// The nodes' records as this coordinator last read them: asked at every call, so in memory.
package final class NodeDirectory: Sendable {
  private struct Entry {
    let version: Int
    /// Nil: it cannot be read, by us at least. Whoever it is about is refused.
    let node: NodeRecord?
  }

  private struct State {
    var entries: [String: Entry] = [:]
    var newest = WallTime(milliseconds: 0)
  }

  private let state = Mutex(State())
  /// Names of nodes of which something new is known: those who are refused now are to be cut off.
  package let changed: AsyncStream<Set<String>>
  private let changedWriter: AsyncStream<Set<String>>.Continuation
  /// Who has opened a session, where that is to be written down.
  let opened: AsyncStream<PeerIdentity>
  private let openedWriter: AsyncStream<PeerIdentity>.Continuation

  package init() {
    (changed, changedWriter) = AsyncStream.makeStream()
    // What does not find room is written at the node's next session or renewal.
    (opened, openedWriter) = AsyncStream.makeStream(bufferingPolicy: .bufferingOldest(1_000))
  }

  /// Takes in what the store holds, or held: an answer that comes late changes nothing. A removed node
  /// whose certificates have all ended is forgotten, so that its name may begin with version 1 again.
  package func take(_ records: [StoredRecord], at now: WallTime) {
    guard !records.isEmpty else { return }
    let names = state.withLock { state in
      var names: Set<String> = []
      for record in records {
        state.newest = max(state.newest, record.writtenAt)
        if let old = state.entries[record.id], old.version >= record.version { continue }
        let node = NodeRecord(record)
        state.entries[record.id] = Entry(version: record.version, node: node)
        names.insert(record.id)
      }
      state.entries = state.entries.filter { !($0.value.node?.hasEnded(at: now) ?? false) }
      return names
    }
    if !names.isEmpty { changedWriter.yield(names) }
  }

  /// The newest time at which anything that is known here was written, by whoever's clock.
  package var newest: WallTime { state.withLock { $0.newest } }

  package var nodes: [NodeRecord] { state.withLock { $0.entries.values.compactMap(\.node) } }

  private subscript(name: String) -> Entry? { state.withLock { $0.entries[name] } }

  /// Why who shows this certificate may not come; nil when it may.
  package func refusal(_ peer: PeerIdentity?, at now: WallTime) -> RPCStatus? {
    guard let peer, let entry = self[peer.name] else { return nil }
    guard let node = entry.node else {
      return RPCStatus(
        .permissionDenied,
        "what the cluster has recorded of \(peer.name) is damaged, or of a newer Belfry")
    }
    switch node.verdict(on: peer.serial, role: peer.role.rawValue) {
    case .welcome: return nil
    case .revoked(let by, let at, let reason):
      return RPCStatus(
        .permissionDenied,
        "\(peer.name) was revoked by \(by) \(Self.ago(now - at)) ago"
          + (reason.isEmpty ? "" : ": \"\(reason)\""))
    case .removed:
      return RPCStatus(.permissionDenied, "\(peer.name) was removed from the cluster")
    case .replaced:
      return RPCStatus(
        .permissionDenied,
        "this certificate of \(peer.name) (serial \(peer.serial)) was replaced by a newer one")
    }
  }

  /// Who has revoked this coordinator, and why; nil: nobody has. A record that cannot be read ends none.
  package func revocation(of coordinator: NodeName, at now: WallTime) -> String? {
    guard let node = self[coordinator.text]?.node, node.state == .revoked,
      // A worker that had joined under this name is another one.
      ["", PeerIdentity.Role.coordinator.rawValue].contains(node.role)
    else { return nil }
    let peer = PeerIdentity(
      cluster: "", role: .coordinator, name: coordinator.text, notAfter: 0)
    return refusal(peer, at: now)?.message
  }

  /// It is refused, but for nothing else than that there is a newer certificate.
  func isReplaced(_ peer: PeerIdentity) -> Bool {
    self[peer.name]?.node?.verdict(on: peer.serial, role: peer.role.rawValue) == .replaced
  }

  /// A session was opened with this certificate.
  func hasOpened(_ peer: PeerIdentity, at now: WallTime) {
    guard let node = self[peer.name]?.node, node.role == peer.role.rawValue,
      node.isSeenToBeWritten(at: now)
        || (!node.previousSerial.isEmpty && node.serial == peer.serial)
    else { return }
    openedWriter.yield(peer)
  }

  /// What the cluster says of a node's labels goes before what the node says.
  func labels(of name: String, saying own: [Label]) -> [Label] {
    guard let node = self[name]?.node, node.state == .member else { return own }
    return own.filter { label in !node.labels.contains { $0.key == label.key } } + node.labels
  }

  private static func ago(_ duration: Duration) -> String {
    let seconds = max(0, duration.components.seconds)
    if seconds < 120 { return "\(seconds) s" }
    if seconds < 7_200 { return "\(seconds / 60) min" }
    return seconds < 172_800 ? "\(seconds / 3_600) h" : "\(seconds / 86_400) d"
  }
}
