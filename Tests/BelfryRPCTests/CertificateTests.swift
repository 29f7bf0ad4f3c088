import BelfryIdentity
import BelfryNet
import BelfryRPC
import BelfryTestKit
import Foundation
import NIOCore
import NIOPosix
import Testing

/// Bad certificates, in both directions: refused, the reason on our side, none on the peer's.
@Suite struct CertificateTests {
  /// All that a refused peer of ours may know, whatever was wrong.
  static let told = "the peer refused us (sslv3 alert handshake failure); "

  let certificates: TestCertificates
  let bad: BadCertificates

  init() throws {
    certificates = try TestServer.certificates.get()
    bad = try BadCertificates(certificates)
  }

  @Test("a client's bad certificate: our server logs why, the client learns nothing")
  func clients() async throws {
    try await TestServer.with { server in
      for fault in CertificateFault.allCases where fault.canBeLoaded {
        let tls = try await bad.make(fault, for: .worker)
        try await server.withClient(tls) { client in
          let error = await #expect(throws: RPCConnectError.self, "\(fault)") {
            try await client.connect()
          }
          #expect(error?.kind == .refusedByServer, "\(fault)")
          #expect(error?.reason == "TLS: " + Self.told + fault.guess)
          let call = await #expect(throws: RPCStatus.self, "\(fault)") {
            try await client.unary(TestMethods.echo, ByteBuffer())
          }
          #expect(call?.code == .unavailable)
        }
        await expectRefusals(by: server, fault)
      }
      let isAlive = try await server.answers()
      #expect(isAlive)
    }
  }

  @Test("a server's bad certificate: our client says why, the server learns nothing")
  func servers() async throws {
    for fault in CertificateFault.allCases where fault.canBeLoaded {
      let tls = try await bad.make(fault, for: .coordinator)
      try await TestServer.with(tls: tls) { server in
        try await server.withClient { client in
          let error = await #expect(throws: RPCConnectError.self, "\(fault)") {
            try await client.connect()
          }
          #expect(error?.kind == .serverRefused, "\(fault)")
          #expect(error?.reason.contains(fault.reason) == true, "\(fault): \(error?.reason ?? "")")
        }
        let lines = await refusals(by: server)
        #expect(!lines.isEmpty, "\(fault)")
        #expect(lines.allSatisfy { $0.contains("reason=" + Self.told) }, "\(lines)")
      }
    }
  }

  @Test("our own side does not come with a certificate that names nobody, or two")
  func ownCertificates() async throws {
    for fault in CertificateFault.allCases where !fault.canBeLoaded {
      let tls = try await bad.make(fault, for: .coordinator)
      let errors = [
        #expect(throws: TLSError.self, "\(fault)") { try TLSContext.client(tls) },
        #expect(throws: TLSError.self, "\(fault)") { try TLSContext.server(tls) },
      ]
      for error in errors {
        #expect(error?.kind == .configuration)
        #expect(error?.reason.contains("names no Belfry identity") == true)
      }
    }
  }

  @Test("openssl and Python with bad certificates see an alert and nothing else")
  func foreignClients() async throws {
    for fault in CertificateFault.allCases {
      try await TestServer.with { server in
        let tls = try await bad.make(fault, for: .worker)
        let (certificate, key) = try pair(tls)
        let seen = try await outputOf([
          "openssl", "s_client", "-connect", "127.0.0.1:\(server.port)", "-alpn", "h2",
          "-cert", certificate, "-cert_chain", certificate, "-key", key,
          "-CAfile", certificates.caFile, "-msg", "-ign_eof",
        ])
        #expect(seen.contains("<<< TLS 1.3, Alert [length 0002], fatal handshake_failure"))
        #expect(!seen.contains(fault.reason), "\(fault): \(seen)")
        await expectRefusals(by: server, fault)
        let said = try await python("client", tls, "\(server.port)")
        #expect(said == "SSLV3_ALERT_HANDSHAKE_FAILURE", "\(fault)")
        await expectRefusals(by: server, fault, count: 2)
      }
    }
  }

  @Test("a Python server with a bad certificate sees an alert and nothing else")
  func foreignServers() async throws {
    for fault in CertificateFault.allCases {
      let tls = try await bad.make(fault, for: .coordinator)
      let portFile = certificates.newFiles("port").certificate
      async let said = python("server", tls, portFile)
      var port: Int?
      _ = await eventually {
        port = (try? String(contentsOfFile: portFile, encoding: .utf8)).flatMap { Int($0) }
        return port != nil
      }
      let client = try RPCClient(
        target: RPCTarget(host: "127.0.0.1", port: try #require(port)),
        tls: certificates.member(.worker, "w1"),
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton, options: .patient)
      let error = await #expect(throws: RPCConnectError.self) { try await client.connect() }
      await client.close()
      #expect(error?.kind == .serverRefused, "\(fault)")
      #expect(error?.reason.contains(fault.reason) == true, "\(fault): \(error?.reason ?? "")")
      #expect(try await said == "SSLV3_ALERT_HANDSHAKE_FAILURE", "\(fault)")
    }
  }

  private func expectRefusals(
    by server: TestServer, _ fault: CertificateFault, count: Int = 1
  ) async {
    _ = await eventually {
      server.log.all.count { $0.hasPrefix("refused") && $0.contains(fault.reason) } >= count
    }
    let lines = server.log.all.filter { $0.hasPrefix("refused a connection") }.suffix(count)
    #expect(lines.count == count, "\(fault): \(lines)")
    #expect(
      lines.allSatisfy { $0.contains(fault.reason) && $0.contains("127.0.0.1") },
      "\(fault): \(lines)")
  }

  private func refusals(by server: TestServer) async -> [String] {
    _ = await eventually { server.log.all.contains { $0.hasPrefix("refused a connection") } }
    return server.log.all.filter { $0.hasPrefix("refused a connection") }
  }

  private func pair(_ tls: TLSConfiguration) throws -> (certificate: String, key: String) {
    (try #require(tls.certificateChainFile), try #require(tls.keyFile))
  }

  /// Python's own TLS as a peer: prints the name of the alert it was sent.
  private func python(
    _ side: String, _ tls: TLSConfiguration, _ place: String
  ) async throws -> String {
    let (certificate, key) = try pair(tls)
    return try await outputOf(
      ["python3", "-c", Self.peer, side, certificate, key, certificates.caFile, place])
  }

  private static let peer = """
    import os, socket, ssl, sys
    side, certificate, key, ca, place = sys.argv[1:]
    isServer = side == "server"
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if isServer else ssl.PROTOCOL_TLS_CLIENT)
    tls.check_hostname = False
    tls.load_cert_chain(certificate, key)
    tls.load_verify_locations(ca)
    tls.set_alpn_protocols(["h2"])
    if isServer:
        listener = socket.create_server(("127.0.0.1", 0))
        listener.settimeout(60)
        with open(place + ".new", "w") as file:
            file.write(str(listener.getsockname()[1]))
        os.rename(place + ".new", place)
        plain = listener.accept()[0]
    else:
        plain = socket.create_connection(("127.0.0.1", int(place)))
    plain.settimeout(60)
    try:
        peer = tls.wrap_socket(plain, server_side=isServer)
        while peer.recv(65536):
            pass
        print("closed without an alert")
    except ssl.SSLError as error:
        print(error.reason)
    """
}
