import BelfryCore
import Testing

/// What every store must do with cancels, pauses, searches and dead jobs.
@Suite("Contract of the store: what people tell it", .timeLimit(.minutes(2)))
struct StoreContractControlTests {
  @Test(
    "A cancel is read by all, and again only when it is withdrawn",
    arguments: StoreUnderTest.allCases)
  func cancels(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    #expect(await other.cancels(since: nil) == CancelNews())
    #expect(await store.addCancel(Sample.job(1), by: "$operator") == nil)
    #expect(await store.addCancel(Sample.job(1), by: "again") == nil)
    #expect(await store.addCancel(Sample.job(2), by: "operator") == nil)
    let first = try #require(await other.cancels(since: nil))
    #expect(Set(first.cancelled) == [Sample.job(1), Sample.job(2)] && first.withdrawn.isEmpty)
    let mark = try #require(first.mark)
    // What is read again may be known already, what is new must be there.
    #expect(await store.addCancel(Sample.job(3), by: "operator") == nil)
    let second = try #require(await other.cancels(since: mark))
    #expect(second.cancelled.contains(Sample.job(3)))
    #expect(try #require(second.mark).time >= mark.time)
    #expect(await store.forget([Sample.job(1), Sample.job(9)]) == nil)
    let third = try #require(await other.cancels(since: second.mark))
    #expect(third.withdrawn == [Sample.job(1)] && !third.cancelled.contains(Sample.job(1)))
  }

  @Test("A pause stays until it is taken back", arguments: StoreUnderTest.allCases)
  func pauses(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let pause = LanePause(
      lane: Lane(trusted: "mail"), by: "operator $me", reason: "$$NOW", since: wallNow())
    #expect(await other.pauses() == [])
    #expect(await store.setPause(pause, of: pause.lane) == nil)
    #expect(await other.pauses() == [pause])
    #expect(await other.setPause(nil, of: pause.lane) == nil)
    #expect(await store.pauses() == [])
  }

  private static let deadOne: Outcome = {
    var outcome = Sample.outcome(7)
    outcome.state = .failed
    outcome.result = nil
    outcome.requires = Label.list("gpu=a100") ?? []
    outcome.job = Job(
      id: outcome.id, kind: Kind(trusted: "print"), priority: .high, payload: Payload([0, 1, 255]),
      contentType: "text/plain", contentEncoding: "gzip",
      reply: ReplyAddress(queue: "answers", correlationID: "c"), requires: outcome.requires,
      timeout: .milliseconds(1_500), deadline: WallTime(milliseconds: 1_700_000_000_009),
      retry: RetryWish(
        triesMax: 7, backoff: Backoff(first: .seconds(2), factor: 1.5, cap: .seconds(9))),
      traceparent: "tp", tracestate: "ts")
    return outcome
  }()

  @Test(
    "A dead job comes back as it was asked for; by its id it comes without",
    arguments: StoreUnderTest.allCases)
  func dead(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let dead = Self.deadOne
    #expect(await store.insert([Sample.outcome(1), dead]) == [.inserted, .inserted])
    #expect(try await store.dead(OutcomeFilter(), limit: 10).get() == [dead])
    var without = dead
    without.job = nil
    #expect(await store.find([dead.id]) == [.found(without)])
  }

  @Test(
    "A search finds what matches, the newest first, without results",
    arguments: StoreUnderTest.allCases)
  func search(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    var other = Sample.outcome(3, worker: "w2")
    other.lane = Lane(trusted: "mail")
    other.kind = Kind("send")
    other.finishedAt = WallTime(milliseconds: 1_700_000_005_000)
    for outcome in [Sample.outcome(1), Self.deadOne, Sample.outcome(12), other] {
      #expect(await store.insert([outcome]) == [.inserted])
    }
    func ids(_ change: (inout OutcomeFilter) -> Void, limit: Int = 10) async throws -> [String] {
      var filter = OutcomeFilter()
      change(&filter)
      let found = try await store.search(filter, limit: limit).get()
      #expect(found.allSatisfy { $0.result?.bytes.size ?? 0 == 0 && $0.job == nil })
      return found.map(\.id.text)
    }
    #expect(try await ids { _ in } == ["job-3", "job-12", "job-7", "job-1"])
    #expect(try await ids({ _ in }, limit: 2) == ["job-3", "job-12"])
    #expect(try await ids { $0.idPrefix = "job-1" } == ["job-12", "job-1"])
    #expect(try await ids { $0.ids = [Sample.job(7), Sample.job(8)] } == ["job-7"])
    #expect(try await ids { $0.states = [.failed, .expired] } == ["job-7"])
    #expect(try await ids { $0.kind = Kind("send") } == ["job-3"])
    #expect(try await ids { $0.lane = Lane("mail") } == ["job-3"])
    #expect(try await ids { $0.worker = NodeName("w2") } == ["job-3"])
    #expect(try await ids { $0.requires = Label.list("gpu=a100") ?? [] } == ["job-7"])
    #expect(try await ids { $0.since = other.finishedAt } == ["job-3"])
    #expect(try await ids { $0.until = other.finishedAt } == ["job-12", "job-7", "job-1"])
  }

