import Foundation
import Testing

/// What a unit of `Type=notify` hears, on a real datagram socket from real processes.
@Suite(.serialized)
struct SystemdTests {
  private func environment(_ socket: NotifySocket, watchdog: Int? = nil) -> [String: String] {
    var result = ["NOTIFY_SOCKET": socket.name]
    if let watchdog { result["WATCHDOG_USEC"] = "\(watchdog)" }
    return result
  }

  @Test func readyMeansReadyAndLeavingIsSaid() async throws {
    let cluster = try await TestCluster()
    cluster.isUnprivileged = true
    defer { cluster.stop() }
    let flag = cluster.folder.path + "/flag"
    let ofCoordinator = try NotifySocket(cluster.folder.path + "/notify")
    let ofWorker = try NotifySocket("@belfry-\(cluster.lane)")
    try await cluster.startWorker(
      "w1", run: ["wait=sh -c 'while ! test -e \(flag); do sleep 0.05; done'"],
      environment: environment(ofWorker, watchdog: 2_000_000))
    try await until("the worker says what it waits for", within: 60) {
      ofWorker.has(status: "no coordinator has been reached")
    }
    #expect(!ofWorker.has("READY=1"), "no coordinator is there")

    try cluster.startCoordinator(
      [], environment: environment(ofCoordinator, watchdog: 60_000_000))
    try await until("the coordinator is ready", within: 60) { ofCoordinator.has("READY=1") }
    // Ready is ready: the first call, without another try, is answered.
    let first = try await cluster.belfry("health", "-o", "json", "--timeout", "5s")
    #expect(first.out.contains("\"verdict\""), "\(first.err)")
    try await until("the worker is ready", within: 60) { ofWorker.has("READY=1") }
    try await until("both say how they are", within: 60) {
      ofCoordinator.has(status: "1 worker in session, 0 jobs running; nothing is wrong")
        && ofWorker.has(status: "0 of 8 slots taken, in session with 1 coordinator")
    }

    // One sign of life a second for a limit of two; one in half a minute for a limit of one.
    let signs = ofWorker.count("WATCHDOG=1")
    let began = ContinuousClock.now
    try await until("signs of life", within: 40) { ofWorker.count("WATCHDOG=1") >= signs + 4 }
    let took = began.duration(to: .now)
    #expect(took > .seconds(2.5), "four signs in \(took)")
    #expect(ofCoordinator.count("WATCHDOG=1") <= 3)

    try await cluster.submit(1, kind: "wait", prefix: "job")
    try await until("it runs", within: 30) { ofWorker.has(status: "1 of 8 slots taken") }
    cluster.signal("w1", SIGTERM)
    try await until("the worker says that it leaves", within: 30) {
      ofWorker.has("STOPPING=1") && ofWorker.has(status: "leaving: 1 of 8 slots taken")
    }
    // It asks for more time, again and again, and is alive as long as it drains.
    try await until("more time is asked for", within: 60) {
      ofWorker.count("EXTEND_TIMEOUT_USEC=20000000") >= 2
    }
    #expect(cluster.isRunning("w1"))
    try Data().write(to: URL(fileURLWithPath: flag))
    #expect(try await cluster.status(of: "w1") == 0)
    #expect(try await cluster.job("job-1").state == "succeeded")

    #expect(!ofCoordinator.has("STOPPING=1"))
    cluster.signal("c1", SIGTERM)
    #expect(try await cluster.status(of: "c1") == 0)
    #expect(ofCoordinator.has("STOPPING=1"))
    for socket in [ofCoordinator, ofWorker] {
      #expect(socket.count("READY=1") == 1 && socket.count("STOPPING=1") == 1)
    }
  }

  @Test func whoIsNotReadyDoesNotSaySo() async throws {
    let cluster = try await TestCluster(amqp: "amqp://guest@127.0.0.1:\(try FreePort.find())")
    defer { cluster.stop() }
    let socket = try NotifySocket(cluster.folder.path + "/notify")
    try cluster.startCoordinator(["--wait", "2s"], environment: environment(socket))
    #expect(try await cluster.status(of: "c1", within: 60) == 69)
    #expect(socket.has("STATUS=waits for RabbitMQ"))
    #expect(!socket.has("READY=1") && !socket.has("WATCHDOG=1"))
  }

  @Test func aSocketThatIsNotThereStopsNothing() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    let gone = cluster.folder.path + "/gone"
    try cluster.startCoordinator(
      [], environment: ["NOTIFY_SOCKET": gone, "WATCHDOG_USEC": "1000000", "WATCHDOG_PID": "1"])
    try await cluster.startWorker(
      "w1", run: ["quick=true"], environment: ["NOTIFY_SOCKET": "nonsense"])
    try await cluster.untilUp("w1")
    try await until("both have warned", within: 30) {
      cluster.log("c1").contains("systemd cannot be told")
        && cluster.log("w1").contains("NOTIFY_SOCKET is no socket's name")
    }
    // Told once, not four times a second; and of a watchdog that is another process's, nothing.
    let socket = try NotifySocket(gone)
    try await until("what was not sent is sent", within: 30) { socket.has("READY=1") }
    #expect(cluster.log("c1").components(separatedBy: "systemd cannot be told").count == 2)
    cluster.signal("c1", SIGTERM)
    #expect(try await cluster.status(of: "c1") == 0)
    #expect(!socket.has("WATCHDOG=1") && socket.has("STOPPING=1"))
  }
}
