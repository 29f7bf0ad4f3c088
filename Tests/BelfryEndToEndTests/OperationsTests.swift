import Foundation
import Testing

/// What people do to jobs and lanes, on real parts: cancel, pause, retry, forget, one key for one job.
@Suite(.serialized)
struct OperationsTests {
  /// A worker with one slot whose handlers leave a line for each start, named by the job.
  private func cluster(_ more: String...) async throws -> TestCluster {
    let cluster = try await TestCluster()
    try cluster.startCoordinator(more)
    try await startWorker(cluster)
    try await cluster.untilUp("w1")
    return cluster
  }

  private func startWorker(_ cluster: TestCluster) async throws {
    let folder = cluster.folder.path
    try await cluster.startWorker(
      "w1",
      run: [
        "long=sh -c 'echo $BELFRY_JOB_ID >> \(folder)/started; sleep 300'",
        "quick=sh -c 'echo $BELFRY_JOB_ID >> \(folder)/started'",
        "slow=sh -c 'echo 0.25 quarter >&3; echo x >&3; while ! test -e \(folder)/flag; do sleep 0.05; done'",
        "grumpy=sh -c 'echo no, $BELFRY_JOB_ATTEMPT >&2; exit 1'",
        "picky=sh -c 'test -e \(folder)/flag'",
      ], slots: 1)
  }

  private func started(_ cluster: TestCluster) -> [String] {
    let text = try? String(contentsOfFile: cluster.folder.path + "/started", encoding: .utf8)
    return text.map { $0.split(separator: "\n").map(String.init) } ?? []
  }

  private struct List<Item: Decodable>: Decodable { let items: [Item] }
  private struct Cancelled: Decodable, Equatable { let id: String, answer: String, state: String }
  private struct Listed: Decodable {
    let id: String, state: String, reason: String?, retryOf: String?
  }
  private struct Retried: Decodable, Equatable { let id: String, newID: String, problem: String }

  private func list<Item: Decodable>(_ cluster: TestCluster, _ arguments: String...) async throws
    -> [Item]
  {
    let ended = try await cluster.belfry(arguments + ["-o", "json"], identity: "me")
    do {
      return try JSONDecoder().decode(List<Item>.self, from: Data(ended.out.utf8)).items
    } catch {
      throw Services.Missing(description: "\(arguments): \(ended.out)\(ended.err)")
    }
  }

  @Test func aJobIsCancelledWhereverItIs() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let lane = ["--lane", cluster.lane]
    func submit(_ id: String, _ kind: String, _ more: String...) async throws {
      try cluster.require(
        try await cluster.belfry(
          ["submit", "--kind", kind, "--id", id] + lane + more, identity: "me"))
    }
    try await submit("done", "quick")
    #expect(try await cluster.job("done").state == "succeeded")
    try await submit("running", "long")
    try await until("it runs", within: 30) { started(cluster).contains("running") }
    try await submit("queued", "quick")
    try await submit("delayed", "quick", "--delay", "1h")
    let states: [Listed] = try await list(
      cluster, "job", "list", "--lane", cluster.lane, "--state", "running", "--state", "delayed")
    #expect(Set(states.map { "\($0.id) \($0.state)" }) == ["running running", "delayed delayed"])

