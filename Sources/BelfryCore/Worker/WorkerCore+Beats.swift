internal import OrderedCollections

/// A session that has lost its stream, and beats on until there is a new one with its coordinator: so
/// the coordinator knows that this process lives.
struct StreamlessSession {
  let coordinator: String
  /// When anything came on it last: who has heard nothing since then has not begun to now.
  let since: Instant
  var pace: BeatPace
}

/// Heartbeat datagrams beside the sessions, and what the worker does when only they get through.
extension WorkerCore {
  /// A fresh connection that was asked for has so long to become a session.
  static let renewEvery = Duration.seconds(5)

  mutating func beatHeard(_ heard: HeardBeat, on session: SessionID, at now: Now) {
    if streamless[session] != nil {
      streamless[session]?.pace.heard(missed: heard.missed)
      return
    }
    guard sessions[session]?.hasBeats == true else { return }
    sessions[session]?.heard = (now.monotonic, heard)
    sessions[session]?.pace.heard(missed: heard.missed)
    if heard.beat.isStreamClosed { renew(session, at: now) }
  }

  mutating func sendBeats(at now: Now) {
    for id in sessions.keys where sessions[id]?.hasBeats == true {
      guard sessions[id]?.pace.isDue(at: now.monotonic) == true, let session = sessions[id]
      else { continue }
      let beat = Beat(
        streamSilence: now.monotonic - session.streamHeardAt, running: slotsTaken)
      ready.beats.append((id, beat))
    }
    for (id, session) in streamless.elements {
      if now.monotonic - session.since >= FailureDetector.troubledMax {
        endStreamless(id)
      } else if streamless[id]?.pace.isDue(at: now.monotonic) == true {
        ready.beats.append((id, streamlessBeat(since: session.since, at: now)))
      }
    }
  }

  private func streamlessBeat(since: Instant, at now: Now) -> Beat {
    Beat(isStreamClosed: true, streamSilence: now.monotonic - since, running: slotsTaken)
  }

  /// A coordinator that is heard and whose stream makes no progress, for us or for it, is called
  /// again at once: TCP may take minutes to find out for itself.
  mutating func renewStuck(at now: Now) {
    for (id, session) in sessions.elements {
      guard session.hasBeats, let (at, heard) = session.heard,
        now.monotonic - at < FailureDetector.suspectAfter
      else { continue }
      let silence = max(now.monotonic - session.streamHeardAt, heard.beat.streamSilence)
      if silence >= FailureDetector.stuckAfter { renew(id, at: now) }
    }
  }

  private mutating func renew(_ session: SessionID, at now: Now) {
    if let last = sessions[session]?.renewedAt, now.monotonic - last < Self.renewEvery { return }
    sessions[session]?.renewedAt = now.monotonic
    ready.renews.append(session)
  }

  // MARK: sessions without a stream

  mutating func losesStream(_ id: SessionID, _ session: CoordinatorSession, at now: Now) {
    guard session.hasBeats else { return }
    let hasOther = sessions.values.contains {
      $0.coordinator == session.coordinator && $0.isWelcome
    }
    guard !hasOther else { return ready.beatsOver.append(id) }
    var pace = BeatPace()
    _ = pace.isDue(at: now.monotonic)
    streamless[id] = StreamlessSession(
      coordinator: session.coordinator, since: session.streamHeardAt, pace: pace)
    // At once: the coordinator waits a third of a second for a word.
    ready.beats.append((id, streamlessBeat(since: session.streamHeardAt, at: now)))
  }

  /// There is a new session with this coordinator.
  mutating func endStreamless(of coordinator: String?) {
    for (id, session) in streamless.elements where session.coordinator == coordinator {
      endStreamless(id)
    }
  }

  private mutating func endStreamless(_ id: SessionID) {
    streamless.removeValue(forKey: id)
    ready.beatsOver.append(id)
  }
}
