// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from belfry/v1/membership.proto by protoc-gen-belfry: `make generate` writes it anew.

package import BelfryRPC
package import BelfryWire

extension Belfry_V1_GreetRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_GreetReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(9)
    writer.int64(self.timeMs)
    writer.bool(self.issues)
    writer.string(self.cluster)
    writer.string(self.coordinator)
    writer.string(self.software)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.timeMs = try reader.int64()
    self.issues = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.cluster = try reader.string() }
    if try reader.hasPart() { self.coordinator = try reader.string() }
    if try reader.hasPart() { self.software = try reader.string() }
  }
}

extension Belfry_V1_EnrollRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.token)
    writer.data(self.proof)
    writer.string(self.name)
    writer.string(self.request)
    writer.string(self.software)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.token = try reader.string() }
    if try reader.hasPart() { self.proof = try reader.data() }
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.request = try reader.string() }
    if try reader.hasPart() { self.software = try reader.string() }
  }
}

extension Belfry_V1_EnrollReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.ephemeral)
    writer.string(self.refused)
    writer.string(self.why)
    writer.string(self.name)
    writer.string(self.certificate)
    writer.string(self.authority)
    writer.elements(self.labels) { $0.message($1) }
    writer.elements(self.coordinators) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.ephemeral = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.refused = try reader.string() }
    if try reader.hasPart() { self.why = try reader.string() }
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.certificate = try reader.string() }
    if try reader.hasPart() { self.authority = try reader.string() }
    if try reader.hasPart() { self.labels = try reader.messages() }
    if try reader.hasPart() { self.coordinators = try reader.strings() }
  }
}

extension Belfry_V1_RenewRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.request)
    writer.string(self.certificate)
    writer.data(self.signature)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.request = try reader.string() }
    if try reader.hasPart() { self.certificate = try reader.string() }
    if try reader.hasPart() { self.signature = try reader.data() }
  }
}

extension Belfry_V1_CreateTokenRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(13)
    writer.uint64(self.ttlMs)
    writer.uint32(self.uses)
    writer.bool(self.ephemeral)
    writer.string(self.name)
    writer.elements(self.labels) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.ttlMs = try reader.uint64()
    self.uses = try reader.uint32()
    self.ephemeral = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.labels = try reader.messages() }
  }
}

extension Belfry_V1_CreateTokenReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.token)
    if self.hasView { writer.message(self.view) } else { writer.emptyPart() }
    writer.elements(self.coordinators) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.token = try reader.string() }
    if try reader.hasPart() { self.view = try reader.message() }
    if try reader.hasPart() { self.coordinators = try reader.strings() }
  }
}

extension Belfry_V1_TokenView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(25)
    writer.uint32(self.uses)
    writer.uint32(self.used)
    writer.int64(self.expiresMs)
    writer.int64(self.createdMs)
    writer.bool(self.ephemeral)
    writer.string(self.id)
    writer.string(self.state)
    writer.string(self.name)
    writer.elements(self.labels) { $0.message($1) }
    writer.string(self.createdBy)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.uses = try reader.uint32()
    self.used = try reader.uint32()
    self.expiresMs = try reader.int64()
    self.createdMs = try reader.int64()
    self.ephemeral = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.labels = try reader.messages() }
    if try reader.hasPart() { self.createdBy = try reader.string() }
  }
}

extension Belfry_V1_ListTokensRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListTokensReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.tokens) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.tokens = try reader.messages() }
  }
}

extension Belfry_V1_RevokeTokenRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.id)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
  }
}

extension Belfry_V1_NodeRecordView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(33)
    writer.int64(self.certificateExpiresMs)
    writer.bool(self.ephemeral)
    writer.int64(self.joinedMs)
    writer.int64(self.revokedMs)
    writer.int64(self.cordonedSinceMs)
    writer.string(self.name)
    writer.string(self.role)
    writer.string(self.state)
    writer.string(self.serial)
    writer.elements(self.labels) { $0.message($1) }
    writer.string(self.token)
    writer.string(self.reason)
    writer.string(self.revokedBy)
    writer.string(self.software)
    writer.string(self.cordonedBy)
    writer.string(self.cordonedReason)
    writer.elements(self.setLabels) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if case let value = try reader.int64(), value != 0 { self.certificateExpiresMs = value }
    if try reader.bool() { self.ephemeral = true }
    if case let value = try reader.int64(), value != 0 { self.joinedMs = value }
    if case let value = try reader.int64(), value != 0 { self.revokedMs = value }
    if case let value = try reader.int64(), value != 0 { self.cordonedSinceMs = value }
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.role = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.serial = try reader.string() }
    if try reader.hasPart() { self.labels = try reader.messages() }
    if try reader.hasPart() { self.token = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
    if try reader.hasPart() { self.revokedBy = try reader.string() }
    if try reader.hasPart() { self.software = try reader.string() }
    if try reader.hasPart() { self.cordonedBy = try reader.string() }
    if try reader.hasPart() { self.cordonedReason = try reader.string() }
    if try reader.hasPart() { self.setLabels = try reader.messages() }
  }
}

