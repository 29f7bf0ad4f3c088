// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from belfry/v1/jobs.proto by protoc-gen-belfry: `make generate` writes it anew.

package import BelfryRPC
package import BelfryWire

extension Belfry_V1_JobSpec: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(33)
    writer.uint32(self.priority)
    writer.uint32(self.triesMax)
    writer.uint64(self.timeoutMs)
    writer.int64(self.deadlineMs)
    writer.int64(self.runAtMs)
    writer.bool(self.`repeat`)
    writer.string(self.id)
    writer.string(self.kind)
    writer.string(self.lane)
    writer.data(self.payload)
    writer.string(self.contentType)
    writer.string(self.backoff)
    writer.elements(self.requires) { $0.message($1) }
    writer.string(self.replyTo)
    writer.string(self.correlationID)
    writer.string(self.traceparent)
    writer.string(self.tracestate)
    writer.string(self.idempotencyKey)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if case let value = try reader.uint32(), value != 0 { self.priority = value }
    if case let value = try reader.uint32(), value != 0 { self.triesMax = value }
    if case let value = try reader.uint64(), value != 0 { self.timeoutMs = value }
    if case let value = try reader.int64(), value != 0 { self.deadlineMs = value }
    if case let value = try reader.int64(), value != 0 { self.runAtMs = value }
    if try reader.bool() { self.`repeat` = true }
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.payload = try reader.data() }
    if try reader.hasPart() { self.contentType = try reader.string() }
    if try reader.hasPart() { self.backoff = try reader.string() }
    if try reader.hasPart() { self.requires = try reader.messages() }
    if try reader.hasPart() { self.replyTo = try reader.string() }
    if try reader.hasPart() { self.correlationID = try reader.string() }
    if try reader.hasPart() { self.traceparent = try reader.string() }
    if try reader.hasPart() { self.tracestate = try reader.string() }
    if try reader.hasPart() { self.idempotencyKey = try reader.string() }
  }
}

extension Belfry_V1_Label: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.key)
    writer.string(self.value)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.key = try reader.string() }
    if try reader.hasPart() { self.value = try reader.string() }
  }
}

extension Belfry_V1_SubmitRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    if self.hasJob { writer.message(self.job) } else { writer.emptyPart() }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.job = try reader.message() }
  }
}

extension Belfry_V1_SubmitReply: WireMessage {
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

extension Belfry_V1_SubmitManyRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.jobs) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.jobs = try reader.messages() }
  }
}

extension Belfry_V1_SubmitManyReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.verdicts) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.verdicts = try reader.messages() }
  }
}

extension Belfry_V1_SubmitVerdict: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(self.status)
    writer.string(self.id)
    writer.string(self.message)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.status = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.message = try reader.string() }
  }
}

extension Belfry_V1_GetRequest: WireMessage {
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

extension Belfry_V1_JobView: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(16)
    writer.uint32(self.attempt)
    writer.uint32(self.progressPermille)
    writer.int64(self.dueMs)
    writer.string(self.id)
    writer.string(self.state)
    writer.string(self.kind)
    writer.string(self.lane)
    writer.string(self.worker)
    writer.string(self.waitingFor)
    if self.hasOutcome { writer.message(self.outcome) } else { writer.emptyPart() }
    writer.string(self.progressText)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.attempt = try reader.uint32()
    self.progressPermille = try reader.uint32()
    self.dueMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.worker = try reader.string() }
    if try reader.hasPart() { self.waitingFor = try reader.string() }
    if try reader.hasPart() { self.outcome = try reader.message() }
    if try reader.hasPart() { self.progressText = try reader.string() }
  }
}

