/// Decides from what was heard of one peer whether it is up, and if not, what is wrong with it.
///
/// A peer is heard by its stream and by datagrams beside it; heard by either, it is alive. Silence:
/// suspect after 1.5 s (no new jobs), lost after 4 s; the 4 s stretch up to 8 s for a link whose own
/// gaps vary. A closed connection: suspect at once, lost after max(300 ms, 4 RTT + 100 ms), 4 s at most, since a
/// session's first reconnect is immediate. Heard by datagrams with a stream that makes no progress
/// for 3 s, or that the peer says is closed: degraded, it keeps its jobs and is to call again. A peer
/// that says it has heard nothing of us for 3 s: one-way. All on the observer's monotonic clock; the
/// caller reports its own pauses with `slept`, because the observer that slept must blame nobody.
///
/// Rejected: phi accrual alone (its threshold means nothing to an operator), a fixed bound alone (30 %
/// packet loss makes it lie), and the stream alone (under that loss TCP falls silent for minutes).
package struct FailureDetector: Sendable {
  package enum State: Sendable, Equatable {
    case up
    case suspect(Reason)
    case degraded(Reason)
    case oneWay(Reason)
    case lost(Reason)
  }

  package enum Reason: Sendable, Equatable {
    case silent(for: Duration)
    case connectionClosed(String, ago: Duration)
    case streamStuck(for: Duration)
    case deaf(for: Duration)
    /// Heard by datagrams only, and no new session has come of it.
    case unreachable(for: Duration)
  }

  package enum Verdict: Sendable, Equatable {
    case suspected(Reason)
    case degraded(Reason)
    case oneWay(Reason)
    case lost(Reason)
    /// Heard again, and nothing is wrong with it.
    case cleared
  }

  package static let suspectAfter = Duration.milliseconds(1_500)
  package static let lostAfter = Duration.seconds(4)
  package static let lostAfterMax = Duration.seconds(8)
  package static let reconnectMin = Duration.milliseconds(300)
  /// A stream that makes no progress for so long is stuck; a peer that hears nothing of us, deaf.
  package static let stuckAfter = Duration.seconds(3)
  /// Its jobs are not kept waiting longer for a peer that cannot be talked to.
  package static let troubledMax = Duration.seconds(120)

  package private(set) var state = State.up
  /// On either way.
  package private(set) var lastHeard: Instant
  package private(set) var lastOnStream: Instant
  private var lastBeat: (at: Instant, beat: HeardBeat)?
  private var closedAt: (at: Instant, why: String)?
  /// The peer has said itself that the connection is closed: so it lives.
  private var isVouchedFor = false
  /// Since when it is heard and cannot be talked to.
  package private(set) var troubledSince: Instant?
  /// Until when a closed connection is treated like silence: the observer has slept.
  private var lenientUntil: Instant?
  private var roundTrip: Duration = .zero
  /// Mean deviation of the gaps between signs of life from the expected 500 ms.
  private var deviation: Duration = .zero
  /// On a busy link no gap is long enough to say anything: what it was is forgotten by time.
  private var decayedAt: Instant
  /// The last long gap, and the deviation before it: part of it may have been the observer's.
  private var stretched: (at: Instant, gap: Duration, from: Duration)?

  package init(heardAt now: Instant) {
    lastHeard = now
    lastOnStream = now
    decayedAt = now
  }

  // MARK: events

  /// Any frame on the stream counts as life.
  package mutating func heard(at now: Instant) -> Verdict? {
    lastOnStream = now
    return lives(at: now)
  }

  package mutating func heard(_ beat: HeardBeat, at now: Instant) -> Verdict? {
    lastBeat = (now, beat)
    if closedAt != nil, beat.beat.isStreamClosed { isVouchedFor = true }
    return lives(at: now)
  }

  /// What was under way while the observer slept measures its pause.
  package mutating func measured(roundTrip sample: Duration, at now: Instant) {
    guard sample > .zero, !isLenient(at: now) else { return }
    roundTrip = roundTrip == .zero ? sample : roundTrip * 0.875 + sample * 0.125
  }

  /// In this session; an offer alone says nothing: on its way UDP may be dropped.
  package var isHeardByDatagram: Bool { lastBeat != nil }

  /// - Parameter peerMayLive: we have given up a connection on which nothing got through, and the
  ///   peer has datagrams to speak by: their silence counts, not the closing.
  package mutating func connectionClosed(
    _ why: String, peerMayLive: Bool = false, at now: Instant
  ) -> Verdict? {
    guard closedAt == nil else { return nil }
    closedAt = (now, why)
    // Its word may have been faster than the end of its stream.
    let hasSaidSo = lastBeat.map { $0.beat.beat.isStreamClosed && now - $0.at < Self.suspectAfter }
    isVouchedFor = peerMayLive || hasSaidSo ?? false
    if case .lost = state { return nil }
    state = .suspect(.connectionClosed(why, ago: .zero))
    return .suspected(.connectionClosed(why, ago: .zero))
  }

  /// The observer itself did not run for `pause`, until now: every deadline moves by as much, and who
  /// gave up waiting for it meanwhile has time to come back.
  package mutating func slept(_ pause: Duration, until now: Instant) {
    // What was read before the pause was noticed came after it, and the pause says nothing of the link.
    if let (at, gap, from) = stretched, at > now - pause {
      deviation = from
      learn(gap: gap - pause, at: at)
    }
    let moved = { (time: Instant) in min(time + pause, now) }
    lastHeard = moved(lastHeard)
    lastOnStream = moved(lastOnStream)
    closedAt = closedAt.map { (at: moved($0.at), why: $0.why) }
    lastBeat = lastBeat.map { (at: moved($0.at), beat: $0.beat) }
    troubledSince = troubledSince.map(moved)
    lenientUntil = now + Self.lostAfter
  }

  /// Judges the time that has passed; called at least every 100 ms.
  package mutating func ticked(at now: Instant) -> Verdict? { judge(at: now) }

  // MARK: thresholds

  package var reconnectWithin: Duration {
    min(max(Self.reconnectMin, roundTrip * 4 + .milliseconds(100)), Self.lostAfter)
  }

  package var lostWithin: Duration {
    min(Self.lostAfterMax, Self.lostAfter + deviation * 2)
  }

  // MARK: judgement

  private mutating func lives(at now: Instant) -> Verdict? {
    learn(gap: now - lastHeard, at: now)
    lastHeard = now
    return judge(at: now)
  }

  private mutating func learn(gap: Duration, at now: Instant) {
    if gap > .milliseconds(600) {
      stretched = (now, gap, deviation)
      // A longer one would have been a loss, had the observer been awake.
      deviation = deviation * 0.875 + min(gap, Self.lostAfter) * 0.125
      decayedAt = now
    } else if now - decayedAt > .milliseconds(450) {
      deviation = deviation * 0.875
      decayedAt = now
    }
  }

  /// A verdict is given when the state becomes another one, once.
  private mutating func judge(at now: Instant) -> Verdict? {
    if case .lost = state { return nil }
    let seen = appearance(at: now)
    let isSame =
      switch (state, seen) {
      case (.up, .up), (.suspect, .suspect), (.degraded, .degraded), (.oneWay, .oneWay): true
      default: false
      }
    if isSame { return nil }
    state = seen
    switch seen {
    case .up:
      troubledSince = nil
      return .cleared
    case .suspect(let reason): return .suspected(reason)
    case .degraded(let reason):
      troubledSince = troubledSince ?? now
      return .degraded(reason)
    case .oneWay(let reason):
      troubledSince = troubledSince ?? now
      return .oneWay(reason)
    case .lost(let reason): return .lost(reason)
    }
  }

  private func isLenient(at now: Instant) -> Bool { lenientUntil.map { now < $0 } ?? false }

  /// What it looks like now: the state, with the times of this moment.
  func appearance(at now: Instant) -> State {
    if let (at, why) = closedAt, !isVouchedFor {
      let reason = Reason.connectionClosed(why, ago: now - at)
      return now - at >= (isLenient(at: now) ? Self.lostAfter : reconnectWithin)
        ? .lost(reason) : .suspect(reason)
    }
    let silence = now - lastHeard
    if silence >= lostWithin { return .lost(.silent(for: silence)) }
    if silence >= Self.suspectAfter { return .suspect(.silent(for: silence)) }
    if let since = troubledSince, now - since >= Self.troubledMax {
      return .lost(.unreachable(for: now - since))
    }
    return appearanceOfStream(at: now)
  }

  /// It is heard: but does its stream get through, both ways?
  private func appearanceOfStream(at now: Instant) -> State {
    let closed = closedAt.map { Reason.connectionClosed($0.why, ago: now - $0.at) }
    // Where no datagrams come, only the stream speaks.
    guard let (at, heard) = lastBeat, now - at < Self.stuckAfter else {
      return closed.map(State.suspect) ?? .up
    }
    if heard.deafness >= Self.stuckAfter { return .oneWay(.deaf(for: heard.deafness)) }
    if let closed { return .degraded(closed) }
    let silence = max(now - lastOnStream, heard.beat.streamSilence)
    return silence >= Self.stuckAfter ? .degraded(.streamStuck(for: silence)) : .up
  }
}

extension FailureDetector.Reason: CustomStringConvertible {
  package var description: String {
    switch self {
    case .silent(let silence): "silent for \(silence.secondsText)"
    case .connectionClosed(let why, let ago):
      "\(why) \(ago.secondsText) ago"
    case .streamStuck(let silence):
      "heard by datagrams; its stream makes no progress since \(silence.secondsText)"
    case .deaf(let silence): "it is heard, and hears nothing of us since \(silence.secondsText)"
    case .unreachable(let time):
      "heard by datagrams, and no new session was opened for \(time.secondsText)"
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
