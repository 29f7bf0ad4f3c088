// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from belfry/v1/schedules.proto by protoc-gen-belfry: `make generate` writes it anew.

package import BelfryRPC
package import BelfryWire

extension Belfry_V1_Schedule: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(17)
    writer.bool(self.paused)
    writer.int64(self.nextMs)
    writer.int64(self.lastMs)
    writer.string(self.name)
    writer.string(self.cron)
    writer.string(self.timeZone)
    writer.string(self.misfire)
    if self.hasJob { writer.message(self.job) } else { writer.emptyPart() }
    writer.string(self.lastJob)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.paused = try reader.bool()
    self.nextMs = try reader.int64()
    self.lastMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.cron = try reader.string() }
    if try reader.hasPart() { self.timeZone = try reader.string() }
    if try reader.hasPart() { self.misfire = try reader.string() }
    if try reader.hasPart() { self.job = try reader.message() }
    if try reader.hasPart() { self.lastJob = try reader.string() }
  }
}

extension Belfry_V1_ListSchedulesRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_ListSchedulesReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.schedules) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.schedules = try reader.messages() }
  }
}

extension Belfry_V1_RemoveScheduleRequest: WireMessage {
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

extension Belfry_V1_RemoveScheduleReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

/// The methods of `belfry.v1.Schedules`.
package enum SchedulesService {
  /// Makes a schedule, or replaces the one of that name. Firings before now are not made up for.
  /// INVALID_ARGUMENT: cron, time zone, policy or job are wrong.
  package static let put = UnaryMethod<Belfry_V1_Schedule, Belfry_V1_Schedule>(
    "belfry.v1.Schedules", "Put")
  /// All, by name.
  package static let list = UnaryMethod<Belfry_V1_ListSchedulesRequest, Belfry_V1_ListSchedulesReply>(
    "belfry.v1.Schedules", "List")
  /// NOT_FOUND: there is none of that name.
  package static let remove = UnaryMethod<Belfry_V1_RemoveScheduleRequest, Belfry_V1_RemoveScheduleReply>(
    "belfry.v1.Schedules", "Remove")

  package static let methods: [MethodDescriptor] = [put.descriptor, list.descriptor, remove.descriptor]
}

/// Calls `belfry.v1.Schedules`.
package struct SchedulesClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  /// Makes a schedule, or replaces the one of that name. Firings before now are not made up for.
  /// INVALID_ARGUMENT: cron, time zone, policy or job are wrong.
  package func put(_ request: Belfry_V1_Schedule, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_Schedule {
    try await client.unary(SchedulesService.put, request, options: options)
  }

  /// All, by name.
  package func list(_ request: Belfry_V1_ListSchedulesRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ListSchedulesReply {
    try await client.unary(SchedulesService.list, request, options: options)
  }

  /// NOT_FOUND: there is none of that name.
  package func remove(_ request: Belfry_V1_RemoveScheduleRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_RemoveScheduleReply {
    try await client.unary(SchedulesService.remove, request, options: options)
  }
}
