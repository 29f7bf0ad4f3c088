import BelfryCore
import BelfryTestKit

/// One coordinator's core, fed by hand; what goes in and all that comes out is kept as text.
final class ClusterScene {
  var core: ClusterCore
  private(set) var milliseconds: Int64 = 0
  private(set) var text = ""
  private var tags: UInt64 = 0

  static let kind = Kind(trusted: "resize")
  static let boot = BootID(high: 9 << 16, low: 0)
  let channel = ChannelGeneration(1)

  init(_ name: String = "c0", _ change: (inout ClusterConfiguration) -> Void = { _ in }) {
    var configuration = ClusterConfiguration(
      name: NodeName(trusted: name), boot: Self.boot, lanes: [.default])
    change(&configuration)
    core = ClusterCore(configuration)
  }

  // MARK: what happens

  @discardableResult
  func feed(_ input: Input, after pause: Int64 = 1) -> Ready {
    milliseconds += pause
    let ready = core.step(input, at: now)
    text += "\(milliseconds) ms: \(Transcript.text(input))\n"
    for line in Transcript.lines(ready) { text += "    \(line)\n" }
    return ready
  }

  /// A sentence for the reader.
  func say(_ sentence: String) { text += "\n# \(sentence)\n" }

  var now: Now {
    Now(
      monotonic: Instant(nanoseconds: milliseconds * 1_000_000),
      wall: Simulator.start + .milliseconds(milliseconds))
  }

  /// Broker and one worker are there: `w0`, session 1, with credit for two.
  func begin(worker: String = "w0", session: UInt64 = 1, credit: UInt64 = 2) {
    feed(.queue(.consumingUp(channel)))
    feed(.queue(.publishingUp))
    join(worker, session: session, credit: credit)
  }

  func join(
    _ worker: String, session: UInt64, boot: UInt64 = 1, credit: UInt64 = 2, records: Bool = false,
    kinds: [Kind] = [kind], holding: [Holding] = []
  ) {
    feed(
      .sessionOpened(
        SessionID(session),
        Hello(
          worker: NodeName(trusted: worker), boot: Self.boot(boot), slots: 2, kinds: kinds,
          coordinatorRecords: records, holding: holding),
        from: "10.0.0.1"))
    if credit > 0 { said(session, .credit(total: credit)) }
  }

  @discardableResult
  func said(_ session: UInt64, _ messages: WorkerMessage..., after pause: Int64 = 1) -> Ready {
    feed(.received(SessionID(session), messages), after: pause)
  }

  @discardableResult
  func arrives(
    _ message: JobMessage, from source: Arrival.Source = .lane, redelivered: Bool = false,
    deliveryCount: Int = 0, on channel: ChannelGeneration? = nil
  ) -> Ready {
    tags += 1
    return feed(
      .arrived([
        Arrival(
          tag: DeliveryTag(channel ?? self.channel, tags), source: source,
          redelivered: redelivered, deliveryCount: deliveryCount, content: .job(message))
      ]))
  }

  func confirmed(_ numbers: UInt64...) {
    feed(.queue(.published(numbers.map { Published(PublishID($0), .confirmed) })))
  }

  // MARK: parts

  static func boot(_ number: UInt64) -> BootID { BootID(high: number << 16, low: 0) }

  static func job(
    _ id: String = "j0", kind: Kind = kind, tries: Int = 3, reply: ReplyAddress? = nil
  ) -> JobMessage {
    JobMessage(
      job: Job(
        id: JobID(trusted: id), kind: kind, reply: reply,
        retry: RetryWish(
          triesMax: tries, backoff: Backoff(first: .seconds(1), factor: 2, cap: .seconds(60)))))
  }

  static func assignment(_ number: UInt64, boot: BootID = boot) -> AssignmentID {
    AssignmentID(boot: boot, counter: number)
  }

  func outcome(_ id: String, _ assignment: AssignmentID, on worker: String = "w0") -> Outcome {
    Outcome(
      id: JobID(trusted: id), state: .succeeded, kind: Self.kind, lane: .default, attempt: 1,
      assignment: assignment, worker: NodeName(trusted: worker), finishedAt: now.wall,
      result: JobResult(bytes: .empty))
  }

  func started(_ id: String, _ assignment: AssignmentID, attempt: Int = 1) -> WorkerMessage {
    .started(job: JobID(trusted: id), assignment: assignment, attempt: attempt, hazard: false)
  }

  func finished(_ id: String, _ assignment: AssignmentID) -> WorkerMessage {
    .finished(
      job: JobID(trusted: id), assignment: assignment, .recorded(outcome(id, assignment)))
  }

  func failed(_ id: String, _ assignment: AssignmentID) -> WorkerMessage {
    .finished(
      job: JobID(trusted: id), assignment: assignment,
      .failed(
        Failure(
          error: JobError(code: "exit-1", message: "no"), startedAt: now.wall,
          finishedAt: now.wall)))
  }
}
