internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Logging
internal import Synchronization

/// The worker's end of a session: messages of the stream to inputs of the core, and back. On the
/// session's loop.
final class SessionClient: TypedEventHandler, Sendable {
  private let shell: WorkerShell
  private let writer: TypedWriter<Belfry_V1_WorkerMessage>
  private let logger: Logger
  private let session = Mutex<SessionID?>(nil)
  private let hasHeard = Atomic(false)
  private let ended: @Sendable (RPCClosure, _ wasOpen: Bool) -> Void

  init(
    shell: WorkerShell, writer: TypedWriter<Belfry_V1_WorkerMessage>, coordinator: String,
    logger: Logger,
    ended: @escaping @Sendable (RPCClosure, _ wasOpen: Bool) -> Void
  ) {
    self.shell = shell
    self.writer = writer
    self.logger = logger
    self.ended = ended
    let id = shell.open(self, coordinator: coordinator)
    session.withLock { $0 = id }
  }

  func messagesReceived(_ received: [Belfry_V1_CoordinatorMessage]) {
    hasHeard.store(true, ordering: .relaxed)
    guard let session = session.withLock({ $0 }) else { return }
    var messages: [CoordinatorMessage] = []
    messages.reserveCapacity(received.count)
    do throws(MappingError) {
      for item in received {
        if let message = try item.coordinatorMessage() { messages.append(message) }
      }
    } catch {
      logger.error("a message of the coordinator makes no sense", metadata: ["why": "\(error)"])
      close("a message makes no sense: \(error)")
      return
    }
    if !messages.isEmpty { shell.post(.received(session, messages)) }
  }

  func closed(_ closure: RPCClosure) {
    if let session = session.withLock({ $0 }) { shell.closed(session) }
    ended(closure, hasHeard.load(ordering: .relaxed))
  }

  func send(_ messages: [WorkerMessage]) {
    writer.send(contentsOf: messages.map(Belfry_V1_WorkerMessage.init))
  }

  func close(_ why: String) { writer.finish(RPCStatus(.cancelled, why)) }

  /// Our side is done: what was sent still arrives.
  func finish() { writer.finish(.ok) }
}
