internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore
internal import SwiftProtobuf

/// Keeps a worker's certificate young: a new one, with a new key, at two thirds of its life, up to a tenth
/// of it sooner, so that machines that joined together do not renew together. Not later: an alert says 48 h
/// before the end of seven days that it was not. One that has ended, because the
/// machine was off, is renewed with the old key's signature. And one that somebody else has put in its place is
/// used: of a PKI of one's own, or made anew by hand.
struct CertificateKeeper: Sendable {
  private static let answerMax = Duration.seconds(10)
  /// The files are looked at so often, since whoever made them may replace them, and the wall clock: the machine
  /// may have slept.
  private static let lookEvery = Duration.seconds(5)
  /// One that is out has nothing else to do, and asks more often than one that still has time.
  private static let readmissionPauseMax = Duration.seconds(30)
  private static let askedPauseMax = Duration.seconds(60)

  let files: IdentityFiles
  let targets: [RPCTarget]
  let group: any EventLoopGroup
  let logger: Logger

  /// When a certificate is to be renewed, in seconds since 1970.
  /// - Parameter random: 0 to 1.
  static func due(_ validity: Validity, random: Double) -> Int64 {
    validity.renewalDue(random: random)
  }

  /// Before the first session: a certificate that has ended lets nobody in. Throws `SessionRefused` when it
  /// will not be renewed, or was not within `wait`.
  func readmitIfExpired(within wait: Duration?) async throws {
    let deadline = wait.map { ContinuousClock.now + $0 }
    var said = ""
    var tries = RenewalTries(longest: Self.readmissionPauseMax)
    var old = try files.read()
    while true {
      let ended = try Self.end(old)
      if ended >= ProcessClock.now().wall { return }
      let what = "the certificate has expired on \(RFC3339.text(ended))"
      if tries.isTime(at: .now) {
        switch await renew(old, [], &tries) {
        case .done: return
        case .refused(let why): throw SessionRefused("\(what), and is not renewed: \(why)")
        case .notYet(let why):
          log("the certificate has expired, and could not be renewed yet", why, &said)
        }
      }
      if let deadline, ContinuousClock.now >= deadline {
        throw SessionRefused("\(what), and no coordinator has renewed it: \(said)")
      }
      try await Task.sleep(for: Self.lookEvery)
      // Somebody may be about to replace it: the next look is as good.
      if let read = try? files.read() { old = read }
    }
  }

  /// Returns only by throwing: `SessionRefused` when there will be no other certificate. What fails
  /// otherwise is tried again.
  /// - Parameter used: what the links begin with.
  func run(_ links: CoordinatorLinks, using used: Identity?) async throws {
    let random = Double.random(in: 0...1)
    var watch = IdentityWatch(files, using: used)
    var tries = RenewalTries()
    // Coordinators are asked each time whether it is let in.
    var looks = RenewalTries(longest: Self.askedPauseMax)
    var (renewing, using) = ("", "")
    while true {
      do {
        if try await takeUp(links, &watch, &looks) { using = "" }
      } catch let error as CancellationError {
        throw error
      } catch {
        log("the certificate on the disk cannot be used: the one before is", "\(error)", &using)
      }
      // Not what lies on the disk and was not taken up: somebody else's would be renewed and used.
      let old = try watch.used ?? files.read()
      if try isDue(old, random) {
        if tries.isTime(at: .now) {
          switch await renew(old, links.all, &tries) {
          case .done(let new):
            await use(new, on: links, &watch)
            renewing = ""
          case .refused(let why):
            throw SessionRefused("this worker's certificate is not renewed: \(why)")
          case .notYet(let why):
            log("the certificate could not be renewed yet", why, &renewing)
          }
        }
      } else {
        tries = RenewalTries()
      }
      try await Task.sleep(for: Self.lookEvery)
    }
  }

