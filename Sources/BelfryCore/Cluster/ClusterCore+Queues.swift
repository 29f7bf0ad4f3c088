internal import OrderedCollections

/// Which queues are consumed with what prefetch, what a lost channel takes with it, and the parked
/// jobs that nobody could take.

/// The consumers that this coordinator has asked for.
struct ConsumerPlan {
  var channel: ChannelGeneration?
  /// Prefetch by lane; a lane without workers has no consumer.
  var prefetch: [Lane: Int] = [:]

  static let prefetchRange = 8...2_000

  /// All slots offered to this coordinator, and 10 %: unacked includes what runs.
  static func prefetch(slots: Int) -> Int {
    min(max(slots + slots / 10, prefetchRange.lowerBound), prefetchRange.upperBound)
  }
}

/// Reading a lane's parked queue once round, in portions.
struct ParkedReading {
  static let portion = 500
  static let every = Duration.seconds(60)

  var wanted: Set<Lane> = []
  /// Messages that were in the queue when the round began and are not yet read.
  var remaining: [Lane: Int] = [:]
  var lastRound: [Lane: Instant] = [:]

  /// What was asked for is not answered any more: rounds that had begun begin anew.
  mutating func cutShort() {
    wanted.formUnion(remaining.keys)
    remaining = [:]
  }
}

/// Queues that are not ours and whose messages become jobs.
struct ForeignQueues {
  var wanted: [String] = []
  /// Those that are there, and the channels on which they are consumed.
  var channels: [String: ChannelGeneration] = [:]
}

extension ClusterCore {
  mutating func heardFromQueue(_ news: QueueNews, at now: Now) {
    switch news {
    case .consumingUp(let generation):
      generations.insert(generation)
      consumers.channel = generation
      consumers.prefetch = [:]
      planConsumers(at: now)
      if !foreign.wanted.isEmpty { attach() }
      parts.brokerConnectionChanged(at: now.wall)
      ready.commands.append(.measure([ownPresence]))
      parts.broker(consuming: true, at: now.wall)
    case .consumingDown(let generation, let reason):
      lose(generation, at: now)
      foreign.channels = foreign.channels.filter { $0.value != generation }
      if consumers.channel == generation {
        consumers.channel = nil
        isPresent = false
        parkedRead.cutShort()
        parts.brokerConnectionChanged(at: now.wall)
        parts.broker(consuming: false, reason: reason, at: now.wall)
      }
    case .attachedUp(let generation, let queue):
      generations.insert(generation)
      foreign.channels[queue] = generation
    case .consumerEnded(let queue): consumerEnded(queue, at: now)
    case .readDone(let queue, let count): readDone(queue, count, at: now)
    case .publishingUp:
      ledger.cameUp(at: now, into: &ready)
      parts.broker(publishing: true, at: now.wall)
    case .publishingDown(let reason):
      ledger.wentDown()
      parts.broker(publishing: false, reason: reason, at: now.wall)
    case .published(let results): counted(ledger.published(results, at: now, into: &ready), at: now)
    case .blocked(let reason):
      ledger.blocked(reason, at: now, into: &ready)
      parts.broker(blocked: reason, at: now.wall)
    case .unblocked:
      ledger.unblocked(at: now, into: &ready)
      parts.broker(blocked: nil, at: now.wall)
    case .depth(let queue, let count):
      if queue == ownPresence { isPresent = true }
      measured(queue, count, at: now)
    case .absent(let queue):
      if queue == ownPresence { isPresent = false }
      roster.brokerLacks(queue, called: configuration.brokerName)
      measured(queue, 0, at: now)
    case .unavailable(let reason):
      if !parts.isBrokerUp { parts.brokerUnavailable(reason, at: now.wall) }
    }
    ready.healthChanged = ready.healthChanged || parts.takeChanged()
  }

  /// Consumes each lane that has a worker, with a prefetch that fits its slots; a change within 20 %
  /// is left alone.
  mutating func planConsumers(at now: Now) {
    guard consumers.channel != nil else { return }
    for (lane, queues) in laneQueues {
      let slots = workers.values
        .filter { $0.offersSlots && $0.hello.lanes.contains(lane) }
        .reduce(0) { $0 + $1.hello.slots }
      // What is cancelled needs no slot, and a pause does not keep it.
      let isPurged = purges[lane] != nil
      let isOpen = (slots > 0 && pauses[lane] == nil) || isPurged
      let prefetch = ConsumerPlan.prefetch(slots: isPurged ? max(slots, Self.purgeSlots) : slots)
      let wanted = isOpen && !isDraining && !standingAside.isOn ? prefetch : nil
      let current = consumers.prefetch[lane]
      guard wanted != current else { continue }
      if let wanted, let current, abs(wanted - current) * 5 <= current { continue }
      consumers.prefetch[lane] = wanted
      for queue in queues.dropLast() {
        ready.commands.append(
          wanted.map { .consume(queue: queue, prefetch: $0) } ?? .endConsumer(queue: queue))
      }
    }
  }

  mutating func attachmentsRead(_ queues: [String]) {
    guard queues != foreign.wanted else { return }
    foreign.wanted = queues
    attach()
  }

  mutating func attach() {
    guard consumers.channel != nil else { return }
    let queues = isDraining || standingAside.isOn ? [] : foreign.wanted
    ready.commands.append(
      .attach(queues.map { AttachedQueue(queue: $0, prefetch: QueueAttachment.prefetch) }))
  }

