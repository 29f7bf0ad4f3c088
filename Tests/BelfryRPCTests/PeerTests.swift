import BelfryIdentity
import BelfryNet
import BelfryRPC
import Foundation
import NIOCore
import Testing

/// Who is let in, who is not, and what each side is told.
@Suite struct PeerTests {
  /// The client is refused by the server; only the server knows why.
  private func expectRefused(
    _ tls: TLSConfiguration, reason: String, ours: String = "its log says why",
    sourceLocation: SourceLocation = #_sourceLocation
  ) async throws {
    try await TestServer.with { server in
      try await server.withClient(tls) { client in
        let error = await #expect(throws: RPCConnectError.self, sourceLocation: sourceLocation) {
          try await client.connect()
        }
        #expect(error?.kind == .refusedByServer, sourceLocation: sourceLocation)
        #expect(error?.reason.contains(reason) == false, sourceLocation: sourceLocation)
        #expect(error?.reason.contains(ours) == true, sourceLocation: sourceLocation)
        _ = await eventually { server.log.all.contains { $0.hasPrefix("refused a connection") } }
        let lines = server.log.all.filter { $0.hasPrefix("refused a connection") }
        #expect(lines.count == 1, sourceLocation: sourceLocation)
        #expect(
          lines.allSatisfy { $0.contains(reason) && $0.contains("127.0.0.1") },
          "\(lines)", sourceLocation: sourceLocation)
        let call = await #expect(throws: RPCStatus.self, sourceLocation: sourceLocation) {
          try await client.unary(TestMethods.echo, ByteBuffer())
        }
        #expect(call?.code == .unavailable, sourceLocation: sourceLocation)
      }
      let isAlive = try await server.answers()
      #expect(isAlive, sourceLocation: sourceLocation)
    }
  }

  @Test("a worker of another CA is refused")
  func wrongCA() async throws {
    let other = try TestCertificates()
    let ours = try TestServer.certificates.get()
    try await expectRefused(
      other.member(.worker, "w", trusting: ours), reason: "unable to get local issuer certificate")
  }

  @Test("a worker whose certificate has expired is refused")
  func expired() async throws {
    try await expectRefused(
      TestServer.certificates.get().member(.worker, "w", validity: TestCertificates.expired),
      reason: "certificate has expired", ours: "it expired 1 h ago")
  }

  @Test("a worker whose certificate is not valid yet is refused")
  func notYetValid() async throws {
    let now = Validity.nowEpochSeconds()
    let later = try Validity(
      notBeforeEpochSeconds: now + 3_600, notAfterEpochSeconds: now + 7_200)
    try await expectRefused(
      TestServer.certificates.get().member(.worker, "w", validity: later),
      reason: "certificate is not yet valid", ours: "is this machine's clock right?")
  }

  @Test("a worker with a self-signed certificate is refused")
  func selfSigned() async throws {
    let ours = try TestServer.certificates.get()
    let files = try SelfSigned(uri: "spiffe://test/worker/w")
    try await expectRefused(
      TLSConfiguration(
        certificateChainFile: files.certificate, keyFile: files.key, caFile: ours.caFile),
      reason: "self-signed certificate")
  }

  @Test("a server whose certificate has expired is refused, and the client is told why")
  func expiredServer() async throws {
    let files = try TestServer.certificates.get()
    try await expectServerRefused(
      files.member(.coordinator, "c", validity: TestCertificates.expired),
      reason: "certificate has expired")
  }

  @Test("a server of another CA is refused, and the client is told why")
  func wrongServerCA() async throws {
    let other = try TestCertificates()
    try await expectServerRefused(
      other.member(.coordinator, "c"), reason: "unable to get local issuer certificate")
  }

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
      #expect(server.log.all.contains { $0.contains("wrong cluster, elsewhere expected") })
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
    tls.caFile = "/nowhere/ca.pem"
    let ca = #expect(throws: TLSError.self) { try TLSContext.server(tls) }
    #expect(ca?.reason.contains("CA certificate /nowhere/ca.pem") == true)
  }
}

/// A certificate that nobody but itself has signed, made by the `openssl` command.
private final class SelfSigned {
  let certificate: String
  let key: String
  private let folder: URL

  init(uri: String) throws {
    folder = FileManager.default.temporaryDirectory.appending(path: "belfry-self-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    certificate = folder.appending(path: "self.pem").path
    key = folder.appending(path: "self.key").path
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments =
      ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
      + ["-nodes", "-subj", "/CN=w", "-addext", "subjectAltName=URI:\(uri)", "-days", "1"]
      + ["-keyout", key, "-out", certificate]
    process.standardError = FileHandle.nullDevice
    try process.run()
    process.waitUntilExit()
    try #require(process.terminationStatus == 0)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }
}
