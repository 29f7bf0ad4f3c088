package import NIOCore

#if canImport(Glibc)
  internal import Glibc
#else
  internal import Darwin
#endif

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

extension RPCHandler {
  /// The call lasts as long as either side wants it to.
  var isStream: Bool {
    switch self {
    case .unary, .unaryAsync: false
    case .serverStream, .clientStream, .bidirectional, .events: true
    }
  }
}

/// Which methods a server has, and in which codecs it speaks.
package struct RPCRouter: Sendable {
  /// One method; the same object for all its calls.
  final class Route: Sendable {
    let method: MethodDescriptor
    let handler: RPCHandler
    /// From 0, in the order in which methods were registered.
    let index: Int
    /// The body of all calls, for handlers that need none of their own.
    let body: (any ServerCallBody & Sendable)?
    fileprivate let path: [UInt8]
    fileprivate let hash: Int

    init(_ method: MethodDescriptor, _ handler: RPCHandler, index: Int) {
      self.method = method
      self.index = index
      self.handler = handler
      body =
        switch handler {
        case .unary(let function): UnaryBody(function)
        case .unaryAsync(let function): UnaryAsyncBody(function)
        default: nil
        }
      path = Array(method.path.utf8)
      hash = unsafe path.withUnsafeBufferPointer { unsafe RPCRouter.hash($0) }
    }

    func isAt(_ other: UnsafeBufferPointer<UInt8>) -> Bool {
      guard path.count == other.count, let start = other.baseAddress else { return false }
      return unsafe memcmp(path, start, path.count) == 0
    }
  }

  /// Encodings that are served. A call in another one is answered *unimplemented*.
  package var encodings: [MessageEncoding]
  /// A hash table, at most half full: a lookup makes no string. Each route lies at its hash, or at the
  /// next free place.
  private var places: [Route?] = Array(repeating: nil, count: 64)
  private var count = 0

  package init(encodings: [MessageEncoding] = [.belfry]) { self.encodings = encodings }

  /// Registers a method; each only once.
  package mutating func register(_ method: MethodDescriptor, _ handler: RPCHandler) {
    let route = Route(method, handler, index: count)
    precondition(!methods.contains(method), "\(method) is registered twice")
    count += 1
    if count * 2 > places.count {
      let routes = places.compactMap { $0 }
      places = Array(repeating: nil, count: places.count * 2)
      for route in routes { insert(route) }
    }
    insert(route)
  }

  private mutating func insert(_ route: Route) {
    var place = route.hash & (places.count - 1)
    while places[place] != nil { place = (place + 1) & (places.count - 1) }
    places[place] = route
  }

  package var methods: [MethodDescriptor] {
    places.compactMap { $0?.method }.sorted { $0.path < $1.path }
  }

  /// In the order of their indices.
  var routes: [Route] { places.compactMap { $0 }.sorted { $0.index < $1.index } }

  func route(_ path: UnsafeBufferPointer<UInt8>) -> Route? {
    let hash = unsafe Self.hash(path)
    var place = hash & (places.count - 1)
    while let route = places[place] {
      if route.hash == hash, unsafe route.isAt(path) { return route }
      place = (place + 1) & (places.count - 1)
    }
    return nil
  }

  /// FNV-1a. Peers cannot add keys, so collisions are not theirs to make.
  private static func hash(_ bytes: UnsafeBufferPointer<UInt8>) -> Int {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for index in 0..<bytes.count {
      hash = unsafe (hash ^ UInt64(bytes[index])) &* 0x100_0000_01b3
    }
    return Int(truncatingIfNeeded: hash ^ (hash >> 32))
  }
}
