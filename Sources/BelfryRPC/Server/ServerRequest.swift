internal import BelfryNet
internal import NIOCore

/// What a request's header list asks for, or how it is answered without a handler.
struct ServerRequest {
  enum Refusal {
    /// Not gRPC: an HTTP status says so.
    case http(Int)
    case status(MessageEncoding, RPCStatus)
  }

  let encoding: MessageEncoding
  let path: HTTP2HeaderBlock.Field
  let timeout: TimeAmount?
  /// How the caller packs messages, and what it takes packed.
  let coding: MessageCoding?
  let acceptsCompression: Bool

  /// Reads a header list, in one pass.
  static func read(_ headers: HTTP2HeaderBlock, encodings: [MessageEncoding]) -> Reading {
    var isPost = false
    var requested = MessageEncoding.Request.notGRPC
    var path: HTTP2HeaderBlock.Field?
    var timeout: HTTP2HeaderBlock.Field?
    var codingName: HTTP2HeaderBlock.Field?
    var accepted: HTTP2HeaderBlock.Field?
    for index in 0..<headers.fieldCount {
      let field = headers[index]
      switch field.known {
      case .path: path = field
      case .method: isPost = headers.value(of: field, is: "POST")
      case .contentType:
        requested =
          headers.value(of: field, is: "application/grpc+belfry")
          ? .encoding(.belfry)
          : unsafe headers.withValue(of: field) { unsafe MessageEncoding.requested(by: $0) }
      case .grpcTimeout: timeout = field
      case .grpcEncoding: codingName = field
      case .grpcAcceptEncoding: accepted = field
      default: break
      }
    }
    // nghttp2 lets no request without a path pass.
    guard isPost, let path else { return .refused(.http(405)) }
    let encoding: MessageEncoding
    switch requested {
    case .notGRPC: return .refused(.http(415))
    case .unknownEncoding:
      return refuse(.belfry, .unimplemented, "unknown message encoding")
    case .encoding(let asked):
      guard encodings.contains(asked) else {
        return refuse(asked, .unimplemented, "\(asked.contentType) is not served here")
      }
      encoding = asked
    }
    var coding: MessageCoding?
    if let codingName {
      guard case .coding(let asked) = MessageCoding.requested(by: headers.value(of: codingName))
      else {
        var metadata = Metadata()
        metadata.addReserved("grpc-accept-encoding", MessageCoding.accepted)
        return .refused(
          .status(
            encoding, RPCStatus(.unimplemented, "unknown grpc-encoding", metadata: metadata)))
      }
      coding = asked
    }
    var amount: TimeAmount?
    if let timeout {
      guard let parsed = unsafe headers.withValue(of: timeout, { unsafe CallTimeout.parse($0) })
      else {
        return refuse(encoding, .internal, "malformed grpc-timeout")
      }
      amount = parsed
    }
    let acceptsCompression = accepted.map { isGzipAccepted(headers, $0) } ?? false
    return .accepted(
      ServerRequest(
        encoding: encoding, path: path, timeout: amount, coding: coding,
        acceptsCompression: acceptsCompression))
  }

  private static func isGzipAccepted(
    _ headers: HTTP2HeaderBlock, _ field: HTTP2HeaderBlock.Field
  ) -> Bool {
    // What our own clients send is known without looking into it.
    headers.value(of: field, is: "identity,gzip")
      || MessageCoding.gzip.isAccepted(by: headers.value(of: field))
  }

  enum Reading {
    case accepted(ServerRequest)
    case refused(Refusal)
  }

  private static func refuse(
    _ encoding: MessageEncoding, _ code: RPCStatus.Code, _ message: String
  ) -> Reading {
    .refused(.status(encoding, RPCStatus(code, message)))
  }
}
