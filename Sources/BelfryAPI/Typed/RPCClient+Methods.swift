package import BelfryRPC
internal import NIOCore

/// Calls with messages in place of bytes; the codec is the one of the call's options.
extension RPCClient {
  /// One request, one answer. A cancelled task cancels the call.
  package func unary<Request, Reply>(
    _ method: UnaryMethod<Request, Reply>, _ request: Request,
    options: RPCCallOptions = RPCCallOptions()
  ) async throws(RPCStatus) -> Reply {
    let bytes = options.encoding.bytes(of: request)
    let reply = try await unary(method.descriptor, bytes, options: options)
    return try options.encoding.reply(reply.message)
  }

  /// One request, a stream of answers. The call begins now.
  package func serverStream<Request, Reply>(
    _ method: ServerStreamMethod<Request, Reply>, _ request: Request,
    options: RPCCallOptions = RPCCallOptions()
  ) -> TypedReplies<Reply> {
    let bytes = options.encoding.bytes(of: request)
    return TypedReplies(
      replies: serverStream(method.descriptor, bytes, options: options),
      encoding: options.encoding)
  }

  /// A bidirectional stream whose answers come in batches on the loop.
  /// - Parameter handler: makes the handler, on the loop, when the call begins.
  /// - Returns: the writer; `finish(.ok)` ends the requests, any other status cancels the call.
  @discardableResult
  package func events<Request, Reply>(
    _ method: BidirectionalMethod<Request, Reply>, options: RPCCallOptions = RPCCallOptions(),
    handler: @escaping @Sendable (TypedWriter<Request>) -> any TypedEventHandler<Reply>
  ) -> TypedWriter<Request> {
    let encoding = options.encoding
    let writer = events(method.descriptor, options: options) { writer in
      EventDecoder(handler(TypedWriter(writer, encoding: encoding)), writer) {
        (bytes) throws(RPCStatus) -> Reply in try encoding.reply(bytes)
      }
    }
    return TypedWriter(writer, encoding: encoding)
  }
}
