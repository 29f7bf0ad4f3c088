internal import BelfryAPI
internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import Logging

/// One worker's session: messages of the stream to inputs of the core, and back. Runs on the
/// connection's loop; what it decodes goes to the core's loop in batches.
///
/// The first message must be the hello, and its name that of the certificate.
final class SessionStream: TypedEventHandler, @unchecked Sendable {
  private let shell: CoreShell
  private let writer: TypedWriter<Belfry_V1_CoordinatorMessage>
  private let directory: NodeDirectory
  private let peer: PeerIdentity?
  private let address: String
  private let heartbeatKey: [UInt8]
  private let logger: Logger
  /// Set by the hello. Read and written on the connection's loop only, like all that follows.
  private var session: SessionID?
  private var isClosed = false

  init(
    shell: CoreShell, directory: NodeDirectory,
    writer: TypedWriter<Belfry_V1_CoordinatorMessage>, peer: PeerIdentity?, address: String,
    heartbeatKey: [UInt8], logger: Logger
  ) {
    self.shell = shell
    self.writer = writer
    self.directory = directory
    self.peer = peer
    self.address = address
    self.heartbeatKey = heartbeatKey
    self.logger = logger
  }

  // MARK: from the worker

  func messagesReceived(_ received: [Belfry_V1_WorkerMessage]) {
    guard !isClosed else { return }
    var messages: [WorkerMessage] = []
    messages.reserveCapacity(received.count)
    do throws(MappingError) {
      for item in received {
        if let message = try item.workerMessage() { messages.append(message) }
      }
    } catch {
      refuse(RPCStatus(.invalidArgument, "a message of the session makes no sense: \(error)"))
      return
    }
    if session == nil {
      guard greet(&messages) else { return }
    }
    if let session, !messages.isEmpty { shell.post(.received(session, messages)) }
  }

  private func greet(_ messages: inout [WorkerMessage]) -> Bool {
    guard case .hello(var hello)? = messages.first else {
      refuse(RPCStatus(.failedPrecondition, "a session begins with hello"))
      return false
    }
    guard hello.worker.text == peer?.name else {
      refuse(
        RPCStatus(
          .permissionDenied,
          "the hello says \(hello.worker), the certificate says \(peer?.name ?? "nothing")"))
      return false
    }
    messages.removeFirst()
    hello.labels = directory.labels(of: hello.worker.text, saying: hello.labels).sorted()
    hello.certificate = peer?.certificate
    session = shell.open(self, hello, from: address, heartbeatKey: heartbeatKey)
    if let peer { directory.hasOpened(peer, at: ProcessClock.now().wall) }
    return true
  }

  /// The worker has said all it had to: a planned end.
  func messagesEnded() { writer.finish(.ok) }

  func closed(_ closure: RPCClosure) {
    isClosed = true
    guard let session else { return }
    shell.close(session, why: Self.reason(closure), end(closure))
  }

  private func end(_ closure: RPCClosure) -> SessionEnd {
    let now = ProcessClock.now().wall
    if let peer,
      directory.refusal(peer, at: now) != nil || peer.notAfter <= now.milliseconds / 1_000
    {
      return .refused
    }
    return closure.cause == .connectionStuck ? .stuck : .closed
  }

  private static func reason(_ closure: RPCClosure) -> String {
    switch closure.cause {
    case .connectionLost: "connection lost"
    case .connectionStuck: "connection given up, since nothing got through,"
    case .finished, .local:
      closure.status.isOK ? "session ended" : "session ended: \(closure.status.message)"
    case .reset: "stream reset"
    }
  }

  private func refuse(_ status: RPCStatus) {
    isClosed = true
    logger.warning(
      "session refused", metadata: ["from": "\(address)", "why": "\(status.message)"])
    writer.finish(status)
    if let session { shell.close(session, why: status.message) }
  }

  // MARK: to the worker, from the core's loop

  func send(_ messages: [CoordinatorMessage]) {
    writer.send(contentsOf: messages.map(Belfry_V1_CoordinatorMessage.init))
  }

  func close(_ why: String) { writer.finish(RPCStatus(.unavailable, why)) }
}
