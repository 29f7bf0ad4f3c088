// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from belfry/v1/session.proto by protoc-gen-belfry: `make generate` writes it anew.

package import BelfryRPC
package import BelfryWire

extension Belfry_V1_WorkerMessage: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    switch self.message {
    case nil: writer.uint32(0)
    case .hello: writer.uint32(1)
    case .heartbeat: writer.uint32(2)
    case .credit: writer.uint32(3)
    case .recall: writer.uint32(4)
    case .already: writer.uint32(5)
    case .refused: writer.uint32(6)
    case .started: writer.uint32(7)
    case .finished: writer.uint32(8)
    case .leaving: writer.uint32(9)
    case .progress: writer.uint32(10)
    }
    switch self.message {
    case nil: writer.emptyPart()
    case .hello(let value): writer.message(value)
    case .heartbeat(let value): writer.message(value)
    case .credit(let value): writer.message(value)
    case .recall(let value): writer.message(value)
    case .already(let value): writer.message(value)
    case .refused(let value): writer.message(value)
    case .started(let value): writer.message(value)
    case .finished(let value): writer.message(value)
    case .leaving(let value): writer.message(value)
    case .progress(let value): writer.message(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    let messageMember = try reader.uint32()
    reader.closeBlock()
    switch messageMember {
    case 1: self.message = .hello(try reader.message())
    case 2: self.message = .heartbeat(try reader.message())
    case 3: self.message = .credit(try reader.message())
    case 4: self.message = .recall(try reader.message())
    case 5: self.message = .already(try reader.message())
    case 6: self.message = .refused(try reader.message())
    case 7: self.message = .started(try reader.message())
    case 8: self.message = .finished(try reader.message())
    case 9: self.message = .leaving(try reader.message())
    case 10: self.message = .progress(try reader.message())
    default: try reader.skipPart()
    }
  }
}

extension Belfry_V1_CoordinatorMessage: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    switch self.message {
    case nil: writer.uint32(0)
    case .welcome: writer.uint32(1)
    case .heartbeat: writer.uint32(2)
    case .assign: writer.uint32(3)
    case .finishedAck: writer.uint32(4)
    case .recorded: writer.uint32(5)
    case .stop: writer.uint32(6)
    case .cancel: writer.uint32(7)
    case .drain: writer.uint32(8)
    case .want: writer.uint32(9)
    case .returned: writer.uint32(10)
    case .coordinators: writer.uint32(11)
    }
    switch self.message {
    case nil: writer.emptyPart()
    case .welcome(let value): writer.message(value)
    case .heartbeat(let value): writer.message(value)
    case .assign(let value): writer.message(value)
    case .finishedAck(let value): writer.message(value)
    case .recorded(let value): writer.message(value)
    case .stop(let value): writer.message(value)
    case .cancel(let value): writer.message(value)
    case .drain(let value): writer.message(value)
    case .want(let value): writer.message(value)
    case .returned(let value): writer.message(value)
    case .coordinators(let value): writer.message(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    let messageMember = try reader.uint32()
    reader.closeBlock()
    switch messageMember {
    case 1: self.message = .welcome(try reader.message())
    case 2: self.message = .heartbeat(try reader.message())
    case 3: self.message = .assign(try reader.message())
    case 4: self.message = .finishedAck(try reader.message())
    case 5: self.message = .recorded(try reader.message())
    case 6: self.message = .stop(try reader.message())
    case 7: self.message = .cancel(try reader.message())
    case 8: self.message = .drain(try reader.message())
    case 9: self.message = .want(try reader.message())
    case 10: self.message = .returned(try reader.message())
    case 11: self.message = .coordinators(try reader.message())
    default: try reader.skipPart()
    }
  }
}

