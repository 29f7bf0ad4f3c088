internal import BelfryNet
internal import CoreMetrics
internal import Logging

/// Counts and logs what a server refuses and cuts off, the logging at a bounded rate: who floods us
/// does not flood the log.
final class ServerRefusals: Sendable {
  /// Refusals that are no error of TLS or HTTP/2.
  enum Reason: String, CaseIterable {
    /// More connections than allowed.
    case connections
    /// More of one address, without a certificate.
    case address = "connections-per-address"
    /// A caller on the local socket who is not let in.
    case user
    /// No file descriptor is left.
    case files
    /// More calls of one connection than allowed.
    case streams
    /// A request that came too slowly.
    case slowBody = "slow-body"
    /// Unfinished messages above the server's budget.
    case receive
  }

  private let logger: Logger
  private let counters: [String: Counter]
  private let lines = LineLimit(burst: 50, perSecond: 5)

  init(logger: Logger, metrics: any MetricsFactory) {
    self.logger = logger
    let reasons =
      Reason.allCases.map(\.rawValue) + HTTP2Error.Kind.allCases.map(\.rawValue)
      + TLSError.Kind.allCases.map(\.rawValue)
    counters = Dictionary(
      uniqueKeysWithValues: reasons.map { reason in
        let counter = Counter(
          label: "belfry_rpc_refused_total", dimensions: [("reason", reason)], factory: metrics)
        return (reason, counter)
      })
  }

  /// - Parameter what: a constant; the particulars go into the metadata.
  func refused(
    _ what: Logger.Message, _ reason: String, level: Logger.Level = .warning,
    metadata: @autoclosure () -> Logger.Metadata
  ) {
    counters[reason]?.increment()
    guard let suppressed = lines.take() else { return }
    var metadata = metadata()
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, what, metadata: metadata)
  }
}
