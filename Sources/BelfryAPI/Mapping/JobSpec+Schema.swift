package import BelfryCore
internal import Foundation

/// Jobs as producers describe them by RPC.
extension Belfry_V1_JobSpec {
  /// The job, with what the producer left out filled in.
  /// - Parameters:
  ///   - newID: an id for a job that brings none.
  ///   - keyedID: the id of a lane's job with this idempotency key.
  package func jobMessage(
    newID: () -> JobID, keyedID: (BelfryCore.Lane, String) -> JobID, at now: WallTime,
    payloadBytesMax: Int
  ) throws(MappingError) -> JobMessage {
    guard payload.count <= payloadBytesMax else {
      throw MappingError("payload", "\(payload.count) bytes, the limit is \(payloadBytesMax)")
    }
    guard let priority = Priority(rawValue: UInt8(clamping: priority)) else {
      throw MappingError("priority", "\(priority): 0 normal, 1 high, 2 low")
    }
    var backoff: Backoff?
    if !self.backoff.isEmpty {
      guard let read = Backoff(self.backoff) else { throw MappingError("backoff", self.backoff) }
      backoff = read
    }
    let lane = lane.isEmpty ? Lane.default : try Field.lane(lane)
    let id: JobID
    if idempotencyKey.isEmpty {
      id = self.id.isEmpty ? newID() : try Field.job(self.id)
    } else {
      guard self.id.isEmpty else {
        throw MappingError("idempotency_key", "the job has an id, which is its key already")
      }
      guard idempotencyKey.utf8.count <= 1_024 else {
        throw MappingError("idempotency_key", "longer than 1024 bytes")
      }
      id = keyedID(lane, idempotencyKey)
    }
    let job = Job(
      id: id, kind: try Field.kind(kind), lane: lane, priority: priority,
      payload: Payload([UInt8](payload)), contentType: contentType.isEmpty ? nil : contentType,
      reply: try reply(), submittedAt: now, requires: try Field.labels(requires),
      timeout: Field.duration(timeoutMs), deadline: Field.time(deadlineMs),
      retry: RetryWish(triesMax: triesMax == 0 ? nil : Int(triesMax), backoff: backoff),
      traceparent: traceparent.isEmpty ? nil : traceparent,
      tracestate: tracestate.isEmpty ? nil : tracestate)
    return JobMessage(
      job: job, runAt: Field.time(runAtMs), isRepeat: `repeat` || !idempotencyKey.isEmpty)
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
    progressPermille = UInt32(clamping: place.progress?.permille ?? 0)
    progressText = place.progress?.text ?? ""
  }

  package init(_ job: DelayedJob) {
    self.init()
    id = job.id.text
    state = "delayed"
    kind = job.kind?.text ?? ""
    lane = job.lane.text
    attempt = UInt32(clamping: job.attempt)
    dueMs = job.due.milliseconds
    waitingFor = "its time"
  }
}