  @Test("What is delayed can be listed", arguments: StoreUnderTest.allCases)
  func delayed(_ kind: StoreUnderTest) async throws {
    let (store, _) = try await kind.open()
    let now = wallNow()
    let late = Sample.owed(1, dueIn: .seconds(600), now: now)
    var soon = Sample.owed(2, dueIn: .seconds(60), now: now)
    soon.exchange = QueueTopology.jobsExchange
    soon.routingKey = "mail.high"
    var event = Sample.owed(3, now: now)
    event.what = .event
    #expect(await store.owe([late, soon, event]).allSatisfy { $0 == .inserted })
    let found = try await store.delayed(OutcomeFilter(), limit: 10).get()
    #expect(found.map(\.id) == [Sample.job(2), Sample.job(1)])
    #expect(found.map(\.lane.text) == ["mail", "default"])
    #expect(found.first?.due == soon.due && found.first?.kind == Kind("print"))
    var filter = OutcomeFilter()
    filter.lane = Lane("mail")
    #expect(try await store.delayed(filter, limit: 10).get().map(\.id) == [Sample.job(2)])
  }

  @Test(
    "A schedule is kept, replaced without losing what it fired, and removed",
    arguments: StoreUnderTest.allCases)
  func schedules(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    var schedule = Schedule(
      name: "nightly", cron: try CronExpression("30 2 * * *"), timeZone: "Europe/Berlin",
      misfire: .skip,
      job: Job(
        id: JobID(trusted: "schedule"), kind: Kind(trusted: "backup"), priority: .low,
        payload: Payload(Array("$now".utf8)), requires: Label.list("zone=b") ?? []),
      isPaused: false, since: WallTime(milliseconds: 1_700_000_000_000))
    #expect(await store.putSchedule(schedule) == nil)
    #expect(try await other.schedules().get() == [schedule])
    let (due, job) = (WallTime(milliseconds: 1_700_000_060_000), Sample.job(1))
    #expect(await store.closeFiring("nightly", due: due, job: job, at: wallNow()) == nil)
    // An older one that comes late changes nothing.
    #expect(
      await other.closeFiring(
        "nightly", due: schedule.since, job: Sample.job(2), at: wallNow()) == nil)
    (schedule.last, schedule.lastJob) = (due, job)
    #expect(try await other.schedules().get() == [schedule])
    var changed = schedule
    changed.isPaused = true
    (changed.last, changed.lastJob) = (nil, nil)
    #expect(await store.putSchedule(changed) == nil)
    schedule.isPaused = true
    #expect(try await other.schedules().get() == [schedule])
    #expect(try await other.removeSchedule("nightly").get())
    #expect(try await !store.removeSchedule("nightly").get())
    #expect(try await store.schedules().get() == [])
  }

  @Test(
    "A firing is opened once; left open it is found, closed it is not",
    arguments: StoreUnderTest.allCases)
  func firings(_ kind: StoreUnderTest) async throws {
    let (store, other) = try await kind.open()
    let now = wallNow()
    let (old, new) = (now - .seconds(11), now - .seconds(1))
    #expect(await store.openFiring("a", due: now, at: old) == .inserted)
    #expect(await other.openFiring("a", due: now, at: now) == .duplicate)
    #expect(await store.openFiring("b", due: now, at: old) == .inserted)
    #expect(await store.openFiring("c", due: now, at: new) == .inserted)
    #expect(await store.closeFiring("b", due: now, job: nil, at: now) == nil)
    let stale = try #require(await other.staleFirings(at: now))
    #expect(stale.map(\.name) == ["a"] && stale.map(\.due) == [now])
    #expect(await other.openFiring("b", due: now, at: now) == .duplicate)
  }
}
