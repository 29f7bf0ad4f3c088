internal import BelfryAPI
internal import BelfryCore
internal import BelfryRPC
internal import SwiftProtobuf

extension MembershipService {
  static let reasonMax = 256
  static let auditMax = 10_000

  func nodes(_ request: Belfry_V1_ListNodesRequest) async throws -> Belfry_V1_ListNodesReply {
    let nodes = try await records(.nodes, request.name)
    let controls = try await records(.controls, request.name).compactMap(NodeControl.init)
    var views = nodes.map { record in
      NodeRecord(record).map(Belfry_V1_NodeRecordView.init)
        ?? .with { ($0.name, $0.state) = (record.id, "unreadable") }
    }
    for control in controls {
      let index = views.firstIndex { $0.name == control.name.text } ?? views.endIndex
      if index == views.endIndex { views.append(.with { $0.name = control.name.text }) }
      views[index].set(control)
    }
    return .with { $0.nodes = views.sorted { $0.name < $1.name } }
  }

  private func records(
    _ collection: StoredRecord.Collection, _ name: String
  ) async throws -> [StoredRecord] {
    if name.isEmpty { return try await list(collection) }
    return try await read(collection, Self.name(name).text).map { [$0] } ?? []
  }

  /// Who has no record gets one: a certificate made by hand is refused as well. But not for a slip of the
  /// pen: it would take the name away for good.
  func revoke(
    _ request: Belfry_V1_RevokeNodeRequest, by who: String
  ) async throws -> Belfry_V1_NodeRecordView {
    guard request.reason.unicodeScalars.count <= Self.reasonMax else {
      throw RPCStatus(.invalidArgument, "a reason has at most \(Self.reasonMax) characters")
    }
    let name = try Self.name(request.name)
    let isSeen = await shell.picture().nodes.contains { $0.name == name.text }
    return try await change(name) { node in
      guard node != nil || isSeen || request.unknown else {
        throw RPCStatus(
          .notFound,
          "the cluster has no record of \(name) and does not see it. Of operators, producers and others "
            + "whose certificates were made by hand it has none: to revoke one, ask with \"unknown\""
        )
      }
      var node = node ?? self.unrecorded(name)
      guard node.state != .revoked else {
        throw RPCStatus(
          .failedPrecondition, "\(name) is revoked already, by \(node.revokedBy)")
      }
      node.state = .revoked
      node.reason = request.reason
      node.revokedBy = who
      node.revoked = ProcessClock.now().wall
      return node
    }
  }

  func remove(
    _ request: Belfry_V1_RemoveNodeRequest
  ) async throws -> Belfry_V1_NodeRecordView {
    let name = try Self.name(request.name)
    let isThere = await isInSession(name)
    let removed = try await change(name) { node in
      guard var node, node.state != .removed else {
        throw RPCStatus(.notFound, "the cluster has no record of a node \(name)")
      }
      guard node.state == .revoked || !isThere else {
        throw RPCStatus(
          .failedPrecondition,
          "\(name) is in session, as coordinator \(coordinator) sees it: stop it, or revoke it, before it "
            + "is removed")
      }
      guard !node.role.isEmpty else {
        throw RPCStatus(
          .failedPrecondition,
          "the certificate of \(name) was made by hand, and nobody knows when it ends: it stays revoked, "
            + "and its name with it")
      }
      node.state = .removed
      return node
    }
    await changes.dropControl(of: name)
    return removed
  }

  /// As this coordinator sees it: others may have a node in session that is lost to us.
  func isInSession(_ name: NodeName) async -> Bool {
    await shell.picture().inSession.contains(name.text)
  }

  func auditEntries(
    _ request: Belfry_V1_ListAuditRequest
  ) async throws(RPCStatus) -> Belfry_V1_ListAuditReply {
    let limit = request.limit == 0 ? 100 : min(Int(request.limit), Self.auditMax)
    let isFiltered = !request.action.isEmpty || !request.subject.isEmpty
    let portion = isFiltered ? 1_000 : limit
    var entries: [AuditEntry] = []
    var last: String?
    // To the first entry of all, if need be; for who has given it up meanwhile nothing is read.
    while entries.count < limit, !Task.isCancelled {
      let records = try await list(.audit, before: last, limit: portion)
      entries += records.compactMap(AuditEntry.init).filter {
        (request.action.isEmpty || $0.action == request.action)
          && (request.subject.isEmpty || $0.subject == request.subject)
      }
      guard records.count == portion else { break }
      last = records.last?.id
    }
    return .with { $0.entries = entries.prefix(limit).map(Belfry_V1_AuditEntry.init) }
  }

  private func change(
    _ name: NodeName, _ body: (NodeRecord?) throws -> NodeRecord
  ) async throws -> Belfry_V1_NodeRecordView {
    let node = try await changes.change(name, at: ProcessClock.now().wall, body)
    return node.map(Belfry_V1_NodeRecordView.init) ?? Belfry_V1_NodeRecordView()
  }

  private func unrecorded(_ name: NodeName) -> NodeRecord {
    NodeRecord(
      name: name, role: "", serial: "", certificateExpires: WallTime(milliseconds: 0),
      joined: WallTime(milliseconds: 0))
  }

  static func name(_ text: String) throws(RPCStatus) -> NodeName {
    guard let name = NodeName(text) else {
      throw RPCStatus(.invalidArgument, "\"\(text.cut(64))\" is no node's name")
    }
    return name
  }
}

extension Belfry_V1_NodeRecordView {
  init(_ node: NodeRecord) {
    self.init()
    name = node.name.text
    role = node.role
    state = node.state.rawValue
    serial = node.serial
    certificateExpiresMs = node.certificateExpires.milliseconds
    labels = node.labels.map(Belfry_V1_Label.init)
    ephemeral = node.isEphemeral
    token = node.token
    joinedMs = node.joined.milliseconds
    reason = node.reason
    revokedBy = node.revokedBy
    revokedMs = node.revoked?.milliseconds ?? 0
    software = node.software
  }

  fileprivate mutating func set(_ control: NodeControl) {
    role = "worker"
    setLabels = control.labels.map(Belfry_V1_Label.init)
    cordonedBy = control.cordon?.by ?? ""
    cordonedReason = control.cordon?.reason ?? ""
    cordonedSinceMs = control.cordon?.since.milliseconds ?? 0
  }
}

extension Belfry_V1_AuditEntry {
  init(_ entry: AuditEntry) {
    self.init()
    atMs = entry.at.milliseconds
    who = entry.who
    from = entry.from
    action = entry.action
    subject = entry.subject
    detail = entry.detail
    result = entry.result
    coordinator = entry.coordinator
  }
}
