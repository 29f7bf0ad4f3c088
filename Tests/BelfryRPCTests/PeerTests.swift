import BelfryIdentity
import BelfryNet
import BelfryRPC
import Foundation
import NIOCore
import Testing

/// Who is let in, who is not, and what each side is told.
@Suite struct PeerTests {
  @Test("a worker that plays coordinator is refused by its clients")
  func wrongServerRole() async throws {
    let files = try TestServer.certificates.get()
    try await expectServerRefused(files.member(.worker, "w"), reason: "worker")
  }

  private func expectServerRefused(
    _ tls: TLSConfiguration, reason: String, sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await TestServer.with(tls: tls) { server in
      try await server.withClient { client in
        let error = await #expect(throws: RPCConnectError.self, sourceLocation: sourceLocation) {
          try await client.connect()
        }
        #expect(error?.kind == .serverRefused, sourceLocation: sourceLocation)
        #expect(
          error?.reason.contains(reason) == true, "\(error?.reason ?? "")",
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test("a member of another cluster is refused, even under the same CA")
  func wrongCluster() async throws {
    var tls = try TestServer.certificates.get().member(.coordinator, "c")
    tls.cluster = "elsewhere"
    try await TestServer.with(tls: tls) { server in
      try await server.withClient { client in
        let error = await #expect(throws: RPCConnectError.self) { try await client.connect() }
        #expect(error?.kind == .refusedByServer)
      }
      #expect(
        await eventually {
          server.log.all.contains { $0.contains("wrong cluster, elsewhere expected") }
        })
    }
  }

  @Test("a stranger may call what strangers may call, a role what its role may")
  func roles() async throws {
    let authorize: RPCServer.Authorize = { method, peer in
      if method == TestMethods.metadata { return nil }
      guard let peer else { return RPCStatus(.unauthenticated, "a certificate is needed") }
      return peer.role == .worker ? nil : RPCStatus(.permissionDenied, "role worker needed")
    }
    try await TestServer.with(authorize: authorize) { server in
      let files = try TestServer.certificates.get()
      try await server.withClient(files.stranger) { client in
        let reply = try await client.unary(TestMethods.metadata, ByteBuffer())
        #expect(reply.trailingMetadata.text("peer") == "stranger")
        await #expect(throws: RPCStatus(.unauthenticated, "a certificate is needed")) {
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
      }
      try await server.withClient(files.member(.producer, "p")) { client in
        await #expect(throws: RPCStatus(.permissionDenied, "role worker needed")) {
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
      }
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  @Test("files that are missing, or do not fit, are named")
  func badFiles() throws {
    let files = try TestServer.certificates.get()
    var tls = try files.member(.worker, "w")
    tls.keyFile = try files.member(.worker, "x").keyFile
    let mismatch = #expect(throws: TLSError.self) { try TLSContext.client(tls) }
    #expect(mismatch?.kind == .configuration)
    tls.certificateChainFile = "/nowhere/cert.pem"
    let missing = #expect(throws: TLSError.self) { try TLSContext.client(tls) }
    #expect(missing?.reason.contains("/nowhere/cert.pem") == true)
    tls.trust = .file("/nowhere/ca.pem")
    let ca = #expect(throws: TLSError.self) { try TLSContext.server(tls) }
    #expect(ca?.reason.contains("CA certificate /nowhere/ca.pem") == true)
  }
}
