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

extension Belfry_V1_PurgeLaneRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(9)
    writer.bool(self.dryRun)
    writer.uint64(self.waitMs)
    writer.string(self.name)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.dryRun = try reader.bool()
    self.waitMs = try reader.uint64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
  }
}

extension Belfry_V1_PurgeLaneReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(24)
    writer.uint64(self.found)
    writer.uint64(self.cancelled)
    writer.uint64(self.left)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.found = try reader.uint64()
    self.cancelled = try reader.uint64()
    self.left = try reader.uint64()
    reader.closeBlock()
  }
}

extension Belfry_V1_AttachQueueRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.usesMessageID)
    writer.string(self.queue)
    writer.string(self.kind)
    writer.string(self.lane)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.usesMessageID = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.queue = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
  }
}

extension Belfry_V1_DetachQueueRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.queue)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.queue = try reader.string() }
  }
}

extension Belfry_V1_ListAttachedQueuesRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListAttachedQueuesReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.queues) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.queues = try reader.messages() }
  }
}

extension Belfry_V1_AttachedQueue: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(10)
    writer.bool(self.usesMessageID)
    writer.bool(self.consumed)
    writer.int64(self.sinceMs)
    writer.string(self.queue)
    writer.string(self.kind)
    writer.string(self.lane)
    writer.string(self.by)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.usesMessageID = try reader.bool()
    self.consumed = try reader.bool()
    self.sinceMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.queue = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.by = try reader.string() }
  }
}

extension Belfry_V1_CordonNodeRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.cordoned)
    writer.string(self.name)
    writer.string(self.reason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.cordoned = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
  }
}

extension Belfry_V1_LabelNodeRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.name)
    writer.elements(self.set) { $0.message($1) }
    writer.elements(self.remove) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.set = try reader.messages() }
    if try reader.hasPart() { self.remove = try reader.strings() }
  }
}

extension Belfry_V1_WatchHealthRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.uint64(self.since)
    writer.string(self.source)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.since = try reader.uint64()
    reader.closeBlock()
    if try reader.hasPart() { self.source = try reader.string() }
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
    writer.string(self.source)
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
    if try reader.hasPart() { self.source = try reader.string() }
  }
}

extension Belfry_V1_NodeHealth: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(48)
    writer.int64(self.sinceMs)
    writer.uint32(self.slots)
    writer.uint32(self.running)
    writer.uint64(self.heartbeatAgeMs)
    writer.int64(self.certificateExpiresMs)
    writer.int64(self.cordonedSinceMs)
    writer.int64(self.clockOffsetMs)
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
    writer.string(self.cordonedBy)
    writer.string(self.cordonedReason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if case let value = try reader.int64(), value != 0 { self.sinceMs = value }
    if case let value = try reader.uint32(), value != 0 { self.slots = value }
    if case let value = try reader.uint32(), value != 0 { self.running = value }
    if case let value = try reader.uint64(), value != 0 { self.heartbeatAgeMs = value }
    if case let value = try reader.int64(), value != 0 { self.certificateExpiresMs = value }
    if case let value = try reader.int64(), value != 0 { self.cordonedSinceMs = value }
    if case let value = try reader.int64(), value != 0 { self.clockOffsetMs = value }
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
    if try reader.hasPart() { self.cordonedBy = try reader.string() }
    if try reader.hasPart() { self.cordonedReason = try reader.string() }
  }
}

