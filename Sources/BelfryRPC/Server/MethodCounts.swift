internal import BelfryNet
internal import CoreMetrics
internal import NIOCore

/// Counts the calls of one method by how they ended, and of calls with one answer how long they took.
/// What is counted for every call is made with the server: such a call costs an addition or two, no
/// lock and no allocation.
final class MethodCounts: Sendable {
  private let method: String
  private let metrics: any MetricsFactory
  private let succeeded: Counter
  /// Nil for streams: they last as long as people want them to.
  private let took: Timer?

  init(_ method: MethodDescriptor, isStream: Bool, metrics: any MetricsFactory) {
    self.method = method.metricLabel
    self.metrics = metrics
    succeeded = Self.counter(self.method, .ok, metrics)
    took =
      isStream
      ? nil
      : Timer(
        label: "belfry_rpc_duration_seconds", dimensions: [("method", self.method)],
        factory: metrics)
  }

  func ended(_ code: RPCStatus.Code, nanoseconds: Int64) {
    took?.recordNanoseconds(nanoseconds)
    if code == .ok {
      succeeded.increment()
    } else {
      Self.counter(method, code, metrics).increment()
    }
  }

  private static func counter(
    _ method: String, _ code: RPCStatus.Code, _ metrics: any MetricsFactory
  ) -> Counter {
    Counter(
      label: "belfry_rpc_requests_total",
      dimensions: [("method", method), ("code", code.metricLabel)],
      factory: metrics)
  }
}

/// One call of a method that is counted.
struct CountedCall {
  let counts: MethodCounts
  let began: NIODeadline

  func ended(_ code: RPCStatus.Code) {
    counts.ended(code, nanoseconds: (.now() - began).nanoseconds)
  }
}

extension MethodDescriptor {
  /// `belfry.v1.Jobs/Get`.
  var metricLabel: String { String(path.drop { $0 == "/" }) }
}

extension RPCStatus.Code {
  /// As gRPC's documents write it: `NOT_FOUND`.
  var metricLabel: String {
    "\(self)".reduce(into: "") { text, character in
      text += (character.isUppercase ? "_" : "") + character.uppercased()
    }
  }
}
