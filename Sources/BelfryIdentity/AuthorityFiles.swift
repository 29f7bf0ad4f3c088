/// A folder in which a CA is kept, and below it a folder for each identity it issued:
///
///     ca.pem       the CA's certificate, what everybody trusts
///     ca.key       the CA's private key; never leaves the machine that issues
///     gpu-7/       the identity of gpu-7 (`IdentityFiles`): what that machine gets, and all of it
///
/// Two identities of one name, whatever their roles, are refused: names are unique in a cluster.
package struct AuthorityFiles: Sendable {
  private let storage: PrivateFolder

  package init(folder: String) { storage = PrivateFolder(folder) }

  package var folder: String { storage.path }
  package var certificatePath: String { storage.path(of: "ca.pem") }
  package var keyPath: String { storage.path(of: "ca.key") }

  /// Where the identity of `name` is kept.
  package func identity(named name: String) -> IdentityFiles {
    IdentityFiles(folder: storage.path(of: name))
  }

  /// Keeps a CA. With `replacing`, all that the one before had issued is good for nothing any more.
  /// Throws `alreadyExists`, `fileSystem`.
  package func write(
    _ authority: CertificateAuthority, replacing: Bool = false
  ) throws(IdentityError) {
    try storage.write(
      [
        (keyPath, authority.keyPEM(), 0o600), (certificatePath, authority.certificatePEM, 0o644),
      ], replacing: replacing)
  }

  /// Throws `notFound`, `fileSystem`, and what `CertificateAuthority` throws.
  package func read() throws(IdentityError) -> CertificateAuthority {
    let certificatePEM = try PrivateFolder.read(certificatePath)
    let keyPEM = try PrivateFolder.read(keyPath)
    do {
      return try CertificateAuthority(certificatePEM: certificatePEM, keyPEM: keyPEM)
    } catch {
      throw IdentityError(
        error.code, "\(certificatePath) with \(keyPath): \(error.message)")
    }
  }
}
