package import BelfryRPC
internal import NIOCore

/// Registration with messages in place of bytes; the codec is the call's. The handlers' rules are
/// those of ``RPCHandler``, and a request that cannot be read is answered *invalid argument*
/// before a handler hears of it.
extension RPCRouter {
  /// Answers within the read of the request: the fast path. Must not block.
  package mutating func unary<Request, Reply>(
    _ method: UnaryMethod<Request, Reply>,
    _ handler: @escaping @Sendable (ServerCallContext, Request) throws(RPCStatus) -> Reply
  ) {
    register(
      method.descriptor,
      .unary { (context, bytes) throws(RPCStatus) -> ByteBuffer in
        let request: Request = try context.encoding.message(bytes)
        return context.encoding.bytes(of: try handler(context, request))
      })
  }

  package mutating func unaryAsync<Request, Reply>(
    _ method: UnaryMethod<Request, Reply>,
    _ handler: @escaping @Sendable (ServerCallContext, Request) async throws -> Reply
  ) {
    register(
      method.descriptor,
      .unaryAsync { context, bytes in
        let request: Request = try context.encoding.message(bytes)
        return context.encoding.bytes(of: try await handler(context, request))
      })
  }

  /// The call ends when the handler returns.
  package mutating func serverStream<Request, Reply>(
    _ method: ServerStreamMethod<Request, Reply>,
    _ handler:
      @escaping @Sendable (ServerCallContext, Request, TypedWriter<Reply>) async throws -> Void
  ) {
    register(
      method.descriptor,
      .serverStream { context, bytes, writer in
        let request: Request = try context.encoding.message(bytes)
        try await handler(context, request, TypedWriter(writer, encoding: context.encoding))
      })
  }

  /// The stream's handler is made when the call begins; it ends the call with `finish`.
  package mutating func events<Request, Reply>(
    _ method: BidirectionalMethod<Request, Reply>,
    _ handler:
      @escaping @Sendable (ServerCallContext, TypedWriter<Reply>) throws(RPCStatus)
      -> any TypedEventHandler<Request>
  ) {
    register(
      method.descriptor,
      .events { (context, writer) throws(RPCStatus) -> any RPCEventHandler in
        let encoding = context.encoding
        let typed = try handler(context, TypedWriter(writer, encoding: encoding))
        return EventDecoder(typed, writer) { (bytes) throws(RPCStatus) -> Request in
          try encoding.message(bytes)
        }
      })
  }
}
