import BelfryCore
import BelfryTestKit
import Foundation
import Testing

/// Whole episodes of a coordinator's core: inputs and all effects, compared with the text in
/// `Transcripts/`. BELFRY_REWRITE_TRANSCRIPTS=1 writes the files anew; read the difference.
@Suite struct TranscriptTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "Transcripts")
  static let j0 = JobID(trusted: "j0")
  static let a1 = ClusterScene.assignment(1)

  func compare(_ scene: ClusterScene, with name: String) throws {
    let file = Self.folder.appending(path: "\(name).txt")
    if ProcessInfo.processInfo.environment["BELFRY_REWRITE_TRANSCRIPTS"] == "1" {
      try scene.text.write(to: file, atomically: true, encoding: .utf8)
    }
    let golden = try String(contentsOf: file, encoding: .utf8)
    let lines = scene.text.split(separator: "\n", omittingEmptySubsequences: false)
    let wanted = golden.split(separator: "\n", omittingEmptySubsequences: false)
    let first = zip(lines, wanted).first { $0 != $1 }
    #expect(
      scene.text == golden,
      "\(name): is \(first?.0 ?? "shorter or longer"), was \(first?.1 ?? "")")
  }

  @Test("a job is given out, recorded, announced and acked, in this order")
  func happyPath() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.say("A new job is assigned at once; nothing is asked of the store.")
    scene.arrives(ClusterScene.job(reply: ReplyAddress(queue: "answers", correlationID: "7")))
    scene.said(1, scene.started("j0", Self.a1))
    scene.say("The outcome is recorded: event and answer go out, the delivery is still held.")
    scene.said(1, scene.finished("j0", Self.a1))
    scene.confirmed(1)
    scene.say("Only when both are confirmed the delivery is acked.")
    scene.confirmed(2)
    scene.say("A late copy finds the outcome and is announced again, not run again.")
    scene.arrives(ClusterScene.job())
    scene.feed(.lookedUp([(1, .found(scene.outcome("j0", Self.a1)))]))
    scene.confirmed(3)
    try compare(scene, with: "happy-path")
  }

  @Test("a failure is published again before it is acked; the last one is the outcome")
  func failureAndRetry() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job(tries: 2))
    scene.say("The first failure waits out its back-off in the store.")
    scene.said(1, scene.started("j0", Self.a1), scene.failed("j0", Self.a1))
    scene.say("Unknown is no confirm: written again under a new id, nothing is acked.")
    scene.feed(.owed([(PublishID(1), .unknown("time-out"))]))
    scene.feed(.tick, after: 600)
    scene.feed(.owed([(PublishID(1), .inserted)]))
    scene.say("The retry comes with its history; the store is asked first, then it runs.")
    var retry = ClusterScene.job(tries: 2)
    retry.attempt = 2
    retry.history.add(
      HistoryLine(
        assignment: Self.a1, attempt: 1, what: .failed, worker: NodeName(trusted: "w0"),
        boot: ClusterScene.boot(1), at: scene.now.wall))
    scene.arrives(retry, from: .again)
    scene.feed(.lookedUp([(1, .absent)]))
    scene.say("No tries are left: the coordinator records the failure, then announces it.")
    scene.said(1, scene.failed("j0", ClusterScene.assignment(2)))
    scene.feed(.inserted(batch: 1, [.inserted]))
    scene.confirmed(3)
    try compare(scene, with: "failure-and-retry")
  }

  @Test("a lost worker's job moves, charged, after the store was asked")
  func workerLost() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job())
    scene.said(1, scene.started("j0", Self.a1))
    scene.say("The connection closes: suspect at once, lost after 300 ms.")
    scene.feed(.sessionClosed(SessionID(1), why: "connection reset"))
    scene.feed(.tick, after: 200)
    scene.feed(.tick, after: 100)
    scene.say("No outcome: the loss goes into the history, the job to the queue served first.")
    scene.feed(.lookedUp([(1, .absent)]))
    scene.confirmed(1)
    scene.say("The worker comes back as a new process: the alert is resolved.")
    scene.join("w0", session: 2, boot: 2)
    try compare(scene, with: "worker-lost")
  }

  @Test(
    "a hello names what runs: adopted, also under another id; what it does not name is asked for")
  func helloAdopts() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job("j0"))
    scene.arrives(ClusterScene.job("j1"))
    scene.said(1, scene.started("j0", Self.a1), scene.started("j1", ClusterScene.assignment(2)))
    scene.say("j0 is named as it is; j1 under another coordinator's id: that one is adopted.")
    let other = ClusterScene.assignment(1, boot: ClusterScene.boot(8))
    scene.join(
      "w0", session: 2, credit: 0,
      holding: [
        Holding(job: JobID(trusted: "j0"), assignment: Self.a1, attempt: 1),
        Holding(job: JobID(trusted: "j1"), assignment: other, attempt: 1),
      ])
    scene.feed(.lookedUp([(1, .absent)]))
    scene.said(2, scene.finished("j1", other))
    scene.confirmed(1)
    scene.say("The next hello names nothing: the same process has forgotten j0, which runs again.")
    scene.join("w0", session: 3)
    scene.feed(.lookedUp([(2, .absent)]))
    try compare(scene, with: "hello-adopts")
  }

  @Test("a worker without a store: the coordinator records, says so, and hears Finished twice")
  func recordsCoordinator() throws {
    let scene = ClusterScene()
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    scene.join("w0", session: 1, records: true)
    scene.arrives(ClusterScene.job())
    let unrecorded = WorkerMessage.finished(
      job: Self.j0, assignment: Self.a1, .unrecorded(scene.outcome("j0", Self.a1)))
    scene.said(1, scene.started("j0", Self.a1), unrecorded)
    scene.say("Said again after a reconnect: it is being recorded already.")
    scene.join(
      "w0", session: 2, records: true,
      holding: [Holding(job: Self.j0, assignment: Self.a1, attempt: 1, finished: true)])
    scene.said(2, unrecorded)
    scene.say("Somebody was first: the winner is read, and is what is told.")
    scene.feed(.inserted(batch: 1, [.duplicate]))
    var winner = scene.outcome("j0", ClusterScene.assignment(4, boot: ClusterScene.boot(8)))
    winner.worker = NodeName(trusted: "w1")
    scene.feed(.found(batch: 2, [.found(winner)]))
    scene.confirmed(1)
    try compare(scene, with: "records-coordinator")
  }

  @Test("a blocked broker: events and retries go to the store, so the deliveries are acked")
  func blockedBroker() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job("j0"))
    scene.arrives(ClusterScene.job("j1"))
    scene.said(1, scene.finished("j0", Self.a1))
    scene.say("The event is on its way when the alarm rises: it goes to the store at once.")
    scene.feed(.queue(.blocked(reason: "low on memory")))
    scene.feed(.owed([(PublishID(1), .inserted)]))
    scene.said(1, scene.failed("j1", ClusterScene.assignment(2)))
    scene.feed(.submitted(token: 1, ClusterScene.job("j2")))
    scene.say("The alarm is over: what is owed is claimed, published, and then removed.")
    scene.feed(.queue(.unblocked))
    let owed = OwedPublish(
      id: OwedID(boot: ClusterScene.boot, number: 2), what: .event, job: Self.j0, attempt: 1,
      due: scene.now.wall, exchange: "", routingKey: "", message: QueueMessage())
    scene.feed(.claimed([owed]))
    scene.confirmed(5)
    try compare(scene, with: "blocked-broker")
  }

  @Test("what nobody can take is parked, and read again when a worker brings its kind")
  func parked() throws {
    let scene = ClusterScene()
    scene.begin()
    let print = Kind(trusted: "print")
    scene.arrives(ClusterScene.job("j0", kind: print))
    scene.feed(.tick, after: 100)
    scene.say("Nobody has served it for 5 s: it is parked, and acked once that counts.")
    scene.feed(.tick, after: 5_000)
    scene.confirmed(1)
    scene.say("The next of its kind does not wait.")
    scene.arrives(ClusterScene.job("j1", kind: print))
    scene.feed(.tick, after: 100)
    scene.confirmed(2)
    scene.say("A worker brings the kind: the parked queue is read once round.")
    scene.join("w1", session: 2, kinds: [print])
    scene.feed(.tick, after: 100)
    scene.feed(.queue(.depth(queue: QueueTopology.parked(.default), ready: 2)))
    scene.arrives(ClusterScene.job("j0", kind: print), from: .parked)
    scene.feed(.queue(.readDone(queue: QueueTopology.parked(.default), count: 2)))
    scene.confirmed(3)
    try compare(scene, with: "parked")
  }

  @Test("a broker restart: what was announced is adopted with its new delivery")
  func brokerRestart() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job("j0"))
    scene.arrives(ClusterScene.job("j1"))
    scene.said(1, scene.started("j0", Self.a1), scene.started("j1", ClusterScene.assignment(2)))
    scene.feed(.queue(.consumingDown(scene.channel, reason: "closed")))
    scene.feed(.queue(.publishingDown(reason: "closed")))
    scene.say(
      "Heard while there is no delivery: j0's outcome waits in the store, j1's failure here.")
    scene.said(1, scene.finished("j0", Self.a1), scene.failed("j1", ClusterScene.assignment(2)))
    let second = ChannelGeneration(2)
    scene.feed(.queue(.consumingUp(second)))
    scene.feed(.queue(.publishingUp))
    scene.arrives(ClusterScene.job("j0"), redelivered: true, on: second)
    scene.arrives(ClusterScene.job("j1"), redelivered: true, on: second)
    let outcome = scene.outcome("j0", Self.a1)
    scene.say("The failure is charged now; the try is not lost.")
    scene.feed(.lookedUp([(1, .found(outcome)), (2, .absent)]))
    scene.confirmed(1)
    try compare(scene, with: "broker-restart")
  }

  @Test("a cancel is recorded first, then the run is told, then it is answered everywhere")
  func cancel() throws {
    let scene = ClusterScene()
    scene.begin()
    scene.arrives(ClusterScene.job())
    scene.said(1, scene.started("j0", Self.a1))
    scene.feed(.cancelled(token: 5, Self.j0, by: "operator"))
    scene.say("Nothing is answered before the store has it.")
    scene.feed(.inserted(batch: 1, [.inserted]))
    scene.confirmed(1)
    scene.say("The Cancel may have died with its session: it is said again at the hello.")
    scene.join(
      "w0", session: 2, holding: [Holding(job: Self.j0, assignment: Self.a1, attempt: 1)])
    scene.say("A copy of the job is met later: looked up, not run.")
    scene.arrives(ClusterScene.job())
    try compare(scene, with: "cancel")
  }
}
