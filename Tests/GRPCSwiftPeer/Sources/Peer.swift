import GRPCCore
import GRPCNIOTransportHTTP2Posix

#if canImport(Glibc)
  import Glibc
#else
  import Darwin
#endif

/// The program: `grpc-swift-peer server|server-for-strangers|client IDENTITY PORT [THREADS]`.
///
/// The server prints the port it listens on (PORT 0: any) and serves until SIGTERM, on one thread
/// unless told otherwise; the one for strangers asks its callers for no certificate. The client calls
/// each method of `belfry.test.Everything` and prints a line for each thing it has seen to be right;
/// anything else ends it with status 1. IDENTITY is a folder as `belfry cert issue` makes it.
@main
enum Peer {
  struct Usage: Error {}

  static func main() async throws {
    let arguments = CommandLine.arguments
    guard (4...5).contains(arguments.count), let port = Int(arguments[3]),
      let threads = arguments.count == 4 ? 1 : Int(arguments[4])
    else { throw Usage() }
    switch arguments[1] {
    case "server", "server-for-strangers":
      try await serve(
        identity: arguments[2], port: port, threads: threads, strangers: arguments[1] != "server")
    case "client":
      do {
        try await call(identity: arguments[2], port: port)
      } catch {
        print("wrong: \(error)")
        exit(1)
      }
    default: throw Usage()
    }
  }

  static func certificateChain(_ identity: String) -> [TLSConfig.CertificateSource] {
    [.file(path: identity + "/identity.pem", format: .pem)]
  }

  static func privateKey(_ identity: String) -> TLSConfig.PrivateKeySource {
    .file(path: identity + "/identity.key", format: .pem)
  }

  static func trustRoots(_ identity: String) -> TLSConfig.TrustRootsSource {
    .certificates([.file(path: identity + "/ca.pem", format: .pem)])
  }
}

/// Messages are bytes: what is tested is the transport.
struct BytesCodec: MessageSerializer, MessageDeserializer {
  func serialize<Bytes: GRPCContiguousBytes>(_ message: [UInt8]) -> Bytes { Bytes(message) }

  func deserialize<Bytes: GRPCContiguousBytes>(_ bytes: Bytes) -> [UInt8] {
    bytes.withUnsafeBytes { Array($0) }
  }
}

extension MethodDescriptor {
  static func everything(_ method: String) -> MethodDescriptor {
    MethodDescriptor(fullyQualifiedService: "belfry.test.Everything", method: method)
  }

  static func bench(_ method: String) -> MethodDescriptor {
    MethodDescriptor(fullyQualifiedService: "bench.Echo", method: method)
  }
}