  /// Whether a foreign queue is there, and its messages come.
  package func isConsumed(_ queue: String) -> Bool {
    foreign.wanted.contains(queue) && foreign.channels[queue] != nil
  }

  /// A lane that is emptied is read as fast as for so many slots.
  private static let purgeSlots = 100

  private mutating func consumerEnded(_ queue: String, at now: Now) {
    for (lane, queues) in laneQueues where queues.contains(queue) {
      consumers.prefetch[lane] = nil
    }
    ready.commands.append(.declare)
    planConsumers(at: now)
  }

  /// Deliveries of a dead channel drop out of their sets: the broker gives them out again. A run
  /// whose set is empty stays as a belief.
  private mutating func lose(_ generation: ChannelGeneration, at now: Now) {
    guard generations.remove(generation) != nil else { return }
    var bereft: [Entry] = []
    for entry in entries.values {
      entry.deliveries.removeAll { $0.generation == generation }
      entry.waiting.removeAll { $0.tag.generation == generation }
      if entry.deliveries.isEmpty, !entry.isSettling {
        bereft.append(entry)
      }
    }
    bereft.sort { $0.job.id < $1.job.id }
    for entry in bereft { drop(entry, at: now) }
    for entry in bereft {
      for (_, arrival) in entry.waiting { arrived(arrival, at: now) }
    }
  }

  // MARK: parked

  /// Parks what no worker that offers slots has served for 5 s: held, it would fill the prefetch.
  mutating func parkUnserved(at now: Now) {
    for demand in Array(dispatcher.groups.keys) {
      guard let group = dispatcher.groups[demand] else { continue }
      if workers.values.contains(where: { $0.offersSlots && $0.serves(demand) }) {
        dispatcher.markUnserved(demand, since: nil)
      } else if let since = group.unservedSince {
        if group.count > 0, now.monotonic - since >= configuration.parkAfter {
          park(demand, at: now)
        }
      } else if group.count > 0 {
        dispatcher.markUnserved(demand, since: now.monotonic)
      }
    }
  }

  private mutating func park(_ demand: Demand, at now: Now) {
    noteUnserved(demand)
    for id in dispatcher.takeAll(demand) {
      guard let entry = entries[id], entry.isQueued else { continue }
      succeed(entry, to: .parked, attempt: entry.attempt, at: now)
    }
  }

  private mutating func noteUnserved(_ demand: Demand) {
    guard laneCounts[demand.lane]?.unserved.contains(demand) != true,
      laneCounts[demand.lane].map({ $0.unserved.count < 20 }) ?? true
    else { return }
    laneCounts[demand.lane, default: LaneCounts()].unserved.append(demand)
    ready.healthChanged = true
  }

  /// A parked message that was read: what fits goes to `again`, the rest back to the tail, each
  /// confirmed before it is acked.
  mutating func sortParked(_ message: JobMessage, _ arrival: Arrival, at now: Now) {
    let demand = Demand(message.job)
    let fits =
      isPurged(message.job, at: now)
      || workers.values.contains { $0.offersSlots && $0.serves(demand) }
    if !fits { noteUnserved(demand) }
    var copy = message
    copy.isRepeat = true
    ledger.add(
      .job(copy, fits ? .again : .parked), for: .delivery(arrival.tag), at: now, into: &ready)
  }

  /// Starts rounds that are wanted, and every 60 s where something is parked.
  mutating func readParked(at now: Now) {
    guard consumers.channel != nil, !isDraining else { return }
    for (lane, queues) in laneQueues where parkedRead.remaining[lane] == nil {
      guard let parked = queues.last else { continue }
      let isOld =
        parkedRead.lastRound[lane].map { now.monotonic - $0 >= ParkedReading.every } ?? true
      let isFilled = (laneCounts[lane]?.ready[parked] ?? 0) > 0
      guard parkedRead.wanted.contains(lane) || (isOld && isFilled) else { continue }
      parkedRead.wanted.remove(lane)
      parkedRead.lastRound[lane] = now.monotonic
      parkedRead.remaining[lane] = 0
      laneCounts[lane]?.unserved = []
      ready.commands.append(.measure([parked]))
    }
  }

  private mutating func measured(_ queue: String, _ count: Int, at now: Now) {
    // A broker whose quorum queues have no leader yet answers for these.
    guard !QueueTopology.isPresence(queue) else { return }
    parts.brokerAnswered(at: now.wall)
    for (lane, queues) in laneQueues where queues.contains(queue) {
      if laneCounts[lane, default: LaneCounts()].ready.updateValue(count, forKey: queue) != count {
        ready.healthChanged = true
      }
      guard queue == queues.last else { continue }
      if count == 0, parkedRead.remaining[lane] == nil { laneCounts[lane]?.unserved = [] }
      if parkedRead.remaining[lane] == 0 { readPortion(lane, of: count) }
    }
  }

  private mutating func readPortion(_ lane: Lane, of remaining: Int) {
    guard remaining > 0 else {
      parkedRead.remaining[lane] = nil
      return
    }
    parkedRead.remaining[lane] = remaining
    ready.commands.append(
      .readOnce(
        queue: QueueTopology.parked(lane), limit: min(remaining, ParkedReading.portion)))
  }

  private mutating func readDone(_ queue: String, _ count: Int, at now: Now) {
    for lane in configuration.lanes where queue == QueueTopology.parked(lane) {
      guard let remaining = parkedRead.remaining[lane] else { continue }
      readPortion(lane, of: count == 0 ? 0 : remaining - count)
    }
  }
}
