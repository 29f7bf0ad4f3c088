import BelfryIdentity
import Foundation
import Testing

/// Somebody sits between the machine that joins and the cluster, and passes on what both say.
@Suite(.serialized)
struct JoinAttackTests {
  /// With a certificate of a CA of its own: it is told nothing at all. With a coordinator's own
  /// certificate and key, stolen: what it passes on is refused, because the proof names the connection
  /// it was made for; and it has learned nothing by which it could join itself.
  @Test(arguments: ["foreign", "stolen"]) func aManInTheMiddle(_ certificate: String) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let created = try cluster.require(
      try await cluster.belfry("token", "create", "--name", "w7", "-o", "json"))
    let pattern = /BFT1-[a-z2-7-]+/
    let token = try String(#require(created.out.firstMatch(of: pattern)).output)

    var authority = try AuthorityFiles(folder: cluster.certs).read()
    var identity = try IdentityFiles(folder: cluster.certs + "/c1").read()
    if certificate == "foreign" {
      authority = try CertificateAuthority.create(cluster: "test", validFor: .seconds(600))
      identity = try authority.issue(
        .coordinator, "c1", hosts: ["127.0.0.1"], validFor: .seconds(600))
    }
    let chain = cluster.folder.path + "/middle.pem"
    try (identity.keyPEM + identity.certificatePEM + authority.certificatePEM).write(
      toFile: chain, atomically: true, encoding: .utf8)
    let port = try FreePort.find()
    let heard = cluster.folder.path + "/heard"
    try cluster.start(
      "middle", ["-c", Self.middle, "\(port)", "\(cluster.port)", chain, heard],
      program: cluster.services.python)
    try await until("somebody is in between") { cluster.log("middle").contains("listening") }

    let ended = try await Run.program(
      cluster.belfryPath,
      [
        "worker", "join", "https://127.0.0.1:\(port)", "--token-file", "-", "--identity",
        cluster.folder.path + "/w7",
      ], input: token)
    #expect(ended.status == 76 && ended.err.contains("error[BF0606]"), "\(ended)")
    #expect(!FileManager.default.fileExists(atPath: cluster.folder.path + "/w7/identity.pem"))
    let said = try #require(FileManager.default.contents(atPath: heard))
    if certificate == "foreign" {
      #expect(said.isEmpty, "not a byte is said to who is not the cluster")
    } else {
      #expect(!said.isEmpty && ended.err.contains("proof"), "\(ended.err)")
    }
    let secret = try #require(Base32.decode(String(token.split(separator: "-")[2]))).dropFirst(6)
    #expect(said.range(of: Data(secret)) == nil, "the secret is never sent")
    #expect(said.range(of: Data(token.split(separator: "-")[2].utf8)) == nil)
    #expect(try await cluster.belfry("token", "list").out.contains("valid"), "no use is spent")
  }

  /// After a few wrong tokens nobody behind that address is heard for a while, and is told for how long.
  @Test func whoGuessesHasToWait() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let authority = try AuthorityFiles(folder: cluster.certs).read().certificatePEM
    func join(_ token: String) async throws -> Ended {
      try await Run.program(
        cluster.belfryPath,
        [
          "worker", "join", cluster.server, "--token-file", "-", "--name", "w7", "--identity",
          cluster.folder.path + "/w7",
        ], input: token)
    }
    var tries: [Ended] = []
    repeat {
      tries.append(try await join(JoinToken.make(authorityPEM: authority).text))
      // Five are free; on a slow machine another one each 12 s.
    } while tries.last?.status == 77 && tries.count < 20
    #expect(tries.dropLast().allSatisfy { $0.err.contains("error[BF0605]") }, "\(tries)")
    let refused = try #require(tries.last)
    #expect(tries.count > 5 && refused.status == 75, "\(tries)")
    for words in [
      "error[BF0303]", "too many wrong tokens or proofs came from 127.0.0.1; wait ", "next",
      "with the same token: belfry worker join",
    ] { #expect(refused.err.contains(words), "\(words): \(refused)") }
    let created = try cluster.require(try await cluster.belfry("token", "create", "-o", "json"))
    let right = try String(#require(created.out.firstMatch(of: /BFT1-[a-z2-7-]+/)).output)
    try await until("a right one is heard again", within: 120) {
      try await join(right).status == 0
    }
  }

  /// Whoever knocks may be anybody, and say anything: the log stays small, and others come in afterwards.
  @Test func aStrangerDoesNotFloodTheLog() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let ended = try await cluster.grpc(
      """
      import time
      def field(number, data):
          size, head = len(data), bytes([number << 3 | 2])
          while size > 127: head, size = head + bytes([size & 127 | 128]), size >> 7
          return head + bytes([size]) + data
      # One character, of twenty thousand bytes.
      long = ('a' + '\\u0301' * 10_000).encode()
      begun = time.monotonic()
      # One connection may ask only so often.
      for _ in range(40):
          with stranger() as here:
              for name in ('Enroll', 'Renew') * 5:
                  here.unary_unary('/belfry.v1.Membership/' + name)(
                      field(1, long) + field(3, long), timeout=30)
      print(int(time.monotonic() - begun) + 1)
      """)
    let seconds = try #require(Int(ended.out.dropLast()), "\(ended)")
    let log = cluster.log("c1")
    let lines = log.split(separator: "\n").count {
      $0.contains("was not let in") || $0.contains("was not renewed")
    }
    #expect((1...(51 + 5 * seconds)).contains(lines), "of 400, in \(seconds) s")
    #expect(log.utf8.count < 1_000 * (lines + 100), "each is short: \(log.utf8.count)")
  }

  private static let middle = """
    import socket, ssl, sys, threading
    port, target, chain, heard = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4]
    record = open(heard, 'wb', buffering=0)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(chain)
    server.set_alpn_protocols(['h2'])
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname, client.verify_mode = False, ssl.CERT_NONE
    client.set_alpn_protocols(['h2'])
    def pump(source, sink, write):
        try:
            while data := source.recv(65536):
                write(data)
                sink.sendall(data)
        except OSError:
            pass
        for end in (source, sink):
            try: end.close()
            except OSError: pass
    def serve(raw):
        try:
            inner = server.wrap_socket(raw, server_side=True)
        except (OSError, ssl.SSLError):
            return
        outer = client.wrap_socket(socket.create_connection(('127.0.0.1', target)))
        threading.Thread(target=pump, args=(inner, outer, record.write), daemon=True).start()
        pump(outer, inner, lambda data: None)
    listener = socket.create_server(('127.0.0.1', port))
    print('listening', flush=True)
    while True:
        threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
    """
}
