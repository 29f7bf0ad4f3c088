internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import SwiftProtobuf

extension MembershipService {
  /// So long after its certificate has ended a node may still come back by itself.
  static let returnMax = Duration.seconds(90 * 86_400)

  /// A new certificate for a worker: over its session's connection, or, once the old one has ended,
  /// from a stranger that has the old one's key. And for a coordinator that has no CA, in the stranger's way.
  func renew(
    _ request: Belfry_V1_RenewRequest, peer: PeerIdentity?, binding: [UInt8],
    from address: String, _ audit: AuditLog
  ) async throws -> Belfry_V1_EnrollReply {
    do {
      guard let issuer else {
        throw EnrollRefusal(
          .noAuthority, "coordinator \(coordinator) has no CA to issue certificates with")
      }
      if let peer {
        let shown = Shown(
          name: try Self.name(peer.name), serial: peer.serial,
          end: WallTime(milliseconds: peer.notAfter * 1_000))
        return try await renew(shown, request.request, issuer)
      }
      let info = try await guessing(from: address) {
        try proven(request, issuer, binding: binding)
      }
      if let id = info.id, id.role == .coordinator {
        let action = AuditLog.Action(name: "certificate.renew", subject: id.name)
        return try await audit.during(action, who: "coordinator \(id.name)", from: address) {
          try await renewCoordinator(info, request, issuer)
        }
      }
      return try await readmit(info, request, issuer, from: address)
    } catch let refusal as EnrollRefusal {
      logRefusal(
        "a certificate was not renewed",
        [
          "node": "\(peer?.name ?? "a stranger")", "from": "\(address)",
          "reason": "\(refusal.code.rawValue)", "why": "\(refusal.why)",
        ])
      return refusal.reply
    }
  }

  /// A new certificate for an operator or a producer, good for as long as the one that is shown was. Nothing
  /// is recorded of them but that they are thrown out: the old one stays good until it ends.
  func renew(
    _ request: Belfry_V1_RenewRequest, of person: PeerIdentity
  ) async throws -> Belfry_V1_EnrollReply {
    let issuer = try requireIssuer()
    guard let name = NodeName(person.name), let role = Role(rawValue: person.role.rawValue),
      !person.serial.isEmpty
    else {
      throw RPCStatus(.failedPrecondition, "\(person.name) came without a certificate to renew")
    }
    if case .revoked(let by, _, let reason)? = try await changes.read(name).node?
      .verdict(on: person.serial, role: role.rawValue)
    {
      throw RPCStatus(.permissionDenied, "\(name) was revoked by \(by): \"\(reason)\"")
    }
    let issued: CertificateIssuer.Issued
    do throws(IdentityError) {
      let old = try Validity(
        notBeforeEpochSeconds: person.notBefore, notAfterEpochSeconds: person.notAfter)
      issued = try issuer.issue(
        role, name.text, for: CertificateRequest(pem: request.request), lasting: old.length)
    } catch {
      throw RPCStatus(.invalidArgument, error.message)
    }
    return .with {
      $0.name = name.text
      $0.certificate = issued.certificatePEM
      $0.authority = issuer.authorityPEM
    }
  }

  /// The certificate in whose place a new one is asked for.
  private struct Shown {
    let name: NodeName
    let serial: String
    let end: WallTime
  }

  /// Both ways come here: the record, as it is in the store now, says who may have another.
  /// - Parameter isUnknownWelcome: a certificate made by hand has no record yet.
  private func renew(
    _ shown: Shown, _ requestPEM: String, _ issuer: CertificateIssuer, isUnknownWelcome: Bool = true
  ) async throws -> Belfry_V1_EnrollReply {
    let now = ProcessClock.now().wall
    let (old, holder) = try await changes.read(shown.name)
    guard isUnknownWelcome || holder != nil else {
      throw EnrollRefusal(
        .replaced, "the cluster has no record of \(shown.name): its certificate was made by hand")
    }
    try Self.refuseUnlessWelcome(shown, holder)
    let issued = try Self.issue(shown.name, requestPEM, issuer)
    var node =
      holder
      ?? NodeRecord(
        name: shown.name, role: Role.worker.rawValue, serial: shown.serial,
        certificateExpires: shown.end, joined: now)
    node.renewed(
      shown: shown.serial, shownEnd: shown.end, serial: issued.serial, expires: issued.expires)
    if node.isEphemeral { node.seen = now }
    guard try await changes.keep(node, over: old, at: now) else {
      throw RPCStatus(.unavailable, "the record of \(shown.name) has just changed: ask again")
    }
    logger.info(
      "a certificate was renewed",
      metadata: ["node": "\(shown.name)", "serial": "\(issued.serial)"])
    return await reply(node, issued, issuer)
  }

