internal import OrderedCollections

/// The other coordinators, by what they write of themselves into the store: who is up, draining, gone as
/// planned, or lost: silent for 7 s; where workers have lost their sessions with it too, for 1.4 s; and at
/// once when the broker besides has no connection of it.
///
/// Silence counts from the last time that a record was seen to have changed, on the reader's own
/// monotonic clock: no wall clock that is wrong loses anybody. And it counts only while the reader
/// reads: one that slept, or could not reach the store, blames nobody for it.
///
/// Rejected: judging by the times in the records (the clock of who wrote them), and leases that the store lets
/// expire (the wall clock of its primary).
package struct CoordinatorRoster: Sendable {
  /// How often each writes its record and reads the others'.
  package static let writeEvery = Duration.seconds(1)
  /// How often the records are read while workers miss somebody.
  package static let lookEvery = Duration.milliseconds(100)
  /// One that is missed for longer, and writes, lives: its record is then read as any other's.
  package static let lookFor = Duration.seconds(3)
  package static let lostAfter = Duration.seconds(7)
  /// Of one that workers miss: a record that did not come, and as much as a busy store may take for it.
  package static let lostWhenMissedAfter = writeEvery + .milliseconds(400)
  /// A reading so much later than the one before was no watching.
  static let readLate = Duration.seconds(3)
  /// One that is away for so long is forgotten, as a worker is.
  package static let forgetAfter = Duration.seconds(600)

  /// False while the store takes so long for what is written, the others' records too, that nobody can
  /// be judged by what is read.
  package static func isWorthReading(afterWriteOf took: Duration) -> Bool { took < writeEvery }

  package enum Standing: Sendable, Equatable {
    case up, draining, left, lost
  }

  package struct Peer: Sendable, Equatable {
    package var record: CoordinatorRecord
    package var standing: Standing
    /// Why it is lost.
    package var reason = ""
    /// Since when it is what it is.
    package var since: WallTime
    /// When its record was last seen to have changed.
    package var heardAt: Instant
    fileprivate var version: Int
    /// Since when workers miss it, as far as reads have seen.
    fileprivate var missedAt: Instant?
    /// A read has found it missed, and its record as before: the broker may be asked for its presence.
    fileprivate var isInDoubt = false
    /// Who has said since that it has no connection of this process.
    fileprivate var lackedBy: String?
    /// Not since it was first read: what is in the store may be of a process that died long ago.
    fileprivate var hasChanged = false
  }

  package enum Change: Sendable, Equatable {
    /// It writes: for the first time since we read, again, or as a new process.
    case came(NodeName)
    /// It is leaving, or has left, as planned.
    case leaves(NodeName)
    case lost(NodeName, why: String)
    /// Away for so long that nobody waits for it.
    case forgotten(NodeName)
    /// What it says of itself is another than before.
    case told(NodeName)
  }

  private(set) var peers = OrderedDictionary<NodeName, Peer>()
  private var readAt: Instant?

  package init() {}

  package var hasRead: Bool { readAt != nil }
  package var names: [NodeName] { peers.keys.sorted() }
  package subscript(name: NodeName) -> Peer? { peers[name] }

  /// The broker has no such queue: the process that would hold it has no connection there.
  package mutating func brokerLacks(_ queue: String, called broker: String) {
    for (name, peer) in peers
    where peer.isInDoubt && QueueTopology.presence(of: peer.record.boot) == queue {
      peers[name]?.lackedBy = broker
    }
  }

  /// The queues to ask the broker for, after a read: of those who may be gone. One that lives, and that a
  /// balancer keeps from all workers, is not asked for for ever.
  package func presencesInDoubt(at now: Instant) -> [String] {
    peers.values
      .filter { peer in
        peer.isInDoubt && peer.lackedBy == nil && isNewlyMissed(peer, at: now)
      }
      .map { QueueTopology.presence(of: $0.record.boot) }
  }

  /// A record is worth a look before the time: somebody has just begun to miss that coordinator.
  package func isWorthALook(missed: (NodeName) -> Bool, at now: Instant) -> Bool {
    peers.values.contains { peer in
      isNewlyMissed(peer, at: now) && missed(peer.record.name)
    }
  }

  private func isNewlyMissed(_ peer: Peer, at now: Instant) -> Bool {
    peer.standing == .up && now - (peer.missedAt ?? now) < Self.lookFor
  }

  /// Takes in all that is recorded, about every second; records that make no sense are passed over.
  /// - Parameters:
  ///   - own: whose own record is among them.
  ///   - missed: a worker has lost its session with that coordinator, and none has one.
  package mutating func read(
    _ records: [StoredRecord], own: NodeName, missed: (NodeName) -> Bool = { _ in false },
    at now: Now
  ) -> [Change] {
    let pause = readAt.map { now.monotonic - $0 } ?? .zero
    readAt = now.monotonic
    let unwatched = pause >= Self.readLate ? pause : .zero
    var changes: [Change] = []
    var named: Set<NodeName> = []
    for stored in records.sorted(by: { $0.id < $1.id }) {
      guard let record = CoordinatorRecord(stored), record.name != own else { continue }
      named.insert(record.name)
      if var peer = peers[record.name] {
        peer.heardAt = peer.heardAt + unwatched
        peer.missedAt = missed(record.name) ? peer.missedAt ?? now.monotonic : nil
        if peer.missedAt == nil { (peer.isInDoubt, peer.lackedBy) = (false, nil) }
        peers[record.name] = peer
        take(record, stored.version, over: peer, at: now, &changes)
      } else {
        add(record, stored.version, at: now, &changes)
      }
    }
    for name in Array(peers.keys) where !named.contains(name) {
      peers.removeValue(forKey: name)
      changes.append(.forgotten(name))
    }
    return changes
  }

  private mutating func add(
    _ record: CoordinatorRecord, _ version: Int, at now: Now, _ changes: inout [Change]
  ) {
    peers[record.name] = Peer(
      record: record, standing: Self.standing(record), since: record.since,
      heardAt: now.monotonic, version: version)
    changes.append(.told(record.name))
  }

  private mutating func take(
    _ record: CoordinatorRecord, _ version: Int, over old: Peer, at now: Now,
    _ changes: inout [Change]
  ) {
    let name = record.name
    guard version != old.version || record.boot != old.record.boot else {
      judgeSilence(of: name, old, at: now, &changes)
      return
    }
    var peer = old
    peer.record = record
    peer.version = version
    peer.heardAt = now.monotonic
    peer.standing = Self.standing(record)
    peer.reason = ""
    (peer.isInDoubt, peer.lackedBy) = (false, nil)
    peer.hasChanged = true
    if peer.standing != old.standing || record.boot != old.record.boot || !old.hasChanged {
      peer.since = old.standing == .lost ? now.wall : record.since
      changes.append(peer.standing == .up ? .came(name) : .leaves(name))
    } else if record != old.record {
      changes.append(.told(name))
    }
    peers[name] = peer
  }

  private mutating func judgeSilence(
    of name: NodeName, _ old: Peer, at now: Now, _ changes: inout [Change]
  ) {
    let silence = now.monotonic - old.heardAt
    let isMissed = old.missedAt != nil && old.standing == .up
    // The broker is asked after a read that found it missed: this read has begun after that one, and would
    // have found what one that leaves writes before it ends its sessions.
    let broker = isMissed ? old.lackedBy : nil
    let bound =
      broker != nil ? .zero : isMissed ? Self.lostWhenMissedAfter : Self.lostAfter
    guard silence >= bound else {
      peers[name]?.isInDoubt = isMissed && old.record.isPresent
      return
    }
    var peer = old
    switch old.standing {
    case .left, .lost: return
    // It had said that it goes: whether it could write that it is gone is all one.
    case .draining:
      peer.standing = .left
      changes.append(.leaves(name))
    case .up:
      peer.standing = .lost
      peer.reason =
        (isMissed ? "workers have lost their sessions with it, and " : "")
        + (broker.map { "\($0) its connection" }
          ?? "it has written nothing for \(silence.secondsText), while the store answers others")
      changes.append(.lost(name, why: peer.reason))
    }
    peer.since = now.wall
    peers[name] = peer
  }

  private static func standing(_ record: CoordinatorRecord) -> Standing {
    switch record.state {
    case .up: .up
    case .draining: .draining
    case .left: .left
    }
  }
}
