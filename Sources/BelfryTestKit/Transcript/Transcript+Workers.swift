package import BelfryCore

/// Inputs and effects of a worker's core, and what it says on a session.
extension Transcript {
  static func text(_ message: WorkerMessage) -> String {
    switch message {
    case .hello(let hello): "hello \(text(hello))"
    case .heartbeat(let heartbeat): "heartbeat \(heartbeat.sequence)/\(heartbeat.echo)"
    case .credit(let total): "credit \(total)"
    case .recall: "recall"
    case .already(let job, let refused, let holding, let hazard):
      "already \(job): \(text(refused)) refused, holding \(text(holding))"
        + (hazard ? " hazard" : "")
    case .refused(let job, let assignment, let reason):
      "refused \(job) \(text(assignment)): \(reason)"
    case .started(let job, let assignment, let attempt, let hazard):
      "started \(job) \(text(assignment)) attempt \(attempt)" + (hazard ? " hazard" : "")
    case .finished(let job, let assignment, let result):
      "finished \(job) \(text(assignment)): \(text(result))"
    case .progress(let job, let assignment, let progress):
      "progress \(job) \(text(assignment)): \(progress.permille) \(progress.text)"
    case .leaving: "leaving"
    }
  }

  static func text(_ hello: Hello) -> String {
    var parts = ["\(hello.worker)/\(text(hello.boot)), \(hello.slots) slots"]
    if hello.coordinatorRecords { parts.append("coordinator records") }
    for holding in hello.holding {
      parts.append(
        "holding \(holding.job) \(text(holding.assignment))"
          + (holding.finished ? " finished" : "") + (holding.hazard ? " hazard" : ""))
    }
    return parts.joined(separator: ", ")
  }

  static func text(_ result: FinishedResult) -> String {
    switch result {
    case .recorded(let outcome): "recorded \(text(outcome))"
    case .failed(let failure):
      (failure.isTimeout ? "timed out" : "failed") + (failure.neverAgain ? ", never again" : "")
    case .stopped: "stopped"
    case .unrecorded(let outcome): "to be recorded \(text(outcome))"
    }
  }

  package static func text(_ input: WorkerCore.Input) -> String {
    switch input {
    case .tick: "tick"
    case .connected(let session, let coordinator):
      "session \(session.number) connected to \(coordinator)"
    case .disconnected(let session): "session \(session.number) disconnected"
    case .received(let session, let messages):
      "session \(session.number): " + list(messages, text)
    case .beat(let session, let heard): "beat " + text(session, heard)
    case .handlerEnded(let assignment, let result):
      "handlerEnded \(text(assignment)): \(text(result))"
    case .handlerTimedOut(let assignment, let limit):
      "handlerTimedOut \(text(assignment)) after \(limit.shortText)"
    case .handlerGivenUp(let assignment, _): "handlerGivenUp \(text(assignment))"
    case .remembered(let list): "remembered " + Transcript.list(list) { "\($0.name)" }
    case .progressed(let news):
      "progressed " + list(news) { "\(text($0.assignment)) \($0.progress.permille)" }
    case .handlerReturned(let assignment): "handlerReturned \(text(assignment))"
    case .inserted(let batch, let answers): "inserted #\(batch) " + list(answers, text)
    case .found(let batch, let answers): "found #\(batch) " + list(answers, text)
    case .drain: "drain"
    case .handBack: "handBack"
    }
  }

  static func text(_ result: WorkerCore.HandlerResult) -> String {
    switch result {
    case .succeeded: "succeeded"
    case .failed(let failure): text(FinishedResult.failed(failure))
    case .ended: "ended"
    }
  }

  package static func lines(_ ready: WorkerCore.Ready) -> [String] {
    var lines: [String] = []
    lines += ready.sends.map { "session \($0.session.number): \(text($0.message))" }
    lines += ready.starts.map {
      "start \(text($0.assignment)) \($0.job.id) attempt \($0.attempt)"
        + ($0.hazard ? " hazard" : "")
    }
    lines += ready.ends.map { "end \(text($0))" }
    lines += ready.records.map(text)
    if let store = ready.store { lines.append("store \(store)") }
    lines += ready.links.map { "link \($0)" }
    lines += ready.closes.map { "close session \($0.number)" }
    lines += ready.beats.map { "datagram \($0.session.number): \(text($0.beat))" }
    lines += ready.beatsOver.map { "datagrams of session \($0.number) are over" }
    lines += ready.renews.map { "renew session \($0.number)" }
    if ready.isWedged { lines.append("is wedged") }
    if ready.hasDrained { lines.append("has drained") }
    return lines
  }
}
