import BelfryCore

@testable import BelfryCoordinator

private let payloadBytesMax = 64

private let door = JobDoor(
  lanes: [.default, Lane(trusted: "slow")],
  attached: AttachedQueues(
    settings: [
      QueueAttachment(
        queue: "celery", kind: Kind(trusted: "legacy"), lane: .default, usesMessageID: true)
    ], lanes: [.default]),
  payloadBytesMax: payloadBytesMax, newJobID: { JobID(trusted: "made-here") })

private let headerNames = [
  JobHeader.attempt, JobHeader.tries, JobHeader.triesMax, JobHeader.backoff, JobHeader.timeout,
  JobHeader.deadline, JobHeader.runAt, JobHeader.requires, JobHeader.isRepeat, JobHeader.history,
  JobHeader.traceparent, JobHeader.tracestate, JobHeader.reason, "x-death",
]

func fuzzDoor(_ input: inout FuzzInput) throws {
  let queue = input.pick(["belfry.default", "belfry.slow.again", "belfry.slow.parked", "celery"])
  let message = message(&input)
  let arrival = door.read(delivery(message, from: queue))
  switch arrival.content {
  case .malformed(let malformed):
    try promise(!malformed.reason.isEmpty && !malformed.code.isEmpty, "no reason is given")
    try promise(malformed.message == message, "what is not understood must be kept as it came")
    try check(malformed.reply)
  case .job(let job):
    try promise(job.job.payload.size <= payloadBytesMax, "too large a payload")
    try promise(Grammar.isJobID(job.job.id.text), "the id \(job.job.id)")
    try promise(
      job.attempt >= 1 && job.job.retry.policy(over: .default).triesMax >= 1,
      "attempt \(job.attempt)")
    try check(job.job.reply)
    // The wait before each retry can be computed, and is no longer than the cap.
    for failures in [1, 2, 100, Int.max] {
      let policy = job.job.retry.policy(over: .default)
      let wait = policy.delay(afterFailures: failures, of: job.job.id)
      try promise(wait >= .zero && wait <= policy.backoff.cap, "a wait of \(wait)")
    }
    try checkReadBack(job)
  }
}

/// A retry carries the job on: what we write, we read, and it stays.
private func checkReadBack(_ job: JobMessage) throws {
  let written = QueueMessage(job)
  guard case .job(let read) = door.read(delivery(written, from: "belfry.default")).content else {
    throw FuzzFinding(description: "written by us, it is not understood: \(written)")
  }
  var again = QueueMessage(read)
  try promise(again == written, "written again, it differs:\n\(again)\n\(written)")
  again.body = Payload([UInt8](repeating: 0, count: payloadBytesMax + 1))
  guard case .malformed = door.read(delivery(again, from: "belfry.default")).content else {
    throw FuzzFinding(description: "too large a payload got through")
  }
}

/// Nobody can make us publish to Belfry's own queues.
private func check(_ reply: ReplyAddress?) throws {
  guard let queue = reply?.queue else { return }
  try promise(
    !queue.isEmpty && queue.utf8.count <= 255 && !queue.hasPrefix("belfry."), "reply to \(queue)")
}

private func delivery(_ message: QueueMessage, from queue: String) -> Delivery {
  Delivery(tag: DeliveryTag(ChannelGeneration(1), 1), queue: queue, message: message)
}

private func message(_ input: inout FuzzInput) -> QueueMessage {
  let parts = input.byte()
  func isThere(_ bit: UInt8) -> Bool { parts & (1 << bit) != 0 }
  var message = QueueMessage()
  if isThere(0) { message.messageID = input.text() }
  if isThere(1) { message.type = input.text() }
  if isThere(2) { message.contentType = input.text() }
  if isThere(3) { message.contentEncoding = input.text() }
  if isThere(4) { message.replyTo = input.text() }
  if isThere(5) { message.correlationID = input.text() }
  if isThere(6) { message.timestamp = Int64(bitPattern: input.integer()) }
  if isThere(7) { message.body = Payload(input.chunk()) }
  while !input.isEmpty, message.headers.count < 32 {
    let name = input.pick(headerNames)
    message.headers.append(Header(name, value(&input)))
  }
  return message
}

private func value(_ input: inout FuzzInput) -> HeaderValue {
  switch input.byte() % 7 {
  case 0: .bool(input.bool())
  case 1: .int(Int64(bitPattern: input.integer()))
  case 2: .int(Int64(input.byte()))
  case 3: .timestamp(Int64(bitPattern: input.integer()))
  case 4: .timestamp(Int64(input.byte()) << 24)
  case 5: .other(input.text())
  default: .text(input.text())
  }
}