extension Belfry_V1_Outcome: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(48)
    writer.uint32(self.attempt)
    writer.uint32(self.tries)
    writer.uint32(self.losses)
    writer.int64(self.submittedAtMs)
    writer.int64(self.startedAtMs)
    writer.int64(self.finishedAtMs)
    writer.uint64(self.resultSize)
    writer.uint32(self.resultChunks)
    writer.string(self.id)
    writer.string(self.state)
    writer.string(self.reason)
    writer.string(self.kind)
    writer.string(self.lane)
    writer.string(self.assignment)
    writer.string(self.worker)
    writer.string(self.contentType)
    writer.data(self.result)
    writer.string(self.errorCode)
    writer.string(self.errorMessage)
    writer.string(self.errorStderr)
    writer.elements(self.history) { $0.message($1) }
    writer.string(self.retryOf)
    writer.elements(self.requires) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if case let value = try reader.uint32(), value != 0 { self.attempt = value }
    if case let value = try reader.uint32(), value != 0 { self.tries = value }
    if case let value = try reader.uint32(), value != 0 { self.losses = value }
    if case let value = try reader.int64(), value != 0 { self.submittedAtMs = value }
    if case let value = try reader.int64(), value != 0 { self.startedAtMs = value }
    if case let value = try reader.int64(), value != 0 { self.finishedAtMs = value }
    if case let value = try reader.uint64(), value != 0 { self.resultSize = value }
    if case let value = try reader.uint32(), value != 0 { self.resultChunks = value }
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.state = try reader.string() }
    if try reader.hasPart() { self.reason = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.worker = try reader.string() }
    if try reader.hasPart() { self.contentType = try reader.string() }
    if try reader.hasPart() { self.result = try reader.data() }
    if try reader.hasPart() { self.errorCode = try reader.string() }
    if try reader.hasPart() { self.errorMessage = try reader.string() }
    if try reader.hasPart() { self.errorStderr = try reader.string() }
    if try reader.hasPart() { self.history = try reader.messages() }
    if try reader.hasPart() { self.retryOf = try reader.string() }
    if try reader.hasPart() { self.requires = try reader.messages() }
  }
}

extension Belfry_V1_ResultPart: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.uint64(self.size)
    writer.string(self.contentType)
    writer.data(self.bytes)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.size = try reader.uint64()
    reader.closeBlock()
    if try reader.hasPart() { self.contentType = try reader.string() }
    if try reader.hasPart() { self.bytes = try reader.data() }
  }
}

extension Belfry_V1_HistoryLine: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(14)
    writer.uint32(self.attempt)
    writer.bool(self.started)
    writer.bool(self.beside)
    writer.int64(self.atMs)
    writer.string(self.assignment)
    writer.string(self.what)
    writer.string(self.worker)
    writer.string(self.boot)
    writer.string(self.code)
    writer.string(self.message)
    writer.string(self.stderr)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.attempt = try reader.uint32()
    self.started = try reader.bool()
    self.beside = try reader.bool()
    self.atMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.assignment = try reader.string() }
    if try reader.hasPart() { self.what = try reader.string() }
    if try reader.hasPart() { self.worker = try reader.string() }
    if try reader.hasPart() { self.boot = try reader.string() }
    if try reader.hasPart() { self.code = try reader.string() }
    if try reader.hasPart() { self.message = try reader.string() }
    if try reader.hasPart() { self.stderr = try reader.string() }
  }
}

extension Belfry_V1_CancelRequest: WireMessage {
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

extension Belfry_V1_CancelReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.answer)
    if self.hasJob { writer.message(self.job) } else { writer.emptyPart() }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.answer = try reader.string() }
    if try reader.hasPart() { self.job = try reader.message() }
  }
}

extension Belfry_V1_FindRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(20)
    writer.int64(self.sinceMs)
    writer.int64(self.untilMs)
    writer.uint32(self.limit)
    writer.elements(self.ids) { $0.string($1) }
    writer.string(self.idPrefix)
    writer.elements(self.states) { $0.string($1) }
    writer.string(self.kind)
    writer.string(self.lane)
    writer.string(self.worker)
    writer.elements(self.requires) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.sinceMs = try reader.int64()
    self.untilMs = try reader.int64()
    self.limit = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.ids = try reader.strings() }
    if try reader.hasPart() { self.idPrefix = try reader.string() }
    if try reader.hasPart() { self.states = try reader.strings() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.lane = try reader.string() }
    if try reader.hasPart() { self.worker = try reader.string() }
    if try reader.hasPart() { self.requires = try reader.messages() }
  }
}

