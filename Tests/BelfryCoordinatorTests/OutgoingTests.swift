import Testing

@testable import BelfryCoordinator
@testable import BelfryCore

/// What is published, and how: a return must be heard of wherever the broker must not lose a message.
@Suite struct OutgoingTests {
  static let job = Job(id: JobID(trusted: "j1"), kind: Kind(trusted: "resize"))
  static let outcome = Outcome(
    id: job.id, state: .succeeded, reason: "", kind: job.kind, lane: .default, attempt: 1, tries: 0,
    losses: 0, finishedAt: WallTime(milliseconds: 1))

  static func sent(_ what: Publish.What) -> OutgoingMessage {
    Outgoing.message(Publish(id: PublishID(1), what: what))
  }

  @Test(
    "a job is mandatory wherever it goes", arguments: [Publish.Destination.lane, .again, .parked])
  func jobs(_ destination: Publish.Destination) {
    #expect(Self.sent(.job(JobMessage(job: Self.job), destination)).mandatory)
  }

  @Test("so are replies and what is rejected; of events nobody need hear")
  func others() {
    let reply = ReplyAddress(queue: "answers", correlationID: "7")
    #expect(Self.sent(.reply(reply, Self.outcome)).mandatory)
    #expect(Self.sent(.reply(reply, Self.outcome)).exchange == "")
    let malformed = Malformed(
      id: nil, kind: nil, lane: .default, code: "malformed", reason: "no type",
      message: QueueMessage())
    #expect(Self.sent(.rejected(malformed)).mandatory)
    #expect(!Self.sent(.event(Self.outcome)).mandatory)
  }

  @Test("what was owed goes where it was to go, as a repeat that is due")
  func owed() {
    var message = JobMessage(job: Self.job, attempt: 2)
    message.runAt = WallTime(milliseconds: 1_000)
    let owe = Owe(
      id: PublishID(1), what: .job(message, .again), due: WallTime(milliseconds: 1_000),
      owedID: OwedID(boot: BootID(high: 1, low: 2), number: 3))
    let kept = Outgoing.owed(owe)
    #expect(kept.attempt == 2)
    #expect(kept.message.headers.contains { $0.name == JobHeader.runAt })
    let sent = Self.sent(.owed(kept))
    #expect(sent.mandatory)
    #expect(sent.routingKey == QueueTopology.again(.default))
    #expect(sent.message.headers.contains(Header(JobHeader.isRepeat, .bool(true))))
    #expect(!sent.message.headers.contains { $0.name == JobHeader.runAt })
  }
}