extension Belfry_V1_Hello: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(10)
    writer.uint32(self.version)
    writer.uint32(self.slots)
    writer.bool(self.coordinatorRecords)
    writer.bool(self.datagrams)
    writer.elements(self.features) { $0.string($1) }
    writer.string(self.worker)
    writer.string(self.boot)
    writer.elements(self.kinds) { $0.string($1) }
    writer.elements(self.lanes) { $0.string($1) }
    writer.elements(self.labels) { $0.message($1) }
    writer.elements(self.holding) { $0.message($1) }
    writer.string(self.software)
    if self.hasDeath { writer.message(self.death) } else { writer.emptyPart() }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.version = try reader.uint32()
    self.slots = try reader.uint32()
    self.coordinatorRecords = try reader.bool()
    self.datagrams = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.features = try reader.strings() }
    if try reader.hasPart() { self.worker = try reader.string() }
    if try reader.hasPart() { self.boot = try reader.string() }
    if try reader.hasPart() { self.kinds = try reader.strings() }
    if try reader.hasPart() { self.lanes = try reader.strings() }
    if try reader.hasPart() { self.labels = try reader.messages() }
    if try reader.hasPart() { self.holding = try reader.messages() }
    if try reader.hasPart() { self.software = try reader.string() }
    if try reader.hasPart() { self.death = try reader.message() }
  }
}

extension Belfry_V1_Death: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.boot)
    writer.string(self.signal)
    writer.elements(self.lastWords) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.boot = try reader.string() }
    if try reader.hasPart() { self.signal = try reader.string() }
    if try reader.hasPart() { self.lastWords = try reader.messages() }
  }
}

extension Belfry_V1_LastWords: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.assignment)
    writer.string(self.stderr)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.stderr = try reader.string() }
  }
}

extension Belfry_V1_Holding: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(6)
    writer.uint32(self.attempt)
    writer.bool(self.finished)
    writer.bool(self.hazard)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.attempt = try reader.uint32()
    self.finished = try reader.bool()
    self.hazard = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Welcome: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(17)
    writer.uint32(self.version)
    writer.bool(self.coordinatorRecords)
    writer.uint32(self.datagramPort)
    writer.uint64(self.datagramSession)
    writer.elements(self.features) { $0.string($1) }
    writer.string(self.coordinator)
    writer.string(self.boot)
    writer.string(self.store)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.version = try reader.uint32()
    self.coordinatorRecords = try reader.bool()
    self.datagramPort = try reader.uint32()
    self.datagramSession = try reader.uint64()
    reader.closeBlock()
    if try reader.hasPart() { self.features = try reader.strings() }
    if try reader.hasPart() { self.coordinator = try reader.string() }
    if try reader.hasPart() { self.boot = try reader.string() }
    if try reader.hasPart() { self.store = try reader.string() }
  }
}

extension Belfry_V1_Coordinators: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.coordinators) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.coordinators = try reader.messages() }
  }
}

extension Belfry_V1_CoordinatorAddress: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.name)
    writer.elements(self.addresses) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    if try reader.hasPart() { self.addresses = try reader.strings() }
  }
}

extension Belfry_V1_Heartbeat: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(52)
    writer.uint64(self.sequence)
    writer.uint64(self.echo)
    writer.uint32(self.running)
    writer.uint64(self.stuckMs)
    writer.uint64(self.heldMs)
    writer.uint64(self.storeAwayMs)
    writer.int64(self.wallMs)
    writer.elements(self.hears) { $0.string($1) }
    writer.elements(self.misses) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.sequence = try reader.uint64()
    self.echo = try reader.uint64()
    self.running = try reader.uint32()
    self.stuckMs = try reader.uint64()
    self.heldMs = try reader.uint64()
    self.storeAwayMs = try reader.uint64()
    self.wallMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.hears = try reader.strings() }
    if try reader.hasPart() { self.misses = try reader.strings() }
  }
}

extension Belfry_V1_Credit: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.uint64(self.total)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.total = try reader.uint64()
    reader.closeBlock()
  }
}

extension Belfry_V1_Recall: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_Returned: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.uint64(self.total)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.total = try reader.uint64()
    reader.closeBlock()
  }
}

extension Belfry_V1_Want: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.slots)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.slots = try reader.uint32()
    reader.closeBlock()
  }
}