extension Belfry_V1_LaneHealth: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(81)
    writer.uint64(self.ready)
    writer.uint64(self.waiting)
    writer.uint64(self.running)
    writer.uint64(self.parked)
    writer.uint64(self.finished)
    writer.uint64(self.failed)
    writer.bool(self.paused)
    writer.int64(self.pausedSinceMs)
    writer.int64(self.oldestMs)
    writer.double(self.finishedPerSecond)
    writer.double(self.failedPerSecond)
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
    self.oldestMs = try reader.int64()
    self.finishedPerSecond = try reader.double()
    self.failedPerSecond = try reader.double()
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
    writer.openBlock(28)
    writer.int64(self.firedAtMs)
    writer.int64(self.resolvedAtMs)
    writer.uint32(self.jobsMoved)
    writer.int64(self.acknowledgedMs)
    writer.string(self.rule)
    writer.string(self.subject)
    writer.string(self.state)
    writer.string(self.severity)
    writer.string(self.summary)
    writer.string(self.why)
    writer.string(self.acknowledgedBy)
    writer.string(self.note)
    writer.string(self.silencedBy)
    writer.string(self.heldBackBy)
    writer.string(self.resolvedWhy)
    writer.string(self.coordinator)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.firedAtMs = try reader.int64()
    self.resolvedAtMs = try reader.int64()
    self.jobsMoved = try reader.uint32()
    self.acknowledgedMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.rule = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.severity = try reader.string() }
    if try reader.hasPart() { self.summary = try reader.string() }
    if try reader.hasPart() { self.why = try reader.string() }
    if try reader.hasPart() { self.acknowledgedBy = try reader.string() }
    if try reader.hasPart() { self.note = try reader.string() }
    if try reader.hasPart() { self.silencedBy = try reader.string() }
    if try reader.hasPart() { self.heldBackBy = try reader.string() }
    if try reader.hasPart() { self.resolvedWhy = try reader.string() }
    if try reader.hasPart() { self.coordinator = try reader.string() }
  }
}

extension Belfry_V1_ListAlertsRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.int64(self.resolvedWithinMs)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.resolvedWithinMs = try reader.int64()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListAlertsReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.alerts) { $0.message($1) }
    writer.string(self.storeProblem)
    writer.elements(self.sinks) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.alerts = try reader.messages() }
    if try reader.hasPart() { self.storeProblem = try reader.string() }
    if try reader.hasPart() { self.sinks = try reader.messages() }
  }
}

extension Belfry_V1_SinkView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.waiting)
    writer.string(self.name)
    writer.string(self.kind)
    writer.elements(self.deliveries) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.waiting = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.deliveries = try reader.messages() }
  }
}

extension Belfry_V1_DeliveryView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.int64(self.atMs)
    writer.string(self.rule)
    writer.string(self.subject)
    writer.string(self.state)
    writer.string(self.result)
    writer.string(self.why)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.atMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.rule = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.result = try reader.string() }
    if try reader.hasPart() { self.why = try reader.string() }
  }
}

extension Belfry_V1_AcknowledgeAlertRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.rule)
    writer.string(self.subject)
    writer.string(self.note)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.rule = try reader.string() }
    if try reader.hasPart() { self.subject = try reader.string() }
    if try reader.hasPart() { self.note = try reader.string() }
  }
}

extension Belfry_V1_CreateSilenceRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.int64(self.forMs)
    writer.string(self.match)
    writer.string(self.reason)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.forMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.match = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
  }
}

extension Belfry_V1_SilenceView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(17)
    writer.int64(self.madeMs)
    writer.int64(self.endsMs)
    writer.bool(self.holds)
    writer.string(self.id)
    writer.string(self.match)
    writer.string(self.by)
    writer.string(self.reason)
    writer.string(self.endedBy)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.madeMs = try reader.int64()
    self.endsMs = try reader.int64()
    self.holds = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.match = try reader.string() }
    if try reader.hasPart() { self.by = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
    if try reader.hasPart() { self.endedBy = try reader.string() }
  }
}

extension Belfry_V1_ListSilencesRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListSilencesReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.silences) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.silences = try reader.messages() }
  }
}

