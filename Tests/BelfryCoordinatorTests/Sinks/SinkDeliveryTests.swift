import BelfryCore
import Foundation
import Logging
import NIOCore
import NIOPosix
import Testing

@testable import BelfryCoordinator

/// Alerts on their way to receivers that are there, away, slow, busy or choosy. Real sockets.
@Suite struct SinkDeliveryTests {
  private let log = KeptLog()
  private let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)

  private func alert(_ subject: String) -> Alert {
    Alert(
      rule: "node-lost", subject: subject, severity: .critical, summary: "\(subject) is lost",
      why: "silent", firedAt: SinkFormatTests.fired)
  }

  private func sinks(_ file: String) throws -> AlertSinks {
    try AlertSinks(
      try SinkSettings.parse(file) { _ in "" }, folder: folder, cluster: "demo", node: "c1",
      release: "belfry@1", group: MultiThreadedEventLoopGroup.singleton,
      logger: log.logger)
  }

  /// Runs the sinks until the condition holds; false when it did not within a minute.
  private func runs(_ sinks: AlertSinks, until isDone: () -> Bool) async throws -> Bool {
    let delivery = Task { await sinks.run() }
    defer { delivery.cancel() }
    return try await holds(isDone)
  }

  private func holds(_ isDone: () -> Bool) async throws -> Bool {
    let end = ContinuousClock.now + .seconds(60)
    while ContinuousClock.now < end {
      if isDone() { return true }
      try await Task.sleep(for: .milliseconds(10))
    }
    return false
  }

  private func waiting(_ sink: String) -> Int {
    let names = try? FileManager.default.contentsOfDirectory(
      atPath: folder.appending(path: sink).path)
    return names?.count { $0.hasSuffix(".json") } ?? 0
  }

  private func tidy() { try? FileManager.default.removeItem(at: folder) }

  @Test func triedAgainUntilTaken() async throws {
    defer { tidy() }
    let server = try await SinkServer([
      .init(status: 503), .init(status: 401), .init(status: 200),
    ])
    let sinks = try sinks("hook webhook \(server.url)/in")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    #expect(server.requests.count == 3)
    #expect(Set(server.requests.map { $0.headers["belfry-delivery"] }).count == 1)
    await server.stop()
  }

  /// What has waited for long, and is over, would fire at its receiver for ever: another coordinator has told
  /// that it is over. Unless the end waits here too, behind it.
  @Test func whatIsOverIsNotToldAnyMore() async throws {
    defer { tidy() }
    let server = try await SinkServer()
    let sinks = try sinks("hook webhook \(server.url)/in")
    var end = alert("w2")
    end.state = .resolved
    for alert in [alert("w1"), alert("w2"), end, alert("w3")] { await sinks.send(alert) }
    sinks.know(open: [alert("w3")])
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    let told = server.requests.map(\.body).joined()
    #expect(!told.contains("\"w1\"") && told.contains("\"w2\"") && told.contains("\"w3\""))
    let dropped = try #require(sinks.looks.first?.deliveries.filter { $0.result == .dropped })
    #expect(dropped.map(\.alert.subject) == ["w1"])
    await server.stop()
  }

  /// A receiver that drops what it has seen must not drop the one that came later.
  @Test func aBatchThatGrewIsAnotherDelivery() async throws {
    defer { tidy() }
    let server = try await SinkServer([.init(status: 503), .init(status: 200)])
    let sinks = try sinks("hook webhook \(server.url)/in")
    let delivery = Task { await sinks.run() }
    defer { delivery.cancel() }
    await sinks.send(alert("w1"))
    #expect(try await holds { server.requests.count == 1 })
    await sinks.send(alert("w2"))
    #expect(try await holds { waiting("hook") == 0 })
    let requests = server.requests
    #expect(requests.last?.body.contains("\"w2\"") == true)
    #expect(
      Set(requests.map(\.body)).count == Set(requests.map { $0.headers["belfry-delivery"] }).count)
    await server.stop()
  }

  @Test func whatTheReceiverWillNeverTakeIsDropped() async throws {
    defer { tidy() }
    let server = try await SinkServer([.init(status: 400, body: "no")])
    let sinks = try sinks("hook webhook \(server.url)/in")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    #expect(server.requests.count == 1)
    await server.stop()
  }

  @Test func oneThatIsRefusedTakesNoOtherWithIt() async throws {
    defer { tidy() }
    let server = try await SinkServer([.init(refuses: "\"subject\":\"w13\"")])
    let sinks = try sinks("hook webhook \(server.url)/in")
    for number in 1...20 { await sinks.send(alert("w\(number)")) }
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    let deliveries = sinks.looks.flatMap(\.deliveries)
    #expect(deliveries.filter { $0.result == .refused }.map(\.alert.subject) == ["w13"])
    #expect(deliveries.count { $0.result == .delivered } == 19)
    let taken = server.requests.map(\.body).filter { !$0.contains("\"w13\"") }.joined()
    for number in 1...20 where number != 13 { #expect(taken.contains("\"w\(number)\"")) }
    await server.stop()
  }

  @Test func aHalfThatWasBusyComesAgainAlone() async throws {
    defer { tidy() }
    let server = try await SinkServer([
      .init(status: 400), .init(status: 200), .init(status: 503), .init(status: 200),
    ])
    let sinks = try sinks("hook webhook \(server.url)/in")
    for number in 1...2 { await sinks.send(alert("w\(number)")) }
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    let subjects = server.requests.map { request in
      ["w1", "w2"].filter { request.body.contains("\"\($0)\"") }
    }
    #expect(subjects == [["w1", "w2"], ["w1"], ["w2"], ["w2"]])
    await server.stop()
  }

  @Test func aDamagedFileIsDroppedAloudAndHoldsUpNothing() async throws {
    defer { tidy() }
    let server = try await SinkServer()
    let hook = folder.appending(path: "hook")
    try FileManager.default.createDirectory(at: hook, withIntermediateDirectories: true)
    try Data("{".utf8).write(to: hook.appending(path: "0000000000000001.json"))
    let sinks = try sinks("hook webhook \(server.url)/in")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("hook") == 0 })
    #expect(server.requests.count == 1)
    let said = log.lines.filter { $0.message.contains("its file cannot be used") }
    #expect(said.count == 1 && said.first?.level == .error)
    #expect(said.first?["file"]?.hasSuffix("0000000000000001.json") == true)
    await server.stop()
  }

  @Test func onlyTheItemsThatWereBusyComeAgain() async throws {
    defer { tidy() }
    let server = try await SinkServer([
      .init(
        body: #"{"errors":true,"items":[{"create":{"status":201}},{"create":{"status":429}}]}"#),
      .init(body: #"{"errors":false,"items":[{"create":{"status":201}}]}"#),
    ])
    let sinks = try sinks("es elasticsearch \(server.url)/alerts")
    await sinks.send(alert("w1"))
    await sinks.send(alert("w2"))
    #expect(try await runs(sinks) { waiting("es") == 0 })
    let bodies = server.requests.map(\.body)
    #expect(bodies.count == 2)
    #expect(bodies.first?.contains("\"w1\"") == true && bodies.first?.contains("\"w2\"") == true)
    #expect(bodies.last?.contains("\"w1\"") == false && bodies.last?.contains("\"w2\"") == true)
    await server.stop()
  }

  @Test func aSinkThatIsAwayIsServedAfterARestart() async throws {
    defer { tidy() }
    let gone = try await SinkServer()
    let port = gone.port
    await gone.stop()
    do {
      let sinks = try sinks("am alertmanager http://127.0.0.1:\(port)")
      await sinks.send(alert("w1"))
      #expect(waiting("am") == 1)
    }
    let server = try await SinkServer(port: port)
    let sinks = try sinks("am alertmanager http://127.0.0.1:\(port)")
    #expect(try await runs(sinks) { waiting("am") == 0 })
    #expect(server.requests.map(\.path) == ["/api/v2/alerts"])
    await server.stop()
  }

  /// One that never answers has its alert on disk; the other has been served.
  @Test func aSinkThatHangsHoldsUpNoOther() async throws {
    defer { tidy() }
    let hanging = try await SinkServer([.init(hangs: true)])
    let server = try await SinkServer()
    let sinks = try sinks("a slack \(hanging.url)/\nb slack \(server.url)/")
    for number in 1...3 { await sinks.send(alert("w\(number)")) }
    #expect(try await runs(sinks) { waiting("b") == 0 })
    #expect(waiting("a") == 3)
    await hanging.stop()
    await server.stop()
  }

  /// More than there are threads for what blocks. They end when the other has been served.
  @Test func commandsThatHangHoldUpNoOther() async throws {
    defer { tidy() }
    let server = try await SinkServer()
    let script = folder.appending(path: "script")
    try write(
      """
      cd \(folder.path); touch started.$$
      for i in $(seq 250); do test -e gate && exit 0; sleep 0.1; done
      touch ended.$$; exit 1
      """, to: script)
    let threads = NIOSingletons.blockingPoolThreadCountSuggestion
    let names = (0...threads).map { "h\($0)" }
    let hanging = try sinks(names.map { "\($0) command \(script.path)\n" }.joined())
    await hanging.send(alert("w1"))
    let delivery = Task { await hanging.run() }
    defer { delivery.cancel() }
    #expect(try await holds { files("started.") >= threads })
    let sinks = try sinks("b slack \(server.url)/")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("b") == 0 })
    #expect(files("ended.") == 0)
    try Data().write(to: folder.appending(path: "gate"))
    #expect(try await holds { names.allSatisfy { waiting($0) == 0 } })
    await server.stop()
  }

  private func files(_ prefix: String) -> Int {
    let names = try? FileManager.default.contentsOfDirectory(atPath: folder.path)
    return names?.count { $0.hasPrefix(prefix) } ?? 0
  }

  private func write(_ text: String, to script: URL) throws {
    try FileManager.default.createDirectory(
      at: script.deletingLastPathComponent(), withIntermediateDirectories: true)
    try Data("#!/bin/sh\n\(text)\n".utf8).write(to: script)
    try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: script.path)
  }

  @Test func whatComesShortlyAfterTheFirstIsInItsMessage() async throws {
    defer { tidy() }
    let server = try await SinkServer()
    let sinks = try sinks("chat slack \(server.url)/")
    let delivery = Task { await sinks.run() }
    defer { delivery.cancel() }
    // Not each time: one that comes in the moment in which others have gone does not wait.
    for _ in 1...10 {
      let before = server.requests.count
      for number in 1...3 { await sinks.send(alert("w\(number)")) }
      #expect(try await holds { waiting("chat") == 0 })
      guard server.requests.count > before + 1 else {
        await server.stop()
        return
      }
    }
    Issue.record("of ten times three alerts each time they were more than one message")
  }

  @Test func whatWaitsIsOneMessage() async throws {
    defer { tidy() }
    let server = try await SinkServer()
    let sinks = try sinks("chat slack \(server.url)/")
    for number in 1...20 { await sinks.send(alert("w\(number)")) }
    #expect(try await runs(sinks) { waiting("chat") == 0 })
    #expect(server.requests.count == 1)
    #expect(server.requests.first?.body.contains("20 firing") == true)
    await server.stop()
  }

  @Test func aCommandFindsTheAlertOnItsStandardInput() async throws {
    defer { tidy() }
    let out = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: out) }  // Only tidying.
    let sinks = try sinks("script command /usr/bin/tee \(out.path)")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("script") == 0 })
    let object = try JSONSerialization.jsonObject(with: Data(contentsOf: out)) as? NSDictionary
    #expect(object?["status"] as? String == "firing")
  }

  @Test func aCommandThatSays65IsNotAskedAgain() async throws {
    defer { tidy() }
    let script = folder.appending(path: "script-that-refuses")
    try write("exit 65", to: script)
    let sinks = try sinks("script command \(script.path)")
    await sinks.send(alert("w1"))
    #expect(try await runs(sinks) { waiting("script") == 0 })
  }

  /// Above every step of the back-off; at most an hour.
  @Test(arguments: [(2_700, 2_700.0), (100_000, 3_600)])
  func theReceiverSaysHowLongToWait(seconds: Int, waited: Double) async throws {
    defer { tidy() }
    let server = try await SinkServer([
      .init(status: 429, headers: [("Retry-After", "\(seconds)")])
    ])
    let sinks = try sinks("issues sentry \(server.url.replacing("//", with: "//public@"))/42")
    await sinks.send(alert("w1"))
    var wait: String?
    #expect(
      try await runs(sinks) {
        wait = log.lines.first { $0.message.contains("tried again") }?["in"]
        return wait != nil
      })
    #expect(wait == "\(Duration.seconds(waited))")
    #expect(waiting("issues") == 1)
    await server.stop()
  }

  /// What is over at once, Alertmanager tells nobody of.
  @Test func aTestFiresAndEnds() async throws {
    let (hook, manager) = (try await SinkServer(), try await SinkServer())
    let settings = try SinkSettings.parse(
      "hook webhook \(hook.url)/in\nam alertmanager \(manager.url)"
    ) { _ in "" }
    let results = await AlertSinks.test(
      settings, alert("test"), cluster: "test", node: "n", release: "belfry@1",
      group: MultiThreadedEventLoopGroup.singleton)
    #expect(results.map(\.failure) == [nil, nil])
    let told = hook.requests.map { $0.body.contains("\"status\":\"firing\"") }
    #expect(told == [true, false])
    #expect(manager.requests.count == 1)
    let end = RFC3339.text(SinkFormatTests.fired + AlertSinks.testEndsAfter)
    #expect(manager.requests.first?.body.contains("\"endsAt\":\"\(end)\"") == true)
    await hook.stop()
    await manager.stop()
  }

  @Test func logstashGetsLinesAndTheEnd() async throws {
    defer { tidy() }
    let received = LineServer()
    let channel = try await received.start()
    let sinks = try sinks("ship logstash tcp://127.0.0.1:\(channel.localAddress?.port ?? 0)")
    for number in 1...2 { await sinks.send(alert("w\(number)")) }
    #expect(try await runs(sinks) { waiting("ship") == 0 })
    let lines = received.text.split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines {
      let object = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? NSDictionary
      #expect(object?["ecs.version"] as? String == "8.11.0")
    }
    try await channel.close().get()
  }
}