  private static func refuseUnlessWelcome(
    _ shown: Shown, _ holder: NodeRecord?
  ) throws(EnrollRefusal) {
    switch holder?.verdict(on: shown.serial, role: Role.worker.rawValue) {
    case .welcome, nil: return
    case .revoked(let by, _, let reason):
      throw EnrollRefusal(.revoked, "\(shown.name) was revoked by \(by): \"\(reason)\"")
    case .removed: throw EnrollRefusal(.revoked, "\(shown.name) was removed from the cluster")
    case .replaced:
      throw EnrollRefusal(
        .replaced,
        "a newer certificate than this one (serial \(shown.serial)) was issued to \(shown.name)")
    }
  }

  /// The certificate's own word, once the sender has proven that it has its key.
  private func proven(
    _ request: Belfry_V1_RenewRequest, _ issuer: CertificateIssuer, binding: [UInt8]
  ) throws -> CertificateInfo {
    guard binding.count == 32, request.certificate.utf8.count <= 16_384 else {
      throw EnrollRefusal(.badRequest, "the proof is not bound to a connection")
    }
    do throws(IdentityError) {
      return try issuer.recognise(
        request.certificate, signature: [UInt8](request.signature),
        over: RenewalProof.bytes(binding: binding, requestPEM: request.request))
    } catch {
      throw EnrollRefusal(.otherSession, error.message)
    }
  }

  /// For the same hosts, and for as long as the old one was. Of coordinators nothing is recorded but that they are
  /// thrown out: so the old one stays good until it ends, and is believed no longer.
  private func renewCoordinator(
    _ info: CertificateInfo, _ request: Belfry_V1_RenewRequest, _ issuer: CertificateIssuer
  ) async throws -> Belfry_V1_EnrollReply {
    guard let id = info.id, id.cluster == cluster, let name = NodeName(id.name) else {
      throw EnrollRefusal(.badRequest, "the certificate is not of \(cluster)")
    }
    if case .revoked(let by, _, let reason)? = try await changes.read(name).node?
      .verdict(on: info.serial, role: id.role.rawValue)
    {
      throw EnrollRefusal(.revoked, "\(name) was revoked by \(by): \"\(reason)\"")
    }
    let ended = WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000)
    guard ProcessClock.now().wall <= ended else {
      throw EnrollRefusal(
        .tooLate,
        "the certificate of coordinator \(name) ended on \(RFC3339.text(ended)): make it anew where the CA is"
      )
    }
    let issued: CertificateIssuer.Issued
    do throws(IdentityError) {
      issued = try issuer.issue(
        id.role, name.text, for: CertificateRequest(pem: request.request), hosts: info.hosts,
        lasting: info.validity.length)
    } catch {
      throw EnrollRefusal(.badRequest, error.message)
    }
    logger.notice(
      "a coordinator's certificate was renewed",
      metadata: ["coordinator": "\(name)", "serial": "\(issued.serial)"])
    return .with {
      $0.name = name.text
      $0.certificate = issued.certificatePEM
      $0.authority = issuer.authorityPEM
    }
  }

  private func readmit(
    _ info: CertificateInfo, _ request: Belfry_V1_RenewRequest, _ issuer: CertificateIssuer,
    from address: String
  ) async throws -> Belfry_V1_EnrollReply {
    guard let id = info.id, id.cluster == cluster, id.role == .worker,
      let name = NodeName(id.name)
    else { throw EnrollRefusal(.badRequest, "only a worker of \(cluster) comes back by itself") }
    let now = ProcessClock.now().wall
    let ended = WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000)
    guard now > ended else {
      throw EnrollRefusal(
        .badRequest,
        "the certificate of \(name) is good until \(RFC3339.text(ended)): it renews itself by it")
    }
    guard now - ended <= Self.returnMax else {
      throw EnrollRefusal(
        .tooLate,
        "the certificate of \(name) ended on \(RFC3339.text(ended)): that is too long ago; after 90 days a "
          + "node joins anew, by a token"
      )
    }
    let reply = try await renew(
      Shown(name: name, serial: info.serial, end: ended), request.request, issuer,
      isUnknownWelcome: false)
    reportReturn(of: name, ended: ended, at: now, from: address)
    return reply
  }

  /// One episode, over as it begins: it is to be known, and there is nothing to be done.
  private func reportReturn(
    of name: NodeName, ended: WallTime, at now: WallTime, from address: String
  ) {
    var alert = Alert(
      rule: "node-returned-expired", subject: name.text, severity: .warning,
      summary: "node \(name) came back with an expired certificate",
      why: "its certificate had ended on \(RFC3339.text(ended)); it proved from \(address) that it "
        + "still has the key, and was given a new one",
      firedAt: now)
    alert.coordinator = coordinator.text
    shell.heard(.raised(alert))
    alert.state = .resolved
    alert.resolvedAt = now
    shell.heard(.raised(alert))
  }
}
