internal import BelfryCore

extension Job {
  /// The same once more, under another id, marked as a repeat since that id is made of something else. Its
  /// deadline is not taken over: it has passed.
  func again(as id: JobID, retryOf: JobID? = nil, at now: WallTime) -> JobMessage {
    let job = Job(
      id: id, kind: kind, lane: lane, priority: priority, payload: payload,
      contentType: contentType, contentEncoding: contentEncoding, reply: reply, submittedAt: now,
      requires: requires, timeout: timeout, retry: retry, retryOf: retryOf,
      traceparent: traceparent, tracestate: tracestate)
    return JobMessage(job: job, isRepeat: true)
  }
}
