package import BelfryRPC
internal import BelfryWire
package import NIOCore
internal import SwiftProtobuf

/// The two codecs, between messages and the bytes that the RPC layer carries.
extension MessageEncoding {
  /// A message's bytes, without the five-byte prefix.
  package func bytes(of message: some APIMessage) -> ByteBuffer {
    switch self {
    case .belfry:
      return message.withWireBytes { ByteBuffer(bytes: $0) }
    case .protobuf:
      return Self.protobufBytes(of: message)
    }
  }

  /// The bytes of several messages: in our codec slices of one piece of memory.
  package func bytes<M: APIMessage>(of messages: some Collection<M>) -> [ByteBuffer] {
    guard self == .belfry, messages.count > 1 else { return messages.map { bytes(of: $0) } }
    var writer = WireWriter()
    var ends: [Int] = []
    ends.reserveCapacity(messages.count)
    for message in messages {
      message.encode(into: &writer)
      ends.append(writer.count)
    }
    var all = writer.withUnsafeBytes { ByteBuffer(bytes: $0) }
    var start = 0
    return ends.map { end in
      defer { start = end }
      return all.readSlice(length: end - start) ?? ByteBuffer()
    }
  }

  /// - Throws: the status with which a server answers bytes that are no message of this type.
  package func message<M: APIMessage>(
    _ bytes: ByteBuffer, as _: M.Type = M.self
  ) throws(RPCStatus) -> M {
    switch self {
    case .belfry:
      do throws(WireError) {
        return try M(wire: bytes.readableBytesSpan)
      } catch {
        throw RPCStatus(.invalidArgument, "\(M.protoMessageName): \(error)")
      }
    case .protobuf:
      return try Self.protobufMessage(bytes)
    }
  }

  /// The same for an answer: the fault is the server's.
  package func reply<M: APIMessage>(
    _ bytes: ByteBuffer, as _: M.Type = M.self
  ) throws(RPCStatus) -> M {
    do throws(RPCStatus) {
      return try message(bytes)
    } catch {
      throw RPCStatus(.internal, "the answer cannot be read: \(error.message)")
    }
  }

  // MARK: protobuf, also for messages that our codec does not know

  static func protobufBytes(of message: some Message) -> ByteBuffer {
    do {
      return ByteBuffer(bytes: try message.serializedBytes() as [UInt8])
    } catch {
      // Only required fields of proto2 and foreign Any messages can fail: there are none.
      preconditionFailure("\(type(of: message)) cannot be written: \(error)")
    }
  }

  /// - Throws: the status with which a server answers bytes that are no message of this type.
  static func protobufMessage<M: Message>(_ bytes: ByteBuffer) throws(RPCStatus) -> M {
    var options = BinaryDecodingOptions()
    options.messageDepthLimit = 32
    do {
      return try M(serializedBytes: Array(bytes.readableBytesView), options: options)
    } catch {
      throw RPCStatus(.invalidArgument, "\(M.protoMessageName): \(error)")
    }
  }
}
