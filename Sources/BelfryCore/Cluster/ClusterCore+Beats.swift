internal import OrderedCollections

/// Heartbeat datagrams beside the sessions: the second way on which a worker is heard.
extension ClusterCore {
  /// A new session is open: the datagrams of the one before it say nothing any more.
  /// - Returns: what the worker is offered; nil where one of us does not speak them.
  mutating func heedBeats(
    of worker: Worker, on session: SessionID, _ offer: DatagramOffer?
  ) -> DatagramOffer? {
    endBeats(of: worker)
    guard let offer else { return nil }
    guard worker.hello.datagrams else {
      ready.beatsOver.append(session)
      return nil
    }
    worker.beats = session
    worker.pace = BeatPace()
    beatSessions[session] = worker.name
    return offer
  }

  mutating func endBeats(of worker: Worker) {
    guard let session = worker.beats else { return }
    worker.beats = nil
    beatSessions[session] = nil
    ready.beatsOver.append(session)
  }

  mutating func beatHeard(_ heard: HeardBeat, on session: SessionID, at now: Now) {
    guard let name = beatSessions[session], let worker = workers[name] else { return }
    worker.pace.heard(missed: heard.missed)
    // It was taken for lost and lives: the answer says that its session is over, so it calls again.
    guard worker.standing == .up else { return sendBeat(to: worker, on: session, at: now) }
    worker.running = heard.beat.running
    if let roundTrip = heard.roundTrip {
      worker.detector.measured(roundTrip: roundTrip, at: now.monotonic)
    }
    suspected(worker, worker.detector.heard(heard, at: now.monotonic), at: now)
  }

  mutating func sendBeats(at now: Now) {
    for worker in workers.values where worker.standing == .up {
      guard let session = worker.beats, worker.pace.isDue(at: now.monotonic) else { continue }
      sendBeat(to: worker, on: session, at: now)
    }
  }

  mutating func sendBeat(to worker: Worker, on session: SessionID, at now: Now) {
    let beat = Beat(
      isStreamClosed: worker.session != session,
      streamSilence: now.monotonic - worker.detector.lastOnStream)
    ready.beats.append((session, beat))
  }
}
