import Foundation
import Testing

/// Whole processes on a real broker and a real store, killed in mid-run. Counted from outside: no job
/// lost, none recorded twice.
@Suite(.serialized)
struct SurvivalTests {
  @Test func killedWorkersJobsAreRunByOthers() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    // No job ends before w2 is gone, however busy this machine is.
    let gate = cluster.folder.appendingPathComponent("gate")
    let waiting = "slow=sh -c 'while ! test -e \(gate.path); do sleep 0.05; done; cat'"
    for name in ["w1", "w2"] { try await cluster.startWorker(name, run: [waiting], slots: 4) }
    try await cluster.untilUp("w1", "w2")
    try await cluster.submit(60, kind: "slow", prefix: "job")
    try await until("w2 runs something") {
      try await cluster.health()?.nodes.contains { $0.name == "w2" && $0.running > 0 } ?? false
    }
    cluster.kill9("w2")
    try Data().write(to: gate)
    let counted = try await cluster.count(60, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    let moved = try await cluster.python(
      """
      print(db.outcomes.count_documents({'losses': {'$gt': 0}, 'worker': 'w1'}),
            db.alerts.count_documents({'rule': 'node-lost', 'subject': 'w2'}))
      """)
    let numbers = moved.out.split(separator: " ").compactMap { Int($0.trimming()) }
    #expect(numbers.count == 2 && numbers[0] > 0, "no job was moved: \(moved.out)")
    #expect(numbers.last == 1, "one alert: \(moved.out)")
    // Back as a new process: the alert is resolved.
    try await cluster.startWorker("w2", run: ["slow=cat"])
    try await until("the alert is resolved") {
      cluster.log("c1").contains("\"labels.state\":\"resolved\"")
    }
  }

  @Test func killedCoordinatorLosesNothing() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["slow=sh -c 'sleep 0.1; cat'"], slots: 4)
    try await cluster.untilUp("w1")
    try await cluster.submit(100, kind: "slow", prefix: "job")
    try await until("a few are done") {
      try await cluster.python("print(db.outcomes.count_documents({}))").out.number > 10
    }
    cluster.kill9("c1")
    try cluster.startCoordinator()
    let counted = try await cluster.count(100, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    try await until("nothing is left in the queues") {
      let left = try await cluster.python(
        """
        names = ['belfry.lane.' + lane, 'belfry.again.' + lane, 'belfry.parked.' + lane]
        print(sum(channel.queue_declare(n, passive=True).method.message_count for n in names))
        """)
      return left.out.number == 0
    }
    #expect(cluster.isRunning("w1"), "the worker outlives its coordinator")
  }

  @Test func brokerKilledInMidRun() async throws {
    let broker = try await PrivateServer.rabbit()
    let cluster = try await TestCluster(amqp: broker.url)
    do {
      try cluster.startCoordinator()
      try await cluster.startWorker("w1", run: ["slow=sh -c 'sleep 0.1; cat'"], slots: 4)
      try await cluster.untilUp("w1")
      try await cluster.submit(60, kind: "slow", prefix: "job")
      try await broker.restartAfterKill()
      let counted = try await cluster.count(60, prefix: "job", state: "succeeded", wait: 90)
      #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    } catch {
      Issue.record("\(error)\n\(cluster.log("c1").suffix(2_000))")
    }
    cluster.stop()
    await broker.stop()
  }

  @Test func storeKilledInMidRun() async throws {
    let store = try await PrivateServer.mongo()
    let cluster = try await TestCluster(mongo: store.url)
    do {
      try cluster.startCoordinator()
      try await cluster.startWorker("w1", run: ["slow=sh -c 'sleep 0.1; cat'"], slots: 4)
      try await cluster.untilUp("w1")
      try await cluster.submit(60, kind: "slow", prefix: "job")
      try await store.restartAfterKill()
      let counted = try await cluster.count(60, prefix: "job", state: "succeeded", wait: 90)
      #expect(counted.status == 0, "\(counted.out)\(counted.err)")
    } catch {
      Issue.record("\(error)\n\(cluster.log("c1").suffix(2_000))")
    }
    cluster.stop()
    await store.stop()
  }

  @Test(arguments: [SIGINT, SIGTERM])
  func leavesCleanly(_ signal: Int32) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["slow=sh -c 'sleep 0.5; cat'"], slots: 2)
    try await cluster.untilUp("w1")
    try await cluster.submit(6, kind: "slow", prefix: "job")
    cluster.signal("w1", signal)
    #expect(try await cluster.status(of: "w1") == 0, "\(cluster.log("w1"))")
    #expect(!cluster.log("c1").contains("node-lost"), "a planned leave never alerts")
    cluster.signal("c1", signal)
    #expect(try await cluster.status(of: "c1") == 0, "\(cluster.log("c1"))")
    // What was not run is still there, and runs later.
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["slow=cat"])
    let counted = try await cluster.count(6, prefix: "job", state: "succeeded")
    #expect(counted.status == 0, "\(counted.out)\(counted.err)")
  }
}

