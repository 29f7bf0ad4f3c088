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
  let path: ArraySlice<UInt8>
  let timeout: TimeAmount?
  /// How the caller packs messages, and what it takes packed.
  let coding: MessageCoding?
  let acceptsCompression: Bool

  /// Reads a header list, in one pass.
  static func read(_ headers: HTTP2HeaderBlock, encodings: Set<MessageEncoding>) -> Reading {
    var isPost = false
    var isOurs = false
    var path: ArraySlice<UInt8> = []
    var contentType: ArraySlice<UInt8> = []
    var timeout: ArraySlice<UInt8>?
    var codingName: ArraySlice<UInt8>?
    var accepted: HTTP2HeaderBlock.Field?
    for field in headers.fields {
      switch field.known {
      case .path: path = headers.value(of: field)
      case .method: isPost = headers.value(of: field, is: post)
      case .contentType:
        isOurs = headers.value(of: field, is: ours)
        if !isOurs { contentType = headers.value(of: field) }
      case .grpcTimeout: timeout = headers.value(of: field)
      case .grpcEncoding: codingName = headers.value(of: field)
      case .grpcAcceptEncoding: accepted = field
      default: break
      }
    }
    guard isPost else { return .refused(.http(405)) }
    let encoding: MessageEncoding
    switch isOurs ? .encoding(.belfry) : MessageEncoding.requested(by: contentType) {
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
      guard case .coding(let asked) = MessageCoding.requested(by: codingName) else {
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
      guard let parsed = CallTimeout.parse(timeout) else {
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

  private static let post = Array("POST".utf8)
  private static let ours = Array(MessageEncoding.belfry.contentType.utf8)

  private static let ourCodings = Array(MessageCoding.accepted.utf8)

  private static func isGzipAccepted(
    _ headers: HTTP2HeaderBlock, _ field: HTTP2HeaderBlock.Field
  ) -> Bool {
    // What our own clients send is known without looking into it.
    headers.value(of: field, is: ourCodings)
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
