internal import BelfryNet
internal import CoreMetrics
internal import Logging
internal import NIOCore
internal import Synchronization

/// Counts and logs what a server refuses and cuts off, the logging at a bounded rate: who floods us
/// does not flood the log.
final class ServerRefusals: Sendable {
  /// Refusals that are no error of TLS or HTTP/2.
  enum Reason: String, CaseIterable {
    /// More connections than allowed.
    case connections
    /// More of one address, without a certificate.
    case address = "connections-per-address"
    /// No file descriptor is left.
    case files
    /// More calls of one connection than allowed.
    case streams
    /// A request that came too slowly.
    case slowBody = "slow-body"
    /// Unfinished messages above the server's budget.
    case receive
  }

  private static let (linesBurst, linesPerSecond) = (50, 5)

  private struct Lines {
    var bucket = TokenBucket(burst: linesBurst, perSecond: linesPerSecond, now: .now())
    var suppressed = 0
  }

  private let logger: Logger
  private let counters: [String: Counter]
  private let lines = Mutex(Lines())

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
    _ what: Logger.Message, _ reason: String, level: Logger.Level = .warning, count: Int = 1,
    metadata: @autoclosure () -> Logger.Metadata
  ) {
    counters[reason]?.increment(by: count)
    let suppressed = lines.withLock { lines -> Int? in
      guard lines.bucket.take(now: .now()) else {
        lines.suppressed += 1
        return nil
      }
      defer { lines.suppressed = 0 }
      return lines.suppressed
    }
    guard let suppressed else { return }
    var metadata = metadata()
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.log(level: level, what, metadata: metadata)
  }
}
