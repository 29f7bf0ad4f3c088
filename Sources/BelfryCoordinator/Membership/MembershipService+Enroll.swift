internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryRPC
internal import Logging
internal import SwiftProtobuf

/// Why a machine was not let in: a code for its program, a sentence for its operator.
struct EnrollRefusal: Error, CustomStringConvertible {
  enum Code: String {
    case tokenUnknown = "token-unknown"
    case tokenUsed = "token-used"
    case tokenExpired = "token-expired"
    case tokenRevoked = "token-revoked"
    case nameMissing = "name-missing"
    case nameTaken = "name-taken"
    case nameForbidden = "name-forbidden"
    case badRequest = "bad-request"
    case otherSession = "other-session"
    case tooManyTries = "too-many-tries"
    case noAuthority = "no-authority"
    case revoked
    case tooLate = "too-late"
    case replaced
  }

  let code: Code
  let why: String

  init(_ code: Code, _ why: String) {
    self.code = code
    self.why = why
  }

  var description: String { "\(code.rawValue): \(why)" }

  var reply: Belfry_V1_EnrollReply {
    .with {
      $0.refused = code.rawValue
      $0.why = why
    }
  }
}

/// A machine comes with a token.
extension MembershipService {
  func enroll(
    _ request: Belfry_V1_EnrollRequest, binding: [UInt8], from address: String, _ audit: AuditLog
  ) async throws -> Belfry_V1_EnrollReply {
    do {
      let reply = try await admit(request, binding: binding, from: address, audit)
      logger.notice(
        "a node has joined",
        metadata: ["node": "\(reply.name)", "token": "\(request.token)", "from": "\(address)"])
      return reply
    } catch let refusal as EnrollRefusal {
      logRefusal(
        "a node was not let in",
        [
          "token": "\(request.token.cut(16))", "from": "\(address)",
          "reason": "\(refusal.code.rawValue)", "why": "\(refusal.why)",
        ])
      return refusal.reply
    }
  }

  private func admit(
    _ request: Belfry_V1_EnrollRequest, binding: [UInt8], from address: String, _ audit: AuditLog
  ) async throws -> Belfry_V1_EnrollReply {
    guard let issuer else {
      throw EnrollRefusal(
        .noAuthority, "coordinator \(coordinator) has no CA to issue certificates with")
    }
    let stored = try await guessing(from: address) {
      try await proven(request, binding: binding)
    }
    guard let token = TokenRecord(stored) else { throw Self.silence }
    let name = try name(request, token)
    let use = TokenRecord.Use(key: try Self.key(of: request.request), name: name)
    let (old, holder) = try await changes.read(name)
    let now = ProcessClock.now().wall
    if !token.allowsRepeat(use, over: holder, at: now) {
      try Self.refuseUnlessValid(token, use, at: now)
      try await refuseUnlessFree(name, holder)
    }
    // Before the token is used: whoever cannot be given a certificate has spent nothing.
    let issued = try Self.issue(name, request.request, issuer)
    // Only who has a right token comes so far, and into the audit log.
    let action = AuditLog.Action(name: "node.join", subject: name.text)
    return try await audit.during(action, who: "token \(token.id)", from: address) {
      try await spend(stored, use, over: holder)
      var node = NodeRecord(
        name: name, role: Role.worker.rawValue, serial: issued.serial,
        certificateExpires: issued.expires, joined: now)
      node.lastEnd = max(holder?.lastEnd ?? issued.expires, issued.expires)
      node.joinKey = use.key
      node.token = token.id
      node.labels = token.labels
      node.isEphemeral = token.isEphemeral
      node.software = request.software.cut(64)
      guard try await changes.keep(node, over: old, at: now) else {
        try await late(use, token.id)
      }
      return await reply(node, issued, issuer)
    }
  }

  /// The name was written to since it was looked at: by this very machine, which asked twice, or by
  /// another, and then the use is given back.
  private func late(_ use: TokenRecord.Use, _ id: String) async throws -> Never {
    let holder = try await changes.read(use.name).node
    if holder?.joinKey == use.key {
      throw RPCStatus(.unavailable, "this machine has just asked for the same: ask again")
    }
    try await changeToken(id) { token in
      guard let index = token.usedBy.firstIndex(of: use) else { return false }
      token.usedBy.remove(at: index)
      return true
    }
    throw EnrollRefusal(
      .nameTaken, "\(use.name) was taken by another machine in this very moment")
  }

  /// Runs what looks at a token or a proof: only a wrong one counts against the sender's network.
  func guessing<Answer>(
    from address: String, _ body: () async throws -> Answer
  ) async throws -> Answer {
    try await guesses.run(
      from: address,
      isWrong: {
        ($0 as? EnrollRefusal).map { [.tokenUnknown, .otherSession].contains($0.code) } ?? false
      },
      refusal: { wait in
        EnrollRefusal(
          .tooManyTries,
          "too many wrong tokens or proofs came from \(GuessLimit.network(of: address)); wait "
            + "\(wait.components.seconds + 1) s")
      }, body)
  }

  /// The key that a request is for, by its hash: so a machine is known again.
  private static func key(of requestPEM: String) throws(EnrollRefusal) -> String {
    do throws(IdentityError) {
      return try CertificateRequest(pem: requestPEM).publicKeySHA256.hexText
    } catch {
      throw EnrollRefusal(.badRequest, error.message)
    }
  }