  /// Goes on with what somebody else has put on the disk. False: it is not asked now whether it is let in.
  private func takeUp(
    _ links: CoordinatorLinks, _ watch: inout IdentityWatch, _ looks: inout RenewalTries
  ) async throws -> Bool {
    guard let other = try watch.next() else {
      looks = RenewalTries(longest: Self.askedPauseMax)
      return true
    }
    guard looks.isTime(at: .now) else { return false }
    do {
      try await checkIsLetIn(links.all)
    } catch {
      looks.failed(at: .now, random: .random(in: 0...1))
      throw error
    }
    let info = try CertificateInfo(pem: other.certificatePEM)
    logger.notice(
      "the certificate on the disk is used from now on",
      metadata: ["serial": "\(info.serial)"])
    await use(other, on: links, &watch)
    return true
  }

  private func isDue(_ identity: Identity, _ random: Double) throws -> Bool {
    let validity = try CertificateInfo(pem: identity.certificatePEM).validity
    return Self.due(validity, random: random) <= Validity.nowEpochSeconds()
  }

  /// Sessions go over to it one by one, beside the old ones.
  private func use(
    _ new: Identity, on links: CoordinatorLinks, _ watch: inout IdentityWatch
  ) async {
    await withTaskGroup(of: Void.self) { tasks in
      for link in links.all { tasks.addTask { await use(files.tls, on: link) } }
    }
    watch.uses(new)
  }

  /// What somebody has put there, and no coordinator lets in, must not take the place of what works: a certificate
  /// made anew by hand over a node's record, or of a CA that the coordinators do not know yet.
  private func checkIsLetIn(_ links: [CoordinatorLink]) async throws {
    var reasons: [String] = []
    var isLetIn = false
    for target in links.map(\.target) {
      do {
        _ = try await call(target, files.tls) { client in
          try await client.unary(
            MembershipService.greet, .init(), options: RPCCallOptions(timeout: Self.answerMax))
        }
        isLetIn = true
      } catch let error as RPCConnectError where [.unreachable, .timedOut].contains(error.kind) {
        reasons.append("\(target): \(error)")
      } catch {
        // Another one that knows it already would be left by this one.
        throw NotLetIn(description: "\(target): \(error)")
      }
    }
    guard isLetIn else { throw NotLetIn(description: reasons.joined(separator: "; ")) }
  }

  private struct NotLetIn: Error, CustomStringConvertible { let description: String }

  /// The link goes on with the old one until the new one can be loaded.
  private func use(_ tls: TLSConfiguration, on link: CoordinatorLink) async {
    var said = ""
    while !Task.isCancelled {
      do {
        return try await link.useCertificate(tls)
      } catch {
        log("the new certificate cannot be used yet", "\(error)", &said)
      }
      // Cancelled: the loop ends.
      try? await Task.sleep(for: Self.lookEvery)
    }
  }

  /// Says each reason once.
  private func log(_ what: Logger.Message, _ why: String, _ said: inout String) {
    if why != said { logger.warning(what, metadata: ["why": "\(why)"]) }
    said = why
  }

