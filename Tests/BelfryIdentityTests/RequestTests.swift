import BelfryIdentity
import Foundation
import Testing

/// Signing requests: of ours, of `openssl`'s, and of a liar.
@Suite struct RequestTests {
  let authority: CertificateAuthority
  let id: SPIFFEID
  let validity: Validity

  init() throws {
    authority = try CertificateAuthority.create(cluster: "c1", validFor: .seconds(3_600))
    id = try SPIFFEID(cluster: "c1", role: .worker, name: "w1")
    validity = try Validity.lasting(.seconds(600))
  }

  @Test func keyNeverLeavesItsMachine() throws {
    let key = try KeyPair.generate()
    let request = try CertificateRequest.make(for: key).pem()
    try withFolder { files in
      try files.write(authority)
      let path = files.folder + "/request"
      try request.write(toFile: path, atomically: true, encoding: .utf8)
      let shown = try OpenSSLCommand.run(["req", "-in", path, "-verify", "-noout"])
      #expect(shown.status == 0 && shown.output.contains("OK"), "\(shown.output)")

      let certificate = try authority.sign(
        CertificateRequest(pem: request), as: id, validity: validity)
      let identity = try Identity(
        authorityPEM: authority.certificatePEM, certificatePEM: certificate, keyPEM: key.pem())
      #expect(identity.id == id)
      try files.identity(named: "w1").write(identity)
      let verified = try OpenSSLCommand.verify(
        files.identity(named: "w1").certificatePath, ca: files.certificatePath,
        purpose: "sslclient")
      #expect(verified.status == 0, "\(verified.output)")
    }
  }

  @Test func whatARequestWishesForIsNotGranted() throws {
    try withFolder { files in
      try files.write(authority)
      let path = files.folder + "/request"
      let made = try OpenSSLCommand.run([
        "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
        "-keyout", files.folder + "/theirs", "-out", path, "-subj", "/CN=root",
        "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "extendedKeyUsage=serverAuth",
        "-addext", "subjectAltName=URI:spiffe://c1/operator/root,DNS:coord.example",
      ])
      try #require(made.status == 0, "\(made.output)")
      let request = try CertificateRequest(pem: String(contentsOfFile: path, encoding: .utf8))
      let signed = files.folder + "/signed"
      try authority.sign(request, as: id, validity: validity)
        .write(toFile: signed, atomically: true, encoding: .utf8)
      let text = try OpenSSLCommand.text(signed)
      #expect(text.contains("URI:spiffe://c1/worker/w1\n") && text.contains("CA:FALSE"))
      for wish in ["root", "operator", "coord.example", "CA:TRUE", "Server"] {
        #expect(!text.contains(wish), "\(wish) in \(text)")
      }
    }
  }

  @Test(arguments: [
    ["-newkey", "rsa:2048"], ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp384r1"],
    ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"], ["-newkey", "ed25519"],
  ])
  func otherKeysAreRefused(kind: [String]) throws {
    try withFolder { files in
      try files.write(authority)
      let path = files.folder + "/request"
      let made = try OpenSSLCommand.run(
        ["req", "-new", "-nodes", "-keyout", "/dev/null", "-out", path, "-subj", "/CN=x"] + kind)
      try #require(made.status == 0, "\(made.output)")
      let pem = try String(contentsOfFile: path, encoding: .utf8)
      let error = #expect(throws: IdentityError.self) { _ = try CertificateRequest(pem: pem) }
      #expect(error?.code == .badRequest)
      #expect(error?.message.contains("P-256") == true)
    }
  }

  @Test func everyChangedByteIsNoticed() throws {
    let pem = try CertificateRequest.make(for: .generate()).pem()
    let body = pem.split(separator: "\n").dropFirst().dropLast().joined()
    let bytes = try #require(Data(base64Encoded: body))
    for index in bytes.indices {
      var changed = bytes
      changed[index] ^= 0x01
      let text = changed.base64EncodedString(options: .lineLength64Characters)
      let error = #expect(throws: IdentityError.self, "byte \(index)") {
        _ = try CertificateRequest(
          pem: "-----BEGIN CERTIFICATE REQUEST-----\n\(text)\n-----END CERTIFICATE REQUEST-----\n")
      }
      #expect(error?.code == .badRequest)
    }
  }

  @Test func anotherClustersMemberIsNotSigned() throws {
    let other = try SPIFFEID(cluster: "c2", role: .worker, name: "w1")
    let request = try CertificateRequest.make(for: .generate())
    var code: IdentityError.Code?
    do throws(IdentityError) {
      _ = try authority.sign(request, as: other, validity: validity)
    } catch {
      code = error.code
    }
    #expect(code == .mismatch)
  }
}
