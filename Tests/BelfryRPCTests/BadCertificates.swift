import BelfryIdentity
import BelfryNet
import BelfryTestKit
import Foundation

/// What may be wrong with a peer's certificate, and what our side says of it.
enum CertificateFault: CaseIterable {
  case otherCA, selfSigned, expired, notYetValid, wrongPurpose, issuedByLeaf
  case otherCluster, noName, twoNames, notOurName

  /// What our side logs, beside the identity the certificate claims; the peer must never see it.
  var reason: String {
    switch self {
    case .otherCA: "unable to get local issuer certificate (it is not of our CA)"
    case .selfSigned: "self-signed certificate (it is not of our CA)"
    case .expired: "certificate has expired"
    case .notYetValid: "certificate is not yet valid"
    case .wrongPurpose: "certificate purpose"
    case .issuedByLeaf: "invalid CA certificate"
    case .otherCluster: "wrong cluster, test expected"
    case .noName, .twoNames, .notOurName: "certificate names no Belfry identity"
    }
  }

  /// Whether our own side would come with such a certificate at all.
  var canBeLoaded: Bool {
    switch self {
    case .noName, .twoNames, .notOurName: false
    default: true
    }
  }

  /// What the refused peer says, when it is our own client: it knows nothing but its own dates.
  var guess: String {
    switch self {
    case .expired: "our certificate has ended: it expired 1 h ago"
    case .notYetValid: "our certificate has not begun yet: is this machine's clock right?"
    default: "its log says why"
    }
  }
}

/// Makes certificates that ours would not make: `openssl` signs them, with the cluster's own CA where
/// the fault is another.
struct BadCertificates {
  let certificates: TestCertificates
  /// Of the same cluster by its name, with another CA.
  private let others: TestCertificates

  init(_ certificates: TestCertificates) throws {
    self.certificates = certificates
    others = try TestCertificates()
  }

  private struct Names {
    var uris: [String]
    /// The one purpose it is good for.
    var usage: String
  }

  /// A certificate with one fault for a worker or a coordinator, who trusts the right peers.
  func make(_ fault: CertificateFault, for role: Role) async throws -> TLSConfiguration {
    var tls = try await files(fault, role)
    tls.cluster = "test"
    return tls
  }

  private func files(_ fault: CertificateFault, _ role: Role) async throws -> TLSConfiguration {
    let now = Validity.nowEpochSeconds()
    let uri = "spiffe://test/\(role.rawValue)/x"
    var names = Names(uris: [uri], usage: role == .coordinator ? "serverAuth" : "clientAuth")
    switch fault {
    case .otherCA: return try others.member(role, "x", trusting: certificates)
    case .expired: return try certificates.member(role, "x", validity: TestCertificates.expired)
    case .notYetValid:
      let later = try Validity(
        notBeforeEpochSeconds: now + 3_600, notAfterEpochSeconds: now + 7_200)
      return try certificates.member(role, "x", validity: later)
    case .selfSigned: return try await sign(names, issuer: nil)
    case .issuedByLeaf:
      let leaf = try certificates.member(role, "x")
      return try await sign(names, issuer: leaf)
    case .wrongPurpose: names.usage = role == .coordinator ? "clientAuth" : "serverAuth"
    case .otherCluster: names.uris = ["spiffe://elsewhere/\(role.rawValue)/x"]
    case .noName: names.uris = []
    case .twoNames: names.uris.append(uri + "2")
    case .notOurName: names.uris = ["spiffe://test/\(role.rawValue)/x/y"]
    }
    return try await sign(names, issuer: certificates.authorityFiles())
  }

  /// The chain goes down to the issuer when that is no CA.
  private func sign(_ names: Names, issuer: TLSConfiguration?) async throws -> TLSConfiguration {
    let (certificate, key) = certificates.newFiles("bad")
    var arguments = [
      "openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
      "-config", "/dev/null", "-subj", "/CN=spiffe:\\/\\/test\\/worker\\/x", "-days", "1",
      "-keyout", key, "-out", certificate,
    ]
    var extensions = [
      "basicConstraints=critical,CA:FALSE", "keyUsage=critical,digitalSignature",
      "extendedKeyUsage=\(names.usage)",
    ]
    if !names.uris.isEmpty {
      let list = names.uris.map { "URI:\($0)" }.joined(separator: ",")
      extensions.append("subjectAltName=\(list)")
    }
    for text in extensions { arguments += ["-addext", text] }
    if let issuer, let issuerCertificate = issuer.certificateChainFile, let own = issuer.keyFile {
      arguments += ["-CA", issuerCertificate, "-CAkey", own]
    }
    _ = try await runProgram("/usr/bin/env", arguments)
    if let between = issuer?.certificateChainFile, between != certificates.caFile {
      let chain = try [certificate, between].map { try String(contentsOfFile: $0, encoding: .utf8) }
      try chain.joined().write(toFile: certificate, atomically: true, encoding: .utf8)
    }
    return TLSConfiguration(
      certificateChainFile: certificate, keyFile: key, caFile: certificates.caFile)
  }
}

/// Runs a program of others that plays a peer; what it wrote, its errors included, however it ended.
func outputOf(_ program: [String]) async throws -> String {
  try await runProgram("/bin/sh", ["-c", #""$@" 2>&1 || true"#, "sh"] + program)
}
