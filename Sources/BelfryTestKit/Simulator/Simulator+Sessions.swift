import BelfryCore

/// Connections between workers and coordinators: each end notices their death in its own time.
extension Simulator {
  func connect(_ process: SimulatedWorker, to node: Int) {
    let isConnected = process.sessions.contains {
      sessions[$0].isOpenAtWorker && sessions[$0].coordinator.node == node
    }
    guard !isConnected else { return }
    if !openSession(process, to: node) { retryConnect(process, node) }
  }

  /// False: the coordinator cannot be reached now.
  private func openSession(_ process: SimulatedWorker, to node: Int) -> Bool {
    guard current[node] >= 0 else { return false }
    let coordinator = coordinator(processes[Int(current[node])])
    let unreachable = unreachableUntil[node][process.node - plan.coordinators]
    guard coordinator.pausedUntil <= now, unreachable <= now else { return false }
    let number = sessions.count
    let session = SimulatedSession(
      id: SessionID(UInt64(number)), worker: process, coordinator: coordinator,
      up: newLink(of: process), down: newLink(of: coordinator), at: now)
    sessions.append(session)
    process.sessions.append(number)
    coordinator.sessions.append(number)
    note { "\(process.name) connects to \(coordinator.name) as session \(number)" }
    step(process, .connected(session.id, coordinator: coordinator.name.text))
    return true
  }

  /// A stream does not get through: a fresh connection, and the old one is closed behind it.
  func renew(_ session: SimulatedSession) {
    guard session.isOpenAtWorker, openSession(session.worker, to: session.coordinator.node) else {
      return
    }
    push(
      Event(target: session.worker.index, body: .workerNotices(session: Int(session.id.number))),
      in: ms(2_000))
  }

  // MARK: datagrams

  /// Lost or not, in any order, whatever the stream does.
  func sendBeats(_ beats: [(session: SessionID, beat: Beat)], toWorkers: Bool) {
    for (id, beat) in beats {
      let session = sessions[Int(id.number)]
      let worker = session.worker.node - plan.coordinators
      let isCut = unreachableUntil[session.coordinator.node][worker] > now
      let delay = beatRandom.within(0...plan.sessionDelay)
      if beatRandom.oneIn(plan.beatsLost) || isCut || (toWorkers && !session.isBeatHeard) {
        continue
      }
      let heardAt = toWorkers ? session.beatHeardAt.coordinator : session.beatHeardAt.worker
      let heard = HeardBeat(
        beat, silence: .nanoseconds(now - heardAt), missed: 64 / plan.beatsLost)
      let (target, body): (Int32, Event.Body) =
        toWorkers
        ? (session.worker.index, .beatToWorker(session: Int(id.number), heard))
        : (session.coordinator.index, .beatToCoordinator(session: Int(id.number), heard))
      queue.push(Event(target: target, body: body), at: now + delay)
    }
  }

  func beatToCoordinator(_ session: SimulatedSession, _ beat: HeardBeat) {
    session.isBeatHeard = true
    session.beatHeardAt.coordinator = now
    step(session.coordinator, .beats([(session.id, beat)]))
  }

  func beatToWorker(_ session: SimulatedSession, _ beat: HeardBeat) {
    session.beatHeardAt.worker = now
    step(session.worker, .beat(session.id, beat))
  }

  private func retryConnect(_ process: SimulatedWorker, _ node: Int) {
    queue.push(
      Event(target: process.index, body: .connect(coordinator: node)),
      at: now + random.within(ms(50)...ms(500)))
  }

  func toCoordinator(_ session: SimulatedSession, _ messages: [WorkerMessage]) {
    guard session.isOpenAtCoordinator else { return }
    for message in messages { heard(message, by: session.coordinator.node) }
    var rest = messages[...]
    if !session.hasSaidHello, case .hello(let hello)? = rest.first {
      session.hasSaidHello = true
      rest = rest.dropFirst()
      let offer =
        plan.beatsLost > 0 ? DatagramOffer(port: 1, session: session.id.number) : nil
      step(
        session.coordinator,
        .sessionOpened(session.id, hello, from: "somewhere", datagrams: offer))
    }
    if !rest.isEmpty, session.isOpenAtCoordinator {
      step(session.coordinator, .received(session.id, Array(rest)))
    }
  }

  private func heard(_ message: WorkerMessage, by node: Int) {
    switch message {
    case .started(let job, let assignment, _, _):
      ledger.heard(index(of: job), assignment, by: node)
    case .hello(let hello):
      for holding in hello.holding {
        ledger.heard(index(of: holding.job), holding.assignment, by: node)
      }
    default: return
    }
  }

  func toWorker(_ session: SimulatedSession, _ messages: [CoordinatorMessage]) {
    guard session.isOpenAtWorker else { return }
    step(session.worker, .received(session.id, messages))
  }

  // MARK: closing

  /// The coordinator's core closes a session: the other end hears of it behind what was sent.
  func closeAtCoordinator(_ session: SimulatedSession) {
    guard session.isOpenAtCoordinator else { return }
    session.isOpenAtCoordinator = false
    cut(session.up)
    let number = Int(session.id.number)
    if links[Int(session.down)].cutAt == .max {
      send(
        .workerNotices(session: number), to: session.worker, on: session.down,
        within: plan.sessionDelay)
    }
    // Some shells report the close that they were told to make.
    if session.hasSaidHello, random.coin() {
      push(
        Event(
          target: session.coordinator.index,
          body: .cluster(.sessionClosed(session.id, why: "closed"))), in: plan.sessionDelay)
    }
  }

  func coordinatorNotices(_ session: SimulatedSession) {
    guard session.isOpenAtCoordinator else { return }
    session.isOpenAtCoordinator = false
    cut(session.up)
    if session.isOpenAtWorker {
      push(
        Event(
          target: session.worker.index, body: .workerNotices(session: Int(session.id.number))),
        in: ms(1_000))
    }
    if session.hasSaidHello {
      step(session.coordinator, .sessionClosed(session.id, why: "connection closed"))
    }
  }

  func workerNotices(_ session: SimulatedSession) {
    guard session.isOpenAtWorker else { return }
    session.isOpenAtWorker = false
    cut(session.down)
    if session.isOpenAtCoordinator {
      push(
        Event(
          target: session.coordinator.index,
          body: .coordinatorNotices(session: Int(session.id.number))), in: ms(1_000))
    }
    step(session.worker, .disconnected(session.id))
    let delay = random.pick([0, ms(5), ms(100), ms(800)])
    push(
      Event(
        target: session.worker.index, body: .connect(coordinator: session.coordinator.node)),
      in: delay)
  }

  /// The connection dies under both ends: what was on its way is lost, and each end notices later.
  func cutSession(_ session: SimulatedSession) {
    cut(session.up)
    cut(session.down)
    let most = random.pick([ms(10), ms(300), ms(3_000)])
    let number = Int(session.id.number)
    push(
      Event(target: session.coordinator.index, body: .coordinatorNotices(session: number)),
      in: most)
    push(Event(target: session.worker.index, body: .workerNotices(session: number)), in: most)
  }
}
