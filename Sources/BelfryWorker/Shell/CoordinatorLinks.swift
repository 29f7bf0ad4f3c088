internal import BelfryCore
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import Synchronization

/// The links to all coordinators: begins those that are configured, and opens and closes others as the
/// core says.
final class CoordinatorLinks: Sendable {
  enum Event: Sendable {
    case step(LinkPlan.Step)
    /// To be remembered for the next start.
    case learned([CoordinatorAddress])
    case failed(any Error)
  }

  private let configuration: Worker.Configuration
  private let group: any EventLoopGroup
  private let shell: WorkerShell
  private let logger: Logger
  private let links = Mutex<[CoordinatorLink]>([])
  private let reached = CoordinatorReached()

  init(
    _ configuration: Worker.Configuration, group: any EventLoopGroup, shell: WorkerShell,
    logger: Logger
  ) {
    self.configuration = configuration
    self.group = group
    self.shell = shell
    self.logger = logger
  }

  var all: [CoordinatorLink] { links.withLock { $0 } }

  /// Throws what ends the worker: a link that gives up at start, or is refused.
  func run(_ events: AsyncStream<Event>, _ writer: AsyncStream<Event>.Continuation) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      func begin(_ targets: [RPCTarget], wait: Duration?) throws {
        let link = try make(targets, wait: wait)
        tasks.addTask {
          do { try await link.run() } catch { writer.yield(.failed(error)) }
        }
      }
      for target in configuration.coordinators { try begin([target], wait: configuration.wait) }
      if !configuration.learned.isEmpty { shell.post(.remembered(configuration.learned)) }
      for await event in events {
        switch event {
        case .failed(let error):
          // The other links end with their sessions.
          shell.closeSessions()
          throw error
        case .learned(let coordinators): configuration.learns?(coordinators)
        case .step(.open(let names)):
          let targets = names.compactMap { RPCTarget($0) }
          guard let first = targets.first, first.description == names.first else { continue }
          logger.info("a coordinator that the cluster named", metadata: ["at": "\(first)"])
          do {
            try begin(targets, wait: nil)
          } catch {
            // Its certificate cannot be read now. The next start tries it again.
            logger.warning(
              "no link to a coordinator that the cluster named",
              metadata: ["at": "\(first)", "why": "\(error)"])
          }
        case .step(.close(let name)):
          guard let link = take(name) else { continue }
          logger.info("a coordinator's address is given up", metadata: ["at": "\(name)"])
          tasks.addTask { await link.retire() }
        }
      }
    }
  }

  /// In one step with the list: whoever changes certificates knows each link, or it has the new one.
  private func make(_ targets: [RPCTarget], wait: Duration?) throws -> CoordinatorLink {
    try links.withLock { links in
      let link = try CoordinatorLink(
        targets, configuration.tls, wait: wait, reached: reached, group: group, shell: shell,
        logger: logger)
      links.append(link)
      return link
    }
  }

  private func take(_ name: String) -> CoordinatorLink? {
    links.withLock { links in
      guard let index = links.firstIndex(where: { $0.target.description == name }) else {
        return nil
      }
      return links.remove(at: index)
    }
  }
}