extension Belfry_V1_RetryRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.dryRun)
    if self.hasFilter { writer.message(self.filter) } else { writer.emptyPart() }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.dryRun = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.filter = try reader.message() }
  }
}

extension Belfry_V1_RetryReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.jobs) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.jobs = try reader.messages() }
  }
}

extension Belfry_V1_RetriedJob: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.id)
    writer.string(self.newID)
    writer.string(self.problem)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.newID = try reader.string() }
    if try reader.hasPart() { self.problem = try reader.string() }
  }
}

extension Belfry_V1_ForgetRequest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(1)
    writer.bool(self.dryRun)
    if self.hasFilter { writer.message(self.filter) } else { writer.emptyPart() }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.dryRun = try reader.bool()
    reader.closeBlock()
    if try reader.hasPart() { self.filter = try reader.message() }
  }
}

extension Belfry_V1_ForgetReply: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(self.ids) { $0.string($1) }
    writer.elements(self.missing) { $0.string($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.ids = try reader.strings() }
    if try reader.hasPart() { self.missing = try reader.strings() }
  }
}

/// The methods of `belfry.v1.Jobs`.
package enum JobsService {
  /// Accepts one job. Returns when RabbitMQ has confirmed it: from then on it reaches exactly one
  /// outcome. Errors: INVALID_ARGUMENT (bad id, kind, lane grammar), NOT_FOUND (no such lane),
  /// RESOURCE_EXHAUSTED (payload over the limit), UNAVAILABLE (broker away or blocked: try again).
  package static let submit = UnaryMethod<Belfry_V1_SubmitRequest, Belfry_V1_SubmitReply>(
    "belfry.v1.Jobs", "Submit")
  /// Accepts many in one call. Each has its own verdict in the reply, in the request's order.
  package static let submitMany = UnaryMethod<Belfry_V1_SubmitManyRequest, Belfry_V1_SubmitManyReply>(
    "belfry.v1.Jobs", "SubmitMany")
  /// What is known of a job: its outcome, else where it waits or runs. NOT_FOUND when nobody knows it.
  package static let get = UnaryMethod<Belfry_V1_GetRequest, Belfry_V1_JobView>(
    "belfry.v1.Jobs", "Get")
  /// Waits until the job has an outcome, or the call's deadline.
  package static let `await` = UnaryMethod<Belfry_V1_GetRequest, Belfry_V1_JobView>(
    "belfry.v1.Jobs", "Await")
  /// The result of a job that has succeeded: content type and size first, then the bytes, in parts of
  /// at most 1 MiB, however large it is. NOT_FOUND: no outcome, or not yet; FAILED_PRECONDITION: the
  /// outcome has no result; DATA_LOSS: a part of it is gone from the store.
  package static let result = ServerStreamMethod<Belfry_V1_GetRequest, Belfry_V1_ResultPart>(
    "belfry.v1.Jobs", "Result")
  /// Ends a job wherever it is: queued, delayed or running. Durable: it holds after any restart, also
  /// for an id that nobody has seen yet. Returns once the outcome is recorded; a running handler is
  /// told then. UNAVAILABLE: nobody can know, cancel again. FAILED_PRECONDITION: too many cancels of jobs
  /// that nobody has seen.
  package static let cancel = UnaryMethod<Belfry_V1_CancelRequest, Belfry_V1_CancelReply>(
    "belfry.v1.Jobs", "Cancel")
  /// Jobs that match, without their results: first those this coordinator holds, then those that are
  /// delayed, then outcomes, the newest first.
  package static let find = ServerStreamMethod<Belfry_V1_FindRequest, Belfry_V1_JobView>(
    "belfry.v1.Jobs", "Find")
  /// Submits dead jobs (failed, expired) that match anew, as new jobs that name the old ones. Repeating it
  /// changes nothing: each dead job has one retry, by an id made from its own.
  package static let retry = UnaryMethod<Belfry_V1_RetryRequest, Belfry_V1_RetryReply>(
    "belfry.v1.Jobs", "Retry")
  /// Removes outcomes before their time. Such an id could run again. NOT_FOUND when none matches.
  package static let forget = UnaryMethod<Belfry_V1_ForgetRequest, Belfry_V1_ForgetReply>(
    "belfry.v1.Jobs", "Forget")

  package static let methods: [MethodDescriptor] = [submit.descriptor, submitMany.descriptor, get.descriptor, `await`.descriptor, result.descriptor, cancel.descriptor, find.descriptor, retry.descriptor, forget.descriptor]
}

