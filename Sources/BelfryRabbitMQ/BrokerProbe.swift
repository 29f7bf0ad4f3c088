internal import CRabbitMQ

/// Looks at a broker without changing anything there: for people who ask why nothing works.
package struct BrokerProbe: Sendable {
  /// `RabbitMQ 3.10.8`.
  package let server: String
  /// Of the queues that were asked for, those that are not there yet.
  package let missing: [String]

  /// Version of rabbitmq-c.
  package static var libraryVersion: String { unsafe String(cString: amqp_version()) }

  /// Connects, logs in, and looks for queues. Blocks its thread, some 20 s at most.
  package init(_ address: RabbitMQAddress, queues: [String]) throws(RabbitMQError) {
    let connection = try AMQPConnection(address, name: "belfry doctor")
    server = connection.serverName
    var probe = Probe(connection)
    var missing: [String] = []
    for queue in queues {
      if try probe.depth(of: queue) == nil { missing.append(queue) }
    }
    self.missing = missing
    connection.close()
  }
}

extension AMQPConnection {
  /// Product and version, as the broker has introduced itself.
  fileprivate var serverName: String {
    guard let table = unsafe amqp_get_server_properties(handle) else { return "a broker" }
    var values: [String: String] = [:]
    for index in 0..<Int(unsafe table.pointee.num_entries) {
      let entry = unsafe table.pointee.entries[index]
      guard unsafe entry.value.kind == UInt8(AMQP_FIELD_KIND_UTF8.rawValue) else { continue }
      unsafe values[String(entry.key)] = unsafe String(entry.value.value.bytes)
    }
    return [values["product"] ?? "a broker", values["version"] ?? ""].joined(separator: " ")
  }
}
