import BelfryCore

/// The shell around a coordinator's core: steps it, and performs what it asks for.
extension Simulator {
  func happened(_ body: Event.Body, to process: SimulatedCoordinator) {
    switch body {
    case .tick: tick(process)
    case .cluster(let input): step(process, input)
    case .delivered(let index, let arrivals): delivered(channels[index], arrivals)
    case .openChannel(let isAttached): openChannel(process, isAttached: isAttached)
    case .channelUp(let index): channelUp(channels[index])
    case .channelDown(let index): channelDown(channels[index])
    case .openPublisher: openPublisher(process)
    case .publisherUp(let index): publisherUp(publishers[index])
    case .publisherDown(let index): publisherDown(publishers[index])
    case .published(let index, let confirms): published(publishers[index], confirms)
    case .leave:
      if process.core.settlingCount == 0 {
        leave(process)
      } else {
        push(Event(target: process.index, body: .leave), in: ms(300))
      }
    default: return
    }
  }

  private func tick(_ process: SimulatedCoordinator) {
    queue.push(Event(target: process.index, body: .tick), at: now + plan.tickEvery)
    if !process.isClaiming, store.owed.contains(where: { isDue($0) }),
      process.core.canPublish || random.oneIn(4)
    {
      process.isClaiming = true
      ask(.claim(owner: process.index), of: process)
    }
    pollControl(process)
    step(process, .tick)
  }

  func step(_ process: SimulatedCoordinator, _ input: Input) {
    learns(process, input)
    let ready = process.core.step(input, at: time(of: process))
    noteStep(of: process, Transcript.text(input)) { Transcript.lines(ready) }
    mix(UInt64(ready.sends.count + ready.acks.count << 8 + ready.publishes.count << 16))
    check(ready, of: process)
    perform(ready, by: process)
    if input.isWorthALook || !ready.isQuiet { checkPlaces(process) }
  }

  // MARK: performing

  /// Everything in one `Ready` may be done in any order: each kind travels for itself.
  private func perform(_ ready: Ready, by process: SimulatedCoordinator) {
    toChannels(ready, of: process)
    if !ready.publishes.isEmpty { publish(ready.publishes, by: process) }
    if !ready.sends.isEmpty { sendToWorkers(ready.sends, by: process) }
    sendBeats(ready.beats, toWorkers: true)
    for close in ready.closes { closeAtCoordinator(sessions[Int(close.session.number)]) }
    if !ready.lookups.isEmpty { ask(.lookups(owner: process.index, ready.lookups), of: process) }
    for request in ready.records { ask(request, of: process) }
    if !ready.owes.isEmpty { ask(.owe(owner: process.index, ready.owes), of: process) }
    if !ready.settledOwed.isEmpty { ask(.settleOwed(ready.settledOwed), of: process) }
    for answer in ready.answers {
      switch answer {
      case .submitted(let token, .accepted) where random.below(8) > 0:
        push(Event(body: .producerHears(job: Int(token))), in: plan.sessionDelay)
      case .cancelled(_, let outcome, _) where outcome.state == .cancelled:
        ask(.addCancel(outcome.id), of: process)
      default: continue
      }
    }
    if ready.healthChanged, random.oneIn(64) { _ = process.core.health(at: time(of: process)) }
  }

  /// Acks, requeues and commands share the channel's connection, in any order among them.
  private func toChannels(_ ready: Ready, of process: SimulatedCoordinator) {
    let acksFirst = random.coin()
    if acksFirst { giveUp(ready.acks, of: process) { .acks(channel: $0, $1) } }
    if !ready.commands.isEmpty, let channel = process.consuming {
      for command in ready.commands {
        send(
          .command(channel: channel.index, command), to: nil, on: channel.toBroker,
          within: plan.brokerDelay)
      }
    }
    giveUp(ready.requeues, of: process) { .requeues(channel: $0, $1) }
    if !acksFirst { giveUp(ready.acks, of: process) { .acks(channel: $0, $1) } }
  }