/// Calls `belfry.v1.Jobs`.
package struct JobsClient: Sendable {
  package let client: RPCClient

  package init(_ client: RPCClient) { self.client = client }

  /// Accepts one job. Returns when RabbitMQ has confirmed it: from then on it reaches exactly one
  /// outcome. Errors: INVALID_ARGUMENT (bad id, kind, lane grammar), NOT_FOUND (no such lane),
  /// RESOURCE_EXHAUSTED (payload over the limit), UNAVAILABLE (broker away or blocked: try again).
  package func submit(_ request: Belfry_V1_SubmitRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_SubmitReply {
    try await client.unary(JobsService.submit, request, options: options)
  }

  /// Accepts many in one call. Each has its own verdict in the reply, in the request's order.
  package func submitMany(_ request: Belfry_V1_SubmitManyRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_SubmitManyReply {
    try await client.unary(JobsService.submitMany, request, options: options)
  }

  /// What is known of a job: its outcome, else where it waits or runs. NOT_FOUND when nobody knows it.
  package func get(_ request: Belfry_V1_GetRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_JobView {
    try await client.unary(JobsService.get, request, options: options)
  }

  /// Waits until the job has an outcome, or the call's deadline.
  package func `await`(_ request: Belfry_V1_GetRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_JobView {
    try await client.unary(JobsService.`await`, request, options: options)
  }

  /// The result of a job that has succeeded: content type and size first, then the bytes, in parts of
  /// at most 1 MiB, however large it is. NOT_FOUND: no outcome, or not yet; FAILED_PRECONDITION: the
  /// outcome has no result; DATA_LOSS: a part of it is gone from the store.
  package func result(_ request: Belfry_V1_GetRequest, options: RPCCallOptions = RPCCallOptions()) -> TypedReplies<Belfry_V1_ResultPart> {
    client.serverStream(JobsService.result, request, options: options)
  }

  /// Ends a job wherever it is: queued, delayed or running. Durable: it holds after any restart, also
  /// for an id that nobody has seen yet. Returns once the outcome is recorded; a running handler is
  /// told then. UNAVAILABLE: nobody can know, cancel again. FAILED_PRECONDITION: too many cancels of jobs
  /// that nobody has seen.
  package func cancel(_ request: Belfry_V1_CancelRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_CancelReply {
    try await client.unary(JobsService.cancel, request, options: options)
  }

  /// Jobs that match, without their results: first those this coordinator holds, then those that are
  /// delayed, then outcomes, the newest first.
  package func find(_ request: Belfry_V1_FindRequest, options: RPCCallOptions = RPCCallOptions()) -> TypedReplies<Belfry_V1_JobView> {
    client.serverStream(JobsService.find, request, options: options)
  }

  /// Submits dead jobs (failed, expired) that match anew, as new jobs that name the old ones. Repeating it
  /// changes nothing: each dead job has one retry, by an id made from its own.
  package func retry(_ request: Belfry_V1_RetryRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_RetryReply {
    try await client.unary(JobsService.retry, request, options: options)
  }

  /// Removes outcomes before their time. Such an id could run again. NOT_FOUND when none matches.
  package func forget(_ request: Belfry_V1_ForgetRequest, options: RPCCallOptions = RPCCallOptions()) async throws(RPCStatus) -> Belfry_V1_ForgetReply {
    try await client.unary(JobsService.forget, request, options: options)
  }
}