extension SurvivalTests {
  /// Neither the store's time-out nor --wait is waited for.
  @Test(arguments: [SIGINT, SIGTERM], ["the store", "RabbitMQ"])
  func leavesWhileItWaits(_ signal: Int32, for what: String) async throws {
    let nowhere = "127.0.0.1:\(try FreePort.find())"
    let cluster = try await TestCluster(
      amqp: what == "RabbitMQ" ? "amqp://guest:guest@\(nowhere)" : nil,
      mongo: what == "RabbitMQ" ? nil : "mongodb://\(nowhere)/belfry?replicaSet=rs0")
    defer { cluster.stop() }
    try cluster.startCoordinator("--wait", "10m")
    try await until("it waits") { cluster.log("c1").contains("waiting for \(what)") }
    cluster.signal("c1", signal)
    #expect(try await cluster.status(of: "c1", within: 60) == 0, "\(cluster.log("c1"))")
  }
}

extension SurvivalTests {
  /// Its connection was under way when it was told to leave, and is made only when it has nothing left to do.
  @Test func leavesThoughASessionOpensMeanwhile() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.untilUp()
    try await cluster.issue("worker", "w1")
    let (port, opened) = (try FreePort.find(), cluster.folder.appendingPathComponent("opened"))
    try cluster.start(
      "gate",
      [
        "-c",
        """
        import os, socket, threading, time
        gate = socket.create_server(('127.0.0.1', \(port)))
        print('listens', flush=True)
        worker, _ = gate.accept()
        print('taken', flush=True)
        while not os.path.exists('\(opened.path)'): time.sleep(0.01)
        coordinator = socket.create_connection(('127.0.0.1', \(cluster.port)))
        def pass_on(one, other):
            while data := one.recv(65536): other.sendall(data)
        threading.Thread(target=pass_on, args=(worker, coordinator), daemon=True).start()
        pass_on(coordinator, worker)
        """,
      ], program: cluster.services.python)
    try await until("the gate listens") { cluster.log("gate").contains("listens") }
    try cluster.start(
      "w1",
      [
        "worker", "run", "--server", "https://127.0.0.1:\(port)", "--identity",
        cluster.certs + "/w1", "--lanes", cluster.lane, "--run", "a=cat",
      ])
    try await until("the worker connects") { cluster.log("gate").contains("taken") }
    cluster.signal("w1", SIGTERM)
    try await until("it leaves") { cluster.log("w1").contains("worker is leaving") }
    try Data().write(to: opened)
    #expect(try await cluster.status(of: "w1") == 0, "\(cluster.log("w1"))")
  }
}

extension StringProtocol {
  func trimming() -> String { trimmingCharacters(in: .whitespacesAndNewlines) }
  var number: Int { Int(trimming()) ?? -1 }
}
