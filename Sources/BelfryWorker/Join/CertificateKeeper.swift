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
/// machine was off, is renewed with the old key's signature.
struct CertificateKeeper: Sendable {
  private static let tryAgain = Duration.seconds(5)
  private static let answerMax = Duration.seconds(10)
  /// The wall clock is looked at so often: the machine may have slept.
  private static let lookEvery = Duration.seconds(30)

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
    while case let ended = try Self.end(files.read()), ended < ProcessClock.now().wall {
      let outcome = await renew([])
      let what = "the certificate has expired on \(RFC3339.text(ended))"
      switch outcome {
      case .done: return
      case .refused(let why): throw SessionRefused("\(what), and is not renewed: \(why)")
      case .notYet(let why):
        if let deadline, ContinuousClock.now >= deadline {
          throw SessionRefused("\(what), and no coordinator has renewed it: \(why)")
        }
        log("the certificate has expired, and could not be renewed yet", why, &said)
      }
      try await Task.sleep(for: Self.tryAgain)
    }
  }

  /// Returns only by throwing: `SessionRefused` when there will be no other certificate. What fails
  /// otherwise is tried again.
  func run(_ links: CoordinatorLinks) async throws {
    while true {
      try await sleepUntilDue()
      var said = ""
      renewing: while true {
        switch await renew(links.all) {
        case .done: break renewing
        case .refused(let why):
          throw SessionRefused("this worker's certificate is not renewed: \(why)")
        case .notYet(let why):
          log("the certificate could not be renewed yet", why, &said)
          try await Task.sleep(for: Self.tryAgain)
        }
      }
      await withTaskGroup(of: Void.self) { tasks in
        for link in links.all { tasks.addTask { await use(files.tls, on: link) } }
      }
    }
  }

  private func sleepUntilDue() async throws {
    var due: Int64?
    var said = ""
    let random = Double.random(in: 0...1)
    while true {
      do {
        let info = try CertificateInfo(pem: files.read().certificatePEM)
        due = Self.due(info.validity, random: random)
      } catch {
        log("the certificate cannot be read", "\(error)", &said)
      }
      let left = due.map { Duration.seconds($0 - Validity.nowEpochSeconds()) } ?? Self.lookEvery
      if left <= .zero { return }
      try await Task.sleep(for: min(left, Self.lookEvery))
    }
  }

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
      try? await Task.sleep(for: Self.tryAgain)
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
    case done
    /// By the cluster, for good.
    case refused(String)
    case notYet(String)
  }

  /// Codes of `EnrollReply.refused` that asking again will not change: the store itself was asked.
  private static let final: Set<String> = ["revoked", "replaced", "too-late"]

  /// Asks each coordinator in turn.
  private func renew(_ links: [CoordinatorLink]) async -> Outcome {
    var reasons: [String] = []
    // Of those that were known at the start, and those that the cluster has named since.
    for target in links.isEmpty ? targets : links.map(\.target) {
      do {
        let old = try files.read()
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
          if Self.final.contains(reply.refused) { return .refused("\(target): \(reply.why)") }
          reasons.append("\(target): \(reply.why)")
          continue
        }
        let new = try Identity(
          authorityPEM: old.authorityPEM, certificatePEM: reply.certificate, keyPEM: key.pem())
        guard new.id == old.id else {
          throw IdentityError(.mismatch, "the new certificate is for \(new.id)")
        }
        try files.replace(with: new)
        let info = try CertificateInfo(pem: reply.certificate)
        logger.notice(
          "certificate renewed",
          metadata: ["serial": "\(info.serial)", "coordinator": "\(target)"])
        return .done
      } catch {
        reasons.append("\(target): \(error)")
      }
    }
    return .notYet(reasons.joined(separator: "; "))
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
    let client = try RPCClient(
      target: target,
      tls: TLSConfiguration(
        certificateChainFile: nil, keyFile: nil, caFile: files.authorityPath,
        cluster: old.id.cluster),
      eventLoopGroup: group)
    do {
      try await client.connect()
      let proof = RenewalProof.bytes(binding: await client.binding(), requestPEM: request)
      let signature = try KeyPair(pem: old.keyPEM).sign(proof)
      let reply = try await Self.ask(
        client,
        .with {
          $0.request = request
          $0.certificate = old.certificatePEM
          $0.signature = .init(signature)
        })
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
