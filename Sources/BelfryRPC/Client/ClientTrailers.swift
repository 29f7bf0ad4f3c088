internal import BelfryNet

/// What a server's header list says about the end of a call, and what endings without a status mean
/// (gRPC's http-grpc-status-mapping and the table of RST_STREAM codes in PROTOCOL-HTTP2).
struct ClientTrailers {
  private(set) var httpStatus: Int?
  /// As it came; nil when there is none.
  private(set) var status: String?
  private var message = ""
  private var contentType: String?
  /// How the messages are packed, as the server says.
  private(set) var coding = MessageCoding.Request.coding(nil)

  init(_ block: HTTP2HeaderBlock) {
    for field in block.fields {
      switch field.known {
      case .grpcStatus: status = block.text(of: field)
      case .grpcMessage: message = PercentEncoding.decode(block.value(of: field))
      case .status: httpStatus = Int(block.text(of: field))
      case .grpcEncoding: coding = MessageCoding.requested(by: block.value(of: field))
      case .contentType: contentType = block.text(of: field)
      default: break
      }
    }
  }

  /// False when the answer comes from something that is no gRPC server.
  var isGRPCAnswer: Bool {
    httpStatus == 200 && contentType?.hasPrefix("application/grpc") == true
  }

  var finalStatus: RPCStatus {
    if let status {
      let isNumber = (1...3).contains(status.utf8.count) && !status.utf8.contains { $0 < 0x30 }
      guard isNumber, let number = Int(status) else {
        return RPCStatus(
          .unknown, "the server sent the unreadable grpc-status \(status.prefix(32))")
      }
      guard let code = RPCStatus.Code(rawValue: number) else {
        return RPCStatus(.unknown, "the server sent the unknown grpc-status \(number)")
      }
      return RPCStatus(code, message)
    }
    guard let httpStatus, httpStatus != 200 else {
      let why = httpStatus == 200 && !isGRPCAnswer ? "is no gRPC answer" : "had no grpc-status"
      return RPCStatus(.unknown, "the answer \(why)")
    }
    let code: RPCStatus.Code =
      switch httpStatus {
      case 400, 431: .internal
      case 401: .unauthenticated
      case 403: .permissionDenied
      case 404: .unimplemented
      case 429, 502, 503, 504: .unavailable
      default: .unknown
      }
    return RPCStatus(code, "the server answered with HTTP status \(httpStatus)")
  }

  static func status(reset code: HTTP2ErrorCode) -> RPCStatus {
    switch code {
    case .refusedStream: RPCStatus(.unavailable, "the server refused the call")
    case .cancel: RPCStatus(.cancelled, "the server cancelled the call")
    case .enhanceYourCalm: RPCStatus(.resourceExhausted, "the server is overloaded")
    case .inadequateSecurity: RPCStatus(.permissionDenied, "the server wants better security")
    default: RPCStatus(.internal, "the server reset the call (HTTP/2 error \(code.rawValue))")
    }
  }
}
