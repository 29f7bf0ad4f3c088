package import CoreMetrics

/// Counts a client's calls by method and by the status that their caller saw. A client's calls are few
/// beside a server's, so a counter is looked up for each.
package struct RPCClientMetrics: RPCClientInterceptor {
  private let metrics: any MetricsFactory

  package init(metrics: any MetricsFactory = MetricsSystem.factory) { self.metrics = metrics }

  package func callEnded(_ method: MethodDescriptor, _ status: RPCStatus, took: Duration) {
    Counter(
      label: "belfry_rpc_client_requests_total",
      dimensions: [("method", method.metricLabel), ("code", status.code.metricLabel)],
      factory: metrics
    ).increment()
  }
}
