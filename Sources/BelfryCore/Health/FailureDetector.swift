/// Decides from what was heard of one peer whether it is up, suspect or lost.
///
/// Silence: suspect after 1.5 s (no new jobs), lost after 4 s; the 4 s stretch up to 8 s for a link
/// whose own gaps vary. A closed connection: suspect at once, lost after max(300 ms, 4 RTT + 100 ms),
/// since a session's first reconnect is immediate. All on the observer's monotonic clock; the caller
/// reports its own pauses with `slept`, because the observer that slept must blame nobody.
///
/// Rejected: phi accrual alone (its threshold means nothing to an operator) and a fixed bound alone
/// (30 % packet loss makes it lie).
package struct FailureDetector: Sendable {
  package enum State: Sendable, Equatable {
    case up
    case suspect(Reason)
    case lost(Reason)
  }

  package enum Reason: Sendable, Equatable {
    case silent(for: Duration)
    case connectionClosed(String, ago: Duration)
  }

  package enum Verdict: Sendable, Equatable {
    case suspected(Reason)
    case lost(Reason)
    /// Heard again after being suspect.
    case cleared
  }

  package static let suspectAfter = Duration.milliseconds(1_500)
  package static let lostAfter = Duration.seconds(4)
  package static let lostAfterMax = Duration.seconds(8)
  package static let reconnectMin = Duration.milliseconds(300)

  package private(set) var state = State.up
  package private(set) var lastHeard: Instant
  private var closedAt: (at: Instant, why: String)?
  private var roundTrip: Duration = .zero
  /// Mean deviation of the gaps between signs of life from the expected 500 ms.
  private var deviation: Duration = .zero

  package init(heardAt now: Instant) { lastHeard = now }

  /// Any frame counts as life.
  package mutating func heard(at now: Instant) -> Verdict? {
    let gap = now - lastHeard
    if gap > .milliseconds(600) { deviation = deviation * 0.875 + gap * 0.125 }
    if gap > .milliseconds(100), gap <= .milliseconds(600) { deviation = deviation * 0.875 }
    lastHeard = now
    guard closedAt == nil, case .suspect = state else { return nil }
    state = .up
    return .cleared
  }

  package mutating func measured(roundTrip sample: Duration) {
    guard sample > .zero else { return }
    roundTrip = roundTrip == .zero ? sample : roundTrip * 0.875 + sample * 0.125
  }

  package mutating func connectionClosed(_ why: String, at now: Instant) -> Verdict? {
    guard closedAt == nil else { return nil }
    closedAt = (now, why)
    if case .lost = state { return nil }
    state = .suspect(.connectionClosed(why, ago: .zero))
    return .suspected(.connectionClosed(why, ago: .zero))
  }

  /// The observer itself did not run for `pause`: every deadline moves by as much.
  package mutating func slept(_ pause: Duration) {
    lastHeard = lastHeard + pause
    if let closed = closedAt { closedAt = (closed.at + pause, closed.why) }
  }

  /// Judges the time that has passed; called at least every 100 ms.
  package mutating func ticked(at now: Instant) -> Verdict? {
    if case .lost = state { return nil }
    if let (at, why) = closedAt {
      guard now - at >= reconnectWithin else { return nil }
      return lose(.connectionClosed(why, ago: now - at))
    }
    let silence = now - lastHeard
    if silence >= lostWithin { return lose(.silent(for: silence)) }
    guard silence >= Self.suspectAfter, state == .up else { return nil }
    state = .suspect(.silent(for: silence))
    return .suspected(.silent(for: silence))
  }

  package var reconnectWithin: Duration {
    max(Self.reconnectMin, roundTrip * 4 + .milliseconds(100))
  }

  package var lostWithin: Duration {
    min(Self.lostAfterMax, Self.lostAfter + deviation * 2)
  }

  private mutating func lose(_ reason: Reason) -> Verdict {
    state = .lost(reason)
    return .lost(reason)
  }
}

extension FailureDetector.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .silent(let silence): "silent for \(silence.secondsText)"
    case .connectionClosed(let why, let ago):
      "\(why) \(ago.secondsText) ago"
    }
  }
}

extension Duration {
  /// Seconds with one decimal, for sentences: `4.1 s`.
  package var secondsText: String {
    // Also of what a peer says: nothing is added to the greatest number.
    let tenths = millisecondsClamped / 100 + (millisecondsClamped % 100 >= 50 ? 1 : 0)
    return "\(tenths / 10).\(abs(tenths % 10)) s"
  }
}
