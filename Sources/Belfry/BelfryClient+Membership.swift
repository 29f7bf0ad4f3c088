package import BelfryAPI
package import BelfryCore
internal import BelfryRPC

/// Tokens, nodes and the audit log, for operators.
extension BelfryClient {
  package func createToken(
    _ request: Belfry_V1_CreateTokenRequest, within timeout: Duration
  ) async throws -> Belfry_V1_CreateTokenReply {
    try await call(MembershipService.createToken, request, timeout)
  }

  package func tokens(within timeout: Duration) async throws -> [Belfry_V1_TokenView] {
    try await call(
      MembershipService.listTokens, Belfry_V1_ListTokensRequest(), timeout
    ).tokens
  }

  package func revokeToken(
    _ id: String, within timeout: Duration
  ) async throws -> Belfry_V1_TokenView {
    var request = Belfry_V1_RevokeTokenRequest()
    request.id = id
    return try await call(MembershipService.revokeToken, request, timeout)
  }

  /// - Parameter name: nil: all.
  package func nodes(
    _ name: String? = nil, within timeout: Duration
  ) async throws -> [Belfry_V1_NodeRecordView] {
    var request = Belfry_V1_ListNodesRequest()
    request.name = name ?? ""
    return try await call(MembershipService.listNodes, request, timeout).nodes
  }

  /// - Parameter unknown: also a name that nobody has a record of, and that is not seen.
  package func revokeNode(
    _ name: String, reason: String, unknown: Bool, within timeout: Duration
  ) async throws -> Belfry_V1_NodeRecordView {
    var request = Belfry_V1_RevokeNodeRequest()
    request.name = name
    request.reason = reason
    request.unknown = unknown
    return try await call(MembershipService.revokeNode, request, timeout)
  }

  package func removeNode(
    _ name: String, within timeout: Duration
  ) async throws -> Belfry_V1_NodeRecordView {
    var request = Belfry_V1_RemoveNodeRequest()
    request.name = name
    return try await call(MembershipService.removeNode, request, timeout)
  }

  package func cordonNode(
    _ name: String, reason: String, within timeout: Duration
  ) async throws -> Belfry_V1_NodeHealth {
    var request = Belfry_V1_CordonNodeRequest()
    request.name = name
    request.cordoned = true
    request.reason = reason
    return try await call(ClusterService.cordonNode, request, timeout)
  }

  package func uncordonNode(
    _ name: String, within timeout: Duration
  ) async throws -> Belfry_V1_NodeHealth {
    var request = Belfry_V1_CordonNodeRequest()
    request.name = name
    return try await call(ClusterService.cordonNode, request, timeout)
  }

  package func labelNode(
    _ name: String, set: [BelfryCore.Label], remove: [String], within timeout: Duration
  ) async throws -> Belfry_V1_NodeHealth {
    var request = Belfry_V1_LabelNodeRequest()
    request.name = name
    request.set = set.map(Belfry_V1_Label.init)
    request.remove = remove
    return try await call(ClusterService.labelNode, request, timeout)
  }

  /// Of the worker whose certificate calls.
  package func leave(within timeout: Duration) async throws {
    _ = try await call(MembershipService.leave, Belfry_V1_LeaveRequest(), timeout)
  }

  /// A new certificate for who calls.
  package func renewCertificate(
    _ requestPEM: String, within timeout: Duration
  ) async throws -> Belfry_V1_EnrollReply {
    var request = Belfry_V1_RenewRequest()
    request.request = requestPEM
    return try await call(MembershipService.renew, request, timeout)
  }

  package func auditEntries(
    _ request: Belfry_V1_ListAuditRequest, within timeout: Duration
  ) async throws -> [Belfry_V1_AuditEntry] {
    try await call(MembershipService.listAudit, request, timeout).entries
  }
}
