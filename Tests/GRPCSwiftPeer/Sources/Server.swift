import Dispatch
import GRPCCore
import GRPCNIOTransportHTTP2Posix
import NIOPosix

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

extension Peer {
  /// - Parameter strangers: also serves who shows no certificate (h2load has none); then nobody's is
  ///   asked for.
  static func serve(identity: String, port: Int, threads: Int, strangers: Bool) async throws {
    var config = HTTP2ServerTransport.Posix.Config.defaults
    config.rpc.maxRequestPayloadSize = 8 * 1_024 * 1_024
    let transport = HTTP2ServerTransport.Posix(
      address: .ipv4(host: "127.0.0.1", port: port),
      transportSecurity: .mTLS(
        certificateChain: certificateChain(identity), privateKey: privateKey(identity)
      ) {
        $0.trustRoots = trustRoots(identity)
        $0.requireALPN = true
        if strangers { $0.clientCertificateVerification = .noVerification }
      },
      config: config,
      eventLoopGroup: MultiThreadedEventLoopGroup(numberOfThreads: threads))
    let server = GRPCServer(transport: transport, services: [Everything(), BenchEcho()])
    let signals = shutDownOnSignal(server)
    defer { signals.cancel() }
    try await withThrowingTaskGroup { group in
      group.addTask { try await server.serve() }
      print(try await transport.listeningAddress.ipv4?.port ?? 0)
      fflush(nil)
      try await group.waitForAll()
    }
  }

  private static func shutDownOnSignal(
    _ server: GRPCServer<HTTP2ServerTransport.Posix>
  ) -> any DispatchSourceSignal {
    // Who started us may block it.
    var term = sigset_t()
    sigemptyset(&term)
    sigaddset(&term, SIGTERM)
    pthread_sigmask(SIG_UNBLOCK, &term, nil)
    signal(SIGTERM, SIG_IGN)
    let source = DispatchSource.makeSignalSource(signal: SIGTERM)
    source.setEventHandler { server.beginGracefulShutdown() }
    source.resume()
    return source
  }
}

/// The methods that `belfry-bench rpc-server` has.
struct BenchEcho: RegistrableRPCService {
  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    for name in ["Synchronous", "Asynchronous"] {
      router.unary(.bench(name)) { request in ServerResponse(message: request.message) }
    }
    router.stream(.bench("Stream")) { request, writer in
      for try await message in request.messages { try await writer.write(message) }
    }
  }
}

/// One method of each kind, the same as in Belfry's own RPC tests.
struct Everything: RegistrableRPCService {
  func registerMethods<Transport: ServerTransport>(with router: inout RPCRouter<Transport>) {
    router.unary(.everything("Echo")) { request in ServerResponse(message: request.message) }
    router.unary(.everything("Fail")) { request in
      throw RPCError(code: .aborted, message: String(decoding: request.message, as: UTF8.self))
    }
    router.unary(.everything("Hang")) { request in
      try await Task.sleep(for: .seconds(60))
      return ServerResponse(message: request.message)
    }
    router.unary(.everything("Metadata")) { request in
      var trailing = Metadata()
      // With it come the pseudo-header fields.
      for (key, value) in request.metadata where !key.hasPrefix(":") {
        switch value {
        case .string(let text): trailing.addString(text, forKey: "got-" + key)
        case .binary(let bytes): trailing.addBinary(bytes, forKey: "got-" + key)
        }
      }
      return ServerResponse(
        message: request.message, metadata: ["first": "1"], trailingMetadata: trailing)
    }
    router.stream(.everything("Count")) { request, writer in
      var number = 0
      for try await message in request.messages {
        number = Int(String(decoding: message, as: UTF8.self)) ?? 0
      }
      for index in 0..<number {
        try await writer.write(
          [UInt8](repeating: UInt8(truncatingIfNeeded: index), count: 1_024))
      }
    }
    router.stream(.everything("Concatenate")) { request, writer in
      var all: [UInt8] = []
      for try await message in request.messages { all += message }
      try await writer.write(all)
    }
    router.stream(.everything("Chat")) { request, writer in
      for try await message in request.messages { try await writer.write(message) }
    }
  }
}

extension RPCRouter {
  fileprivate mutating func unary(
    _ method: MethodDescriptor,
    _ handler:
      @escaping @Sendable (ServerRequest<[UInt8]>) async throws
      -> ServerResponse<[UInt8]>
  ) {
    registerHandler(forMethod: method, deserializer: BytesCodec(), serializer: BytesCodec()) {
      request, _ in
      StreamingServerResponse(single: try await handler(ServerRequest(stream: request)))
    }
  }

  fileprivate mutating func stream(
    _ method: MethodDescriptor,
    _ handler:
      @escaping @Sendable (
        StreamingServerRequest<[UInt8]>, RPCWriter<[UInt8]>
      ) async throws -> Void
  ) {
    registerHandler(forMethod: method, deserializer: BytesCodec(), serializer: BytesCodec()) {
      request, _ in
      StreamingServerResponse { writer in
        try await handler(request, writer)
        return [:]
      }
    }
  }
}
