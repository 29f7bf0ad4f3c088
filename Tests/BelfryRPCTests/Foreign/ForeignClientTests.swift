import BelfryIdentity
import BelfryNet
import BelfryRPC
import BelfryTestKit
import Foundation
import NIOCore
import Testing

/// Other people's clients, and nghttp2's, against our server: mutual TLS where they can.
@Suite struct ForeignClientTests {
  private static let checks = [
    "echo of 0 bytes", "echo of 64 bytes", "echo of 1048576 bytes", "initial metadata",
    "metadata in its order", "binary metadata", "the certificate's name", "status and message",
    "unknown method", "server stream", "client stream", "bidirectional stream", "empty stream",
    "deadline", "cancelled", "cancelled after the first answer",
  ]
  private static let more: [ForeignPeer: [String]] = [
    .grpcio: ["gzip", "unknown coding", "too large a message"]
  ]

  private func with(_ body: (TestServer) async throws -> Void) async throws {
    let tls = TLSConfiguration(try TestServer.certificates.get().folder(.coordinator, "c1"))
    try await TestServer.with(
      tls: tls, router: { router, _ in router.encodings.append(.protobuf) }, body)
  }

  @Test("calls of every kind, and how they end", arguments: ForeignPeer.present)
  func calls(of peer: ForeignPeer) async throws {
    try await with { server in
      let files = try TestServer.certificates.get().folder(.worker, "w1")
      let client = try peer.client(identity: files.folder, port: server.port)
      let output = try await runProgram(client.program, client.arguments)
      #expect(
        output.split(separator: "\n").map(String.init)
          == Self.checks + (Self.more[peer] ?? []) + ["still alive"])
      // What was given up there is given up here.
      #expect(
        await eventually {
          server.facts.all.count { $0 == "hang began" }
            == server.facts.all.count { $0 == "hang cancelled" }
            && server.facts.has("count stopped")
        })
    }
  }

  /// A file with one message of 64 bytes.
  private func message() throws -> String {
    let file = FileManager.default.temporaryDirectory.appending(path: "belfry-\(UUID())")
    try Data([0, 0, 0, 0, 64] + Array(repeating: 0x78, count: 64)).write(to: file)
    return file.path
  }

  private func nghttp(_ server: TestServer, _ fields: [String], body: String) async throws -> String
  {
    try await runProgram(
      "/usr/bin/nghttp",
      ["-v", "--no-dep", "-d", body] + fields.flatMap { ["-H", $0] }
        + ["https://127.0.0.1:\(server.port)\(TestMethods.echo.path)"])
  }

  @Test("nghttp shows a head, a message, and trailers")
  func nghttp() async throws {
    let body = try message()
    defer { try? FileManager.default.removeItem(atPath: body) }
    try await with { server in
      let grpc = ["content-type: application/grpc", "te: trailers"]
      let answer = try await nghttp(server, grpc, body: body)
      #expect(answer.contains(":status: 200"))
      #expect(answer.contains("content-type: application/grpc+proto"))
      #expect(answer.contains("recv DATA frame <length=69, flags=0x00"))
      #expect(answer.contains("grpc-status: 0"))
      #expect(answer.contains("; END_STREAM | END_HEADERS"))
      let notGRPC = try await nghttp(server, ["content-type: text/plain"], body: body)
      #expect(notGRPC.contains(":status: 415") && !notGRPC.contains("grpc-status"))
      let put = try await nghttp(server, grpc + [":method: PUT"], body: body)
      #expect(put.contains(":status: 405") && !put.contains("grpc-status"))
    }
  }

  @Test(
    "h2load: each of 20,000 calls on 8 connections is answered",
    arguments: [TestMethods.echo, TestMethods.echoAsync])
  func h2load(method: MethodDescriptor) async throws {
    let body = try message()
    defer { try? FileManager.default.removeItem(atPath: body) }
    try await with { server in
      let output = try await runProgram(
        "/usr/bin/h2load",
        [
          "-n", "20000", "-c", "8", "-m", "32", "-d", body, "-H", "content-type: application/grpc",
          "-H", "te: trailers", "https://127.0.0.1:\(server.port)\(method.path)",
        ])
      let counts = "20000 total, 20000 started, 20000 done, 20000 succeeded, 0 failed, 0 errored"
      #expect(output.contains(counts), "\(output)")
      #expect(output.contains("status codes: 20000 2xx"))
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }
}
