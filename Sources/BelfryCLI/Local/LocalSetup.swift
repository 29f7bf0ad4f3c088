internal import CoreMetrics
internal import Logging

/// A node's listener for metrics and probes, when it has one.
struct LocalSetup: Sendable {
  let listener: LocalListener?

  /// Before the node is made: its layers ask for their counters then.
  init(_ settings: Settings, _ logger: Logger) throws {
    guard let text = try settings.text(.http) else {
      listener = nil
      return
    }
    guard let address = HostAndPort(text) else {
      throw UserError(
        .badSetting, "\"\(text)\" is no address for metrics", why: "host:port is asked for",
        next: ["--http 127.0.0.1:7480"])
    }
    let registry = MetricsRegistry()
    MetricsSystem.bootstrap(registry)
    listener = LocalListener(
      address: address, routes: LocalRoutes(registry: registry, version: BelfryCommand.version),
      logger: logger)
  }

  func watch(_ look: @escaping @Sendable () async -> NodeLook) { listener?.routes.watch(look) }
}
