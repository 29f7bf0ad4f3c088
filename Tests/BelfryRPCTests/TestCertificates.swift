import BelfryIdentity
import BelfryNet
import Foundation

/// Real certificates of a cluster's CA, in a folder of their own that goes when this does.
final class TestCertificates: Sendable {
  let authority: CertificateAuthority
  private let folder: URL

  init(cluster: String = "test") throws {
    authority = try CertificateAuthority.create(cluster: cluster, validFor: .seconds(86_400))
    folder = FileManager.default.temporaryDirectory.appending(path: "belfry-rpc-\(UUID())")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try authority.certificatePEM.write(
      toFile: caFile, atomically: true, encoding: .utf8)
  }

  deinit { try? FileManager.default.removeItem(at: folder) }

  var caFile: String { folder.appending(path: "ca.pem").path }

  /// A member of the cluster. `trusting` replaces the CA it believes in.
  func member(
    _ role: Role, _ name: String, validity: Validity? = nil, trusting other: TestCertificates? = nil
  ) throws -> TLSConfiguration {
    let identity = try authority.issue(
      role, name, validity: try validity ?? .lasting(.seconds(3_600)))
    let (certificate, key) = newFiles("\(role.rawValue)-\(name)")
    try identity.certificatePEM.write(toFile: certificate, atomically: true, encoding: .utf8)
    try identity.keyPEM.write(toFile: key, atomically: true, encoding: .utf8)
    return TLSConfiguration(
      certificateChainFile: certificate, keyFile: key, caFile: other?.caFile ?? caFile)
  }

  /// Names of files that nobody has used; they go with the folder.
  func newFiles(_ name: String) -> (certificate: String, key: String) {
    let base = folder.appending(path: "\(name)-\(UUID())").path
    return (base + ".pem", base + ".key")
  }

  /// The CA itself with its key, for others to sign with.
  func authorityFiles() throws -> TLSConfiguration {
    let key = newFiles("ca").key
    try authority.keyPEM().write(toFile: key, atomically: true, encoding: .utf8)
    return TLSConfiguration(certificateChainFile: caFile, keyFile: key, caFile: caFile)
  }

  /// A peer that shows no certificate.
  var stranger: TLSConfiguration {
    TLSConfiguration(certificateChainFile: nil, keyFile: nil, caFile: caFile)
  }

  static var expired: Validity {
    get throws {
      let now = Validity.nowEpochSeconds()
      return try Validity(
        notBeforeEpochSeconds: now - 7_200, notAfterEpochSeconds: now - 3_600)
    }
  }
}
