/// The codec of a call's messages, chosen by its content-type.
package enum MessageEncoding: String, Sendable, Hashable, CaseIterable {
  /// Ours: `application/grpc+belfry`, see `proto/WIRE.md`.
  case belfry
  /// `application/grpc` and `application/grpc+proto`.
  case protobuf

  /// What a content-type asks for.
  enum Request: Equatable {
    case encoding(MessageEncoding)
    /// gRPC, with messages of a form we do not know.
    case unknownEncoding
    case notGRPC
  }

  static func requested(by contentType: some Collection<UInt8>) -> Request {
    let prefix = "application/grpc"
    guard contentType.starts(with: prefix.utf8) else { return .notGRPC }
    let rest = contentType.dropFirst(prefix.utf8.count)
    guard let next = rest.first else { return .encoding(.protobuf) }
    if next == UInt8(ascii: ";") { return .encoding(.protobuf) }
    guard next == UInt8(ascii: "+") else { return .notGRPC }
    let subtype = rest.dropFirst().prefix { $0 != UInt8(ascii: ";") && $0 != 0x20 }
    if subtype.elementsEqual("belfry".utf8) { return .encoding(.belfry) }
    if subtype.elementsEqual("proto".utf8) { return .encoding(.protobuf) }
    return .unknownEncoding
  }

  var contentType: String {
    switch self {
    case .belfry: "application/grpc+belfry"
    case .protobuf: "application/grpc+proto"
    }
  }
}
