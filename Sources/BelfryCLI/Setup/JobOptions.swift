internal import ArgumentParser
internal import Belfry
internal import BelfryCore

/// What a job is, wherever one is described: for one that is submitted now, and for one that a schedule
/// submits.
struct JobOptions: ParsableArguments {
  @Option(help: "Which handler runs it.")
  var kind: String
  @Option(help: "The payload, as text.")
  var payload: String?
  @Option(help: "The payload, from a file; - is standard input.")
  var payloadFile: String?
  @Option(help: "The lane.")
  var lane = "default"
  @Option(help: "high, normal or low.")
  var priority = "normal"
  @Option(help: "Tries in all. [default: 3]")
  var tries: Int?
  @Option(help: "Wait between tries: exp:1s:2:1h or fixed:5s.")
  var backoff: String?
  @Option(help: "Longest run of one attempt.")
  var attemptTimeout: DurationOption?
  @Option(help: "Labels that the worker must have, key=value, comma-separated.")
  var requires: String?

  func validate() throws {
    guard ["high", "normal", "low"].contains(priority) else {
      throw ValidationError("--priority is high, normal or low")
    }
    guard payload == nil || payloadFile == nil else {
      throw ValidationError("--payload and --payload-file exclude each other")
    }
  }

  func job() throws -> NewJob {
    var job = NewJob(kind: kind, payload: try PayloadText.bytes(payload, file: payloadFile))
    job.lane = lane
    job.priority = priority == "high" ? .high : priority == "low" ? .low : .normal
    job.triesMax = tries
    job.backoff = backoff
    job.timeout = attemptTimeout?.duration
    job.requires = Dictionary(
      try LabelText.parse(requires).map { ($0.key, $0.value) },
      uniquingKeysWith: { first, _ in first })
    return job
  }
}
