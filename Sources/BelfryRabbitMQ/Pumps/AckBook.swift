/// Which deliveries of one channel are unacked, and how to ack many with few frames.
///
/// Tags of a channel are 1, 2, 3, ... in the order of delivery. An ack of all up to a tag is allowed
/// only when nothing below it is still held: then it is one frame; the rest go singly. A tag is
/// settled once and never named again, since the broker closes the channel on a second ack.
struct AckBook {
  enum Frame: Equatable {
    case single(UInt64)
    case upTo(UInt64)
  }

  private enum State { case held, acked, settled }

  /// The states of `first`, `first + 1`, ...
  private var states: [State] = []
  private var head = 0
  private var first: UInt64 = 1
  /// Acked since the last `flush`.
  private var acked: [UInt64] = []

  private(set) var unsettled = 0

  init() {}

  /// False when it is not the next one: the broker broke its own rule.
  mutating func delivered(_ tag: UInt64) -> Bool {
    guard tag == first + UInt64(states.count - head) else { return false }
    states.append(.held)
    unsettled += 1
    return true
  }

  /// False when the tag is not held: acked before, or never delivered.
  mutating func ack(_ tag: UInt64) -> Bool {
    guard let index = heldIndex(tag) else { return false }
    states[index] = .acked
    acked.append(tag)
    return true
  }

  /// Given back by a frame of its own, sent at once. False when the tag is not held.
  mutating func requeue(_ tag: UInt64) -> Bool {
    guard let index = heldIndex(tag) else { return false }
    states[index] = .settled
    unsettled -= 1
    dropSettled()
    return true
  }

  /// The frames for all that was acked since the last call.
  mutating func flush() -> [Frame] {
    guard !acked.isEmpty else { return [] }
    var frames: [Frame] = []
    var prefix: [UInt64] = []
    var index = head
    while index < states.count, states[index] != .held {
      if states[index] == .acked { prefix.append(first + UInt64(index - head)) }
      index += 1
    }
    if let last = prefix.last { frames.append(prefix.count == 1 ? .single(last) : .upTo(last)) }
    let reached = prefix.last ?? 0
    for tag in acked.sorted() where tag > reached { frames.append(.single(tag)) }
    for tag in acked { states[head + Int(tag - first)] = .settled }
    unsettled -= acked.count
    acked.removeAll(keepingCapacity: true)
    dropSettled()
    return frames
  }

  private func heldIndex(_ tag: UInt64) -> Int? {
    guard tag >= first, tag - first < UInt64(states.count - head) else { return nil }
    let index = head + Int(tag - first)
    return states[index] == .held ? index : nil
  }

  private mutating func dropSettled() {
    while head < states.count, states[head] == .settled {
      head += 1
      first += 1
    }
    // Half of it is dead: each state is moved at most once for each that is dropped.
    if head > 1_024, head * 2 > states.count {
      states.removeFirst(head)
      head = 0
    }
  }
}
