/// The port to where alerts go. A sink never delays a job: it takes the alert and returns.
package protocol AlertSink: Sendable {
  func send(_ alert: Alert) async

  /// The same of what has no end; most sinks have no use for it.
  func tell(_ notice: Notice) async

  /// All that are open, by any coordinator, from when it is known on.
  func know(open alerts: [Alert])

  /// What became of alerts, for people; none for what delivers nothing itself.
  var looks: [SinkLook] { get }
}

extension AlertSink {
  package var looks: [SinkLook] { [] }
  package func tell(_ notice: Notice) async {}
  package func know(open alerts: [Alert]) {}
}

/// One place where alerts go, as it is now.
package struct SinkLook: Sendable, Equatable {
  package var name: String
  package var kind: String
  /// Alerts that are not delivered yet.
  package var waiting: Int
  /// The newest first, of this process.
  package var deliveries: [AlertDelivery]

  /// Why what waits is not delivered, as its last try said; empty: nothing waits, or it was not tried.
  package var failure: String {
    guard waiting > 0, let last = deliveries.first, last.result == .failed else { return "" }
    return last.why
  }

  package init(name: String, kind: String, waiting: Int, deliveries: [AlertDelivery]) {
    self.name = name
    self.kind = kind
    self.waiting = waiting
    self.deliveries = deliveries
  }
}

/// What became of one alert at one sink.
package struct AlertDelivery: Sendable, Equatable {
  package enum Result: String, Sendable {
    case delivered
    /// An attempt; there will be another.
    case failed
    /// Its receiver will never take it.
    case refused
    /// No room was left for it.
    case dropped
  }

  package var at: WallTime
  package var alert: AlertID
  package var state: Alert.State
  package var result: Result
  package var why: String

  package init(
    at: WallTime, alert: AlertID, state: Alert.State, result: Result, why: String = ""
  ) {
    self.at = at
    self.alert = alert
    self.state = state
    self.result = result
    self.why = why
  }
}
