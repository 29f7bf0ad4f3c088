package import BelfryAPI
package import BelfryCore
package import BelfryIdentity
internal import BelfryNet
package import BelfryRPC
package import NIOCore
internal import SwiftProtobuf

/// Makes this machine a member of a cluster by a token. The order is the point: the clocks are compared
/// before dates can matter, the server is proven before anything secret is used, the key is on the disk
/// before the token is spent. Begun again after any failure, with the same token, it goes on.
package struct JoinClient: Sendable {
  /// One thing that is done, for who watches.
  package enum Step: Sendable {
    case reached(took: Duration)
    /// Ahead of ours when positive.
    case clocksAgree(serverAhead: Duration)
    case serverProven(cluster: String, coordinator: String)
    case keyMade(path: String)
    case enrolled(id: SPIFFEID, expires: WallTime)
  }

  /// What the cluster says of its new member.
  package struct Membership: Sendable {
    package var id: SPIFFEID
    /// Where the cluster is reached, `https://host:port`; empty: where it was.
    package var coordinators: [String]
    package var expires: WallTime
  }

  /// Further apart than that, certificates and deadlines of one are nonsense to the other.
  package static let clocksApartMax = Duration.seconds(60)
  private static let answerMax = Duration.seconds(10)
  private static let triesMax = 3

  private let target: RPCTarget
  private let token: JoinToken
  /// Empty: the token's.
  private let name: String
  private let software: String
  private let group: any EventLoopGroup

  package init(
    _ target: RPCTarget, token: JoinToken, name: String, software: String,
    eventLoopGroup: any EventLoopGroup
  ) {
    self.target = target
    self.token = token
    self.name = name
    self.software = software
    group = eventLoopGroup
  }

  /// - Parameters:
  ///   - describe: makes the text of `node.json`, which is kept beside the identity.
  ///   - report: told each step once it is done.
  package func join(
    into files: IdentityFiles, replacing: Bool,
    describe: (Membership) -> String, report: (Step) -> Void
  ) async throws -> Membership {
    try await compareClocks(report)
    return try await connected(checksDates: true) { client in
      let greeting = try await greet(client)
      report(
        .serverProven(cluster: greeting.cluster, coordinator: greeting.coordinator))
      guard greeting.issues else {
        throw JoinError(
          .refused("no-authority"),
          "coordinator \(greeting.coordinator) has no CA to issue certificates with")
      }
      let key = try storing { () throws(IdentityError) in try files.joiningKey() }
      report(.keyMade(path: files.joiningKeyPath))
      let reply = try await enroll(client, key)
      let identity = try identity(reply, key)
      let membership = try membership(reply, identity)
      try storing { () throws(IdentityError) in
        try files.write(identity, node: describe(membership), replacing: replacing)
      }
      files.forgetJoiningKey()
      report(.enrolled(id: membership.id, expires: membership.expires))
      return membership
    }
  }

  /// On a connection of its own, to a server that is proven but for its dates.
  private func compareClocks(_ report: (Step) -> Void) async throws {
    let began = ContinuousClock.now
    try await connected(checksDates: false) { client in
      report(.reached(took: ContinuousClock.now - began))
      let asked = ProcessClock.now().wall
      let greeting = try await greet(client)
      let answered = ProcessClock.now().wall
      let middle = asked + (answered - asked) / 2
      let server = WallTime(milliseconds: greeting.timeMs)
      let ahead = server - middle
      guard ahead <= Self.clocksApartMax, .zero - ahead <= Self.clocksApartMax else {
        throw JoinError(
          .clocksApart,
          "this machine's clock says \(RFC3339.text(middle)), that of \(greeting.coordinator) "
            + "\(RFC3339.text(server)): \(Self.apart(ahead)) apart")
      }
      report(.clocksAgree(serverAhead: ahead))
    }
  }

  private func connected<Result>(
    checksDates: Bool, _ body: (RPCClient) async throws -> Result
  ) async throws -> Result {
    var options = RPCClient.Options()
    options.backoffFirst = .milliseconds(200)
    let client: RPCClient
    do {
      client = try RPCClient(
        target: target,
        tls: TLSConfiguration(pinned: token.authoritySHA256, checksDates: checksDates),
        eventLoopGroup: group, options: options)
    } catch {
      throw JoinError(.badAnswer, error.reason)
    }
    do {
      try await client.connect()
      let result = try await body(client)
      await client.close()
      return result
    } catch let error as RPCConnectError {
      await client.close()
      throw Self.joinError(error, checksDates: checksDates)
    } catch {
      await client.close()
      throw error
    }
  }

  /// Pin, chain and role are judged on both connections, dates on the second one only.
  private static func joinError(_ error: RPCConnectError, checksDates: Bool) -> JoinError {
    switch error.kind {
    case .serverRefused:
      JoinError(checksDates ? .serverCertificate : .wrongCluster, error.reason)
    case .notOurProtocol, .refusedByServer: JoinError(.notOurProtocol, error.reason)
    case .nameNotFound, .unreachable, .timedOut, .closed: JoinError(.unreachable, error.reason)
    }
  }

  private static func joinError(_ status: RPCStatus) -> JoinError {
    switch status.code {
    case .unavailable, .deadlineExceeded, .cancelled, .aborted, .resourceExhausted:
      JoinError(.tryAgain, status.message)
    default: JoinError(.failed, status.message)
    }
  }

  private func greet(_ client: RPCClient) async throws -> Belfry_V1_GreetReply {
    do throws(RPCStatus) {
      return try await client.unary(
        MembershipService.greet, Belfry_V1_GreetRequest(),
        options: RPCCallOptions(timeout: Self.answerMax))
    } catch {
      throw error.code == .unimplemented || error.code == .unauthenticated
        ? JoinError(.notOurProtocol, "it knows nothing of joining: \(error.message)")
        : Self.joinError(error)
    }
  }

  private func enroll(
    _ client: RPCClient, _ key: borrowing KeyPair
  ) async throws -> Belfry_V1_EnrollReply {
    let requestPEM = try CertificateRequest.make(for: key).pem()
    var last = RPCStatus(.unavailable, "")
    for _ in 0..<Self.triesMax {
      let context = TokenProof.Context(
        binding: await client.binding(), token: token.id, name: name, requestPEM: requestPEM)
      let request = Belfry_V1_EnrollRequest.with {
        $0.token = token.id
        $0.proof = .init(TokenProof.make(token, context))
        $0.name = name
        $0.request = requestPEM
        $0.software = software
      }
      do {
        let reply = try await client.unary(
          MembershipService.enroll, request, options: RPCCallOptions(timeout: Self.answerMax))
        guard reply.refused.isEmpty else {
          throw JoinError(.refused(reply.refused), reply.why)
        }
        return reply
      } catch let error as RPCStatus {
        last = error
        // Nobody can know whether it was done: the same key asks again, and is known again.
        guard error.code == .unavailable else { break }
        try await client.connect()
      }
    }
    throw Self.joinError(last)
  }

  private func identity(
    _ reply: Belfry_V1_EnrollReply, _ key: borrowing KeyPair
  ) throws -> Identity {
    do throws(IdentityError) {
      return try Self.identity(reply, asked: name, token, key)
    } catch {
      throw JoinError(.badAnswer, "the coordinator's answer makes no identity: \(error.message)")
    }
  }

  /// What the coordinator says is checked by what the token says: it may be a stolen certificate that
  /// answers. So the CA is the pinned one and no other beside it, and the certificate is a worker's of the
  /// name that was asked for.
  package static func identity(
    _ reply: Belfry_V1_EnrollReply, asked name: String, _ token: JoinToken,
    _ key: borrowing KeyPair
  ) throws(IdentityError) -> Identity {
    guard
      try CertificateInfo(onlyIn: reply.authority).publicKeySHA256 == token.authoritySHA256
    else { throw IdentityError(.mismatch, "the CA it names is not the one in the token") }
    let identity = try Identity(
      authorityPEM: reply.authority, certificatePEM: reply.certificate, keyPEM: key.pem())
    guard identity.id.role == .worker, identity.id.name == (name.isEmpty ? reply.name : name)
    else {
      throw IdentityError(
        .mismatch, "the certificate is for \(identity.id), which was not asked for")
    }
    return identity
  }

  private func membership(
    _ reply: Belfry_V1_EnrollReply, _ identity: Identity
  ) throws -> Membership {
    let info = try CertificateInfo(pem: identity.certificatePEM)
    return Membership(
      id: identity.id, coordinators: reply.coordinators,
      expires: WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000))
  }

  private func storing<Result: ~Copyable>(
    _ body: () throws(IdentityError) -> Result
  ) throws(JoinError) -> Result {
    do { return try body() } catch {
      throw JoinError(error.code == .badKey ? .keyDamaged : .cannotStore, error.message)
    }
  }

  private static func apart(_ duration: Duration) -> String {
    let seconds = abs(duration.components.seconds)
    return seconds < 7_200 ? "\(seconds) s" : "\(seconds / 3_600) h \(seconds % 3_600 / 60) min"
  }
}