  private func giveUp(
    _ tags: [DeliveryTag], of process: SimulatedCoordinator,
    as body: (Int, [UInt64]) -> Event.Body
  ) {
    var rest = tags[...]
    while let first = rest.first {
      let same = rest.prefix { $0.generation == first.generation }
      rest = rest.dropFirst(same.count)
      guard let channel = process.channel(first.generation) else { continue }
      send(
        body(channel.index, same.map(\.tag)), to: nil, on: channel.toBroker,
        within: plan.brokerDelay)
    }
  }

  private func sendToWorkers(
    _ sends: [(session: SessionID, message: CoordinatorMessage)],
    by process: SimulatedCoordinator
  ) {
    var index = 0
    while index < sends.count {
      let session = sessions[Int(sends[index].session.number)]
      var batch = [sends[index].message]
      index += 1
      while index < sends.count, sends[index].session == session.id, random.below(4) > 0 {
        batch.append(sends[index].message)
        index += 1
      }
      guard session.isOpenAtCoordinator else { continue }
      send(
        .toWorker(session: Int(session.id.number), batch), to: session.worker, on: session.down,
        within: plan.sessionDelay)
    }
  }

  // MARK: the adapter of the queue

  private func delivered(_ channel: SimulatedChannel, _ arrivals: [Arrival]) {
    guard channel.isKnownUp else { return }
    for arrival in arrivals {
      channel.held.append(
        SimulatedChannel.Held(tag: arrival.tag.tag, job: index(of: arrival.content)))
    }
    step(channel.owner, .arrived(arrivals))
  }

  private func channelUp(_ channel: SimulatedChannel) {
    channel.isKnownUp = true
    step(
      channel.owner,
      .queue(
        channel.isAttached
          ? .attachedUp(channel.generation, queue: "hello") : .consumingUp(channel.generation)))
  }

  private func channelDown(_ channel: SimulatedChannel) {
    channel.isKnownUp = false
    channel.held = []
    step(channel.owner, .queue(.consumingDown(channel.generation, reason: "cut")))
    push(
      Event(target: channel.owner.index, body: .openChannel(isAttached: channel.isAttached)),
      in: ms(600))
  }

  private func publisherUp(_ publisher: SimulatedPublisher) {
    publisher.isKnownUp = true
    step(publisher.owner, .queue(.publishingUp))
  }

  /// What was not answered when the connection died may be there or not.
  private func publisherDown(_ publisher: SimulatedPublisher) {
    publisher.isKnownUp = false
    let unknown = publisher.pending.map { Published($0.id, .unknown("the connection died")) }
    publisher.pending = []
    let isFirst = random.coin()
    if isFirst, !unknown.isEmpty { step(publisher.owner, .queue(.published(unknown))) }
    step(publisher.owner, .queue(.publishingDown(reason: "cut")))
    if !isFirst, !unknown.isEmpty { step(publisher.owner, .queue(.published(unknown))) }
    push(Event(target: publisher.owner.index, body: .openPublisher), in: ms(600))
  }

  private func published(_ publisher: SimulatedPublisher, _ confirms: [Confirm]) {
    guard publisher.isKnownUp else { return }
    var results: [Published] = []
    for confirm in confirms {
      guard let index = publisher.pending.firstIndex(where: { $0.ticket == confirm.ticket })
      else { continue }
      results.append(Published(publisher.pending.remove(at: index).id, confirm.result))
    }
    if !results.isEmpty { step(publisher.owner, .queue(.published(results))) }
  }

  private func publish(_ publishes: [Publish], by process: SimulatedCoordinator) {
    guard let publisher = process.publisher, publisher.isKnownUp else {
      let unknown = publishes.map { Published($0.id, .unknown("no connection")) }
      push(
        Event(target: process.index, body: .cluster(.queue(.published(unknown)))), in: ms(5))
      return
    }
    let firstTicket = publisher.nextTicket
    publisher.nextTicket += publishes.count
    for (offset, publish) in publishes.enumerated() {
      publisher.pending.append((firstTicket + offset, publish.id))
    }
    send(
      .publishes(publisher: publisher.index, publishes, firstTicket: firstTicket), to: nil,
      on: publisher.toBroker, within: plan.brokerDelay)
  }
}
