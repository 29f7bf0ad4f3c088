/// What lets one machine, or some, join a cluster: a line of text to paste there.
///
///     BFT1-<52 characters: SHA-256 of the CA's public key>-<36: id and secret>-<4: checksum>
///
/// All in base32 (RFC 4648, lower case), so that it survives chats, shells and being read aloud. The
/// checksum is for typing errors, found before anything is sent; it protects from nothing else.
package struct JoinToken: Sendable {
  private static let prefix = "BFT1"
  private static let idBytes = 6
  private static let secretBytes = 16

  /// SHA-256 of the public key (SubjectPublicKeyInfo) of the cluster's CA: whom to trust.
  package let authoritySHA256: [UInt8]
  /// Names the token where it is no secret: `bt_` and 10 characters.
  package let id: String
  let secret: [UInt8]

  private init(authoritySHA256: [UInt8], body: [UInt8]) {
    self.authoritySHA256 = authoritySHA256
    id = "bt_" + Base32.encode(body.prefix(Self.idBytes))
    secret = Array(body.dropFirst(Self.idBytes))
  }

  /// A new one. Throws `badCertificate` when the CA cannot be read.
  package static func make(authorityPEM: String) throws(IdentityError) -> JoinToken {
    let authority = try CertificateInfo(pem: authorityPEM)
    return JoinToken(
      authoritySHA256: authority.publicKeySHA256,
      body: try Random.bytes(idBytes + secretBytes))
  }

  /// Reads what `text` writes; white space around it is ignored. Throws `badToken`.
  package init(parsing text: String) throws(IdentityError) {
    let trimmed = text.split(whereSeparator: \.isWhitespace)
    guard trimmed.count == 1, let word = trimmed.first, word.utf8.count <= 256 else {
      throw IdentityError(.badToken, "a token is one word that begins with \(Self.prefix)-")
    }
    let parts = word.split(separator: "-", omittingEmptySubsequences: false)
    guard parts.first.map({ String($0).uppercased() }) == Self.prefix else {
      throw IdentityError(.badToken, "a token begins with \(Self.prefix)-")
    }
    guard parts.count == 4 else {
      throw IdentityError(
        .badToken,
        "a token has 4 parts between its dashes, this one has \(parts.count): "
          + "a piece is missing")
    }
    let (pin, body, check) = (
      parts[1].lowercased(), parts[2].lowercased(), parts[3].lowercased()
    )
    guard let authority = Base32.decode(pin), authority.count == 32,
      let rest = Base32.decode(body), rest.count == Self.idBytes + Self.secretBytes,
      check == Self.checksum(pin, body)
    else {
      throw IdentityError(
        .badToken, "its checksum is wrong: a character is missing or was changed")
    }
    self.init(authoritySHA256: authority, body: rest)
  }

  /// The whole token. A secret: it is shown once, to who asked for it.
  package var text: String {
    let pin = Base32.encode(authoritySHA256)
    // An id is what `init` made of the body's first bytes.
    let body = Base32.encode((Base32.decode(String(id.dropFirst(3))) ?? []) + secret)
    return "\(Self.prefix)-\(pin)-\(body)-\(Self.checksum(pin, body))"
  }

  /// What the cluster keeps of the secret.
  package var storedHash: [UInt8] { TokenProof.storedHash(of: secret) }

  private static func checksum(_ pin: String, _ body: String) -> String {
    let digest = Digest.sha256(Array("\(prefix)-\(pin)-\(body)".utf8))
    return String(Base32.encode(digest).prefix(4))
  }
}

extension JoinToken: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
  package var description: String { id }
  package var debugDescription: String { id }
  package var customMirror: Mirror { Mirror(self, children: ["id": id]) }
}
