internal import BelfryIdentity
package import NIOCore

/// A heartbeat datagram on the wire: 56 bytes, little-endian, the last 16 of them the code. The layout
/// is in `docs/protocol.md`.
package struct HeartbeatDatagram: Sendable, Equatable {
  /// Which way it goes: what one end has said is not taken for the other's.
  package enum Direction: UInt8, Sendable {
    case toCoordinator = 1
    case toWorker = 2
  }

  package static let bytesCount = 56
  static let codeBytesCount = 16
  static let version: UInt8 = 1
  private static let streamClosed: UInt8 = 1

  package var direction: Direction
  package var isStreamClosed = false
  /// Of the last 64 datagrams of the other end.
  package var missed: UInt8 = 0
  /// How long the echoed one, or the session, was there when this was sent.
  package var heldMS: UInt32 = 0
  package var session: UInt64
  package var sequence: UInt64
  /// The highest sequence seen of the other end; 0: none.
  package var echo: UInt64 = 0
  package var streamSilenceMS: UInt32 = 0
  package var running: UInt32 = 0

  package init(_ direction: Direction, session: UInt64, sequence: UInt64) {
    self.direction = direction
    self.session = session
    self.sequence = sequence
  }

  /// The session that a datagram claims to be of; nil: it is none of ours. Costs next to nothing.
  package static func session(of bytes: ByteBuffer, _ direction: Direction) -> UInt64? {
    let start = bytes.readerIndex
    guard bytes.readableBytes == bytesCount,
      bytes.getInteger(at: start, as: UInt8.self) == version,
      bytes.getInteger(at: start + 1, as: UInt8.self) == direction.rawValue
    else { return nil }
    return bytes.getInteger(at: start + 8, endianness: .little)
  }

  /// Nil: it is none of ours, or its sender has not the key.
  package init?(_ bytes: ByteBuffer, _ direction: Direction, key: [UInt8]) {
    guard let session = Self.session(of: bytes, direction) else { return nil }
    var rest = bytes
    guard let body = rest.readBytes(length: Self.bytesCount - Self.codeBytesCount),
      let code = rest.readBytes(length: Self.codeBytesCount),
      Digest.areEqual(code, Self.code(of: body, key: key))
    else { return nil }
    var fields = bytes
    fields.moveReaderIndex(forwardBy: 2)
    guard let flags = fields.readInteger(as: UInt8.self),
      let missed = fields.readInteger(as: UInt8.self),
      let heldMS: UInt32 = fields.readInteger(endianness: .little),
      fields.readInteger(as: UInt64.self) != nil,
      let sequence: UInt64 = fields.readInteger(endianness: .little),
      let echo: UInt64 = fields.readInteger(endianness: .little),
      let streamSilenceMS: UInt32 = fields.readInteger(endianness: .little),
      let running: UInt32 = fields.readInteger(endianness: .little)
    else { return nil }
    self.init(direction, session: session, sequence: sequence)
    isStreamClosed = flags & Self.streamClosed != 0
    self.missed = missed
    self.heldMS = heldMS
    self.echo = echo
    self.streamSilenceMS = streamSilenceMS
    self.running = running
  }

  package func bytes(key: [UInt8]) -> ByteBuffer {
    var buffer = ByteBuffer()
    buffer.reserveCapacity(Self.bytesCount)
    buffer.writeInteger(Self.version)
    buffer.writeInteger(direction.rawValue)
    buffer.writeInteger(isStreamClosed ? Self.streamClosed : 0)
    buffer.writeInteger(missed)
    buffer.writeInteger(heldMS, endianness: .little)
    buffer.writeInteger(session, endianness: .little)
    buffer.writeInteger(sequence, endianness: .little)
    buffer.writeInteger(echo, endianness: .little)
    buffer.writeInteger(streamSilenceMS, endianness: .little)
    buffer.writeInteger(running, endianness: .little)
    buffer.writeBytes(Self.code(of: Array(buffer.readableBytesView), key: key))
    return buffer
  }

  private static func code(of body: [UInt8], key: [UInt8]) -> [UInt8] {
    Array(Digest.hmacSHA256(key: key, body).prefix(codeBytesCount))
  }
}
