internal import OrderedCollections

/// What a tick does besides judging workers: long holds, depths, wishes for credit, forgetting; and
/// the end: drain.
extension ClusterCore {
  static let measureEvery = Duration.seconds(2)

  mutating func keepHouse(at now: Now) {
    readParked(at: now)
    wantCredit(at: now)
    if let last = lastHousekeeping, now.monotonic - last < Self.measureEvery { return }
    lastHousekeeping = now.monotonic
    // What runs, waits and has ended changes without being told.
    ready.healthChanged = true
    if consumers.channel != nil {
      ready.commands.append(.measure(allQueues + [ownPresence]))
      parts.brokerAsked(at: now)
    }
    recentlyFinished.prune(at: now.monotonic)
    cancels.prune(at: now.monotonic)
    reparkLong(at: now)
    forgetAbsent(at: now)
    watchCertificates(at: now)
    watchRules(at: now)
  }

  /// Asks workers for slots while jobs wait for them.
  private mutating func wantCredit(at now: Now) {
    if let last = lastWant, now.monotonic - last < .milliseconds(400) { return }
    lastWant = now.monotonic
    for worker in workers.values where worker.takesNewJobs && worker.freeCredit == 0 {
      let count = dispatcher.groups.reduce(0) { sum, group in
        pauses[group.key.lane] == nil && worker.serves(group.key) ? sum + group.value.count : sum
      }
      guard count > 0, let session = worker.session else { continue }
      ready.sends.append((session, .want(slots: min(count, worker.hello.slots))))
    }
  }

  /// Long jobs: a copy takes the place of deliveries held for 20 minutes; only the tags held when it
  /// was sent are acked, since the copy may have joined the set already.
  private mutating func reparkLong(at now: Now) {
    for (id, entry) in entries.sorted(by: { $0.key < $1.key })
    where now.monotonic - entry.heldSince >= configuration.holdMax && !entry.isSettling {
      entry.heldSince = now.monotonic
      let copy = JobMessage(
        job: entry.job, attempt: entry.attempt, history: entry.history, isRepeat: true)
      ledger.add(
        .job(copy, .again), for: .repark(id, entry.deliveries), at: now, into: &ready)
    }
  }

  /// The copy counts: of the tags it stands for, those still held are acked. The others were acked by
  /// C7 or went with their channel; a second ack would close the channel.
  mutating func reparked(_ id: JobID, _ tags: [DeliveryTag], at now: Now) {
    guard let entry = entries[id] else { return }
    for tag in tags where entry.deliveries.contains(tag) { ack(tag) }
    entry.deliveries.removeAll { tags.contains($0) }
    guard entry.deliveries.isEmpty, !entry.isSettling else { return }
    drop(entry, at: now)
    for (_, arrival) in entry.waiting { arrived(arrival, at: now) }
  }

  private mutating func forgetAbsent(at now: Now) {
    for worker in workers.values
    where worker.standing != .up && now.wall - worker.since >= configuration.forgetAfter {
      workers.removeValue(forKey: worker.name)
      endBeats(of: worker)
      resolve(
        "node-lost", worker.name.text, why: "forgotten: away for 10 minutes", at: now)
      for rule in [Self.certificateExpiry, Self.flapping] {
        resolveIfOpen(rule, worker.name.text, why: "forgotten: away for 10 minutes", at: now)
      }
      ready.healthChanged = true
    }
  }

  /// Planned leave: consumes no more and gives back what is not assigned; what runs goes on, and its
  /// deliveries go back when the connection closes.
  mutating func drain(at now: Now) {
    guard !isDraining else { return }
    isDraining = true
    ownSince = now.wall
    replanAll(at: now)
    handBack(at: now)
    ready.healthChanged = true
  }

  mutating func replanAll(at now: Now) {
    planConsumers(at: now)
    if !foreign.wanted.isEmpty { attach() }
  }

  /// Gives what is not assigned back to its queue.
  mutating func handBack(at now: Now) {
    for (_, entry) in entries.sorted(by: { $0.key < $1.key }) {
      switch entry.state {
      case .looking, .resting, .queued: giveBack(entry, at: now)
      // The store is asked about it, and does not answer.
      case .verdict where standingAside.isOn: giveBack(entry, at: now)
      case .running, .verdict, .settling: continue
      }
    }
    // Nothing is queued any more.
    dispatcher = Dispatcher()
  }

  private mutating func giveBack(_ entry: Entry, at now: Now) {
    ready.requeues.append(contentsOf: entry.deliveries)
    ready.requeues.append(contentsOf: entry.waiting.map(\.tag))
    drop(entry, at: now)
  }

  /// Sets that are being settled: a leaving coordinator waits for them.
  package var settlingCount: Int { entries.values.count { $0.isSettling } }
  package var heldCount: Int { entries.count }
}

extension ClusterCore {
  /// The broker takes what is published: owed publishes can be claimed.
  package var canPublish: Bool { ledger.canSubmit }

  /// How many cancels are heeded.
  package var cancelCount: Int { cancels.count }

  /// Why the store does not answer; nil when it did last time.
  package var storeProblem: String? {
    parts.storeState.state == .up ? nil : parts.storeState.reason
  }
}
