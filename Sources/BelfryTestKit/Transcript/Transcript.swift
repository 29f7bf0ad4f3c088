package import BelfryCore

/// The cores' inputs and effects as text, one line each, for golden transcripts and for the traces of
/// the simulator. Everything that a reader must judge is in the line; boot ids are cut to their
/// number, times are relative to the simulator's start.
package enum Transcript {
  // MARK: inputs of a coordinator

  package static func text(_ input: Input) -> String {
    switch input {
    case .tick: "tick"
    case .arrived(let arrivals): "arrived " + list(arrivals, text)
    case .queue(let news): "queue " + text(news)
    case .lookedUp(let answers): "lookedUp " + list(answers) { "\($0.ticket): \(text($0.answer))" }
    case .inserted(let batch, let answers): "inserted #\(batch) " + list(answers, text)
    case .found(let batch, let answers): "found #\(batch) " + list(answers, text)
    case .owed(let answers):
      "owed " + list(answers) { "publish \($0.id.number): \(text($0.answer))" }
    case .claimed(let items): "claimed " + list(items) { text($0.id) }
    case .sessionOpened(let session, let hello, _, _):
      "session \(session.number) opened: \(text(hello))"
    case .sessionClosed(let session, let why, let end):
      "session \(session.number) closed: \(why)" + (end == .closed ? "" : " (\(end))")
    case .received(let session, let messages):
      "session \(session.number): " + list(messages, text)
    case .beats(let beats): "beats " + list(beats) { text($0.session, $0.beat) }
    case .submitted(let token, let message): "submitted (\(token)) \(text(message))"
    case .cancelled(let token, let job, let by): "cancelled (\(token)) \(job) by \(by)"
    case .cancelsRead(let jobs): "cancelsRead " + list(jobs, \.text)
    case .forgotten(let jobs): "forgotten " + list(jobs, \.text)
    case .pausesRead(let pauses): "pausesRead " + list(pauses) { "\($0.lane) by \($0.by)" }
    case .attachmentsRead(let queues): "attachmentsRead \(queues.joined(separator: " "))"
    case .purgesRead(let purges): "purgesRead " + list(purges) { "\($0.lane) by \($0.by)" }
    case .controlsRead(let controls):
      "controlsRead "
        + list(controls) {
          "\($0.name)\($0.cordon == nil ? "" : " cordoned") \(Label.text($0.labels))"
        }
    case .coordinatorsRead(let records): "coordinatorsRead " + list(records, \.id)
    case .certificate(let life): "certificate until \(text(life.ends))"
    case .storeAsked: "storeAsked"
    case .storeAnswered(let problem): "storeAnswered \(problem?.message ?? "well")"
    case .alertsRead(let alerts): "alertsRead " + list(alerts) { "\($0.id)" }
    case .sinksLooked(let looks): "sinksLooked " + list(looks) { $0.name }
    case .drain: "drain"
    }
  }

  static func text(_ arrival: Arrival) -> String {
    var flags = arrival.source == .lane ? "" : " from \(arrival.source)"
    if arrival.redelivered { flags += " redelivered" }
    switch arrival.content {
    case .job(let message): return "\(text(arrival.tag)) \(text(message))\(flags)"
    case .malformed(let malformed): return "\(text(arrival.tag)) \(text(malformed))\(flags)"
    }
  }

  static func text(_ malformed: Malformed) -> String {
    "malformed \(malformed.id?.text ?? "without id") (\(malformed.code): \(malformed.reason))"
  }

  static func text(_ message: JobMessage) -> String {
    var parts = ["\(message.job.id) \(message.job.kind)", "attempt \(message.attempt)"]
    if message.isRepeat { parts.append("repeat") }
    if let runAt = message.runAt { parts.append("not before \(text(runAt))") }
    parts += message.history.lines.map(text)
    return parts.joined(separator: ", ")
  }

  static func text(_ line: HistoryLine) -> String {
    let what = "\(line.what) \(text(line.assignment)) on \(line.worker)/\(text(line.boot))"
    guard line.what == .lost else { return what }
    return what + (line.started ? "" : " unannounced") + (line.beside ? " beside a hazard" : "")
  }

  static func text(_ news: QueueNews) -> String {
    switch news {
    case .consumingUp(let generation): "consumingUp \(generation.number)"
    case .consumingDown(let generation, let reason):
      "consumingDown \(generation.number): \(reason)"
    case .attachedUp(let generation, let queue): "attachedUp \(generation.number) \(queue)"
    case .consumerEnded(let queue): "consumerEnded \(queue)"
    case .readDone(let queue, let count): "readDone \(queue): \(count)"
    case .publishingUp: "publishingUp"
    case .publishingDown(let reason): "publishingDown: \(reason)"
    case .published(let results):
      "published " + list(results) { "\($0.id.number): \(text($0.result))" }
    case .blocked(let reason): "blocked: \(reason)"
    case .unblocked: "unblocked"
    case .depth(let queue, let ready): "depth \(queue): \(ready)"
    case .absent(let queue): "absent \(queue)"
    case .unavailable(let reason): "unavailable: \(reason)"
    }
  }

  static func text(_ result: PublishResult) -> String {
    switch result {
    case .confirmed: "confirmed"
    case .returned(let why): "returned (\(why))"
    case .unknown(let why): "unknown (\(why))"
    }
  }

  static func text(_ answer: InsertAnswer) -> String {
    switch answer {
    case .inserted: "inserted"
    case .duplicate: "duplicate"
    case .unknown(let why): "unknown (\(why))"
    case .refused(let why): "refused (\(why))"
    }
  }

  static func text(_ answer: FindAnswer) -> String {
    switch answer {
    case .found(let outcome): text(outcome)
    case .absent: "absent"
    case .unknown(let why): "unknown (\(why))"
    }
  }

  package static func text(_ outcome: Outcome) -> String {
    var parts = ["\(outcome.id) \(outcome.state)"]
    if !outcome.reason.isEmpty { parts.append("(\(outcome.reason))") }
    parts.append("attempt \(outcome.attempt)")
    if let assignment = outcome.assignment { parts.append("by \(text(assignment))") }
    if let worker = outcome.worker { parts.append("on \(worker)") }
    return parts.joined(separator: " ")
  }

  // MARK: effects of a coordinator

  package static func lines(_ ready: Ready) -> [String] {
    var lines: [String] = []
    lines += ready.lookups.map { "lookup \($0.ticket): \($0.job)" }
    lines += ready.records.map(text)
    lines += ready.publishes.map { "publish \($0.id.number): \(text($0.what))" }
    lines += ready.owes.map {
      "owe \($0.id.number) as \(text($0.owedID)) due \(text($0.due)): \(text($0.what))"
    }
    lines += ready.settledOwed.map { "settle \(text($0))" }
    lines += ready.sends.map { "session \($0.session.number): \(text($0.message))" }
    lines += ready.closes.map { "close session \($0.session.number): \($0.why)" }
    lines += ready.acks.map { "ack \(text($0))" }
    lines += ready.beats.map { "datagram \($0.session.number): \(text($0.beat))" }
    lines += ready.beatsOver.map { "datagrams of session \($0.number) are over" }
    lines += ready.requeues.map { "requeue \(text($0))" }
    lines += ready.commands.map(text)
    lines += ready.notices.map { "notice \($0.rule)/\($0.subject): \($0.summary)" }
    lines += ready.alerts.map {
      "alert \($0.rule)/\($0.subject) \($0.state): \($0.summary): \($0.why)"
    }
    lines += ready.answers.map(text)
    lines += ready.settled.map { "settled \(text($0))" }
    return lines
  }

  static func text(_ request: OutcomeRecorder.Request) -> String {
    switch request {
    case .insert(let batch, let outcomes): "insert #\(batch) " + list(outcomes, text)
    case .find(let batch, let jobs): "find #\(batch) " + list(jobs, \.text)
    }
  }

  static func text(_ what: Publish.What) -> String {
    switch what {
    case .job(let message, let destination): "to \(destination): \(text(message))"
    case .event(let outcome): "event \(text(outcome))"
    case .reply(let address, let outcome): "reply to \(address.queue): \(text(outcome))"
    case .rejected(let malformed): "rejected: \(text(malformed))"
    case .owed(let owed): "owed \(text(owed.id))"
    }
  }

  static func text(_ message: CoordinatorMessage) -> String {
    switch message {
    case .welcome(let welcome):
      "welcome from \(welcome.coordinator)"
        + (welcome.store.map { ", store \($0)" } ?? "")
        + (welcome.coordinatorRecords ? ", coordinator records" : "")
    case .heartbeat(let heartbeat): "heartbeat \(heartbeat.sequence)/\(heartbeat.echo)"
    case .assign(let assign):
      "assign \(text(assign.assignment)) \(assign.job.id) attempt \(assign.attempt)"
        + (assign.hazard ? " hazard" : "")
        + assign.history.lines.map { ", \(text($0))" }.joined()
    case .finishedAck(let assignment): "finishedAck \(text(assignment))"
    case .recorded(let job, let assignment): "recorded \(job) \(text(assignment))"
    case .stop(let job, let assignment): "stop \(job) \(text(assignment))"
    case .cancel(let job, let assignment): "cancel \(job) \(text(assignment))"
    case .drain: "drain"
    case .want(let slots): "want \(slots)"
    case .returned(let total): "returned \(total)"
    case .coordinators(let all): "coordinators " + list(all) { "\($0.name)" }
    }
  }

  static func text(_ command: QueueCommand) -> String {
    switch command {
    case .declare: "declare"
    case .consume(let queue, let prefetch): "consume \(queue) prefetch \(prefetch)"
    case .endConsumer(let queue): "endConsumer \(queue)"
    case .ack(let tags): "ack " + list(tags, text)
    case .requeue(let tags): "requeue " + list(tags, text)
    case .publish(let messages): "publish " + list(messages) { "\($0.id.number)" }
    case .readOnce(let queue, let limit): "readOnce \(queue) limit \(limit)"
    case .attach(let queues): "attach \(queues.map(\.queue).joined(separator: " "))"
    case .measure(let queues): "measure \(queues.count) queues"
    }
  }

  static func text(_ answer: Answer) -> String {
    switch answer {
    case .submitted(let token, let answer): "answer (\(token)): \(answer)"
    case .cancelled(let token, let outcome, let wasSeen):
      "answer (\(token)): \(text(outcome))" + (wasSeen ? "" : ", unseen")
    }
  }

  static func text(_ session: SessionID, _ heard: HeardBeat) -> String {
    "\(session.number): \(text(heard.beat)), it heard us \(heard.silence.shortText) ago"
  }

  static func text(_ beat: Beat) -> String {
    "beat" + (beat.isStreamClosed ? " without a stream" : "")
      + (beat.streamSilence >= .seconds(1) ? ", stream silent \(beat.streamSilence.shortText)" : "")
  }

  // MARK: small parts

  static func text(_ boot: BootID) -> String { "b\(boot.high >> 16)" }
  static func text(_ id: AssignmentID) -> String { "\(text(id.boot))-\(id.counter)" }
  static func text(_ id: OwedID) -> String { "\(text(id.boot))/\(id.number)" }
  static func text(_ tag: DeliveryTag) -> String { "\(tag.generation.number)/\(tag.tag)" }

  /// Seconds since the simulator's start.
  static func text(_ time: WallTime) -> String {
    (time - Simulator.start).shortText
  }

  static func list<Element>(_ items: [Element], _ text: (Element) -> String) -> String {
    items.map(text).joined(separator: " | ")
  }
}
