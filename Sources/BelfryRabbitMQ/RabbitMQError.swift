/// Says why something with RabbitMQ failed, in words that an operator can act on.
package struct RabbitMQError: Error, Sendable, Equatable, CustomStringConvertible {
  /// What is gone with it.
  enum Scope: Sendable, Equatable {
    /// The call alone: nothing was sent.
    case call
    /// One channel; the connection stays.
    case channel(UInt16)
    case connection
  }

  var scope: Scope
  /// AMQP's reply code (404 not found, 403 refused, 406 other arguments), when the broker gave one.
  var code: UInt16?
  var message: String

  init(_ message: String, code: UInt16? = nil, scope: Scope = .connection) {
    self.scope = scope
    self.code = code
    self.message = message
  }

  package var description: String { message }

  static let notFound: UInt16 = 404
  static let accessRefused: UInt16 = 403
  /// Another connection's own.
  static let resourceLocked: UInt16 = 405
}
