internal import BelfryAPI
internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import Synchronization

/// Keeps a session open with one coordinator: the first reconnect is immediate, then with back-off
/// from 0.2 to 2 s. With a new certificate it opens a new session beside the old one, which the
/// coordinator then ends: what runs is named in the new one's hello, and nothing is lost.
final class CoordinatorLink: Sendable {
  private enum Ending {
    case closed(RPCClosure, wasOpen: Bool)
    /// There is another client to go on with.
    case superseded
  }

  private struct State {
    var client: RPCClient
    var isRetired = false
    /// Ends the wait for the session's end.
    var supersede: (@Sendable () -> Void)?
  }

  /// A session's end, or that it is superseded: whichever comes first.
  private final class EndOnce: Sendable {
    private let continuation: Mutex<CheckedContinuation<Ending, Never>?>

    init(_ continuation: CheckedContinuation<Ending, Never>) {
      self.continuation = Mutex(continuation)
    }

    func resume(_ ending: Ending) {
      let waiting = continuation.withLock { continuation in
        defer { continuation = nil }
        return continuation
      }
      waiting?.resume(returning: ending)
    }
  }

  /// So long the coordinator has to end the old session by itself.
  private static let overlap = Duration.seconds(2)

  /// By the first of its addresses it is called.
  let target: RPCTarget
  private let targets: [RPCTarget]
  private let state: Mutex<State>
  private let group: any EventLoopGroup
  private let shell: WorkerShell
  private let wait: Duration?
  private let reached: CoordinatorReached
  private let logger: Logger

  init(
    _ targets: [RPCTarget], _ tls: TLSConfiguration, wait: Duration?,
    reached: CoordinatorReached, group: any EventLoopGroup, shell: WorkerShell, logger: Logger
  ) throws {
    target = targets[0]
    self.targets = targets
    self.group = group
    self.shell = shell
    self.logger = logger
    self.wait = wait
    self.reached = reached
    let client = try Self.makeClient(targets, tls, group)
    state = Mutex(State(client: client))
  }

  private static func makeClient(
    _ targets: [RPCTarget], _ tls: TLSConfiguration, _ group: any EventLoopGroup
  ) throws -> RPCClient {
    var options = RPCClient.Options()
    options.backoffFirst = .milliseconds(200)
    options.backoffMax = .seconds(2)
    // The coordinator decides how large a payload may be; we take whatever it may decide.
    options.limits.messageBytesMax = (8 << 20) + (256 << 10)
    return try RPCClient(targets: targets, tls: tls, eventLoopGroup: group, options: options)
  }

  var client: RPCClient { state.withLock { $0.client } }

  private var isRetired: Bool { state.withLock(\.isRetired) }

  /// Ends the session and the connection, for good; `run` returns.
  func retire() async {
    let (client, supersede) = state.withLock { state in
      state.isRetired = true
      defer { state.supersede = nil }
      return (state.client, state.supersede)
    }
    supersede?()
    await client.close()
  }

  func run() async throws {
    var said = ""
    var refusal = ""
    var patience = RefusalPatience()
    let deadline = wait.map { ContinuousClock.now + $0 }
    while !Task.isCancelled, !isRetired {
      let client = client
      do {
        try await client.connect()
        reached.isTrue.store(true, ordering: .relaxed)
        said = ""
        switch await session(client) {
        // What was said of the old certificate is no word on the new one.
        case .superseded: patience = RefusalPatience()
        case .closed(let closure, let wasOpen):
          if Task.isCancelled || isRetired { break }
          // The same refusal again is no news.
          if refusal != "\(closure)" {
            logger.warning(
              "session ended", metadata: ["coordinator": "\(target)", "why": "\(closure)"])
          }
          refusal = closure.status.code == .permissionDenied ? "\(closure)" : ""
          if patience.sessionEnded(
            closure.status.code, wasOpen: wasOpen, at: ProcessClock.now().monotonic)
          {
            throw SessionRefused(closure.status.message)
          }
          if closure.cause != .connectionLost {
            // One that does not know our new certificate yet reads of it within half a second.
            let isRefused = closure.status.code == .permissionDenied
            try await Task.sleep(for: .milliseconds(isRefused ? 100 : 500))
          }
        }
      } catch let error as RPCConnectError {
        if isRetired { break }
        if said != error.reason {
          logger.warning(
            "waiting for the coordinator",
            metadata: ["coordinator": "\(target)", "why": "\(error.reason)"])
          said = error.reason
        }
        if let deadline, ContinuousClock.now >= deadline, !reached.isTrue.load(ordering: .relaxed) {
          throw error
        }
      }
    }
    await client.close()
  }

  /// One session, from hello to its end.
  private func session(_ client: RPCClient) async -> Ending {
    await withCheckedContinuation { continuation in
      let end = EndOnce(continuation)
      let isCurrent = state.withLock { state in
        guard state.client === client, !state.isRetired else { return false }
        state.supersede = { end.resume(.superseded) }
        return true
      }
      guard isCurrent else { return end.resume(.superseded) }
      client.events(SessionService.connect) { writer in
        SessionClient(
          shell: self.shell, writer: writer, coordinator: self.target.description,
          logger: self.logger
        ) { closure, wasOpen in end.resume(.closed(closure, wasOpen: wasOpen)) }
      }
    }
  }

  /// Goes on with another certificate. Returns when the old connection is closed.
  func useCertificate(_ tls: TLSConfiguration) async throws {
    let next = try Self.makeClient(targets, tls, group)
    // So that no time passes between the two sessions; if it cannot be reached now, `run` goes on trying.
    try? await next.connect()
    let (old, supersede) = state.withLock { state in
      let old = state.client
      state.client = next
      defer { state.supersede = nil }
      return (old, state.supersede)
    }
    supersede?()
    try? await Task.sleep(for: Self.overlap)
    await old.close()
  }
}

/// Whether any coordinator has been reached since the start.
final class CoordinatorReached: Sendable {
  let isTrue = Atomic(false)
}

/// The cluster does not let this worker in, and will not.
package struct SessionRefused: Error, CustomStringConvertible {
  package let description: String

  init(_ why: String) { description = why }
}
