internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryNet
internal import BelfryRPC
internal import BelfryWorker
public import Logging
internal import NIOPosix

/// A worker with handlers in Swift.
///
/// ```swift
/// var worker = JobWorker(
///   name: "w1", server: "https://coord:7443", identity: "certs/w1",
///   store: "mongodb://db/belfry?replicaSet=rs0")
/// worker.handle("resize") { job in JobOutput(try resize(job.payload)) }
/// try await worker.run()
/// ```
public struct JobWorker: Sendable {
  public var name: String
  public var servers: [String]
  public var identity: String
  /// Where outcomes are recorded; nil: where the coordinator says, else by it.
  public var store: String?
  public var slots: Int
  public var lanes = ["default"]
  public var labels: [String: String] = [:]
  /// The most that a result may have, in bytes, up to 1 GiB; above 1 MiB it is kept in chunks. A worker
  /// for which a coordinator records takes 1 MiB. What is larger fails its job, `result-too-large`.
  public var resultBytesMax = 64 << 20
  /// Where the last boot id is kept, so that a later start is known to be later.
  public var stateFolder: String
  public var logger: Logger
  private var handlers: [(kind: String, body: @Sendable (RunningJob) async throws -> JobOutput)] =
    []

  public init(
    name: String, server: String, identity: String, store: String? = nil, slots: Int = 8,
    stateFolder: String? = nil, logger: Logger = Logger(label: "belfry.worker")
  ) {
    self.name = name
    servers = [server]
    self.identity = identity
    self.store = store
    self.slots = slots
    self.stateFolder = stateFolder ?? identity
    self.logger = logger
  }

  /// Registers the handler of a kind. It may run more than once for a job: the job's id is its
  /// idempotency key. It is cancelled at the time-out and when the job is cancelled.
  public mutating func handle(
    _ kind: String, _ body: @escaping @Sendable (RunningJob) async throws -> JobOutput
  ) {
    handlers.append((kind, body))
  }

  /// Runs until the task is cancelled (or the service group it is in shuts down): then takes no new
  /// jobs, finishes what runs and returns.
  public func run() async throws {
    let (worker, lastWords) = try makeWorker()
    defer { lastWords.close() }
    try await worker.run()
  }

  private func makeWorker() throws -> (Worker, LastWords) {
    guard let name = NodeName(name) else {
      throw BelfryError(.badArgument, "\"\(name)\" is no worker's name: [a-z0-9][a-z0-9-]{0,62}")
    }
    var kinds: [Kind: JobHandler] = [:]
    for (text, body) in handlers {
      guard let kind = Kind(text) else {
        throw BelfryError(.badArgument, "\"\(text)\" is no kind: [A-Za-z0-9._:-]{1,128}")
      }
      kinds[kind] = .swift { call in
        do {
          let output = try await body(RunningJob(call))
          return JobResult(contentType: output.contentType, bytes: Payload(output.bytes))
        } catch let failure as JobFailure {
          throw HandlerError(
            code: failure.code, message: failure.message, neverAgain: failure.neverAgain)
        }
      }
    }
    var labels: [BelfryCore.Label] = []
    for (key, value) in self.labels {
      guard let label = BelfryCore.Label(key: key, value: value) else {
        throw BelfryError(.badArgument, "\"\(key)=\(value)\" is no label")
      }
      labels.append(label)
    }
    let lanes = try self.lanes.map { text in
      guard let lane = Lane(text) else {
        throw BelfryError(.badArgument, "\"\(text)\" is no lane: [a-z0-9][a-z0-9-]{0,62}")
      }
      return lane
    }
    guard Worker.Configuration.resultBytesRange.contains(resultBytesMax) else {
      throw BelfryError(.badArgument, "results of \(resultBytesMax) bytes: 1 to 1 GiB is possible")
    }
    let files = IdentityFiles(folder: identity)
    let boot = try BootState.next(in: stateFolder)
    let (lastWords, death) = try LastWords.open(in: stateFolder, boot: boot)
    var core = WorkerCore.Configuration(
      name: name, boot: boot, slots: slots,
      kinds: kinds.keys.sorted(), lanes: lanes, labels: labels, software: "belfry-swift",
      hasStore: store != nil)
    core.death = death
    var configuration = Worker.Configuration(
      core: core, coordinators: try servers.map { try ServerAddress($0).target },
      tls: TLSConfiguration(
        certificateChainFile: files.certificatePath, keyFile: files.keyPath,
        caFile: files.authorityPath),
      handlers: kinds)
    configuration.identity = files
    configuration.resultBytesMax = resultBytesMax
    configuration.lastWords = lastWords
    let worker = Worker(
      configuration,
      store: try store.map { try MongoStore(url: $0, use: .outcomesOnly) },
      makeStore: { try MongoStore(url: $0, use: .outcomesOnly) },
      eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: 1), logger: logger)
    return (worker, lastWords)
  }
}

/// One attempt of a job, as its handler sees it.
public struct RunningJob: Sendable {
  public let id: String
  public let kind: String
  public let lane: String
  public let payload: [UInt8]
  public let contentType: String?
  /// From 1.
  public let attempt: Int
  private let tell: @Sendable (JobProgress) -> Void

  init(_ call: HandlerCall) {
    id = call.job.id.text
    kind = call.job.kind.text
    lane = call.job.lane.text
    payload = call.job.payload.bytes
    contentType = call.job.contentType
    attempt = call.attempt
    tell = call.report
  }

  /// Says how far the attempt is: seen live in `belfry job show --watch`, stored nowhere. As often as you
  /// like; twice a second the last of it is told.
  /// - Parameters:
  ///   - fraction: 0 to 1.
  ///   - text: for people, at most 256 characters.
  public func report(_ fraction: Double, _ text: String = "") {
    let bounded = fraction.isFinite ? min(max(fraction, 0), 1) : 0
    tell(JobProgress(permille: Int((bounded * 1_000).rounded()), text: text))
  }
}

/// What a handler returns: at most `JobWorker.resultBytesMax`.
public struct JobOutput: Sendable {
  public var bytes: [UInt8]
  public var contentType: String

  public init(_ bytes: [UInt8] = [], contentType: String = "application/octet-stream") {
    self.bytes = bytes
    self.contentType = contentType
  }

  public init(_ text: String) {
    self.init(Array(text.utf8), contentType: "text/plain; charset=utf-8")
  }
}

/// Thrown by a handler that wants its failure named, or never tried again. Any other error is tried
/// again as the job's policy says.
public struct JobFailure: Error, Sendable {
  public var code: String
  public var message: String
  public var neverAgain: Bool

  public init(code: String = "error", _ message: String, neverAgain: Bool = false) {
    self.code = code
    self.message = message
    self.neverAgain = neverAgain
  }
}
