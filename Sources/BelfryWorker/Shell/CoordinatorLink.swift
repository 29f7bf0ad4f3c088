internal import BelfryAPI
internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import Synchronization

/// Keeps a session open with one coordinator: the first reconnect is immediate, then with back-off
/// from 0.2 to 2 s. With a new certificate, or when the stream does not get through to a coordinator
/// that is heard, it opens a new session beside the old one, which the coordinator then ends: what runs
/// is named in the new one's hello, and nothing is lost.
final class CoordinatorLink: Sendable {
  private enum Ending {
    case closed(RPCClosure, wasOpen: Bool)
    /// There is another client to go on with.
    case superseded
    /// The session is open, and nothing gets through on its connection.
    case stuck
  }

  private struct State {
    var client: RPCClient
    var tls: TLSConfiguration
    var isRetired = false
    /// The session that is waited for.
    var end: EndOnce?
  }

  /// A session's end, or a reason not to wait for it: whichever comes first.
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
  /// For TCP, of a fresh connection beside a stuck one: a first packet that is lost costs a second, then
  /// two; a new attempt costs none.
  private static let freshTimeout = Duration.seconds(1)

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
    state = Mutex(State(client: client, tls: tls))
  }

  private static func makeClient(
    _ targets: [RPCTarget], _ tls: TLSConfiguration, _ group: any EventLoopGroup,
    connectTimeout: Duration = .seconds(5)
  ) throws -> RPCClient {
    var options = RPCClient.Options()
    options.connectTimeout = connectTimeout
    options.backoffFirst = .milliseconds(200)
    options.backoffMax = .seconds(2)
    // The coordinator decides how large a payload may be; we take whatever it may decide.
    options.limits.messageBytesMax = (8 << 20) + (256 << 10)
    options.interceptors = [RPCClientMetrics()]
    return try RPCClient(targets: targets, tls: tls, eventLoopGroup: group, options: options)
  }

  var client: RPCClient { state.withLock { $0.client } }

  private var isRetired: Bool { state.withLock(\.isRetired) }

  /// Ends the session and the connection, for good; `run` returns.
  func retire() async {
    let (client, end) = state.withLock { state in
      state.isRetired = true
      defer { state.end = nil }
      return (state.client, state.end)
    }
    end?.resume(.superseded)
    await client.close()
  }

  func run() async throws {
    try await withThrowingDiscardingTaskGroup { old in
      try await run { client in
        old.addTask {
          try? await Task.sleep(for: Self.overlap)
          await client.close()
        }
      }
    }
  }

  /// - Parameter retire: closes a client once the session of the next one has taken over.
  private func run(retiring retire: (RPCClient) -> Void) async throws {
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
        let began = ContinuousClock.now
        switch await session(client) {
        // What was said of the old certificate is no word on the new one.
        case .superseded: patience = RefusalPatience()
        case .stuck:
          logger.warning(
            "nothing gets through to or from the coordinator: a fresh connection",
            metadata: ["coordinator": "\(target)"])
          if try await replace(client) { retire(client) }
        case .closed(let closure, let wasOpen):
          if Task.isCancelled || isRetired { break }
          // The same refusal again is no news.
          if refusal != "\(closure)" {
            logger.warning(
              "session ended", metadata: ["coordinator": "\(target)", "why": "\(closure)"])
          }
          refusal = closure.status.code == .permissionDenied ? "\(closure)" : ""
          switch patience.sessionEnded(
            closure.status.code, wasOpen: wasOpen, hasOthers: await shell.status.sessions > 0,
            at: ProcessClock.now().monotonic)
          {
          case .giveUp: throw SessionRefused(closure.status.message)
          case .askLater(let pause):
            logger.error(
              "a coordinator does not let this worker in; others do",
              metadata: ["coordinator": "\(target)", "why": "\(closure.status.message)"])
            try await Task.sleep(for: pause)
            continue
          case .askAgain: break
          }
          if closure.cause != .connectionLost {
            // One that does not know our new certificate yet reads of it within half a second.
            let isRefused = closure.status.code == .permissionDenied
            // Nor is one that went well held up: a coordinator waits a third of a second for it.
            let wentWell = wasOpen && ContinuousClock.now - began >= .seconds(5)
            try await Task.sleep(for: .milliseconds(wentWell ? 20 : isRefused ? 100 : 500))
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
        state.end = end
        return true
      }
      guard isCurrent else { return end.resume(.superseded) }
      client.events(SessionService.connect) { writer in
        SessionClient(
          shell: self.shell, writer: writer, coordinator: self.target.description,
          logger: self.logger, path: { client.datagramPath }, stuck: { end.resume(.stuck) }
        ) { closure, wasOpen in end.resume(.closed(closure, wasOpen: wasOpen)) }
      }
    }
  }

  /// Goes on with a fresh connection, as soon as there is one: until then the stuck one may yet come
  /// back to life, and closing it would end what is said on it.
  /// - Returns: false: another client has taken its place meanwhile.
  private func replace(_ client: RPCClient) async throws -> Bool {
    var pause = Duration.milliseconds(100)
    var timeout = Self.freshTimeout
    var hasFailed = false
    while !Task.isCancelled, !isRetired {
      let (isCurrent, tls) = state.withLock { ($0.client === client, $0.tls) }
      guard isCurrent else { return false }
      var made: RPCClient?
      do {
        let next = try Self.makeClient(targets, tls, group, connectTimeout: timeout)
        made = next
        try await next.connect()
      } catch {
        if !hasFailed {
          logger.warning(
            "waiting for the coordinator",
            metadata: ["coordinator": "\(target)", "why": "\(error)"])
          hasFailed = true
        }
        await made?.close()
        try await Task.sleep(for: pause)
        pause = min(pause * 2, .milliseconds(400))
        // A slow resolver, or a far coordinator, needs more than the first attempts give it.
        timeout = min(timeout * 2, .seconds(5))
        continue
      }
      guard let next = made else { continue }
      let isTaken = state.withLock { state in
        guard state.client === client, !state.isRetired else { return false }
        state.client = next
        return true
      }
      if !isTaken { await next.close() }
      return isTaken
    }
    return false
  }

  /// Goes on with another certificate. Returns when the old connection is closed.
  func useCertificate(_ tls: TLSConfiguration) async throws {
    let next = try Self.makeClient(targets, tls, group)
    // So that no time passes between the two sessions; if it cannot be reached now, `run` goes on trying.
    try? await next.connect()
    let (old, end) = state.withLock { state -> (RPCClient, EndOnce?) in
      if state.isRetired { return (next, nil) }
      let old = state.client
      state.client = next
      state.tls = tls
      defer { state.end = nil }
      return (old, state.end)
    }
    end?.resume(.superseded)
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
