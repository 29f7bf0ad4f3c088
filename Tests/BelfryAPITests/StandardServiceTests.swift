import BelfryAPI
import BelfryRPC
import NIOCore
import Testing

/// gRPC's own services where no stock client is needed to see it; the end-to-end tests have one.
@Suite struct StandardServiceTests {
  private let check = MethodDescriptor(service: "grpc.health.v1.Health", method: "Check")
  private let protobuf = RPCCallOptions(encoding: .protobuf)

  @Test("the state of a server is said as `application/grpc+proto` too, and follows its end")
  func health() async throws {
    var health: ServerHealth?
    try await TestServer.with {
      health = ServerHealth.register(in: &$0)
    } _: { client in
      let serving = try await client.unary(check, ByteBuffer(), options: protobuf)
      #expect(Array(serving.message.readableBytesView) == [0x08, 0x01])
      health?.stopServing()
      let leaving = try await client.unary(check, ByteBuffer(), options: protobuf)
      #expect(Array(leaving.message.readableBytesView) == [0x08, 0x02])
      health?.finish()
      await #expect(throws: RPCStatus(.unavailable, "the server is shutting down")) {
        let watch = MethodDescriptor(service: check.service, method: "Watch")
        for try await reply in client.serverStream(watch, ByteBuffer(), options: protobuf) {
          #expect(Array(reply.readableBytesView) == [0x08, 0x02])
        }
      }
    }
  }

  @Test("a call in our own codec is told that there is none, and a bad request that it is bad")
  func refusals() async throws {
    try await TestServer.with {
      _ = ServerHealth.register(in: &$0)
      ServerReflection.register(in: &$0)
    } _: { client in
      let ours = await #expect(throws: RPCStatus.self) {
        try await client.unary(check, ByteBuffer())
      }
      #expect(ours?.code == .unimplemented)
      for service in ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"] {
        let method = MethodDescriptor(
          service: service, method: service.contains("health") ? "Check" : "ServerReflectionInfo")
        let bad = await #expect(throws: RPCStatus.self) {
          try await client.unary(method, ByteBuffer(bytes: [0xFF, 0xFF]), options: protobuf)
        }
        #expect(bad?.code == .invalidArgument)
      }
    }
  }
}
