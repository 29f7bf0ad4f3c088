/// A folder that holds one identity, complete: what a machine or a person needs to take part.
///
///     ca.pem           the CA's certificate
///     identity.pem     our certificate
///     identity.key     our private key
package struct IdentityFiles: Sendable {
  private let storage: PrivateFolder

  package init(folder: String) { storage = PrivateFolder(folder) }

  package var folder: String { storage.path }
  package var authorityPath: String { storage.path(of: "ca.pem") }
  package var certificatePath: String { storage.path(of: "identity.pem") }
  package var keyPath: String { storage.path(of: "identity.key") }

  /// Keeps an identity. With `replacing`, in the place of whatever was there. Throws
  /// `alreadyExists`, `fileSystem`.
  package func write(_ identity: Identity, replacing: Bool = false) throws(IdentityError) {
    try storage.write(
      [
        (keyPath, identity.keyPEM, 0o600), (certificatePath, identity.certificatePEM, 0o644),
        (authorityPath, identity.authorityPEM, 0o644),
      ], replacing: replacing)
  }

  /// Throws `notFound`, `fileSystem`, and what `Identity` throws.
  package func read() throws(IdentityError) -> Identity {
    try Self.read(authority: authorityPath, certificate: certificatePath, key: keyPath)
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
}