  static func issue(
    _ name: NodeName, _ requestPEM: String, _ issuer: CertificateIssuer
  ) throws(EnrollRefusal) -> CertificateIssuer.Issued {
    do throws(IdentityError) {
      return try issuer.issue(.worker, name.text, for: CertificateRequest(pem: requestPEM))
    } catch {
      throw EnrollRefusal(.badRequest, error.message)
    }
  }

  func reply(
    _ node: NodeRecord, _ issued: CertificateIssuer.Issued, _ issuer: CertificateIssuer
  ) async -> Belfry_V1_EnrollReply {
    let addresses = await addresses()
    return .with {
      $0.name = node.name.text
      $0.certificate = issued.certificatePEM
      $0.authority = issuer.authorityPEM
      $0.labels = node.labels.map(Belfry_V1_Label.init)
      $0.coordinators = addresses
      $0.ephemeral = node.isEphemeral
    }
  }

  /// The token's record, once the sender has proven that it has the secret.
  private func proven(
    _ request: Belfry_V1_EnrollRequest, binding: [UInt8]
  ) async throws -> StoredRecord {
    let isWellFormed = request.token.utf8.count <= 32 && JobID(request.token) != nil
    guard isWellFormed, let stored = try await read(.tokens, request.token),
      let token = TokenRecord(stored)
    else {
      throw EnrollRefusal(
        .tokenUnknown, "this cluster has no token \(isWellFormed ? request.token : "of that form")")
    }
    let context = TokenProof.Context(
      binding: binding, token: request.token, name: request.name, requestPEM: request.request)
    guard binding.count == 32, let hash = [UInt8](hexText: token.secretHash),
      TokenProof.verify([UInt8](request.proof), stored: hash, context)
    else {
      throw EnrollRefusal(
        .otherSession,
        "the proof fits neither this connection nor this request: the secret of token "
          + "\(token.id) is another one, or somebody between changed the request")
    }
    return stored
  }

  private func name(
    _ request: Belfry_V1_EnrollRequest, _ token: TokenRecord
  ) throws(EnrollRefusal) -> NodeName {
    if let name = token.name {
      guard request.name.isEmpty || request.name == name.text else {
        throw EnrollRefusal(
          .nameForbidden,
          "token \(token.id) is for the name \(name) only, not for \(request.name.cut(64))")
      }
      return name
    }
    guard !request.name.isEmpty else {
      throw EnrollRefusal(.nameMissing, "token \(token.id) names no node: say who this one is")
    }
    guard let name = NodeName(request.name) else {
      throw EnrollRefusal(
        .badRequest, "\"\(request.name.cut(64))\" is no node's name: [a-z0-9][a-z0-9-]{0,62}")
    }
    return name
  }

  private static func refuseUnlessValid(
    _ token: TokenRecord, _ use: TokenRecord.Use, at now: WallTime
  ) throws(EnrollRefusal) {
    switch token.state(at: now) {
    case .revoked: throw EnrollRefusal(.tokenRevoked, "token \(token.id) was revoked")
    case _ where token.usedBy.contains(use):
      throw EnrollRefusal(
        .tokenUsed,
        "token \(token.id) has let this machine in as \(use.name) already, and that cannot be repeated "
          + "any more: it was renewed or removed since, or the token ended more than an hour ago")
    case .valid: return
    case .used:
      throw EnrollRefusal(
        .tokenUsed,
        "token \(token.id) was used \(token.used == 1 ? "once" : "\(token.used) times") already, "
          + "and is good for no more")
    case .expired:
      let text = RFC3339.text(token.expires)
      throw EnrollRefusal(.tokenExpired, "token \(token.id) was good until \(text)")
    }
  }

  private func refuseUnlessFree(_ name: NodeName, _ holder: NodeRecord?) async throws {
    switch holder?.state {
    case .member:
      let since = holder.map { RFC3339.text($0.joined) } ?? ""
      throw EnrollRefusal(.nameTaken, "\(name) is a member of this cluster since \(since)")
    case .revoked:
      throw EnrollRefusal(.revoked, "\(name) was revoked: \"\(holder?.reason ?? "")\"")
    case .removed, nil:
      // One with a certificate made by hand has no record, but is seen.
      if await isInSession(name) {
        throw EnrollRefusal(
          .nameTaken, "a node called \(name) is in session, as coordinator \(coordinator) sees it")
      }
    }
  }

  /// One use less, and who used it, decided by one atomic write; who is quicker is tried again on what it
  /// left. A repeat is no further use.
  private func spend(
    _ stored: StoredRecord, _ use: TokenRecord.Use, over holder: NodeRecord?
  ) async throws {
    var current: StoredRecord? = stored
    while true {
      // Each round means that another has moved on, and uses are at most a thousand.
      guard let read = current, var token = TokenRecord(read) else { throw Self.silence }
      let now = ProcessClock.now().wall
      if token.allowsRepeat(use, over: holder, at: now) { return }
      try Self.refuseUnlessValid(token, use, at: now)
      token.usedBy.append(use)
      guard let isOurs = await store.replace(token.stored(version: read.version + 1, at: now))
      else { throw Self.silence }
      if isOurs { return }
      current = try await self.read(.tokens, read.id)
    }
  }
}
