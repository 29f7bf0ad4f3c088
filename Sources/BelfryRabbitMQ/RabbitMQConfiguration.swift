package import BelfryCore

/// What a `RabbitMQQueue` needs to know.
package struct RabbitMQConfiguration: Sendable {
  package var address: RabbitMQAddress
  /// Shown by the broker's tools, with ` (consuming)` or ` (publishing)` behind it.
  package var connectionName: String
  /// The lanes whose exchanges, queues and bindings are declared on each new connection.
  package var lanes: [Lane]
  /// The name of a queue that goes with the consuming connection, declared whenever it is measured; nil:
  /// none.
  package var presence: String?

  package init(
    address: RabbitMQAddress, connectionName: String, lanes: [Lane]
  ) {
    self.address = address
    self.connectionName = connectionName
    self.lanes = lanes
  }

  /// Reads the address from an URL; throws what is wrong with it.
  package init(
    url: String, connectionName: String, lanes: [Lane]
  ) throws(RabbitMQError) {
    self.init(address: try RabbitMQAddress(url), connectionName: connectionName, lanes: lanes)
  }
}

/// Limits and times, each with its reason. They are not settings: a wrong one breaks a promise.
enum Limit {
  /// The broker gives a silent peer up after twice this; so do we.
  static let heartbeatSeconds: Int32 = 10
  /// A pump wakes at least so often, since heartbeats move only inside library calls.
  static let idleWait = Duration.milliseconds(2_500)
  static let connectSeconds = 5
  /// For an answer to a declare or consume; a quorum queue may be electing a leader.
  static let answerSeconds = 15
  /// For the broker's goodbye.
  static let closeSeconds = 2
  /// Bytes that the broker does not take for so long end the connection: it has stopped reading, and
  /// a send must not hang for ever.
  static let sendStall = Duration.seconds(5)
  static let reconnectFirst = Duration.milliseconds(200)
  static let reconnectMax = Duration.seconds(2)
  static let attachRetry = Duration.seconds(2)
  /// Of a connection's 2,047: one for the lanes, one for questions, and one for each foreign queue that it has
  /// consumed. What does not fit waits; one too many would end the connection.
  static let channelsMax = 1_000
  /// A quorum queue younger than about 0.5 s does not survive a kill -9 (its name is saved every
  /// 500 ms): nothing counts before it is this old.
  static let queueSettles = Duration.seconds(1)
  static let batchCountMax = 1_000
  static let batchBytesMax = 8 << 20
  static let unconfirmedCountMax = 1_000
  static let unconfirmedBytesMax = 8 << 20
  /// Quorum queues take no more.
  static let prefetchMax = 2_000
  /// A connection that lived so long was a good one: the next try comes soon again.
  static let trustedAge = Duration.seconds(5)
  /// Then what came in is read again.
  static let sendsPerTurn = 256
  /// The kernel doubles it, as far as net.core.wmem_max lets it.
  static let sendBufferBytes = 256 << 10
  /// At most two are open at a time on one connection.
  static let probeChannels: UInt16 = 8
  /// Frames and properties of one message, roughly.
  static let frameOverhead = 256
  /// Unanswered basic.get of one reading.
  static let getsInFlight = 64
  /// A short string of AMQP has a length of one byte.
  static let shortStringBytesMax = 255
}
