package import BelfryWire
package import NIOCore

/// Messages of the schema to and from the buffers that the RPC layer carries, in our codec.
package enum WireCoding {
  package static func decode<Message: WireMessage>(
    _ buffer: ByteBuffer
  ) throws(WireError) -> Message {
    try Message(wire: buffer.readableBytesSpan)
  }

  package static func encode(_ message: some WireMessage) -> ByteBuffer {
    var writer = WireWriter()
    message.encode(into: &writer)
    return writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
  }
}