extension Belfry_V1_Assign: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(41)
    writer.uint32(self.attempt)
    writer.uint64(self.timeoutMs)
    writer.uint64(self.leftMs)
    writer.int64(self.submittedAtMs)
    writer.uint32(self.tries)
    writer.uint32(self.triesMax)
    writer.uint32(self.losses)
    writer.bool(self.hazard)
    writer.string(self.job)
    writer.string(self.assignment)
    writer.string(self.kind)
    writer.string(self.lane)
    writer.data(self.payload)
    writer.string(self.contentType)
    writer.elements(self.history) { $0.message($1) }
    writer.string(self.retryOf)
    writer.string(self.traceparent)
    writer.string(self.tracestate)
    writer.string(self.contentEncoding)
    writer.elements(self.requires) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if case let value = try reader.uint32(), value != 0 { self.attempt = value }
    if case let value = try reader.uint64(), value != 0 { self.timeoutMs = value }
    if case let value = try reader.uint64(), value != 0 { self.leftMs = value }
    if case let value = try reader.int64(), value != 0 { self.submittedAtMs = value }
    if case let value = try reader.uint32(), value != 0 { self.tries = value }
    if case let value = try reader.uint32(), value != 0 { self.triesMax = value }
    if case let value = try reader.uint32(), value != 0 { self.losses = value }
    if try reader.bool() { self.hazard = true }
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.payload = try reader.data() }
    if try reader.hasPart() { self.contentType = try reader.string() }
    if try reader.hasPart() { self.history = try reader.messages() }
    if try reader.hasPart() { self.retryOf = try reader.string() }
    if try reader.hasPart() { self.traceparent = try reader.string() }
    if try reader.hasPart() { self.tracestate = try reader.string() }
    if try reader.hasPart() { self.contentEncoding = try reader.string() }
    if try reader.hasPart() { self.requires = try reader.messages() }
  }
}

extension Belfry_V1_Already: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.hazard)
    writer.string(self.job)
    writer.string(self.assignment)
    writer.string(self.holding)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.hazard = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.holding = try reader.string() }
  }
}

extension Belfry_V1_Refused: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.reason)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.reason = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Started: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(5)
    writer.uint32(self.attempt)
    writer.bool(self.hazard)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.attempt = try reader.uint32()
    self.hazard = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Progress: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.permille)
    writer.string(self.job)
    writer.string(self.assignment)
    writer.string(self.text)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.permille = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.text = try reader.string() }
  }
}

extension Belfry_V1_Finished: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    switch self.result {
    case nil: writer.uint32(0)
    case .recorded: writer.uint32(3)
    case .failed: writer.uint32(4)
    case .stopped: writer.uint32(5)
    case .unrecorded: writer.uint32(6)
    }
    writer.string(self.job)
    writer.string(self.assignment)
    switch self.result {
    case nil: writer.emptyPart()
    case .recorded(let value): writer.message(value)
    case .failed(let value): writer.message(value)
    case .stopped(let value): writer.message(value)
    case .unrecorded(let value): writer.message(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    let resultMember = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
    switch resultMember {
    case 3: self.result = .recorded(try reader.message())
    case 4: self.result = .failed(try reader.message())
    case 5: self.result = .stopped(try reader.message())
    case 6: self.result = .unrecorded(try reader.message())
    default: try reader.skipPart()
    }
  }
}

extension Belfry_V1_Failure: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(18)
    writer.bool(self.timeout)
    writer.bool(self.neverAgain)
    writer.int64(self.startedAtMs)
    writer.int64(self.finishedAtMs)
    writer.string(self.code)
    writer.string(self.message)
    writer.string(self.stderr)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.timeout = try reader.bool()
    self.neverAgain = try reader.bool()
    self.startedAtMs = try reader.int64()
    self.finishedAtMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.code = try reader.string() }
    if try reader.hasPart() { self.message = try reader.string() }
    if try reader.hasPart() { self.stderr = try reader.string() }
  }
}

extension Belfry_V1_Stopped: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_Leaving: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

extension Belfry_V1_FinishedAck: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Recorded: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Stop: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Cancel: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.job)
    writer.string(self.assignment)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
  }
}

extension Belfry_V1_Drain: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
  }
}

/// The methods of `belfry.v1.Session`.
package enum SessionService {
  package static let connect = BidirectionalMethod<Belfry_V1_WorkerMessage, Belfry_V1_CoordinatorMessage>(
    "belfry.v1.Session", "Connect")

  package static let methods: [MethodDescriptor] = [connect.descriptor]
}

/// Calls `belfry.v1.Session`.
package struct SessionClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  @discardableResult
  package func connect(
    options: RPCCallOptions = RPCCallOptions(),
    handler: @escaping @Sendable (TypedWriter<Belfry_V1_WorkerMessage>) -> any TypedEventHandler<Belfry_V1_CoordinatorMessage>
  ) -> TypedWriter<Belfry_V1_WorkerMessage> {
    client.events(SessionService.connect, options: options, handler: handler)
  }
}
