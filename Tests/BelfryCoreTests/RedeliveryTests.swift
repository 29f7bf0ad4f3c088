import BelfryCore
import BelfryTestKit
import Testing

/// A job that comes back again and again: named, run all the same, never failed for that.
@Suite struct RedeliveryTests {
  @Test("ten deliveries of one job raise one alert, which its end resolves")
  func tenDeliveries() {
    let scene = ClusterScene()
    scene.begin()
    let nine = scene.arrives(ClusterScene.job(), deliveryCount: 9)
    #expect(nine.alerts.isEmpty)
    #expect(nine.sends.count == 1, "assigned")

    // Its holder lost the connection: the broker gives it again, for the tenth time.
    let ten = scene.arrives(ClusterScene.job(), redelivered: true, deliveryCount: 10)
    #expect(ten.alerts.map(\.rule) == ["job-redelivered"])
    #expect(ten.alerts.map(\.subject) == ["j0"])
    #expect(ten.alerts.map(\.state) == [.firing])
    let eleven = scene.arrives(ClusterScene.job(), redelivered: true, deliveryCount: 11)
    #expect(eleven.alerts.isEmpty, "one episode, one alert")

    // It still runs where it was given, and its outcome ends the alert.
    let end = scene.said(1, scene.finished("j0", ClusterScene.assignment(1)))
    #expect(end.publishes.count == 1)
    let acked = scene.feed(.queue(.published([Published(PublishID(1), .confirmed)])))
    #expect(acked.acks.count == 3)
    #expect(acked.alerts.map(\.state) == [.resolved])
  }

  @Test("a job whose outcome is being inserted from here is not given out again")
  func whileItIsRecorded() throws {
    let scene = ClusterScene()
    scene.feed(.queue(.consumingUp(scene.channel)))
    scene.feed(.queue(.publishingUp))
    scene.join("w0", session: 1, records: true)
    scene.arrives(ClusterScene.job())
    let run = ClusterScene.assignment(1)
    scene.said(1, scene.started("j0", run))
    // The broker restarts; the worker, which has no store, ends before the job comes again.
    scene.feed(.queue(.consumingDown(scene.channel, reason: "restart")))
    let insert = scene.said(
      1,
      .finished(
        job: JobID(trusted: "j0"), assignment: run, .unrecorded(scene.outcome("j0", run))))
    #expect(insert.records.count == 1)
    let channel = ChannelGeneration(2)
    scene.feed(.queue(.consumingUp(channel)))
    let again = scene.arrives(ClusterScene.job(), redelivered: true, on: channel)
    let lookup = try #require(again.lookups.first)
    // The store has not got our insert yet.
    let absent = scene.feed(.lookedUp([(ticket: lookup.ticket, answer: .absent)]))
    #expect(absent.sends.isEmpty, "not assigned")
    let inserted = scene.feed(.inserted(batch: 1, [.inserted]))
    #expect(inserted.settled.map(\.id.text) == ["j0"])
    #expect(inserted.publishes.count == 1, "the event")
  }

  @Test("a set knows what each of its messages knows; its successor comes after all of them")
  func mergedSet() throws {
    let scene = ClusterScene()
    scene.begin()
    let line = { (number: UInt64, what: HistoryLine.What) in
      HistoryLine(
        assignment: ClusterScene.assignment(number), attempt: Int(number), what: what,
        worker: NodeName(trusted: "w9"), boot: ClusterScene.boot(7), started: true,
        at: scene.now.wall)
    }
    var later = ClusterScene.job(tries: 9)
    later.attempt = 3
    later.history = History(lines: [line(71, .failed), line(72, .lost)])
    let lookup = try #require(scene.arrives(later).lookups.first)
    let assigned = scene.feed(.lookedUp([(ticket: lookup.ticket, answer: .absent)]))
    #expect(assigned.sends.count == 1)
    // An older copy, which knows of another failure, joins the run.
    var older = ClusterScene.job(tries: 9)
    older.history = History(lines: [line(73, .failed)])
    scene.arrives(older, redelivered: true)
    let run = ClusterScene.assignment(1)
    let ended = scene.said(1, scene.started("j0", run), scene.failed("j0", run))
    let owed = try #require(ended.owes.first)
    guard case .job(let successor, _) = owed.what else {
      Issue.record("no job is owed: \(owed.what)")
      return
    }
    #expect(successor.attempt == 4)
    #expect(
      Set(successor.history.lines.map(\.assignment.counter)) == [71, 72, 73, 1])
  }
}