extension Belfry_V1_ListNodesRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.name)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
  }
}

extension Belfry_V1_ListNodesReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.nodes) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.nodes = try reader.messages() }
  }
}

extension Belfry_V1_RevokeNodeRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.unknown)
    writer.string(self.name)
    writer.string(self.reason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.unknown = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
  }
}

extension Belfry_V1_RemoveNodeRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.name)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
  }
}

extension Belfry_V1_LeaveRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListAuditRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.limit)
    writer.string(self.action)
    writer.string(self.subject)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.limit = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.action = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
  }
}

extension Belfry_V1_ListAuditReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.entries) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.entries = try reader.messages() }
  }
}

extension Belfry_V1_AuditEntry: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.int64(self.atMs)
    writer.string(self.who)
    writer.string(self.from)
    writer.string(self.action)
    writer.string(self.subject)
    writer.string(self.detail)
    writer.string(self.result)
    writer.string(self.coordinator)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.atMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.who = try reader.string() }
    if try reader.hasPart() { self.from = try reader.string() }
    if try reader.hasPart() { self.action = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
    if try reader.hasPart() { self.detail = try reader.string() }
    if try reader.hasPart() { self.result = try reader.string() }
    if try reader.hasPart() { self.coordinator = try reader.string() }
  }
}

/// The methods of `belfry.v1.Membership`.
package enum MembershipService {
  /// What a machine may know before it trusts the cluster, or is trusted. Anybody may call it.
  package static let greet = UnaryMethod<Belfry_V1_GreetRequest, Belfry_V1_GreetReply>(
    "belfry.v1.Membership", "Greet")
  /// A machine joins by a token. It has no certificate yet. What is wrong stands in the reply;
  /// UNAVAILABLE: the store did not answer, and the same request may be sent again.
  package static let enroll = UnaryMethod<Belfry_V1_EnrollRequest, Belfry_V1_EnrollReply>(
    "belfry.v1.Membership", "Enroll")
  /// A new certificate for who has one: called with it; or by a worker once it has ended, and by a coordinator
  /// while it has not, without one and with the old certificate and its key's signature.
  package static let renew = UnaryMethod<Belfry_V1_RenewRequest, Belfry_V1_EnrollReply>(
    "belfry.v1.Membership", "Renew")
  /// INVALID_ARGUMENT: name, labels, uses or time are not accepted. FAILED_PRECONDITION: this
  /// coordinator has no CA to issue certificates with.
  package static let createToken = UnaryMethod<Belfry_V1_CreateTokenRequest, Belfry_V1_CreateTokenReply>(
    "belfry.v1.Membership", "CreateToken")
  package static let listTokens = UnaryMethod<Belfry_V1_ListTokensRequest, Belfry_V1_ListTokensReply>(
    "belfry.v1.Membership", "ListTokens")
  /// NOT_FOUND: there is none. What joined by it stays.
  package static let revokeToken = UnaryMethod<Belfry_V1_RevokeTokenRequest, Belfry_V1_TokenView>(
    "belfry.v1.Membership", "RevokeToken")
  /// The nodes the cluster has a record of: those that joined by a token, renewed, or were revoked; and
  /// workers of which operators have set something.
  package static let listNodes = UnaryMethod<Belfry_V1_ListNodesRequest, Belfry_V1_ListNodesReply>(
    "belfry.v1.Membership", "ListNodes")
  /// Never again: the node's sessions end now, its jobs go to others, its certificates are refused by
  /// every coordinator. NOT_FOUND: there is no record of that name, none is seen, and `unknown` is not
  /// set; operators and producers with certificates made by hand are such. FAILED_PRECONDITION: it is
  /// revoked already.
  package static let revokeNode = UnaryMethod<Belfry_V1_RevokeNodeRequest, Belfry_V1_NodeRecordView>(
    "belfry.v1.Membership", "RevokeNode")
  /// Forgets a node, so that its name can be used anew. Its certificates are refused from now on.
  /// FAILED_PRECONDITION: it is in session, as this coordinator sees it, or its certificate was made by
  /// hand.
  package static let removeNode = UnaryMethod<Belfry_V1_RemoveNodeRequest, Belfry_V1_NodeRecordView>(
    "belfry.v1.Membership", "RemoveNode")
  /// A worker takes itself out: as RemoveNode, of the one whose certificate calls. FAILED_PRECONDITION: it is
  /// still in session, or has no record, since its certificate was made by hand.
  package static let leave = UnaryMethod<Belfry_V1_LeaveRequest, Belfry_V1_NodeRecordView>(
    "belfry.v1.Membership", "Leave")
  /// Who did what, the newest first.
  package static let listAudit = UnaryMethod<Belfry_V1_ListAuditRequest, Belfry_V1_ListAuditReply>(
    "belfry.v1.Membership", "ListAudit")

  package static let methods: [MethodDescriptor] = [greet.descriptor, enroll.descriptor, renew.descriptor, createToken.descriptor, listTokens.descriptor, revokeToken.descriptor, listNodes.descriptor, revokeNode.descriptor, removeNode.descriptor, leave.descriptor, listAudit.descriptor]
}

