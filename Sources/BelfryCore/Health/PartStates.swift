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

  /// A part that leaves a question open for so long is taken for away: a server that hangs, or a link
  /// that is cut silently, closes no connection, and the time limits of both drivers are far longer.
  static let silenceMax = Duration.seconds(5)

  private var isConsuming = false
  private var isPublishing = false
  private var blockedBy: String?
  private var isBrokerSilent = false
  /// Since when a question has no answer.
  private var storeAskedAt: Instant?
  private var brokerAskedAt: Instant?
  /// It has answered on this connection before: then it can be blamed for not answering.
  private var hasBrokerAnswered = false
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

  mutating func brokerAsked(at now: Now) {
    if hasBrokerAnswered { brokerAskedAt = brokerAskedAt ?? now.monotonic }
  }

  mutating func brokerAnswered(at now: WallTime) {
    hasBrokerAnswered = true
    endBrokerSilence(at: now)
  }

  /// What was asked on the old connection has no answer to come.
  mutating func brokerConnectionChanged(at now: WallTime) {
    hasBrokerAnswered = false
    endBrokerSilence(at: now)
  }

  private mutating func endBrokerSilence(at now: WallTime) {
    brokerAskedAt = nil
    guard isBrokerSilent else { return }
    isBrokerSilent = false
    update(reason: blockedBy ?? "", at: now)
  }

  mutating func storeAsked(at now: Now) { storeAskedAt = storeAskedAt ?? now.monotonic }

  /// The observer itself did not run for `pause`: no answer could be heard meanwhile.
  mutating func slept(_ pause: Duration, until now: Instant) {
    storeAskedAt = storeAskedAt.map { min($0 + pause, now) }
    brokerAskedAt = brokerAskedAt.map { min($0 + pause, now) }
  }

  mutating func watchSilence(at now: Now) {
    if let silence = silence(since: storeAskedAt, at: now), storeState.state == .up {
      set(\.storeState, .down, Self.silent, at: now.wall + (.zero - silence))
    }
    if let silence = silence(since: brokerAskedAt, at: now), !isBrokerSilent {
      isBrokerSilent = true
      update(reason: Self.silent, at: now.wall + (.zero - silence))
    }
  }

  private static let silent = "no answer for 5 s"

  private func silence(since asked: Instant?, at now: Now) -> Duration? {
    guard let asked, now.monotonic - asked >= Self.silenceMax else { return nil }
    return now.monotonic - asked
  }

  /// What is wrong has been so since the question at the latest: finding out takes a time-out.
  mutating func store(_ problem: String?, at now: Now) {
    let asked = storeAskedAt.map { now.monotonic - $0 } ?? .zero
    storeAskedAt = nil
    if let problem {
      set(\.storeState, .down, problem, at: now.wall + (.zero - asked))
    } else {
      set(\.storeState, .up, "", at: now.wall)
    }
  }

  mutating func takeChanged() -> Bool {
    defer { changed = false }
    return changed
  }

  private mutating func update(reason: String, at now: WallTime) {
    let isDown = !isBrokerUp || isBrokerSilent
    let state: State = isDown ? .down : blockedBy != nil ? .blocked : .up
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
