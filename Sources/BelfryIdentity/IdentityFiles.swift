#if canImport(Darwin)
  internal import Darwin
#else
  internal import Glibc
#endif

/// A folder that holds one identity, complete: what a machine or a person needs to take part.
///
///     ca.pem           the CA's certificate
///     identity.pem     our certificate
///     identity.key     our private key
///     node.json        what the cluster said of the node when it joined (`belfry worker join` only)
///     joining.key      the key of a join that is not done yet
///     renewed.pem      a new key and certificate, on their way to the two files above
package struct IdentityFiles: Sendable {
  private let storage: PrivateFolder

  package init(folder: String) { storage = PrivateFolder(folder, isItsOwners: true) }

  package var folder: String { storage.path }
  package var authorityPath: String { storage.path(of: "ca.pem") }
  package var certificatePath: String { storage.path(of: "identity.pem") }
  package var keyPath: String { storage.path(of: "identity.key") }
  package var nodePath: String { storage.path(of: "node.json") }
  package var joiningKeyPath: String { storage.path(of: "joining.key") }
  private var renewedPath: String { storage.path(of: "renewed.pem") }

  /// Keeps an identity. With `replacing`, in the place of whatever was there. What an earlier try with the
  /// same key left here when it was cut short is replaced in any case. Throws `alreadyExists`,
  /// `fileSystem`.
  /// - Parameter node: the text of `node.json`, if there is any.
  package func write(
    _ identity: Identity, node: String? = nil, replacing: Bool = false
  ) throws(IdentityError) {
    // The key first: by it the next try knows its own. The CA last: without it nothing is complete.
    var files: [(path: String, text: String, mode: mode_t)] = [(keyPath, identity.keyPEM, 0o600)]
    if let node { files.append((nodePath, node, 0o644)) }
    files += [
      (certificatePath, identity.certificatePEM, 0o644),
      (authorityPath, identity.authorityPEM, 0o644),
    ]
    let isOurs = try storage.readIfThere(keyPath) == identity.keyPEM
    // A renewal of the old one that was cut short would go on, over the new one.
    if replacing || isOurs { storage.remove(renewedPath) }
    try storage.write(files, replacing: replacing || isOurs)
  }

  /// Throws `notFound`, `fileSystem`, and what `Identity` throws.
  package func read() throws(IdentityError) -> Identity {
    try finishRenewal()
    return try Self.read(authority: authorityPath, certificate: certificatePath, key: keyPath)
  }

  /// The same from three files of any names, such as another PKI makes.
  package static func read(
    authority: String, certificate: String, key: String
  ) throws(IdentityError) -> Identity {
    let authorityPEM = try PrivateFolder.read(authority)
    let certificatePEM = try PrivateFolder.read(certificate)
    let keyPEM = try PrivateFolder.read(key)
    do {
      return try Identity(
        authorityPEM: authorityPEM, certificatePEM: certificatePEM, keyPEM: keyPEM)
    } catch {
      throw IdentityError(
        error.code, "\(certificate) with \(key) and \(authority): \(error.message)")
    }
  }

  /// Removes it, the key first; what else is in the folder stays.
  package func remove() {
    for path in [keyPath, renewedPath, joiningKeyPath, certificatePath, authorityPath, nodePath] {
      storage.remove(path)
    }
  }

  /// The text of `node.json`; nil when the node did not join by a token.
  package func node() throws(IdentityError) -> String? { try storage.readIfThere(nodePath) }
}

/// Joining: the key is kept before anything is sent, and until all is kept.
extension IdentityFiles {
  /// The key of the join that was begun here before and did not end, else a new one: on the disk when
  /// this returns. By it the cluster knows again whom it has answered already. Throws `fileSystem`,
  /// `badKey`.
  package func joiningKey() throws(IdentityError) -> KeyPair {
    if let kept = try storage.readIfThere(joiningKeyPath) { return try KeyPair(pem: kept) }
    let key = try KeyPair.generate()
    try storage.write([(joiningKeyPath, try key.pem(), 0o600)], replacing: false)
    return key
  }

  /// The identity is kept: its key is where it belongs.
  package func forgetJoiningKey() { storage.remove(joiningKeyPath) }
}

/// Renewal: key and certificate are two files, and change together whatever happens between them.
extension IdentityFiles {
  /// Puts a new identity in the place of the old. Both are first written as one file; from then on
  /// it is the new one, also if we die before the two files have it: `read` goes on from there.
  package func replace(with identity: Identity) throws(IdentityError) {
    try storage.write(
      [(renewedPath, identity.keyPEM + identity.certificatePEM, 0o600)], replacing: true)
    try storage.write([(authorityPath, identity.authorityPEM, 0o644)], replacing: true)
    try finishRenewal()
  }

  /// Before a certificate is asked for that could not be kept. Throws `fileSystem`.
  package func checkIsWritable() throws(IdentityError) { try storage.checkIsWritable() }

  private func finishRenewal() throws(IdentityError) {
    guard let text = try storage.readIfThere(renewedPath) else { return }
    let mark = "-----BEGIN CERTIFICATE-----"
    guard let begin = text.indices.first(where: { text[$0...].hasPrefix(mark) }) else {
      throw IdentityError(.badCertificate, "\(renewedPath) holds no certificate")
    }
    try storage.write(
      [(keyPath, String(text[..<begin]), 0o600), (certificatePath, String(text[begin...]), 0o644)],
      replacing: true)
    storage.remove(renewedPath)
  }
}
