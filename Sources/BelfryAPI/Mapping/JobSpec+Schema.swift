package import BelfryCore
internal import Foundation

/// Jobs as producers describe them by RPC.
extension Belfry_V1_JobSpec {
  /// The job, with what the producer left out filled in.
  package func jobMessage(
    newID: () -> JobID, at now: WallTime, payloadBytesMax: Int
  ) throws(MappingError) -> JobMessage {
    guard payload.count <= payloadBytesMax else {
      throw MappingError("payload", "\(payload.count) bytes, the limit is \(payloadBytesMax)")
    }
    guard let priority = Priority(rawValue: UInt8(clamping: priority)) else {
      throw MappingError("priority", "\(priority): 0 normal, 1 high, 2 low")
    }
    var backoff = Backoff.default
    if !self.backoff.isEmpty {
      guard let read = Backoff(self.backoff) else { throw MappingError("backoff", self.backoff) }
      backoff = read
    }
    var requires: [BelfryCore.Label] = []
    for label in self.requires { requires.append(try Field.label(label)) }
    let triesMax = triesMax == 0 ? RetryPolicy.default.triesMax : Int(triesMax)
    let job = Job(
      id: id.isEmpty ? newID() : try Field.job(id), kind: try Field.kind(kind),
      lane: lane.isEmpty ? .default : try Field.lane(lane), priority: priority,
      payload: Payload([UInt8](payload)), contentType: contentType.isEmpty ? nil : contentType,
      reply: try reply(), submittedAt: now, requires: requires.sorted(),
      timeout: Field.duration(timeoutMs), deadline: Field.time(deadlineMs),
      retry: RetryPolicy(triesMax: triesMax, backoff: backoff),
      traceparent: traceparent.isEmpty ? nil : traceparent,
      tracestate: tracestate.isEmpty ? nil : tracestate)
    return JobMessage(job: job, runAt: Field.time(runAtMs), isRepeat: `repeat`)
  }

  private func reply() throws(MappingError) -> ReplyAddress? {
    guard !replyTo.isEmpty else { return nil }
    guard replyTo.utf8.count <= 255, !replyTo.hasPrefix("belfry.") else {
      throw MappingError("reply_to", replyTo)
    }
    return ReplyAddress(
      queue: replyTo, correlationID: correlationID.isEmpty ? nil : correlationID)
  }
}

extension Belfry_V1_JobView {
  package init(_ outcome: Outcome) {
    self.init()
    id = outcome.id.text
    state = outcome.state.rawValue
    kind = outcome.kind?.text ?? ""
    lane = outcome.lane.text
    attempt = UInt32(clamping: outcome.attempt)
    worker = outcome.worker?.text ?? ""
    self.outcome = Belfry_V1_Outcome(outcome)
  }

  package init(_ id: JobID, _ place: JobPlace) {
    self.init()
    self.id = id.text
    state = place.state
    kind = place.kind.text
    lane = place.lane.text
    attempt = UInt32(clamping: place.attempt)
    worker = place.worker?.text ?? ""
    waitingFor = place.waitingFor
  }
}
