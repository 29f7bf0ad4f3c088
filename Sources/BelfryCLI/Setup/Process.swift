internal import Foundation
internal import Logging
internal import ServiceLifecycle
internal import UnixSignals

/// Runs a service until it ends or is told to: the first SIGINT or SIGTERM lets it leave in order,
/// the second ends the process at once.
enum ServiceProcess {
  static func run(
    _ service: some Service, beside listener: LocalListener?, logger: Logger, reload: Reload
  ) async throws {
    // They are told to leave in the opposite order: probes are answered to the end.
    try await run(
      ([listener, service] as [(any Service)?]).compactMap { $0 }, logger: logger, reload: reload)
  }

  /// Several, begun together; told to leave from the last to the first, each when the one behind it
  /// has left.
  static func run(
    _ services: [any Service], logger: Logger, reload: Reload? = nil
  ) async throws {
    let group = ServiceGroup(
      configuration: ServiceGroupConfiguration(
        services: services.map {
          ServiceGroupConfiguration.ServiceConfiguration(
            service: $0, successTerminationBehavior: .gracefullyShutdownGroup)
        },
        gracefulShutdownSignals: [.sigint, .sigterm], logger: Self.quiet))
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask { try await group.run() }
      tasks.addTask { await endAtSecondSignal(logger) }
      if let reload { tasks.addTask { await reload.run() } }
      try await tasks.next()
      tasks.cancelAll()
    }
  }

  private static func endAtSecondSignal(_ logger: Logger) async {
    let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
    var count = 0
    for await signal in signals {
      count += 1
      if count == 1 {
        logger.notice("stopping; once more ends at once", metadata: ["signal": "\(signal)"])
      } else {
        _exit(signal == .sigint ? 130 : 143)
      }
    }
  }

  /// The group's own remarks on its services are no news to an operator.
  private static var quiet: Logger {
    Logger(label: "lifecycle") { _ in SwiftLogNoOpLogHandler() }
  }
}
