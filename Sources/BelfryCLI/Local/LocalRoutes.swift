internal import Synchronization

/// What the listener answers: `/healthz` says that the process is alive, `/readyz` that it can do its
/// work, `/metrics` how much of it. Nothing can be changed through it.
final class LocalRoutes: Sendable {
  struct Response: Sendable, Equatable {
    var status: Int
    var body: String
    var contentType = "text/plain; charset=utf-8"
  }

  private let registry: MetricsRegistry
  private let version: String
  private let look = Mutex<(@Sendable () async -> NodeLook)?>(nil)

  init(registry: MetricsRegistry, version: String) {
    self.registry = registry
    self.version = version
  }

  /// From then on the node can be looked at.
  func watch(_ look: @escaping @Sendable () async -> NodeLook) {
    self.look.withLock { $0 = look }
  }

  func response(method: String, path: String) async -> Response {
    guard method == "GET" || method == "HEAD" else {
      return Response(status: 405, body: "only GET and HEAD\n")
    }
    switch path.prefix(while: { $0 != "?" }) {
    case "/healthz": return Response(status: 200, body: "ok\n")
    case "/readyz": return ready(await node())
    case "/metrics":
      return metrics(
        await node().families + registry.families + ProcessMetrics.families(version: version))
    case "/metrics/per-node": return metrics(await node().perNode)
    case "/metrics/per-lane": return metrics(await node().perLane)
    default:
      return Response(
        status: 404,
        body: "there are /healthz, /readyz, /metrics, /metrics/per-node and /metrics/per-lane\n")
    }
  }

  private func node() async -> NodeLook {
    guard let look = look.withLock({ $0 }) else { return .starting }
    return await look()
  }

  private func ready(_ node: NodeLook) -> Response {
    node.unready.isEmpty
      ? Response(status: 200, body: "ready\n")
      : Response(status: 503, body: node.unready.map { "not ready: \($0)\n" }.joined())
  }

  private func metrics(_ families: [MetricFamily]) -> Response {
    Response(
      status: 200, body: families.map(\.text).joined(),
      contentType: "text/plain; version=0.0.4; charset=utf-8")
  }
}
