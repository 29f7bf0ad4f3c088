internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import Synchronization

/// The worker's end of a session: messages of the stream to inputs of the core, and back. On the
/// session's loop.
final class SessionClient: RPCEventHandler, Sendable {
  private let shell: WorkerShell
  private let writer: RPCWriter
  private let logger: Logger
  private let session = Mutex<SessionID?>(nil)
  private let ended: @Sendable (RPCClosure) -> Void

  init(
    shell: WorkerShell, writer: RPCWriter, coordinator: String, logger: Logger,
    ended: @escaping @Sendable (RPCClosure) -> Void
  ) {
    self.shell = shell
    self.writer = writer
    self.logger = logger
    self.ended = ended
    let id = shell.open(self, coordinator: coordinator)
    session.withLock { $0 = id }
  }

  func messagesReceived(_ buffers: [ByteBuffer]) {
    guard let session = session.withLock({ $0 }) else { return }
    var messages: [CoordinatorMessage] = []
    messages.reserveCapacity(buffers.count)
    do {
      for buffer in buffers {
        let decoded: Belfry_V1_CoordinatorMessage = try WireCoding.decode(buffer)
        if let message = try decoded.coordinatorMessage() { messages.append(message) }
      }
    } catch {
      logger.error("a message of the coordinator cannot be read", metadata: ["why": "\(error)"])
      close("a message cannot be read: \(error)")
      return
    }
    if !messages.isEmpty { shell.post(.received(session, messages)) }
  }

  func closed(_ closure: RPCClosure) {
    if let session = session.withLock({ $0 }) { shell.closed(session) }
    ended(closure)
  }

  func send(_ messages: [WorkerMessage]) {
    writer.send(contentsOf: messages.map { WireCoding.encode(Belfry_V1_WorkerMessage($0)) })
  }

  func close(_ why: String) { writer.finish(RPCStatus(.cancelled, why)) }

  /// Our side is done: what was sent still arrives.
  func finish() { writer.finish(.ok) }
}
