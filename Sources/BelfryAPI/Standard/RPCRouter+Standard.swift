internal import BelfryRPC
internal import NIOCore
internal import SwiftProtobuf

/// Registration of gRPC's own services: protobuf is their only codec, and a call in ours is answered
/// *unimplemented*.
extension RPCRouter {
  mutating func standardUnary<Request: Message, Reply: Message>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request) throws(RPCStatus) -> Reply
  ) {
    register(
      method,
      .unary { (context, bytes) throws(RPCStatus) -> ByteBuffer in
        try Self.requireProtobuf(context)
        return MessageEncoding.protobufBytes(
          of: try handler(try MessageEncoding.protobufMessage(bytes)))
      })
  }

  mutating func standardStream<Request: Message, Reply: Message>(
    _ method: MethodDescriptor,
    _ handler: @escaping @Sendable (Request, (Reply) async throws -> Void) async throws -> Void
  ) {
    register(
      method,
      .serverStream { context, bytes, writer in
        try Self.requireProtobuf(context)
        try await handler(try MessageEncoding.protobufMessage(bytes)) { reply in
          try await writer.sendWhenFree(MessageEncoding.protobufBytes(of: reply))
        }
      })
  }

  /// One answer to each request, in order; the next request waits while the caller reads slowly.
  mutating func standardDialogue<Request: Message, Reply: Message>(
    _ method: MethodDescriptor, _ handler: @escaping @Sendable (Request) -> Reply
  ) {
    register(
      method,
      .bidirectional { context, messages, writer in
        try Self.requireProtobuf(context)
        for try await bytes in messages {
          let reply = handler(try MessageEncoding.protobufMessage(bytes))
          try await writer.sendWhenFree(MessageEncoding.protobufBytes(of: reply))
        }
      })
  }

  private static func requireProtobuf(_ context: ServerCallContext) throws(RPCStatus) {
    guard context.encoding == .protobuf else {
      throw RPCStatus(.unimplemented, "\(context.method.service) speaks protobuf only")
    }
  }
}
