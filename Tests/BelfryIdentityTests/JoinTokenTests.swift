import BelfryIdentity
import Testing

/// The line that people paste, and the proof that it makes without being shown.
@Suite struct JoinTokenTests {
  let authority: CertificateAuthority
  let token: JoinToken

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    token = try JoinToken.make(authorityPEM: authority.certificatePEM)
  }

  @Test func aTokenIsReadAsItWasWritten() throws {
    let read = try JoinToken(parsing: "  \(token.text)\n")
    #expect(read.text == token.text && read.id == token.id)
    #expect(read.storedHash == token.storedHash)
    let info = try CertificateInfo(pem: authority.certificatePEM)
    #expect(read.authoritySHA256 == info.publicKeySHA256)
    #expect(try JoinToken(parsing: token.text.uppercased()).text == token.text)
    let other = try JoinToken.make(authorityPEM: authority.certificatePEM)
    #expect(other.text != token.text && other.id != token.id)
  }

  @Test func eachTypingErrorIsFound() throws {
    let text = Array(token.text)
    for index in text.indices where text[index] != "-" {
      var wrong = text
      wrong[index] = text[index] == "a" || text[index] == "A" ? "b" : "a"
      #expect(throws: IdentityError.self, "at \(index)") {
        try JoinToken(parsing: String(wrong))
      }
      var short = text
      short.remove(at: index)
      #expect(throws: IdentityError.self) { try JoinToken(parsing: String(short)) }
    }
    for index in text.indices {  // Cut anywhere.
      #expect(throws: IdentityError.self) { try JoinToken(parsing: String(text[..<index])) }
    }
  }

  @Test(arguments: ["", " ", "BFT2-a-b-c", "BFT1", "BFT1---", "ü", "BFT1-a-b-c d", "\u{0}"])
  func noToken(_ text: String) {
    let error = #expect(throws: IdentityError.self) { try JoinToken(parsing: text) }
    #expect(error?.code == .badToken)
  }

  @Test func nothingPrintsTheSecret() {
    let secret = token.text.split(separator: "-")[2]
    let shown =
      "\(token) \(String(reflecting: token)) \(Mirror(reflecting: token).children.map { "\($0)" })"
    #expect(!shown.contains(secret) && shown.contains(token.id))
  }

  private func context(_ change: (inout TokenProof.Context) -> Void = { _ in })
    -> TokenProof.Context
  {
    var context = TokenProof.Context(
      binding: Array(0..<32), token: token.id, name: "w1", requestPEM: "request")
    change(&context)
    return context
  }

  @Test func aProofIsGoodForItsContextOnly() throws {
    let proof = TokenProof.make(token, context())
    #expect(TokenProof.verify(proof, stored: token.storedHash, context()))
    let others = [
      context { $0.binding[31] = 0 }, context { $0.token = "bt_other" },
      context { $0.name = "w2" }, context { $0.requestPEM = "another's" },
      context { ($0.name, $0.requestPEM) = ("w1r", "equest") },
    ]
    for other in others {
      #expect(!TokenProof.verify(proof, stored: token.storedHash, other), "\(other)")
    }
    let stranger = try JoinToken.make(authorityPEM: authority.certificatePEM)
    #expect(!TokenProof.verify(proof, stored: stranger.storedHash, context()))
    for bad in [[], Array(proof.dropLast()), proof + [0], proof.map { _ in 0 }] {
      #expect(!TokenProof.verify(bad, stored: token.storedHash, context()))
    }
  }

  @Test func whatTheClusterKeepsMakesNoProof() {
    // Whoever reads the store has the hash; a proof needs what it is the hash of.
    let forged = zip(token.storedHash, TokenProof.make(token, context())).map { $0 ^ $1 }
    #expect(!TokenProof.verify(forged, stored: token.storedHash, context()))
    #expect(!TokenProof.verify(token.storedHash, stored: token.storedHash, context()))
  }

  @Test(arguments: 0..<20) func base32RoundTrip(_ count: Int) {
    let bytes = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37 &+ 200) }
    #expect(Base32.decode(Base32.encode(bytes)) == bytes)
  }

  @Test func base32OfTheSpecification() {
    #expect(Base32.encode(Array("foobar".utf8)) == "mzxw6ytboi")
    #expect(Base32.encode(Array("fooba".utf8)) == "mzxw6ytb")
    for bad in ["0", "1", "A", "a", "ab=", "ac", "mzxw6ytboj"] {
      #expect(Base32.decode(bad) == nil)
    }
  }
}
