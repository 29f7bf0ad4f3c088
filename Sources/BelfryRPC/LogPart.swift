package import Logging

/// Parts of a process whose logs can have levels of their own.
package enum LogPart: String, CaseIterable, Sendable {
  /// Connections and calls.
  case rpc
  /// Sessions with workers, and what becomes of their jobs.
  case sessions
  /// RabbitMQ.
  case queue
  /// MongoDB.
  case store
  /// Who joins, is renewed, is thrown out.
  case membership
  /// Where alerts are sent.
  case alerts

  /// ECS' name of who writes a line; handlers find the part by it.
  package static let key = "log.logger"
}

extension Logger {
  /// The same logger for one part.
  package func of(_ part: LogPart) -> Logger {
    var logger = self
    logger[metadataKey: LogPart.key] = "\(part.rawValue)"
    return logger
  }
}
