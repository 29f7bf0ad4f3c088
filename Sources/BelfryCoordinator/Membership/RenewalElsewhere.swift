internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import NIOCore
internal import SwiftProtobuf

/// A new certificate for a coordinator that has no CA, from one that has it: by the old one, which names the hosts
/// that the new one is for, and its key's signature.
struct RenewalElsewhere: Sendable {
  private static let answerMax = Duration.seconds(10)

  let files: IdentityFiles
  let group: any EventLoopGroup
  /// `host:port` of the others.
  let others: @Sendable () async -> [String]

  struct Refused: Error, CustomStringConvertible {
    let description: String
    /// For want of a CA, and for nothing else.
    var isHopeless = false
  }

  /// Asks each of the others in turn.
  func renewed(_ old: Identity) async throws -> Identity {
    var reasons: [String] = []
    var isHopeless = true
    for name in await others() {
      guard let target = RPCTarget(name) else { continue }
      do {
        return try await ask(target, old)
      } catch {
        reasons.append("\(name): \(error)")
        isHopeless = isHopeless && (error as? Refused)?.isHopeless ?? false
      }
    }
    guard !reasons.isEmpty else {
      throw Refused(description: "it has no CA, and no other coordinator is known that might")
    }
    throw Refused(description: reasons.joined(separator: "; "), isHopeless: isHopeless)
  }

  private func ask(_ target: RPCTarget, _ old: Identity) async throws -> Identity {
    let key = try KeyPair.generate()
    let request = try CertificateRequest.make(for: key).pem()
    let client = try RPCClient(
      target: target,
      tls: TLSConfiguration(
        certificateChainFile: nil, keyFile: nil, caFile: files.authorityPath,
        cluster: old.id.cluster),
      eventLoopGroup: group)
    let reply: Belfry_V1_EnrollReply
    do {
      try await client.connect()
      let proof = RenewalProof.bytes(binding: await client.binding(), requestPEM: request)
      let signature = try KeyPair(pem: old.keyPEM).sign(proof)
      reply = try await client.unary(
        BelfryAPI.MembershipService.renew,
        .with {
          $0.request = request
          $0.certificate = old.certificatePEM
          $0.signature = .init(signature)
        }, options: RPCCallOptions(timeout: Self.answerMax))
      await client.close()
    } catch {
      await client.close()
      throw error
    }
    guard reply.refused.isEmpty else {
      throw Refused(description: reply.why, isHopeless: reply.refused == "no-authority")
    }
    let new = try Identity(
      authorityPEM: old.authorityPEM, certificatePEM: reply.certificate, keyPEM: key.pem())
    guard new.id == old.id else {
      throw IdentityError(.mismatch, "the new certificate is for \(new.id)")
    }
    return new
  }
}
