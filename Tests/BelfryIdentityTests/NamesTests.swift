import BelfryIdentity
import Testing

@Suite struct NamesTests {
  @Test(arguments: [
    "spiffe://c/worker/w", "spiffe://a.b-c.example/coordinator/0", "spiffe://c1/operator/ops-1",
    "spiffe://\(String(repeating: "c", count: 63))/producer/\(String(repeating: "n", count: 63))",
  ])
  func idIsReadAsWritten(text: String) throws {
    let id = try SPIFFEID(parsing: text)
    #expect(id.description == text)
    #expect(try SPIFFEID(cluster: id.cluster, role: id.role, name: id.name) == id)
  }

  @Test(arguments: [
    "", "spiffe://", "spiffe:///worker/w", "spiffe://c", "spiffe://c/worker", "spiffe://c/worker/",
    "spiffe://c/worker/w/", "spiffe://c/worker/w/x", "spiffe://c//w", "SPIFFE://c/worker/w",
    "https://c/worker/w", " spiffe://c/worker/w", "spiffe://c/Worker/w", "spiffe://c/admin/w",
    "spiffe://c/worker/W", "spiffe://c/worker/-w", "spiffe://c/worker/w.x", "spiffe://c/worker/w_x",
    "spiffe://c/worker/w?x", "spiffe://c/worker/w#x", "spiffe://c/worker/%77",
    "spiffe://c/worker/w\u{0}", "spiffe://c/worker/w\n", "spiffe://c/worker/wé",
    "spiffe://c/worker/w\u{301}", "spiffe://c\u{301}/worker/w", "spiffe://.c/worker/w",
    "spiffe://c:1/worker/w", "spiffe://u@c/worker/w",
    "spiffe://c/worker/\(String(repeating: "n", count: 64))",
    "spiffe://\(String(repeating: "c", count: 64))/worker/w",
  ])
  func otherTextIsNoID(text: String) {
    let error = #expect(throws: IdentityError.self) { try SPIFFEID(parsing: text) }
    #expect(error?.code == .badName)
  }

  @Test func messagesStayShort() {
    let error = #expect(throws: IdentityError.self) {
      try SPIFFEID(parsing: String(repeating: "x", count: 1_000_000))
    }
    #expect((error?.message.utf8.count ?? .max) < 200)
  }

  @Test(arguments: [
    "", "a,DNS:evil", "a,b", "a, b", "a b", "a\nb", "*.example", "-a", "a..b", "a.", ".a",
    "300.1.1.1",
    "1.2.3", "1.2.3.4\u{0}", "::g", "1.2.3.4/8", "email:x", "wörker", "a\u{0}b",
    String(repeating: "a", count: 64), String(repeating: "abc.", count: 70) + "x",
  ])
  func hostsCannotSmuggle(host: String) throws {
    let authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(60))
    let error = #expect(throws: IdentityError.self) {
      try authority.issue(.coordinator, "a", hosts: ["ok.example", host], validFor: .seconds(60))
    }
    #expect(error?.code == .badName)
  }

  @Test(arguments: ["", "C1", "c/1", "c 1", "c,URI:x"])
  func clusterIsCheckedBeforeAnAuthorityIsMade(cluster: String) {
    let error = #expect(throws: IdentityError.self) {
      try CertificateAuthority.create(cluster: cluster, validFor: .seconds(60))
    }
    #expect(error?.code == .badName)
  }

  @Test func nonsenseDatesAreRefused() {
    for (begin, end) in [(2, 1), (1, 1), (-1, 5), (0, 253_402_300_800)] as [(Int64, Int64)] {
      #expect(throws: IdentityError.self) {
        try Validity(notBeforeEpochSeconds: begin, notAfterEpochSeconds: end)
      }
    }
    for length in [Duration.zero, .seconds(-1), .seconds(Int64.max), .seconds(1_000_000_000_000)] {
      #expect(throws: IdentityError.self) { try Validity.lasting(length) }
    }
  }
}
