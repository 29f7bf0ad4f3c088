/// Broker and store as this coordinator sees them, and since when.
struct PartStates {
  enum State: String, Equatable {
    case up, down, blocked
  }

  struct Part: Equatable {
    var state = State.down
    var reason = "not reached yet"
    var since = WallTime(milliseconds: .max)
  }

  private var isConsuming = false
  private var isPublishing = false
  private var blockedBy: String?
  private(set) var brokerState = Part()
  private(set) var storeState = Part()
  private var changed = false

  var isBrokerUp: Bool { isConsuming && isPublishing }

  mutating func broker(
    consuming: Bool? = nil, publishing: Bool? = nil, reason: String = "", at now: WallTime
  ) {
    if let consuming { isConsuming = consuming }
    if let publishing {
      isPublishing = publishing
      blockedBy = nil
    }
    update(reason: reason, at: now)
  }

  mutating func broker(blocked reason: String?, at now: WallTime) {
    blockedBy = reason
    update(reason: reason ?? "", at: now)
  }

  mutating func brokerUnavailable(_ reason: String, at now: WallTime) {
    update(reason: reason, at: now)
  }

  mutating func store(_ problem: String?, at now: WallTime) {
    set(\.storeState, problem == nil ? .up : .down, problem ?? "", at: now)
  }

  mutating func takeChanged() -> Bool {
    defer { changed = false }
    return changed
  }

  private mutating func update(reason: String, at now: WallTime) {
    let state: State = !isBrokerUp ? .down : blockedBy != nil ? .blocked : .up
    set(\.brokerState, state, state == .up ? "" : reason, at: now)
  }

  private mutating func set(
    _ part: WritableKeyPath<Self, Part>, _ state: State, _ reason: String, at now: WallTime
  ) {
    let old = self[keyPath: part]
    let isFirst = old.since.milliseconds == .max
    guard isFirst || old.state != state || (old.reason != reason && !reason.isEmpty) else { return }
    self[keyPath: part] = Part(
      state: state, reason: reason, since: isFirst || old.state != state ? now : old.since)
    changed = true
  }
}
