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
  private let path: @Sendable () -> RPCDatagramPath?
  private let stuck: @Sendable () -> Void
  private let ended: @Sendable (RPCClosure, _ wasOpen: Bool) -> Void

  /// - Parameters:
  ///   - path: for datagrams beside the session's connection; asked on the loop.
  ///   - stuck: the stream does not get through, and a fresh connection is wanted.
  init(
    shell: WorkerShell, writer: TypedWriter<Belfry_V1_WorkerMessage>, coordinator: String,
    logger: Logger, path: @escaping @Sendable () -> RPCDatagramPath?,
    stuck: @escaping @Sendable () -> Void,
    ended: @escaping @Sendable (RPCClosure, _ wasOpen: Bool) -> Void
  ) {
    self.shell = shell
    self.writer = writer
    self.logger = logger
    self.path = path
    self.stuck = stuck
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
        if let message = try item.coordinatorMessage() {
          messages.append(withDatagrams(message, session))
        }
      }
    } catch {
      logger.error("a message of the coordinator makes no sense", metadata: ["why": "\(error)"])
      close("a message makes no sense: \(error)")
      return
    }
    if !messages.isEmpty { shell.post(.received(session, messages)) }
  }

  /// A welcome that offers datagrams which we cannot have offers none.
  private func withDatagrams(
    _ message: CoordinatorMessage, _ session: SessionID
  ) -> CoordinatorMessage {
    guard case .welcome(var welcome) = message, let offer = welcome.datagrams else {
      return message
    }
    let shell = shell
    let isOpen =
      path().map { path in
        shell.datagrams.open(session, offer, path) { shell.post(.beat($0, $1)) }
      } ?? false
    if !isOpen { welcome.datagrams = nil }
    return .welcome(welcome)
  }

  func closed(_ closure: RPCClosure) {
    if let session = session.withLock({ $0 }) { shell.closed(session) }
    ended(closure, hasHeard.load(ordering: .relaxed))
  }

  func send(_ messages: [WorkerMessage]) {
    writer.send(contentsOf: messages.map(Belfry_V1_WorkerMessage.init))
  }

  func renew() { stuck() }

  /// Nothing comes on this connection: the next session is opened on another.
  func giveUp(_ why: String) {
    stuck()
    close(why)
  }

  func close(_ why: String) { writer.finish(RPCStatus(.cancelled, why)) }

  /// Our side is done: what was sent still arrives.
  func finish() { writer.finish(.ok) }
}
