internal import BelfryCore
internal import BelfryNet

extension PeerIdentity {
  /// Nil where its beginning is not known.
  var certificate: CertificateLife? {
    guard notBefore > 0 else { return nil }
    return CertificateLife(
      begins: WallTime(milliseconds: notBefore * 1_000),
      ends: WallTime(milliseconds: notAfter * 1_000))
  }
}