  private static func end(_ identity: Identity) throws -> WallTime {
    let info = try CertificateInfo(pem: identity.certificatePEM)
    return WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000)
  }

  private enum Outcome {
    /// There is a new certificate on the disk.
    case done(Identity)
    /// By the cluster, for good.
    case refused(String)
    case notYet(String)
  }

  /// Codes of `EnrollReply.refused` that asking again will not change: the store itself was asked.
  private static let final: Set<String> = ["revoked", "replaced", "too-late"]

  private enum NotGiven: Error {
    case forGood(String)
    case now(String, isHopeless: Bool)
  }

  private func renew(
    _ old: Identity, _ links: [CoordinatorLink], _ tries: inout RenewalTries
  ) async -> Outcome {
    var new: Identity?
    do {
      try await tries.renew(old) {
        try files.checkIsWritable()
        return try await ask($0, links)
      } keep: {
        try files.replace(with: $0)
        new = $0
        let info = try CertificateInfo(pem: $0.certificatePEM)
        logger.notice("certificate renewed", metadata: ["serial": "\(info.serial)"])
      }
    } catch NotGiven.forGood(let why) {
      return .refused(why)
    } catch NotGiven.now(let why, let isHopeless) {
      tries.failed(at: .now, isHopeless: isHopeless, random: .random(in: 0...1))
      return .notYet(why)
    } catch {
      tries.failed(at: .now, random: .random(in: 0...1))
      return .notYet("\(error)")
    }
    guard let new else { preconditionFailure("a renewal that has kept nothing") }
    return .done(new)
  }

  /// Asks each coordinator in turn.
  private func ask(_ old: Identity, _ links: [CoordinatorLink]) async throws -> Identity {
    var reasons: [String] = []
    var isHopeless = true
    // Of those that were known at the start, and those that the cluster has named since.
    for target in links.isEmpty ? targets : links.map(\.target) {
      do {
        let key = try KeyPair.generate()
        let request = try CertificateRequest.make(for: key).pem()
        let reply: Belfry_V1_EnrollReply
        if try Self.end(old) < ProcessClock.now().wall {
          reply = try await askAsStranger(target, old, request)
        } else {
          guard let link = links.first(where: { $0.target == target }) else { continue }
          reply = try await Self.ask(link.client, .with { $0.request = request })
        }
        guard reply.refused.isEmpty else {
          if Self.final.contains(reply.refused) {
            throw NotGiven.forGood("\(target): \(reply.why)")
          }
          isHopeless = isHopeless && reply.refused == "no-authority"
          reasons.append("\(target): \(reply.why)")
          continue
        }
        let new = try Identity(
          authorityPEM: old.authorityPEM, certificatePEM: reply.certificate, keyPEM: key.pem())
        guard new.id == old.id else {
          throw IdentityError(.mismatch, "the new certificate is for \(new.id)")
        }
        return new
      } catch let error as NotGiven {
        throw error
      } catch {
        isHopeless = false
        reasons.append("\(target): \(error)")
      }
    }
    throw NotGiven.now(
      reasons.joined(separator: "; "), isHopeless: isHopeless && !reasons.isEmpty)
  }

  private static func ask(
    _ client: RPCClient, _ request: Belfry_V1_RenewRequest
  ) async throws(RPCStatus) -> Belfry_V1_EnrollReply {
    try await client.unary(
      MembershipService.renew, request, options: RPCCallOptions(timeout: answerMax))
  }

  private func askAsStranger(
    _ target: RPCTarget, _ old: Identity, _ request: String
  ) async throws -> Belfry_V1_EnrollReply {
    let stranger = TLSConfiguration(
      certificateChainFile: nil, keyFile: nil, caFile: files.authorityPath,
      cluster: old.id.cluster)
    return try await call(target, stranger) { client in
      let proof = RenewalProof.bytes(binding: await client.binding(), requestPEM: request)
      let signature = try KeyPair(pem: old.keyPEM).sign(proof)
      return try await Self.ask(
        client,
        .with {
          $0.request = request
          $0.certificate = old.certificatePEM
          $0.signature = .init(signature)
        })
    }
  }

  /// On a connection of its own.
  private func call<Reply: Sendable>(
    _ target: RPCTarget, _ tls: TLSConfiguration, _ body: (RPCClient) async throws -> Reply
  ) async throws -> Reply {
    let client = try RPCClient(target: target, tls: tls, eventLoopGroup: group)
    do {
      try await client.connect()
      let reply = try await body(client)
      await client.close()
      return reply
    } catch {
      await client.close()
      throw error
    }
  }
}

extension IdentityFiles {
  var tls: TLSConfiguration {
    TLSConfiguration(
      certificateChainFile: certificatePath, keyFile: keyPath, caFile: authorityPath)
  }
}
