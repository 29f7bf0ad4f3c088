"""Workers, sessions, losses and recording: C3 to C5', W1 to W4."""

from .catalogue import Plant, also, core, plant

MONGO = "Sources/BelfryMongo/Driver/MongoClient.swift"
RECORDER = "Dispatch/OutcomeRecorder.swift"
SESSIONS = "Cluster/ClusterCore+Sessions.swift"
NODES = "Cluster/ClusterCore+Nodes.swift"
DISPATCH = "Cluster/ClusterCore+Dispatch.swift"
WEIGHT = "Cluster/LossWeight.swift"
RUNS = "Worker/WorkerCore+Runs.swift"
OFFERS = "Worker/WorkerCore+Sessions.swift"
OWN = "recorded.append(Recorded(ticket: item.ticket, outcome: item.outcome, isOwn: true))"

PLANTS = [
    core(2, "on a duplicate key the winner is not read", RECORDER,
         "case .duplicate: toFind.append(item)", f"case .duplicate: {OWN}"),
    core(3, "an unknown insert is reported", RECORDER,
         "case .unknown: unknown.append(item)\n      case .refused",
         f"case .unknown: {OWN}\n      case .refused"),
    core(5, "a boot id is used again", "Cluster/ClusterCore.swift",
         "AssignmentID(boot: configuration.boot, counter: nextAssignment)",
         "AssignmentID(boot: BootID(high: 0x7000, low: configuration.boot.low), counter: nextAssignment)"),
    core(6, "the loser of a race reports its own result", RECORDER,
         "outcome: winner, isOwn: isOwn", "outcome: item.outcome, isOwn: isOwn"),
    core(10, "what a hello does not name is forgotten", SESSIONS,
         "vanished(missing, of: worker, uncharged: false, at: now)", "_ = missing"),
    Plant(12, "outcomes are upserted", [
        (MONGO, """      let isTaken = unsafe loan.lend(document) { document in
        unsafe mongoc_bulk_operation_insert_with_opts(bulk, document, nil, &error)
""", """      let id = (try? BSONDocument(document))?["_id"]?.string ?? ""
      let isTaken = unsafe loan.lend(document) { document in
        unsafe BSONLoan().lend(BSONWriter.document { $0.string("_id", id) }) { which in
          unsafe BSONLoan().lend(BSONWriter.document { $0.bool("upsert", true) }) { options in
            unsafe mongoc_bulk_operation_replace_one_with_opts(
              bulk, which, document, options, &error)
          }
        }
"""), (MONGO, 'reply["nInserted"]?.int != sent.count - writeErrors.count',
       'reply["nInserted"]?.int == -1')], test="BelfryPortsTests.StoreContractTests"),
    core(13, "a belief survives Finished", SESSIONS,
         "let known = removeRun(assignment)", "let known = runs[assignment]"),
    core(14, "a slot is kept after Stop", RUNS, "case .stopping: finish(assignment, .stopped)",
         "case .stopping: stuckSlots.insert(assignment); finish(assignment, .stopped)"),
    core(15, "a job is given out and started without a free slot", DISPATCH,
         "worker.takesNewJobs, worker.freeCredit > 0, worker.serves(demand)",
         "worker.takesNewJobs, worker.serves(demand)"),
    plant(16, "reads are local, not majority", "Sources/BelfryMongo/Driver/Concerns.swift",
          '$0.string("level", "majority")', '$0.string("level", "local")', test="BelfryPortsTests.StoreDocumentTests"),
    core(20, "a verdict leaves its beliefs", NODES, "guard let run = removeRun(assignment), let entry",
         "guard let run = runs[assignment], let entry"),
    core(21, "a worker does not look whether it has the job", RUNS,
         "if answerHolder(assign, session, holding, run) { return }", "_ = run"),
    core(23, "the first death is poison", WEIGHT, "static let poison = 3.0", "static let poison = 1.0"),
    core(24, "Refused is ignored", SESSIONS, "refused(worker, job, assignment, reason, at: now)",
         "_ = (job, assignment, reason)"),
    core(26, "Stop is not reported", RUNS, "case .stopping: finish(assignment, .stopped)",
         "case .stopping: remove(assignment)"),
    core(28, "a verdict acks at once", NODES, "      beside: besideHazard && !run.isHazard, uncharged: uncharged)\n",
         """      beside: besideHazard && !run.isHazard, uncharged: uncharged)
    for tag in entry.deliveries { ack(tag) }
    entry.deliveries = []
"""),
    core(29, "poison without proof", WEIGHT,
         "if isBackLater || now.wall - process.at >= configuration.forgetAfter {",
         "if isBackLater || now.wall >= process.at {"),
    core(30, "a loss is charged although the same process is in session", NODES,
         "if isInSession || lost.uncharged {", "if lost.uncharged {",
         harmless="C4 strikes it out again; it costs a back-off"),
    core(42, "Stop goes to a run that is inserting, too", OFFERS,
         "guard let run = runs[assignment], case .running = run.phase else { return }",
         """guard let run = runs[assignment] else { return }
    switch run.phase {
    case .running, .recording: break
    default: return
    }""", harmless="the insert's answer ends the run all the same"),
    core(43, "a worker drops the second hazard silently", RUNS,
         "if let reason = reasonToRefuse(assign) {",
         "if let reason = reasonToRefuse(assign) {\n      if reason == .hazard { return }"),
    also(core(44, "records: a plain acknowledgement ends it", OFFERS,
              "      if case .finished(.unrecorded) = runs[assignment]?.phase { return }\n", ""),
         SESSIONS, "    if case .unrecorded(let outcome) = result {\n",
         "    ready.sends.append((session, .finishedAck(assignment)))\n"
         "    if case .unrecorded(let outcome) = result {\n",
         harmless="whoever acknowledged records it; when that one dies first, the job runs once more"),
    core(45, "records: the coordinator reports its own result on a duplicate key", RECORDER,
         "outcome: winner, isOwn: isOwn",
         "outcome: item.outcome.assignment == nil ? item.outcome : winner, isOwn: isOwn"),
    core(46, "credit: what is recalled is offered before it came back", OFFERS,
         "free -= session.outstanding", "free -= session.isRecalling ? 0 : session.outstanding"),
    core(47, "credit: a new session keeps the old one's", "Cluster/Worker.swift",
         "    granted = 0\n    spent = 0\n    returned = 0\n", ""),
    core(48, "credit: a refusal for a hazard does not give it back", RUNS,
         "if let reason = reasonToRefuse(assign) {",
         "if let reason = reasonToRefuse(assign) {\n"
         "      if reason == .hazard { sessions[session]?.spent -= 1 }"),
    core(50, "hazard: its own loss is charged to nobody", NODES,
         "beside: besideHazard && !run.isHazard", "beside: besideHazard"),
    core(54, "a hello is compared by job, not by assignment", SESSIONS,
         "let missing = worker.runs.sorted().filter { !named.contains($0) }",
         """let jobs = Set(hello.holding.map(\\.job))
    let missing = worker.runs.sorted().filter { run in
      !named.contains(run) && runs[run].map { !jobs.contains($0.job) } ?? true
    }"""),
    core(55, "absent after a duplicate key is the end", RECORDER,
         "case .absent: toInsert.append(item)", f"case .absent: {OWN}"),
    core(56, "one dead process is charged for each assignment", WEIGHT,
         "$0.worker == line.worker && $0.boot == line.boot\n",
         "$0.worker == line.worker && $0.boot == line.boot && line.boot < line.boot\n"),
    core(57, "a loss that was never announced weighs as much", WEIGHT,
         "let weight = line.started ? 1.0 : 0.5", "let weight = 1.0"),
    core(58, "losses are counted as tries", "Cluster/ClusterCore+Settlement.swift",
         "    let tries = entry.history.tries\n",
         "    let tries = entry.history.tries + entry.history.losses\n",
         test="BelfryCoreTests.LossWeightTests"),
    core(60, "Finished is not kept for a coordinator that is away", RUNS,
         "    if run.owedTo.isEmpty { remove(assignment) }",
         "    if run.owedTo.count > 0, case .failed = result { remove(assignment) }",
         harmless="a failure that was not heard is charged as a loss; the job runs once more"),
]
