#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

/// A folder that holds a CA, or identities, or both:
///
///     ca.pem               the CA's certificate, what everybody trusts
///     ca.key               the CA's private key; only where certificates are issued
///     worker-gpu-7.pem     a member's certificate: <role>-<name>
///     worker-gpu-7.key     its private key
///
/// The role in the file name keeps a coordinator and a worker of one name apart, and both away from
/// the CA. Keys have mode 0600 and the folder, where it is made here, 0700. Every file is replaced
/// whole or not at all.
package struct IdentityFiles: Sendable {
  package let folder: String

  package init(folder: String) { self.folder = folder }

  package var authorityCertificatePath: String { "\(folder)/ca.pem" }
  package var authorityKeyPath: String { "\(folder)/ca.key" }

  package func certificatePath(_ role: Role, _ name: String) -> String {
    "\(folder)/\(role.rawValue)-\(name).pem"
  }

  package func keyPath(_ role: Role, _ name: String) -> String {
    "\(folder)/\(role.rawValue)-\(name).key"
  }

  /// Keeps a CA. With `replacing`, the certificates of the one before are good for nothing any more.
  /// Throws `alreadyExists`, `fileSystem`.
  package func write(
    _ authority: CertificateAuthority, replacing: Bool = false
  ) throws(IdentityError) {
    try makeFolder()
    try writePair(
      certificate: (authority.certificatePEM, authorityCertificatePath),
      key: (authority.keyPEM(), authorityKeyPath), replacing: replacing)
  }

  /// Keeps an identity, and its CA's certificate where there is none yet. Throws `mismatch` when the
  /// folder is of another CA, whatever `replacing` says; `alreadyExists`, `fileSystem`.
  package func write(_ identity: Identity, replacing: Bool = false) throws(IdentityError) {
    try makeFolder()
    try writeAuthorityCertificate(identity.authorityPEM)
    let (role, name) = (identity.id.role, identity.id.name)
    try writePair(
      certificate: (identity.certificatePEM, certificatePath(role, name)),
      key: (identity.keyPEM, keyPath(role, name)), replacing: replacing)
  }

  /// Throws `notFound`, `fileSystem`, and what `CertificateAuthority` throws.
  package func readAuthority() throws(IdentityError) -> CertificateAuthority {
    try CertificateAuthority(
      certificatePEM: Self.read(authorityCertificatePath), keyPEM: Self.read(authorityKeyPath))
  }

  private func writeAuthorityCertificate(_ pem: String) throws(IdentityError) {
    do {
      try StagedFile(pem, for: authorityCertificatePath, mode: 0o644).commit(replacing: false)
    } catch  where error.code == .alreadyExists {
      guard try Self.read(authorityCertificatePath) == pem else {
        throw IdentityError(
          .mismatch, "\(authorityCertificatePath) is another CA than the one that issued this")
      }
    }
  }

  /// Both files are on the disk before either gets its name. A crash between the two renames of a
  /// replacement leaves a pair that does not match; reading it says so.
  private func writePair(
    certificate: (pem: String, path: String), key: (pem: String, path: String), replacing: Bool
  ) throws(IdentityError) {
    let stagedKey = try StagedFile(key.pem, for: key.path, mode: 0o600)
    let stagedCertificate = try StagedFile(certificate.pem, for: certificate.path, mode: 0o644)
    try stagedKey.commit(replacing: replacing)
    do {
      try stagedCertificate.commit(replacing: replacing)
    } catch {
      if !replacing { unsafe unlink(key.path) }
      throw error
    }
    try syncFolder()
  }

  /// Makes the folder, and those above it as the umask has it. One that is there keeps its mode.
  private func makeFolder() throws(IdentityError) {
    var isFolder = false
    var above = folder.startIndex
    while !isFolder {
      let slash = folder[above...].dropFirst().firstIndex(of: "/") ?? folder.endIndex
      isFolder = slash == folder.endIndex
      let path = String(folder[..<slash])
      let made = unsafe mkdir(path, isFolder ? 0o700 : 0o777) == 0
      guard made || errno == EEXIST else { throw .fileSystem("cannot make the folder", path) }
      above = slash
    }
  }

  private func syncFolder() throws(IdentityError) {
    let descriptor = unsafe open(folder, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .fileSystem("cannot open the folder", folder) }
    defer { close(descriptor) }
    guard fsync(descriptor) == 0 else { throw .fileSystem("cannot flush the folder", folder) }
  }

  /// The whole of a small text file. Throws `notFound`, `fileSystem`; over 1 MiB, `badCertificate`.
  static func read(_ path: String) throws(IdentityError) -> String {
    let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw .fileSystem("cannot open", path) }
    defer { close(descriptor) }
    var text: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 16_384)
    while true {
      let count = unsafe buffer.withUnsafeMutableBytes { bytes in
        #if canImport(Darwin)
          unsafe Darwin.read(descriptor, bytes.baseAddress, bytes.count)
        #else
          unsafe Glibc.read(descriptor, bytes.baseAddress, bytes.count)
        #endif
      }
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .fileSystem("cannot read", path) }
      guard count > 0 else { return String(decoding: text, as: UTF8.self) }
      text += buffer[..<count]
      guard text.count <= 1 << 20 else {
        throw IdentityError(.badCertificate, "\(path) is over 1 MiB: no certificate, no key")
      }
    }
  }
}