extension Belfry_V1_EndSilenceRequest: WireMessage {
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

/// The methods of `belfry.v1.Cluster`.
package enum ClusterService {
  /// First the whole picture, or what has changed since one that the caller has; then changes, until the
  /// call ends. They come every 200 ms at most, and every 2 s where much is told to many.
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
  /// Cancels the jobs that wait in a lane: each gets the outcome cancelled. What runs goes on; what is delayed
  /// stays. All coordinators heed it until this call ends, at most for ten minutes: jobs that were submitted
  /// after it began stay too. Returns when nothing that was waiting is left, or with what is.
  /// NOT_FOUND: no such lane here. FAILED_PRECONDITION: somebody purges it already.
  package static let purgeLane = UnaryMethod<Belfry_V1_PurgeLaneRequest, Belfry_V1_PurgeLaneReply>(
    "belfry.v1.Cluster", "PurgeLane")
  /// Consumes a queue that is not Belfry's, as it is: each of its messages becomes a job. Durable, and for all
  /// coordinators; a queue that is not there yet is tried every two seconds. Returns when this coordinator has
  /// asked for it; others follow within about a second. Who did it first stays.
  /// NOT_FOUND: no such lane here. FAILED_PRECONDITION: it is attached already, and makes other jobs.
  package static let attachQueue = UnaryMethod<Belfry_V1_AttachQueueRequest, Belfry_V1_AttachedQueue>(
    "belfry.v1.Cluster", "AttachQueue")
  /// Leaves such a queue: what has become a job stays one. NOT_FOUND: it is not attached.
  /// FAILED_PRECONDITION: it is attached by the settings of this coordinator.
  package static let detachQueue = UnaryMethod<Belfry_V1_DetachQueueRequest, Belfry_V1_AttachedQueue>(
    "belfry.v1.Cluster", "DetachQueue")
  /// Those that this coordinator has, by its settings or told.
  package static let listAttachedQueues = UnaryMethod<Belfry_V1_ListAttachedQueuesRequest, Belfry_V1_ListAttachedQueuesReply>(
    "belfry.v1.Cluster", "ListAttachedQueues")
  /// Cordons a worker, or lets it have jobs again. A cordoned worker keeps its session and what it runs, and
  /// gets no new jobs. Durable, whatever restarts, and also for one that is away. Who did it first stays.
  /// Returns when this coordinator has done so; others follow within about a second.
  /// NOT_FOUND: nobody knows such a worker. FAILED_PRECONDITION: it is a coordinator.
  package static let cordonNode = UnaryMethod<Belfry_V1_CordonNodeRequest, Belfry_V1_NodeHealth>(
    "belfry.v1.Cluster", "CordonNode")
  /// Sets labels of a worker beside those that it brings, and takes such labels away. Durable in the same way.
  /// FAILED_PRECONDITION: a label that is to go is the worker's own.
  package static let labelNode = UnaryMethod<Belfry_V1_LabelNodeRequest, Belfry_V1_NodeHealth>(
    "belfry.v1.Cluster", "LabelNode")
  /// Alerts that are pending, that fire, that somebody looks after, and that ended lately; and what the
  /// sinks of this coordinator were told. Also while the store is away: then what this coordinator knows.
  package static let listAlerts = UnaryMethod<Belfry_V1_ListAlertsRequest, Belfry_V1_ListAlertsReply>(
    "belfry.v1.Cluster", "ListAlerts")
  /// Says that somebody looks after a firing alert. Who did so first stays. NOT_FOUND: it does not fire.
  package static let acknowledgeAlert = UnaryMethod<Belfry_V1_AcknowledgeAlertRequest, Belfry_V1_AlertView>(
    "belfry.v1.Cluster", "AcknowledgeAlert")
  /// Sends no alerts that match, until it ends. Durable; other coordinators follow within about a second.
  /// INVALID_ARGUMENT: no reason, no end, or the match is none.
  package static let createSilence = UnaryMethod<Belfry_V1_CreateSilenceRequest, Belfry_V1_SilenceView>(
    "belfry.v1.Cluster", "CreateSilence")
  /// Those that hold, and those that ended in the last 24 hours.
  package static let listSilences = UnaryMethod<Belfry_V1_ListSilencesRequest, Belfry_V1_ListSilencesReply>(
    "belfry.v1.Cluster", "ListSilences")
  /// Ends a silence early. NOT_FOUND: none of that id holds.
  package static let endSilence = UnaryMethod<Belfry_V1_EndSilenceRequest, Belfry_V1_SilenceView>(
    "belfry.v1.Cluster", "EndSilence")

  package static let methods: [MethodDescriptor] = [watchHealth.descriptor, getHealth.descriptor, setLane.descriptor, purgeLane.descriptor, attachQueue.descriptor, detachQueue.descriptor, listAttachedQueues.descriptor, cordonNode.descriptor, labelNode.descriptor, listAlerts.descriptor, acknowledgeAlert.descriptor, createSilence.descriptor, listSilences.descriptor, endSilence.descriptor]
}

/// Calls `belfry.v1.Cluster`.
package struct ClusterClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  /// First the whole picture, or what has changed since one that the caller has; then changes, until the
  /// call ends. They come every 200 ms at most, and every 2 s where much is told to many.
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

