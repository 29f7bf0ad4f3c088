package import BelfryCore
package import Logging

/// Writes alerts to the log, one line each, with the fields of the Elastic Common Schema.
package struct LogAlertSink: AlertSink {
  private let logger: Logger

  package init(logger: Logger) { self.logger = logger }

  package func send(_ alert: Alert) async {
    let metadata: Logger.Metadata = [
      "event.kind": "alert",
      "event.action": "\(alert.rule)",
      "event.outcome": "\(alert.state == .resolved ? "success" : "failure")",
      "event.start": "\(RFC3339.text(alert.firedAt))",
      "labels.state": "\(alert.state.rawValue)",
      "labels.subject": "\(alert.subject)",
      "labels.severity": "\(alert.severity.rawValue)",
      "labels.why": "\(alert.why)",
      "labels.jobs_moved": "\(alert.jobsMoved)",
    ]
    switch (alert.state, alert.severity) {
    case (.resolved, _): logger.notice("resolved: \(alert.summary)", metadata: metadata)
    case (_, .critical): logger.critical("alert: \(alert.summary)", metadata: metadata)
    default: logger.warning("alert: \(alert.summary)", metadata: metadata)
    }
  }
}
