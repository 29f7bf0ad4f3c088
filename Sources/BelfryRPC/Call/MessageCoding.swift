internal import NIOCore

/// How the bytes of a call's messages are packed: the values of `grpc-encoding` that we speak.
///
/// A call without a coding has none of these. Each message says itself whether it is packed.
enum MessageCoding: String, Sendable, CaseIterable {
  case gzip

  /// What we accept, for `grpc-accept-encoding`.
  static let accepted = (["identity"] + allCases.map(\.rawValue)).joined(separator: ",")

  /// What a `grpc-encoding` asks for.
  enum Request: Equatable {
    case coding(MessageCoding?)
    case unknown
  }

  static func requested(by value: some Sequence<UInt8>) -> Request {
    if value.elementsEqual("identity".utf8) { return .coding(nil) }
    for coding in allCases where value.elementsEqual(coding.rawValue.utf8) {
      return .coding(coding)
    }
    return .unknown
  }

  /// True when a `grpc-accept-encoding` names the coding.
  func isAccepted(by value: some Collection<UInt8>) -> Bool {
    value.split(separator: UInt8(ascii: ",")).contains { part in
      part.filter { $0 != 0x20 && $0 != 0x09 }.elementsEqual(rawValue.utf8)
    }
  }

  /// Nil when the message does not become smaller.
  func compress(_ message: ByteBuffer) -> ByteBuffer? {
    switch self {
    case .gzip: Gzip.compress(message)
    }
  }

  func decompress(_ message: ByteBuffer, bytesMax: Int) throws(RPCStatus) -> ByteBuffer {
    switch self {
    case .gzip: try Gzip.decompress(message, bytesMax: bytesMax)
    }
  }
}
