import BelfryAPI
import BelfryIdentity
import BelfryWorker
import SwiftProtobuf
import Testing

/// A server with a coordinator's stolen certificate answers: what it says is believed only as far as the
/// token and the request say the same.
@Suite struct JoinAnswerTests {
  let authority: CertificateAuthority
  let token: JoinToken

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    token = try JoinToken.make(authorityPEM: authority.certificatePEM)
  }

  private func answer(
    _ asked: String, role: Role = .worker, name: String = "w1", said: String = "w1",
    authorityPEM: String? = nil
  ) throws -> Identity {
    let key = try KeyPair.generate()
    let id = try SPIFFEID(cluster: "c1", role: role, name: name)
    let certificate = try authority.sign(
      CertificateRequest.make(for: key), as: id, validity: .lasting(.seconds(600)))
    let reply = Belfry_V1_EnrollReply.with {
      $0.name = said
      $0.certificate = certificate
      $0.authority = authorityPEM ?? authority.certificatePEM
    }
    return try JoinClient.identity(reply, asked: asked, token, key)
  }

  @Test func whatWasAskedForIsTaken() throws {
    #expect(try answer("w1").id.name == "w1")
    #expect(try answer("").id.name == "w1", "the token's name")
  }

  @Test func aSecondRootIsNotPlanted() throws {
    let other = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    let (pinned, planted) = (authority.certificatePEM, other.certificatePEM)
    for text in [pinned + planted, planted + pinned, planted, pinned + "\nmore", "text\n" + pinned]
    {
      #expect(throws: IdentityError.self) { try answer("w1", authorityPEM: text) }
    }
  }

  @Test func anotherNameOrRoleIsNotTaken() {
    #expect(throws: IdentityError.self) { try answer("w1", name: "w2") }
    #expect(throws: IdentityError.self) { try answer("", name: "w2") }
    #expect(throws: IdentityError.self) { try answer("w1", role: .operator) }
  }
}