  /// Cancels the jobs that wait in a lane: each gets the outcome cancelled. What runs goes on; what is delayed
  /// stays. All coordinators heed it until this call ends, at most for ten minutes: jobs that were submitted
  /// after it began stay too. Returns when nothing that was waiting is left, or with what is.
  /// NOT_FOUND: no such lane here. FAILED_PRECONDITION: somebody purges it already.
  package func purgeLane(_ request: Belfry_V1_PurgeLaneRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_PurgeLaneReply {
    try await client.unary(ClusterService.purgeLane, request, options: options)
  }

  /// Consumes a queue that is not Belfry's, as it is: each of its messages becomes a job. Durable, and for all
  /// coordinators; a queue that is not there yet is tried every two seconds. Returns when this coordinator has
  /// asked for it; others follow within about a second. Who did it first stays.
  /// NOT_FOUND: no such lane here. FAILED_PRECONDITION: it is attached already, and makes other jobs.
  package func attachQueue(_ request: Belfry_V1_AttachQueueRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_AttachedQueue {
    try await client.unary(ClusterService.attachQueue, request, options: options)
  }

  /// Leaves such a queue: what has become a job stays one. NOT_FOUND: it is not attached.
  /// FAILED_PRECONDITION: it is attached by the settings of this coordinator.
  package func detachQueue(_ request: Belfry_V1_DetachQueueRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_AttachedQueue {
    try await client.unary(ClusterService.detachQueue, request, options: options)
  }

  /// Those that this coordinator has, by its settings or told.
  package func listAttachedQueues(_ request: Belfry_V1_ListAttachedQueuesRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListAttachedQueuesReply {
    try await client.unary(ClusterService.listAttachedQueues, request, options: options)
  }

  /// Cordons a worker, or lets it have jobs again. A cordoned worker keeps its session and what it runs, and
  /// gets no new jobs. Durable, whatever restarts, and also for one that is away. Who did it first stays.
  /// Returns when this coordinator has done so; others follow within about a second.
  /// NOT_FOUND: nobody knows such a worker. FAILED_PRECONDITION: it is a coordinator.
  package func cordonNode(_ request: Belfry_V1_CordonNodeRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_NodeHealth {
    try await client.unary(ClusterService.cordonNode, request, options: options)
  }

  /// Sets labels of a worker beside those that it brings, and takes such labels away. Durable in the same way.
  /// FAILED_PRECONDITION: a label that is to go is the worker's own.
  package func labelNode(_ request: Belfry_V1_LabelNodeRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_NodeHealth {
    try await client.unary(ClusterService.labelNode, request, options: options)
  }

  /// Alerts that are pending, that fire, that somebody looks after, and that ended lately; and what the
  /// sinks of this coordinator were told. Also while the store is away: then what this coordinator knows.
  package func listAlerts(_ request: Belfry_V1_ListAlertsRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListAlertsReply {
    try await client.unary(ClusterService.listAlerts, request, options: options)
  }

  /// Says that somebody looks after a firing alert. Who did so first stays. NOT_FOUND: it does not fire.
  package func acknowledgeAlert(_ request: Belfry_V1_AcknowledgeAlertRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_AlertView {
    try await client.unary(ClusterService.acknowledgeAlert, request, options: options)
  }

  /// Sends no alerts that match, until it ends. Durable; other coordinators follow within about a second.
  /// INVALID_ARGUMENT: no reason, no end, or the match is none.
  package func createSilence(_ request: Belfry_V1_CreateSilenceRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_SilenceView {
    try await client.unary(ClusterService.createSilence, request, options: options)
  }

  /// Those that hold, and those that ended in the last 24 hours.
  package func listSilences(_ request: Belfry_V1_ListSilencesRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListSilencesReply {
    try await client.unary(ClusterService.listSilences, request, options: options)
  }

  /// Ends a silence early. NOT_FOUND: none of that id holds.
  package func endSilence(_ request: Belfry_V1_EndSilenceRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_SilenceView {
    try await client.unary(ClusterService.endSilence, request, options: options)
  }
}
