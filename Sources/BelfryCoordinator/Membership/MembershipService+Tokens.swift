internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryRPC
internal import SwiftProtobuf

extension MembershipService {
  /// One that nobody knows yet: it lets in nobody before it is kept.
  func newToken() throws -> JoinToken {
    try JoinToken.make(authorityPEM: requireIssuer().authorityPEM)
  }

  /// What is asked for, for the audit log.
  static func words(for request: Belfry_V1_CreateTokenRequest) -> String {
    let life =
      request.ttlMs == 0
      ? TokenRecord.timeToLiveDefault : .milliseconds(Int64(clamping: request.ttlMs))
    let labels = request.labels.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    return [
      "for \(request.name.isEmpty ? "any name" : request.name)", "uses \(max(1, request.uses))",
      "ttl \(life.shortText)", labels.isEmpty ? nil : "labels \(labels)",
      request.ephemeral ? "ephemeral" : nil,
    ].compactMap { $0 }.joined(separator: ", ")
  }

  func keep(
    _ token: JoinToken, _ request: Belfry_V1_CreateTokenRequest, by who: String
  ) async throws -> Belfry_V1_CreateTokenReply {
    let now = ProcessClock.now().wall
    let life = try Self.life(request.ttlMs)
    let uses = max(1, Int(request.uses))
    guard uses <= TokenRecord.usesMax else {
      throw RPCStatus(.invalidArgument, "a token has at most \(TokenRecord.usesMax) uses")
    }
    let name = request.name.isEmpty ? nil : NodeName(request.name)
    guard name != nil || request.name.isEmpty else {
      throw RPCStatus(
        .invalidArgument,
        "\"\(request.name.cut(64))\" is no node's name: [a-z0-9][a-z0-9-]{0,62} is asked for")
    }
    guard name == nil || uses == 1 else {
      throw RPCStatus(.invalidArgument, "a token for one name has one use: names are unique")
    }
    let labels = request.labels.compactMap { Label(key: $0.key, value: $0.value) }
    guard labels.count == request.labels.count else {
      throw RPCStatus(.invalidArgument, "a label is key=value, each [A-Za-z0-9._/-]{1,63}")
    }
    let record = TokenRecord(
      id: token.id, secretHash: token.storedHash.hexText, name: name, labels: labels.sorted(),
      uses: uses, expires: now + life, created: now, createdBy: who,
      isEphemeral: request.ephemeral)
    guard await store.create(record.stored(version: 1, at: now)) == true else {
      throw Self.silence
    }
    let addresses = await addresses()
    return .with {
      $0.token = token.text
      $0.view = Belfry_V1_TokenView(record, at: now)
      $0.coordinators = addresses
    }
  }

  private static func life(_ milliseconds: UInt64) throws(RPCStatus) -> Duration {
    guard milliseconds > 0 else { return TokenRecord.timeToLiveDefault }
    let life = Duration.milliseconds(Int64(clamping: milliseconds))
    guard life <= TokenRecord.timeToLiveMax else {
      throw RPCStatus(.invalidArgument, "a token is good for at most 30 days")
    }
    return life
  }

  func tokens() async throws -> Belfry_V1_ListTokensReply {
    let now = ProcessClock.now().wall
    let records = try await list(.tokens).compactMap(TokenRecord.init)
    return .with {
      $0.tokens = records.sorted { $0.created > $1.created }
        .map { Belfry_V1_TokenView($0, at: now) }
    }
  }

  func revokeToken(
    _ request: Belfry_V1_RevokeTokenRequest
  ) async throws -> Belfry_V1_TokenView {
    guard JobID(request.id) != nil else {
      throw RPCStatus(.notFound, "there is no token \"\(request.id.cut(64))\"")
    }
    let token = try await changeToken(request.id) { token in
      token.isRevoked = true
      return true
    }
    return Belfry_V1_TokenView(token, at: ProcessClock.now().wall)
  }

  /// - Parameter body: false: nothing is to be written.
  @discardableResult
  func changeToken(
    _ id: String, _ body: (inout TokenRecord) -> Bool
  ) async throws -> TokenRecord {
    while true {
      guard let stored = try await read(.tokens, id), var token = TokenRecord(stored)
      else { throw RPCStatus(.notFound, "there is no token \(id)") }
      guard body(&token) else { return token }
      let record = token.stored(version: stored.version + 1, at: ProcessClock.now().wall)
      guard let isOurs = await store.replace(record) else { throw Self.silence }
      // Else it was used or revoked in this moment: at most as often as it has uses.
      if isOurs { return token }
    }
  }
}

extension Belfry_V1_TokenView {
  init(_ token: TokenRecord, at now: WallTime) {
    self.init()
    id = token.id
    state = token.state(at: now).rawValue
    name = token.name?.text ?? ""
    labels = token.labels.map(Belfry_V1_Label.init)
    uses = UInt32(clamping: token.uses)
    used = UInt32(clamping: token.used)
    expiresMs = token.expires.milliseconds
    createdMs = token.created.milliseconds
    createdBy = token.createdBy
    ephemeral = token.isEphemeral
  }
}