    let answers: [Cancelled] = try await list(
      cluster, "job", "cancel", "queued", "running", "delayed", "never-seen", "done")
    #expect(
      answers == [
        Cancelled(id: "queued", answer: "cancelled", state: "cancelled"),
        Cancelled(id: "running", answer: "cancelled", state: "cancelled"),
        Cancelled(id: "delayed", answer: "cancelled", state: "cancelled"),
        Cancelled(id: "never-seen", answer: "unseen", state: "cancelled"),
        Cancelled(id: "done", answer: "finished-first", state: "succeeded"),
      ])
    // What was delayed is announced at once, and waits nowhere any more.
    let owed = try await cluster.python(
      """
      deadline = time.time() + 30
      while time.time() < deadline and db.later.count_documents({}): time.sleep(0.05)
      print(db.later.count_documents({}))
      """)
    #expect(owed.out.trimming() == "0")
    for id in ["running", "queued", "delayed"] {
      #expect(try await cluster.job(id).state == "cancelled")
    }
    // The slot is free: the command was ended. And a restart forgets nothing.
    cluster.kill9("c1")
    try cluster.startCoordinator()
    try await cluster.untilUp("w1")
    try await submit("never-seen", "quick")
    try await submit("after", "quick")
    #expect(try await cluster.job("after").state == "succeeded")
    #expect(try await cluster.job("never-seen").state == "cancelled")
    #expect(started(cluster) == ["done", "running", "after"])
    try await until("nothing is left in the queues", within: 30) {
      try await cluster.health()?.lanes.allSatisfy { $0.ready == 0 && $0.parked == 0 } ?? false
    }
  }

  @Test func aPausedLaneTakesJobsAndGivesNoneOut() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try cluster.require(
      try await cluster.belfry("lane", "pause", cluster.lane, "--reason", "moving house"))
    try await cluster.submit(5, kind: "quick", prefix: "job")
    struct Lane: Decodable { let name: String, ready: Int, paused: Bool, waitsFor: String }
    try await until("the lane says why it waits", within: 30) {
      let lanes: [Lane] = try await list(cluster, "lane", "list")
      return lanes.first.map {
        $0.paused && $0.ready == 5 && $0.waitsFor == "the lane is paused by operator me"
      } ?? false
    }
    // Neither a new coordinator nor a new worker makes it go on.
    cluster.kill9("c1")
    try cluster.startCoordinator()
    try await cluster.untilUp("w1")
    try cluster.require(
      try await cluster.belfry(
        "submit", "--kind", "quick", "--lane", cluster.lane, "--id", "job-6"))
    let health = try await cluster.belfry("health")
    #expect(health.out.contains("paused by operator me: moving house"), "\(health.out)")
    #expect(started(cluster).isEmpty)
    try cluster.require(try await cluster.belfry("lane", "resume", cluster.lane))
    let counted = try await cluster.count(6, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    let none = try await cluster.belfry("lane", "pause", "nowhere")
    #expect(none.status == 66 && none.err.contains("BF0205"), "\(none.err)")
  }

  @Test func deadJobsAreRetriedAsNewOnesAndForgotten() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try await cluster.submit(3, kind: "picky", prefix: "dead", payload: "x", "--tries", "1")
    for number in 1...3 { #expect(try await cluster.job("dead-\(number)").state == "failed") }
    let dead: [Listed] = try await list(
      cluster, "job", "list", "--state", "dead", "--kind", "picky")
    #expect(dead.map(\.id).sorted() == ["dead-1", "dead-2", "dead-3"])

    let wouldBe: [Retried] = try await list(
      cluster, "job", "retry", "--all", "--kind", "picky", "--dry-run")
    #expect(wouldBe.count == 3 && wouldBe.allSatisfy { $0.problem.isEmpty })
    #expect(try await cluster.belfry("job", "show", wouldBe[0].newID).status == 66)
    try Data().write(to: cluster.folder.appendingPathComponent("flag"))
    let retried: [Retried] = try await list(cluster, "job", "retry", "--all", "--kind", "picky")
    #expect(retried.sorted { $0.id < $1.id } == wouldBe.sorted { $0.id < $1.id })
    for job in retried {
      let ended = try await cluster.belfry(
        "job", "wait", job.newID, "-o", "json", "--timeout", "60s")
      let shown = try JSONDecoder().decode(Listed.self, from: Data(ended.out.utf8))
      #expect(shown.state == "succeeded" && shown.retryOf == job.id)
    }
    // Asked for twice it is made once; the old outcome stays as it was.
    let again: [Retried] = try await list(cluster, "job", "retry", "dead-1")
    #expect(again.map(\.newID) == retried.filter { $0.id == "dead-1" }.map(\.newID))
    #expect(try await cluster.job("dead-1").state == "failed")

    let typo = try await cluster.belfry("job", "retry", "dead-2", "nothing")
    #expect(typo.status == 2 && typo.out.contains("no dead job has this id"), "\(typo.out)")
    let every = try await cluster.belfry("job", "forget", "--all", "--yes")
    #expect(every.status == 64, "\(every.err)")
    let refused = try await cluster.belfry("job", "forget", "dead-1")
    #expect(refused.status == 64 && refused.err.contains("BF0106"), "\(refused.err)")
    try cluster.require(try await cluster.belfry("job", "forget", "dead-1", "--yes"))
    #expect(try await cluster.belfry("job", "show", "dead-1").status == 66)
    try await cluster.submit(1, kind: "picky", prefix: "dead")
    #expect(try await cluster.job("dead-1").state == "succeeded")
  }

  @Test func oneKeyIsOneJob() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let submit = [
      "submit", "--kind", "quick", "--lane", cluster.lane, "--idempotency-key", "order $1",
    ]
    // Two at once.
    let both = try cluster.require(
      try await Run.program(
        "/bin/sh", ["-c", "\"$@\" & \"$@\"; wait", "sh", cluster.belfryPath] + submit,
        environment: cluster.client))
    let ids = both.out.split(separator: "\n").map(String.init)
    #expect(ids.count == 2 && ids[0] == ids[1] && ids[0].count == 64)
    #expect(try await cluster.job(ids[0]).state == "succeeded")
    #expect(try await cluster.belfry(submit, identity: "me").out.trimming() == ids[0])
    #expect(started(cluster) == [ids[0]])
    let twoNames = try await cluster.belfry(
      "submit", "--kind", "quick", "--id", "x", "--idempotency-key", "y")
    #expect(twoNames.status == 64)
  }

  @Test func aFiringIsOneJobAlsoWithTwoCoordinators() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let second = try FreePort.find()
    try await cluster.issue("coordinator", "c2", "--host", "127.0.0.1")
    try cluster.start(
      "c2",
      [
        "coordinator", "run", "--queue", cluster.amqp, "--store", cluster.store, "--identity",
        cluster.certs + "/c2", "--listen", "127.0.0.1:\(second)", "--lanes", cluster.lane,
      ])
    try await until("both are ready", within: 60) {
      cluster.log("c2").contains("coordinator is ready")
    }
    try cluster.require(
      try await cluster.belfry(
        "schedule", "add", "yearly", "--cron", "0 0 1 1 *", "--kind", "quick", "--lane",
        cluster.lane))
    let listed = try await cluster.belfry("schedule", "list")
    #expect(
      listed.out.contains("yearly") && listed.out.contains("-01-01T00:00:00.000Z"), "\(listed.out)")
    // As if it had been made two years ago, and nobody had been there since: one firing is made up for.
    // And as if a coordinator had died between two writes of an earlier one.
    let fired = try await cluster.python(
      """
      import datetime
      now = datetime.datetime.now(datetime.timezone.utc)
      due = datetime.datetime(now.year, 1, 1, tzinfo=datetime.timezone.utc)
      db.firings.insert_one({'_id': 'yearly/0', 'schedule': 'yearly', 'closed': False,
          'due': datetime.datetime(1970, 1, 1), 'opened': now - datetime.timedelta(seconds=60)})
      db.schedules.update_one({'_id': 'yearly'}, {'$set': {'since': now - datetime.timedelta(days=800)}})
      deadline = time.time() + 40
      while time.time() < deadline and (db.outcomes.count_documents({}) < 2
              or db.firings.count_documents({'closed': False})
              or 'last' not in db.schedules.find_one({})):
          time.sleep(0.05)
      # Both coordinators have looked at the schedules twice more, and found nothing to do.
      def looks():
          return db.client.admin.command('top')['totals'][db.name + '.schedules']['queries']['count']
      before = looks()
      while time.time() < deadline and looks() < before + 8: time.sleep(0.05)
      last = db.schedules.find_one({})
      print(db.firings.count_documents({'closed': True}), db.outcomes.count_documents({'state': 'succeeded'}), db.outcomes.count_documents({}),
            last['last'] == due.replace(tzinfo=None), db.outcomes.find_one({'_id': last['lastJob']})['kind'])
      """)
    #expect(fired.out.trimming() == "2 2 2 True quick", "\(fired.out)")
    #expect(started(cluster).count == 2)
    try cluster.require(try await cluster.belfry("schedule", "remove", "yearly", "--yes"))
    let none = try await cluster.belfry("schedule", "remove", "yearly", "--yes")
    #expect(none.status == 66 && none.err.contains("BF0206"), "\(none.err)")
    let wrong = try await cluster.belfry(
      "schedule", "add", "x", "--cron", "61 * * * *", "--kind", "quick")
    #expect(wrong.status == 65 && wrong.err.contains("is no minute"), "\(wrong.err)")
  }

  @Test func anAuditFindsWhatIsMissing() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    struct Audit: Decodable {
      let accepted: Int, done: Int, dead: Int, delayed: Int, running: Int, missing: Int
      let missingIDs: [String]
    }
    func audit(_ ids: [String]) async throws -> (Audit, Int32) {
      let ended = try await cluster.belfry(
        "audit", "--ids", "-", "-o", "json", input: ids.joined(separator: "\n"))
      return (try JSONDecoder().decode(Audit.self, from: Data(ended.out.utf8)), ended.status)
    }
    try await cluster.submit(5, kind: "quick", prefix: "job")
    try await cluster.submit(1, kind: "picky", prefix: "dead", payload: "x", "--tries", "1")
    #expect(try await cluster.job("dead-1").state == "failed")
    try await cluster.submit(2, kind: "quick", prefix: "later", payload: "x", "--delay", "1h")
    for number in 1...5 { #expect(try await cluster.job("job-\(number)").state == "succeeded") }
    try await cluster.submit(1, kind: "long", prefix: "long")
    try await until("it runs", within: 30) { started(cluster).contains("long-1") }
    let ids = (1...5).map { "job-\($0)" } + ["dead-1", "later-1", "later-2", "long-1", "job-1", ""]
    let (whole, status) = try await audit(ids)
    #expect(
      whole.accepted == 9 && whole.done == 5 && whole.dead == 1 && whole.delayed == 2
        && whole.running == 1 && whole.missing == 0 && status == 0, "\(whole)")
    // Planted: an outcome, and a delayed job, that are gone; an id that was never accepted.
    _ = try await cluster.python(
      "db.outcomes.delete_one({'_id': 'job-3'}); db.later.delete_one({'job': 'later-2'})")
    let (less, found) = try await audit(ids + ["never"])
    #expect(less.missingIDs.sorted() == ["job-3", "later-2", "never"] && found == 1, "\(less)")
    // What waits in a queue may be there.
    try cluster.require(try await cluster.belfry("lane", "pause", cluster.lane))
    try await cluster.submit(3, kind: "quick", prefix: "held")
    try await until("they wait", within: 30) { try await cluster.health()?.lanes.first?.ready == 3 }
    let (queued, unsure) = try await audit((1...3).map { "held-\($0)" })
    #expect(queued.missing == 3 && unsure == 2, "\(queued)")
    let bad = try await cluster.belfry("audit", "--ids", "-", input: "no id!")
    #expect(bad.status == 65 && bad.err.contains("BF0105"), "\(bad.err)")
  }

  @Test func progressIsSeenWhileItRuns() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try await cluster.submit(1, kind: "slow", prefix: "job")
    try cluster.start(
      "watch",
      [
        "job", "show", "job-1", "--watch", "--server", cluster.server, "--identity",
        cluster.certs + "/me",
      ])
    try await until("progress is shown", within: 30) {
      cluster.log("watch").contains("job-1  running on w1  25.0 %  quarter")
    }
    try Data().write(to: cluster.folder.appendingPathComponent("flag"))
    #expect(try await cluster.status(of: "watch") == 0)
    #expect(cluster.log("watch").contains("succeeded"))
  }

  @Test func aKindHasItsRetriesAndEachFailureItsLastWords() async throws {
    let cluster = try await cluster("--retry", "grumpy=2,fixed:1ms")
    defer { cluster.stop() }
    try await cluster.submit(1, kind: "grumpy", prefix: "kind")
    try await cluster.submit(1, kind: "grumpy", prefix: "own", payload: "x", "--tries", "3")
    for (id, tries) in [("kind-1", 2), ("own-1", 3)] {
      let job = try await cluster.job(id)
      #expect(job.state == "failed" && job.tries == tries, "\(job)")
    }
    let lines = try await cluster.python(
      "print([line['stderr'] for line in db.outcomes.find_one({'_id': 'own-1'})['history']])")
    #expect(lines.out.trimming() == "['no, 1', 'no, 2', 'no, 3']", "\(lines.out)")
    let wrong = try await cluster.belfry(
      "coordinator", "run", "--identity", cluster.certs + "/c1", "--queue", cluster.amqp, "--store",
      cluster.store, "--retry", "grumpy=0")
    #expect(wrong.status == 78 && wrong.err.contains("--retry grumpy=0"), "\(wrong.err)")
  }
}
