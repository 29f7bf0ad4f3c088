internal import OrderedCollections

/// How long a certificate is good.
package struct CertificateLife: Sendable, Equatable {
  /// One that renews itself does so at two thirds of its life at the latest, 56 h before the end of
  /// seven days: whoever has not done so by now needs somebody.
  package static let warningMax = Duration.seconds(48 * 3_600)

  /// A certificate begins so much earlier than it is made, for slow clocks.
  private static let backdating = Duration.seconds(300)

  package var begins: WallTime
  package var ends: WallTime

  package init(begins: WallTime, ends: WallTime) {
    self.begins = begins
    self.ends = ends
  }

  /// 48 hours before the end; of a life shorter than seven days, when two sevenths of it are left.
  package var warnsFrom: WallTime {
    let life = max(.zero, ends - begins - Self.backdating)
    return ends - min(Self.warningMax, .milliseconds(life.millisecondsClamped * 2 / 7))
  }
}

/// Certificates that are about to end: of nodes in session, of the coordinator, and of the CA.
extension ClusterCore {
  static let certificateExpiry = "certificate-expiry"
  /// No node is called so.
  package static let authoritySubject = "CA"

  mutating func watchCertificates(at now: Now) {
    let name = configuration.name
    watch(
      certificate, name.text, "the certificate of coordinator \(name)",
      next:
        "it has not renewed itself; see its log, or where the CA is: belfry cert issue coordinator \(name) "
        + "--force, and start it again", at: now)
    watch(
      configuration.authority, Self.authoritySubject, "the CA's certificate",
      next: "all that it issued ends with it: make a new CA, and let all nodes join anew", at: now)
    for worker in workers.values where worker.standing == .up {
      watch(
        worker.hello.certificate, worker.name.text, "the certificate of worker \(worker.name)",
        next: "it has not renewed itself; see its log", at: now)
    }
  }

  private mutating func watch(
    _ life: CertificateLife?, _ subject: String, _ what: String, next: String, at now: Now
  ) {
    guard let life else { return }
    guard now.wall >= life.warnsFrom else {
      resolveIfOpen(
        Self.certificateExpiry, subject, why: "renewed: good until \(RFC3339.text(life.ends))",
        at: now)
      return
    }
    raise(
      Self.certificateExpiry, subject, .warning, "\(what) ends soon",
      why: "it ends on \(RFC3339.text(life.ends)); \(next)", at: now)
  }

  /// The certificate of this subject, as far as it is known here.
  private func certificate(of subject: String) -> CertificateLife? {
    if subject == configuration.name.text { return certificate }
    if subject == Self.authoritySubject { return configuration.authority }
    return NodeName(subject).flatMap { workers[$0] }?.hello.certificate
  }

  func isCertificateGood(_ subject: String, at now: Now) -> Bool {
    certificate(of: subject).map { now.wall < $0.warnsFrom } ?? false
  }
}
