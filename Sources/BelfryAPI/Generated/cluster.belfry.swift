// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from belfry/v1/cluster.proto by protoc-gen-belfry: `make generate` writes it anew.

package import BelfryRPC
package import BelfryWire

extension Belfry_V1_SetLaneRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.paused)
    writer.string(self.name)
    writer.string(self.reason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.paused = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
  }
}

extension Belfry_V1_WatchHealthRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_HealthUpdate: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(17)
    writer.uint64(self.cursor)
    writer.bool(self.whole)
    writer.int64(self.atMs)
    writer.string(self.cluster)
    writer.string(self.verdict)
    writer.elements(self.nodes) { $0.message($1) }
    writer.elements(self.lanes) { $0.message($1) }
    writer.elements(self.parts) { $0.message($1) }
    writer.elements(self.alerts) { $0.message($1) }
    writer.elements(self.gone) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.cursor = try reader.uint64()
    self.whole = try reader.bool()
    self.atMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.cluster = try reader.string() }
    if try reader.hasPart() { self.verdict = try reader.string() }
    if try reader.hasPart() { self.nodes = try reader.messages() }
    if try reader.hasPart() { self.lanes = try reader.messages() }
    if try reader.hasPart() { self.parts = try reader.messages() }
    if try reader.hasPart() { self.alerts = try reader.messages() }
    if try reader.hasPart() { self.gone = try reader.strings() }
  }
}

extension Belfry_V1_NodeHealth: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(32)
    writer.int64(self.sinceMs)
    writer.uint32(self.slots)
    writer.uint32(self.running)
    writer.uint64(self.heartbeatAgeMs)
    writer.int64(self.certificateExpiresMs)
    writer.string(self.name)
    writer.string(self.role)
    writer.string(self.state)
    writer.string(self.reason)
    writer.string(self.boot)
    writer.elements(self.labels) { $0.message($1) }
    writer.elements(self.kinds) { $0.string($1) }
    writer.elements(self.lanes) { $0.string($1) }
    writer.string(self.software)
    writer.string(self.address)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.sinceMs = try reader.int64()
    self.slots = try reader.uint32()
    self.running = try reader.uint32()
    self.heartbeatAgeMs = try reader.uint64()
    self.certificateExpiresMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.role = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
    if try reader.hasPart() { self.boot = try reader.string() }
    if try reader.hasPart() { self.labels = try reader.messages() }
    if try reader.hasPart() { self.kinds = try reader.strings() }
    if try reader.hasPart() { self.lanes = try reader.strings() }
    if try reader.hasPart() { self.software = try reader.string() }
    if try reader.hasPart() { self.address = try reader.string() }
  }
}

extension Belfry_V1_LaneHealth: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(57)
    writer.uint64(self.ready)
    writer.uint64(self.waiting)
    writer.uint64(self.running)
    writer.uint64(self.parked)
    writer.uint64(self.finished)
    writer.uint64(self.failed)
    writer.bool(self.paused)
    writer.int64(self.pausedSinceMs)
    writer.string(self.name)
    writer.elements(self.unserved) { $0.string($1) }
    writer.string(self.pausedBy)
    writer.string(self.pausedReason)
    writer.string(self.waitsFor)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.ready = try reader.uint64()
    self.waiting = try reader.uint64()
    self.running = try reader.uint64()
    self.parked = try reader.uint64()
    self.finished = try reader.uint64()
    self.failed = try reader.uint64()
    self.paused = try reader.bool()
    self.pausedSinceMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.unserved = try reader.strings() }
    if try reader.hasPart() { self.pausedBy = try reader.string() }
    if try reader.hasPart() { self.pausedReason = try reader.string() }
    if try reader.hasPart() { self.waitsFor = try reader.string() }
  }
}

extension Belfry_V1_PartHealth: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.int64(self.sinceMs)
    writer.string(self.name)
    writer.string(self.state)
    writer.string(self.reason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.sinceMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
  }
}

extension Belfry_V1_AlertView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(20)
    writer.int64(self.firedAtMs)
    writer.int64(self.resolvedAtMs)
    writer.uint32(self.jobsMoved)
    writer.string(self.rule)
    writer.string(self.subject)
    writer.string(self.state)
    writer.string(self.severity)
    writer.string(self.summary)
    writer.string(self.why)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.firedAtMs = try reader.int64()
    self.resolvedAtMs = try reader.int64()
    self.jobsMoved = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.rule = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.severity = try reader.string() }
    if try reader.hasPart() { self.summary = try reader.string() }
    if try reader.hasPart() { self.why = try reader.string() }
  }
}

/// The methods of `belfry.v1.Cluster`.
package enum ClusterService {
  /// First the whole picture, then changes, until the call ends.
  package static let watchHealth = ServerStreamMethod<Belfry_V1_WatchHealthRequest, Belfry_V1_HealthUpdate>(
    "belfry.v1.Cluster", "WatchHealth")
  /// The whole picture, once.
  package static let getHealth = UnaryMethod<Belfry_V1_WatchHealthRequest, Belfry_V1_HealthUpdate>(
    "belfry.v1.Cluster", "GetHealth")
  /// Pauses a lane, or lets it go on. A paused lane accepts jobs and gives none out; what runs goes on.
  /// Durable. Returns when this coordinator has done so; others follow within about a second.
  /// NOT_FOUND: no such lane here.
  package static let setLane = UnaryMethod<Belfry_V1_SetLaneRequest, Belfry_V1_LaneHealth>(
    "belfry.v1.Cluster", "SetLane")

  package static let methods: [MethodDescriptor] = [watchHealth.descriptor, getHealth.descriptor, setLane.descriptor]
}

/// Calls `belfry.v1.Cluster`.
package struct ClusterClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  /// First the whole picture, then changes, until the call ends.
  package func watchHealth(_ request: Belfry_V1_WatchHealthRequest, options: RPCCallOptions = RPCCallOptions()) -> TypedReplies<Belfry_V1_HealthUpdate> {
    client.serverStream(ClusterService.watchHealth, request, options: options)
  }

  /// The whole picture, once.
  package func getHealth(_ request: Belfry_V1_WatchHealthRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_HealthUpdate {
    try await client.unary(ClusterService.getHealth, request, options: options)
  }

  /// Pauses a lane, or lets it go on. A paused lane accepts jobs and gives none out; what runs goes on.
  /// Durable. Returns when this coordinator has done so; others follow within about a second.
  /// NOT_FOUND: no such lane here.
  package func setLane(_ request: Belfry_V1_SetLaneRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_LaneHealth {
    try await client.unary(ClusterService.setLane, request, options: options)
  }
}
