internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import Logging
internal import NIOCore

/// Keeps a session open with one coordinator: the first reconnect is immediate, then with back-off
/// from 0.2 to 2 s.
struct CoordinatorLink: Sendable {
  private let target: RPCTarget
  private let client: RPCClient
  private let shell: WorkerShell
  private let wait: Duration?
  private let logger: Logger

  init(
    _ target: RPCTarget, _ configuration: Worker.Configuration, group: any EventLoopGroup,
    shell: WorkerShell, logger: Logger
  ) throws {
    self.target = target
    self.shell = shell
    self.logger = logger
    wait = configuration.wait
    var options = RPCClient.Options()
    options.backoffFirst = .milliseconds(200)
    options.backoffMax = .seconds(2)
    // The coordinator decides how large a payload may be; we take whatever it may decide.
    options.limits.messageBytesMax = (8 << 20) + (256 << 10)
    client = try RPCClient(
      target: target, tls: configuration.tls, eventLoopGroup: group, options: options)
  }

  func run() async throws {
    var said = ""
    var hasConnected = false
    let deadline = wait.map { ContinuousClock.now + $0 }
    while !Task.isCancelled {
      do {
        try await client.connect()
        hasConnected = true
        said = ""
        let closure = await session()
        if Task.isCancelled { break }
        logger.warning(
          "session ended", metadata: ["coordinator": "\(target)", "why": "\(closure)"])
        if closure.cause != .connectionLost { try await Task.sleep(for: .milliseconds(500)) }
      } catch let error as RPCConnectError {
        if said != error.reason {
          logger.warning(
            "waiting for the coordinator",
            metadata: ["coordinator": "\(target)", "why": "\(error.reason)"])
          said = error.reason
        }
        if !hasConnected, let deadline, ContinuousClock.now >= deadline { throw error }
      }
    }
    await client.close()
  }

  /// One session, from hello to its end.
  private func session() async -> RPCClosure {
    await withCheckedContinuation { continuation in
      client.events(SessionService.connect) { writer in
        SessionClient(
          shell: shell, writer: writer, coordinator: target.description, logger: logger
        ) { closure in
          continuation.resume(returning: closure)
        }
      }
    }
  }
}
