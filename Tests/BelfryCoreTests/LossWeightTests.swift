import Testing

@testable import BelfryCore

/// Which losses condemn a job: only those of processes that are proven dead, each once.
@Suite struct LossWeightTests {
  static func lost(
    _ number: UInt64, _ worker: String, boot: UInt64, started: Bool = true, beside: Bool = false,
    at seconds: Int64 = 0
  ) -> HistoryLine {
    HistoryLine(
      assignment: ClusterScene.assignment(number), attempt: Int(number), what: .lost,
      worker: NodeName(trusted: worker), boot: ClusterScene.boot(boot), started: started,
      beside: beside, at: ClusterScene().now.wall + .seconds(seconds))
  }

  /// w0 is here with boot 5, w1 was here and is away, w2 was never here.
  static func scene() -> ClusterScene {
    let scene = ClusterScene()
    scene.join("w0", session: 1, boot: 5)
    scene.join("w1", session: 2, boot: 5)
    scene.feed(.sessionClosed(SessionID(2), why: "reset"))
    scene.feed(.tick)
    return scene
  }

  @Test("the process in session here is struck out; an earlier one of that node is proven dead")
  func proof() {
    let scene = Self.scene()
    let history = History(lines: [Self.lost(1, "w0", boot: 5), Self.lost(2, "w0", boot: 4)])
    #expect(
      scene.core.weigh(history, at: scene.now) == LossWeight(proven: 1, open: 0, processes: 1))
  }

  @Test("a loss is no try: after two losses the first failure is tried again")
  func noTry() {
    let scene = ClusterScene()
    scene.begin(credit: 1)
    var message = ClusterScene.job(tries: 3)
    message.attempt = 3
    message.history = History(lines: [
      Self.lost(101, "w1", boot: 5), Self.lost(102, "w2", boot: 5),
    ])
    let ticket = scene.arrives(message).lookups.first?.ticket ?? 0
    scene.feed(.lookedUp([(ticket: ticket, answer: .absent)]))
    let first = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", first, attempt: 3))
    let ready = scene.said(1, scene.failed("j0", first))
    #expect(ready.records.isEmpty)
    guard case .job(let next, .again) = ready.owes.first?.what else {
      Issue.record("no successor")
      return
    }
    #expect(next.attempt == 4 && next.history.tries == 1 && next.history.losses == 2)
  }

  @Test("one that is away is open until ten minutes have passed", arguments: ["w1", "w2"])
  func open(worker: String) {
    let scene = Self.scene()
    let history = History(lines: [Self.lost(1, worker, boot: 5)])
    #expect(
      scene.core.weigh(history, at: scene.now) == LossWeight(proven: 0, open: 1, processes: 1))
    scene.feed(.tick, after: 599_000)
    #expect(scene.core.weigh(history, at: scene.now).open == 1)
    scene.feed(.tick, after: 1_000)
    #expect(scene.core.weigh(history, at: scene.now).proven == 1)
  }

  @Test("a process counts once however many assignments it held; unannounced counts half")
  func onceAndHalf() {
    let scene = Self.scene()
    let history = History(lines: [
      Self.lost(1, "w0", boot: 4, started: false), Self.lost(2, "w0", boot: 4),
      Self.lost(3, "w0", boot: 4), Self.lost(4, "w0", boot: 3, started: false),
    ])
    #expect(
      scene.core.weigh(history, at: scene.now) == LossWeight(proven: 1.5, open: 0, processes: 2))
  }

  @Test("a loss beside a hazard, and a failure, weigh nothing")
  func beside() {
    let scene = Self.scene()
    let history = History(lines: [
      Self.lost(1, "w0", boot: 4, beside: true), HistoryTests.line(2, .failed),
    ])
    #expect(scene.core.weigh(history, at: scene.now) == LossWeight())
  }

  /// What becomes of a job with these losses that comes in.
  static func arrival(_ lines: [HistoryLine]) -> Ready {
    let scene = scene()
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    var message = ClusterScene.job()
    message.attempt = 4
    message.history = History(lines: lines)
    scene.arrives(message)
    return scene.feed(.lookedUp([(1, .absent)]))
  }

  @Test("three proven losses are poison, recorded by the coordinator")
  func poison() throws {
    let ready = Self.arrival((1...3).map { Self.lost($0, "w0", boot: $0) })
    guard case .insert(_, let outcomes) = ready.records.first else {
      Issue.record("nothing is recorded")
      return
    }
    let outcome = try #require(outcomes.first)
    #expect(outcome.state == .failed)
    #expect(outcome.reason == "poison")
    #expect(outcome.losses == 3)
  }

  @Test("not yet decidable: it waits 30 s in the store, under a higher attempt")
  func undecided() throws {
    let ready = Self.arrival([
      Self.lost(1, "w0", boot: 1), Self.lost(2, "w0", boot: 2), Self.lost(3, "w2", boot: 1),
    ])
    #expect(ready.records.isEmpty)
    let owe = try #require(ready.owes.first)
    guard case .job(let message, .again) = owe.what else {
      Issue.record("it is not published to again")
      return
    }
    #expect(message.attempt == 5)
    let wait = owe.due - ClusterScene().now.wall
    #expect(wait >= .seconds(30) && wait < .seconds(31))
  }

  @Test("two losses make a hazard: it runs, and the worker is told")
  func hazard() {
    let ready = Self.arrival([Self.lost(1, "w0", boot: 1), Self.lost(2, "w0", boot: 2)])
    let hazards = ready.sends.compactMap { _, message -> Bool? in
      guard case .assign(let assign) = message else { return nil }
      return assign.hazard
    }
    #expect(hazards == [true])
  }
}

/// A job that takes coordinator and worker with it leaves no history: only the broker counts.
@Suite struct SuspiciousJobTests {
  @Test("delivered ten times it runs as a hazard, and one alert names it until it is gone")
  func tenDeliveries() throws {
    let scene = ClusterScene()
    scene.begin()
    let tag = DeliveryTag(scene.channel, 1)
    let arrived = scene.feed(
      .arrived([
        Arrival(
          tag: tag, redelivered: true, deliveryCount: 10, content: .job(ClusterScene.job()))
      ]))
    #expect(arrived.alerts.map(\.rule) == ["job-redelivered"])
    let ready = scene.feed(.lookedUp([(1, .absent)]))
    guard case .assign(let assign) = try #require(ready.sends.first).message else {
      Issue.record("it is not given out")
      return
    }
    #expect(assign.hazard)
    scene.said(1, scene.finished("j0", assign.assignment))
    let done = scene.feed(.queue(.published([Published(PublishID(1), .confirmed)])))
    #expect(done.acks == [tag])
    #expect(done.alerts.map(\.state) == [.resolved])
  }
}
