"""Deliveries, publishes and acks: C1, C2, C5 to C7."""

from .catalogue import also, core, plant

ARRIVAL = "Cluster/ClusterCore+Arrival.swift"
SETTLEMENT = "Cluster/ClusterCore+Settlement.swift"
LEDGER = "Cluster/PublishLedger.swift"
DISPATCH = "Cluster/ClusterCore+Dispatch.swift"
HOUSE = "Cluster/ClusterCore+House.swift"
PEOPLE = "Cluster/ClusterCore+People.swift"
ENTRY = "Cluster/Entry.swift"

MERGED = "BelfryCoreTests.RedeliveryTests"

JOINS = """        entry.join(message, arrival)
        nameSuspicious(entry, at: now)"""
SUCCESSOR = """      .job(message, destination), for: .successor(entry.job.id, serial: serial), due: due,
      at: now, into: &ready)"""
SETTLED = """    ready.settled.append(outcome)
"""
CONFIRMED = """      case .confirmed:
        items.removeValue(forKey: published.id)"""
WAITED = """        ack(tag)
      } else {
        arrived(arrival, at: now)
      }
    }
  }

  mutating func ack"""
OWED_ID = """        let owedID = OwedID(boot: boot, number: newID().number)"""

PLANTS = [
    core(1, "ack before the retry's confirm", SETTLEMENT, SUCCESSOR,
         SUCCESSOR + "\n    finish(entry, successor: attempt, at: now)"),
    core(4, "a duplicate delivery is acked", ARRIVAL, JOINS, "        ack(arrival.tag)"),
    core(7, "a set that is being settled is joined", ENTRY, "case .verdict, .settling: true",
         "case .verdict: true"),
    plant(8, "a republish is not mandatory", "Sources/BelfryCoordinator/Doors/Outgoing.swift",
          "exchange, key, mandatory, message) = parts(publish.what)",
          "exchange, key, _, message) = parts(publish.what); let mandatory = false",
          test="BelfryCoordinatorTests.OutgoingTests"),
    core(9, "the event's confirm is not awaited", SETTLEMENT, SETTLED,
         SETTLED + "    finish(entry, successor: nil, at: now)\n"),
    core(11, "old tags are acked on the new channel", SETTLEMENT,
         """    guard generations.contains(tag.generation) else { return }
    ready.acks.append(tag)""",
         "    ready.acks.append(DeliveryTag(consumers.channel ?? tag.generation, tag.tag))"),
    core(17, "a return is taken for a confirm", LEDGER, CONFIRMED,
         CONFIRMED.replace(".confirmed", ".confirmed, .returned")),
    core(18, "a producer is told that an unknown publish was accepted", LEDGER,
         '.submitted(token: token, .unavailable("the broker did not confirm the job"))',
         ".submitted(token: token, .accepted)"),
    core(19, "deliveries that wait are forgotten", SETTLEMENT, WAITED,
         WAITED.replace("arrived(arrival, at: now)", "continue")),
    core(22, "a delivery is adopted without joining the set", ARRIVAL, JOINS,
         "        nameSuspicious(entry, at: now)"),
    core(25, "publishes are forgotten when their connection dies", LEDGER,
         """    items[id]?.state = .waiting
    if isUp { start(id, at: now, into: &ready) }""", "    items.removeValue(forKey: id)"),
    core(27, "an unknown answer to C3 is not asked again", ARRIVAL,
         "      case .unknown: rest(entry, for: .milliseconds(500), thenLook: true, at: now)",
         "      case .unknown: return"),
    core(31, "later: id is job and attempt, a duplicate key counts", LEDGER, OWED_ID,
         """        let number: UInt64 =
          if case .job(let message, _) = item.what { UInt64(message.attempt) }
          else { newID().number }
        let owedID = OwedID(boot: boot, number: number)"""),
    core(32, "later: an unknown insert counts", LEDGER, """      case .inserted:
        items.removeValue(forKey: id)""", """      case .inserted, .unknown:
        items.removeValue(forKey: id)"""),
    core(33, "later: removed before the publish is confirmed", "Cluster/ClusterCore.swift",
         "for item in items { ledger.add(", "for item in items { ready.settledOwed.append(item.id); ledger.add("),
    core(34, "later: removed when it is returned", LEDGER, "case .owed(let owed): owed.what == .reply",
         "case .owed: true"),
    core(35, "re-park: all of the set is acked, not only what it stands for", HOUSE,
         """    for tag in tags where entry.deliveries.contains(tag) { ack(tag) }
    entry.deliveries.removeAll { tags.contains($0) }""",
         """    for tag in entry.deliveries { ack(tag) }
    entry.deliveries = []"""),
    core(36, "re-park: acked before the copy is confirmed", HOUSE,
         ".job(copy, .again), for: .repark(id, entry.deliveries), at: now, into: &ready)",
         """.job(copy, .again), for: .repark(id, entry.deliveries), at: now, into: &ready)
      reparked(id, entry.deliveries, at: now)"""),
    core(37, "parked: deliveries join while the copy is published", ENTRY,
         "    case .verdict, .settling: true",
         "    case .settling(.succeeding, _): false\n    case .verdict, .settling: true"),
    core(38, "parked: what is read is acked before its copy is confirmed",
         "Cluster/ClusterCore+Queues.swift",
         "      .job(copy, fits ? .again : .parked), for: .delivery(arrival.tag), at: now, into: &ready)",
         """      .job(copy, fits ? .again : .parked), for: .repark(message.job.id, []), at: now,
      into: &ready)
    ack(arrival.tag)"""),
    core(39, "cancel: answered before the insert is known", PEOPLE,
         """    recording[recorder.record(outcome)] = .cancel(
      token: token, id, wasSeen: entry != nil || runsOfJob[id] != nil)""",
         """    ready.answers.append(.cancelled(token: token, outcome, wasSeen: true))
    cancelRecorded(id, outcome, at: now)"""),
    core(40, "cancel: the entry goes with the first message that is settled", ARRIVAL,
         "    entries[id] = nil\n    if entry.isSuspicious", "    entries[id] = nil\n    cancels.remove(id)\n    if entry.isSuspicious"),
    core(41, "a stopped run goes to C4, the store is not asked", "Cluster/ClusterCore+Sessions.swift",
         "if isOurs, let entry { look(entry) }", "if isOurs, let entry { queue(entry, at: now) }"),
    plant(49, "later: published without the repeat mark", "Sources/BelfryCoordinator/Doors/Outgoing.swift",
          "    message.headers.append(Header(JobHeader.isRepeat, .bool(true)))\n", "",
          test="BelfryCoordinatorTests.OutgoingTests"),
    core(51, "the store is asked before a run is adopted", ARRIVAL,
         "    if let run = adoptable(entry.job.id) {\n      entry.state = .running(run)\n    } else if mustLook {",
         "    if mustLook {",
         harmless="C4 looks for a run again, and what is heard meanwhile settles the job"),
    core(52, "a merged set takes the last message's attempt", ENTRY,
         "attempt = max(attempt, message.attempt)", "attempt = message.attempt", test=MERGED),
    also(core(61, "a cancel that is read is not looked for among what waits for a slot", DISPATCH,
              """      if cancels.contains(id) {
        look(entry)
        continue
      }
""", ""), PEOPLE, "case .queued, .resting: look(entry)", "case .queued, .resting: return"),
    core(62, "a paused lane goes on giving out", DISPATCH, "pauses[$0.lane] == nil && ", ""),
    core(53, "a merged set takes the last message's history", ENTRY,
         "history.formUnion(message.history)", "history = message.history", test=MERGED),
]