/// Calls `belfry.v1.Membership`.
package struct MembershipClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  /// What a machine may know before it trusts the cluster, or is trusted. Anybody may call it.
  package func greet(_ request: Belfry_V1_GreetRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_GreetReply {
    try await client.unary(MembershipService.greet, request, options: options)
  }

  /// A machine joins by a token. It has no certificate yet. What is wrong stands in the reply;
  /// UNAVAILABLE: the store did not answer, and the same request may be sent again.
  package func enroll(_ request: Belfry_V1_EnrollRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_EnrollReply {
    try await client.unary(MembershipService.enroll, request, options: options)
  }

  /// A new certificate for who has one: called with it; or by a worker once it has ended, and by a coordinator
  /// while it has not, without one and with the old certificate and its key's signature.
  package func renew(_ request: Belfry_V1_RenewRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_EnrollReply {
    try await client.unary(MembershipService.renew, request, options: options)
  }

  /// INVALID_ARGUMENT: name, labels, uses or time are not accepted. FAILED_PRECONDITION: this
  /// coordinator has no CA to issue certificates with.
  package func createToken(_ request: Belfry_V1_CreateTokenRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_CreateTokenReply {
    try await client.unary(MembershipService.createToken, request, options: options)
  }

  package func listTokens(_ request: Belfry_V1_ListTokensRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListTokensReply {
    try await client.unary(MembershipService.listTokens, request, options: options)
  }

  /// NOT_FOUND: there is none. What joined by it stays.
  package func revokeToken(_ request: Belfry_V1_RevokeTokenRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_TokenView {
    try await client.unary(MembershipService.revokeToken, request, options: options)
  }

  /// The nodes the cluster has a record of: those that joined by a token, renewed, or were revoked; and
  /// workers of which operators have set something.
  package func listNodes(_ request: Belfry_V1_ListNodesRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListNodesReply {
    try await client.unary(MembershipService.listNodes, request, options: options)
  }

  /// Never again: the node's sessions end now, its jobs go to others, its certificates are refused by
  /// every coordinator. NOT_FOUND: there is no record of that name, none is seen, and `unknown` is not
  /// set; operators and producers with certificates made by hand are such. FAILED_PRECONDITION: it is
  /// revoked already.
  package func revokeNode(_ request: Belfry_V1_RevokeNodeRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_NodeRecordView {
    try await client.unary(MembershipService.revokeNode, request, options: options)
  }

  /// Forgets a node, so that its name can be used anew. Its certificates are refused from now on.
  /// FAILED_PRECONDITION: it is in session, as this coordinator sees it, or its certificate was made by
  /// hand.
  package func removeNode(_ request: Belfry_V1_RemoveNodeRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_NodeRecordView {
    try await client.unary(MembershipService.removeNode, request, options: options)
  }

  /// A worker takes itself out: as RemoveNode, of the one whose certificate calls. FAILED_PRECONDITION: it is
  /// still in session, or has no record, since its certificate was made by hand.
  package func leave(_ request: Belfry_V1_LeaveRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_NodeRecordView {
    try await client.unary(MembershipService.leave, request, options: options)
  }

  /// Who did what, the newest first.
  package func listAudit(_ request: Belfry_V1_ListAuditRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListAuditReply {
    try await client.unary(MembershipService.listAudit, request, options: options)
  }
}
