package import NIOCore

/// How a method is served. All run on the loop of their connection.
package enum RPCHandler: Sendable {
  /// Answers within the read of the request: the fast path. Must not block.
  case unary(@Sendable (ServerCallContext, ByteBuffer) throws(RPCStatus) -> ByteBuffer)
  case unaryAsync(@Sendable (ServerCallContext, ByteBuffer) async throws -> ByteBuffer)
  case serverStream(@Sendable (ServerCallContext, ByteBuffer, RPCWriter) async throws -> Void)
  case clientStream(@Sendable (ServerCallContext, RPCMessages) async throws -> ByteBuffer)
  case bidirectional(@Sendable (ServerCallContext, RPCMessages, RPCWriter) async throws -> Void)
  /// The stream's handler is made when the call begins; it ends the call with `finish`.
  case events(@Sendable (ServerCallContext, RPCWriter) throws(RPCStatus) -> any RPCEventHandler)
}

/// Which methods a server has, and in which codecs it speaks.
package struct RPCRouter: Sendable {
  struct Route: Sendable {
    let method: MethodDescriptor
    let handler: RPCHandler
    let path: [UInt8]
  }

  /// Encodings that are served. A call in another one is answered *unimplemented*.
  package var encodings: Set<MessageEncoding>
  /// By a hash of the path, so that a lookup makes no string.
  private var routes: [UInt64: [Route]] = [:]

  package init(encodings: Set<MessageEncoding> = [.belfry]) { self.encodings = encodings }

  /// Registers a method; each only once.
  package mutating func register(_ method: MethodDescriptor, _ handler: RPCHandler) {
    let key = Self.hash(method.path.utf8)
    precondition(
      routes[key]?.contains { $0.method == method } != true, "\(method) is registered twice")
    routes[key, default: []].append(
      Route(method: method, handler: handler, path: Array(method.path.utf8)))
  }

  package var methods: [MethodDescriptor] {
    routes.values.flatMap { $0.map(\.method) }.sorted { $0.path < $1.path }
  }

  func route(_ path: UnsafeBufferPointer<UInt8>) -> Route? {
    unsafe routes[Self.hash(path)]?.first { unsafe $0.path.elementsEqual(path) }
  }

  /// FNV-1a. Peers cannot add keys, so collisions are not theirs to make.
  private static func hash(_ bytes: some Sequence<UInt8>) -> UInt64 {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
    return hash
  }
}
