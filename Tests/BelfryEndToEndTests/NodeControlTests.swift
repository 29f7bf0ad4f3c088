import Foundation
import Testing

/// What operators do to workers and lanes, on real parts: cordon, drain, label, purge; and what is asked of a
/// worker on its own machine.
@Suite(.serialized)
struct NodeControlTests {
  private struct Node: Decodable {
    let name: String, state: String
    let running: Int?, cordonedBy: String?, labels: [String]?, setLabels: [String]?
  }

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
        "slow=sh -c 'touch \(folder)/$BELFRY_JOB_ID; while ! test -e \(folder)/flag; do sleep 0.05; done'",
        "quick=touch \(folder)/quick",
      ], slots: 2)
  }

  private func begun(_ name: String, _ cluster: TestCluster) -> Bool {
    FileManager.default.fileExists(atPath: cluster.folder.path + "/" + name)
  }

  private func flag(_ cluster: TestCluster) throws {
    try Data().write(to: cluster.folder.appendingPathComponent("flag"))
  }

  private func node(_ cluster: TestCluster) async throws -> Node? {
    let ended = try await cluster.belfry("node", "show", "w1", "-o", "json")
    return try? JSONDecoder().decode(Node.self, from: Data(ended.out.utf8))
  }

  private func start(_ name: String, _ cluster: TestCluster, _ arguments: String...) throws {
    try cluster.start(
      name, arguments + ["--server", cluster.server, "--identity", cluster.certs + "/me"])
  }

  @Test func aCordonHoldsWhateverRestartsAndADrainWaits() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try start("watch", cluster, "node", "watch", "w1", "-o", "ndjson")
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    try await until("it runs", within: 30) { begun("slow-1", cluster) }
    let impatient = try await cluster.belfry(
      "node", "drain", "w1", "--wait", "1s", "--reason", "fan")
    #expect(impatient.status == 75 && impatient.err.contains("w1 runs 1 of"))
    #expect(impatient.err.contains("undo: belfry node uncordon w1"), "\(impatient.err)")
    try await cluster.submit(1, kind: "quick", prefix: "quick")
    var seen = try #require(await node(cluster))
    #expect(seen.state == "cordoned" && seen.cordonedBy == "operator me" && seen.running == 1)

    cluster.kill9("c1")
    try cluster.startCoordinator()
    try await until("it is back, and cordoned", within: 60) {
      try await node(cluster).map { $0.state == "cordoned" && $0.running == 1 } ?? false
    }
    let health = try await cluster.belfry("health")
    #expect(health.out.contains("cordoned by operator me: fan"), "\(health.out)")
    try await until("the lane says why it waits", within: 30) {
      let lane = try await cluster.belfry("lane", "show", cluster.lane).out
      return lane.contains("w1 (cordoned)")
        && (lane.contains("no worker but cordoned ones is in session: w1")
          || lane.contains("only cordoned workers serve kind quick: w1"))
    }
    let job = try await cluster.belfry("job", "show", "quick-1")
    #expect(job.err.contains("jobs of lane \(cluster.lane) wait: "), "\(job.err)")

    try start("drain", cluster, "node", "drain", "w1")
    try await until("it waits", within: 30) { cluster.log("drain").contains("w1 runs 1 of 2") }
    try flag(cluster)
    #expect(try await cluster.status(of: "drain") == 0, "\(cluster.log("drain"))")
    #expect(try await cluster.job("slow-1").state == "succeeded")

    cluster.kill9("w1")
    try await startWorker(cluster)
    try await until("it is back, and cordoned", within: 60) {
      try await node(cluster)?.state == "cordoned"
    }
    #expect(!begun("quick", cluster))
    let undone = try cluster.require(try await cluster.belfry("node", "uncordon", "w1"))
    #expect(undone.err.contains("undo: belfry node cordon w1"))
    #expect(try await cluster.job("quick-1").state == "succeeded")
    seen = try #require(await node(cluster))
    #expect(seen.state == "up" && seen.cordonedBy == "")
    let audit = try await cluster.belfry("audit-log")
    #expect(audit.out.contains("node.cordon") && audit.out.contains("node.uncordon"))
    #expect(cluster.log("watch").contains(#""state":"cordoned""#), "\(cluster.log("watch"))")
    let nobody = try await cluster.belfry("node", "cordon", "nobody")
    #expect(nobody.status == 66 && nobody.err.contains("BF0611"), "\(nobody.err)")
    let wrong = try await cluster.belfry("node", "cordon", "c1")
    #expect(wrong.status == 77 && wrong.err.contains("is a coordinator"), "\(wrong.err)")
  }

  @Test func labelsThatAreSetBringJobsToAWorker() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    try await cluster.submit(
      1, kind: "quick", prefix: "picky", payload: "x", "--requires", "disk=fast")
    let set = try cluster.require(try await cluster.belfry("node", "label", "w1", "disk=fast"))
    #expect(set.err.contains("undo: belfry node label w1 disk-"), "\(set.err)")
    #expect(try await cluster.job("picky-1").state == "succeeded")
    #expect(try await node(cluster)?.setLabels == ["disk=fast"])
    let replaced = try cluster.require(
      try await cluster.belfry("node", "label", "w1", "disk=slow", "zone=b"))
    #expect(replaced.err.contains("disk=fast zone-"), "\(replaced.err)")
    #expect(try await node(cluster)?.labels == ["disk=slow", "zone=b"])
    try cluster.require(try await cluster.belfry("node", "label", "w1", "disk-", "zone-"))
    #expect(try await node(cluster)?.labels == [])
    let wrong = try await cluster.belfry("node", "label", "w1", "disk")
    #expect(wrong.status == 78 && wrong.err.contains("key=value and key-"), "\(wrong.err)")
  }

  @Test func aPurgedLaneIsEmptyAndEachJobHasItsOutcome() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.untilUp()
    try await cluster.submit(300, kind: "quick", prefix: "job")
    try await cluster.submit(1, kind: "quick", prefix: "later", payload: "x", "--delay", "1h")
    try await until("they wait", within: 30) {
      try await cluster.health()?.lanes.first?.ready == 301
    }
    let asked = try await cluster.belfry("lane", "purge", cluster.lane)
    #expect(asked.status == 64 && asked.err.contains("BF0106"), "\(asked.err)")
    let would = try await cluster.belfry("lane", "purge", cluster.lane, "--dry-run")
    #expect(would.err.contains("301 jobs would be cancelled"), "\(would.err)")
    let done = try cluster.require(
      try await cluster.belfry("lane", "purge", cluster.lane, "--yes"))
    #expect(done.err.contains("300 jobs are cancelled, 0 wait"), "\(done.err)")
    let counted = try await cluster.count(300, prefix: "job", state: "cancelled")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    let delayed = try await cluster.belfry("job", "list", "--state", "delayed", "-o", "name")
    #expect(delayed.out.trimming() == "later-1")
  }

  @Test func aWorkerIsAskedAndDrainedOnItsOwnMachine() async throws {
    let cluster = try await cluster()
    defer { cluster.stop() }
    let me = ["--identity", cluster.certs + "/w1"]
    try await cluster.submit(1, kind: "slow", prefix: "slow")
    try await until("it runs", within: 30) { begun("slow-1", cluster) }
    func status() async throws -> Ended {
      try await Run.program(cluster.belfryPath, ["worker", "status"] + me)
    }
    try await until("it says so", within: 10) {
      try await status().out.contains("1 of 2 slots taken, in session with 1 coordinator")
    }
    let running = try await status()
    #expect(running.status == 0 && running.out.contains("\(cluster.pid("w1") ?? 0)"), "\(running)")
    try cluster.start("drain", ["worker", "drain"] + me)
    try await until("it leaves", within: 30) { cluster.log("drain").contains("leaving: 1 of 2") }
    #expect(cluster.isRunning("w1") && cluster.isRunning("drain"))
    try flag(cluster)
    #expect(try await cluster.status(of: "drain") == 0, "\(cluster.log("drain"))")
    #expect(try await cluster.status(of: "w1") == 0)
    #expect(try await cluster.job("slow-1").state == "succeeded")
    #expect(try await status().status == 1)
    #expect(try await cluster.belfry("alert", "list", "-o", "name").out.isEmpty)
    let byHand = try await Run.program(
      cluster.belfryPath, ["worker", "leave", "--yes"] + me, environment: cluster.client)
    #expect(byHand.status == 77 && byHand.err.contains("has not joined by a token"), "\(byHand)")
  }

  @Test func aWorkerThatHasJoinedLeaves() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.untilUp()
    let made = try cluster.require(
      try await cluster.belfry("token", "create", "--name", "m1", "-o", "json"))
    struct Token: Decodable { let token: String }
    let token = try JSONDecoder().decode(Token.self, from: Data(made.out.utf8)).token
    let home = cluster.folder.path + "/m1"
    try cluster.require(
      try await cluster.belfry(
        "worker", "join", cluster.server, "--token-file", "-", "--identity", home, input: token))
    try cluster.start(
      "m1", ["worker", "run", "--identity", home, "--lanes", cluster.lane, "--run", "quick=true"])
    try await cluster.untilUp("m1")
    try cluster.require(try await cluster.belfry("node", "label", "m1", "disk=fast"))
    let left = try cluster.require(
      try await Run.program(cluster.belfryPath, ["worker", "leave", "--yes", "--identity", home]))
    #expect(left.err.contains("m1 has left"), "\(left.err)")
    #expect(try await cluster.status(of: "m1") == 0)
    #expect(!FileManager.default.fileExists(atPath: home + "/identity.key"))
    let shown = try await cluster.belfry("node", "show", "m1", "-o", "json")
    #expect(shown.out.contains(#""record":"removed""#), "\(shown.out)")
    #expect(!shown.out.contains("setLabels"), "its labels went with it: \(shown.out)")
    let audit = try await cluster.belfry("audit-log")
    #expect(audit.out.contains("node.leave") && audit.out.contains("worker m1"), "\(audit.out)")
  }
}
