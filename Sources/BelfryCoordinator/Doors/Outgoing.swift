internal import BelfryCore

/// What the core wants published, as messages of the broker.
enum Outgoing {
  static func message(_ publish: Publish) -> OutgoingMessage {
    let (exchange, key, mandatory, message) = parts(publish.what)
    return OutgoingMessage(
      id: publish.id, exchange: exchange, routingKey: key, mandatory: mandatory, message: message)
  }

  static func owed(_ owe: Owe) -> OwedPublish {
    let (exchange, key, _, message) = parts(owe.what)
    var what = OwedPublish.What.event
    var job: JobID?
    var attempt = 0
    switch owe.what {
    case .job(let message, _):
      what = .job
      job = message.job.id
      attempt = message.attempt
    case .reply(_, let outcome):
      what = .reply
      job = outcome.id
    case .event(let outcome): job = outcome.id
    case .rejected, .owed: break
    }
    return OwedPublish(
      id: owe.owedID, what: what, job: job, attempt: attempt, due: owe.due, exchange: exchange,
      routingKey: key, message: message)
  }

  private static func parts(
    _ what: Publish.What
  ) -> (exchange: String, key: String, mandatory: Bool, message: QueueMessage) {
    switch what {
    case .job(let message, let destination):
      let job = message.job
      switch destination {
      case .lane:
        let key = QueueTopology.routingKey(job.lane, job.priority)
        return (QueueTopology.jobsExchange, key, true, QueueMessage(message))
      case .again: return ("", QueueTopology.again(job.lane), true, QueueMessage(message))
      case .parked: return ("", QueueTopology.parked(job.lane), true, QueueMessage(message))
      }
    case .event(let outcome):
      let key = "job.\(outcome.state.rawValue).\(outcome.lane)"
      return (QueueTopology.eventsExchange, key, false, event(outcome))
    case .reply(let address, let outcome):
      return ("", address.queue, true, reply(address, outcome))
    case .rejected(let malformed):
      var message = malformed.message
      message.headers.removeAll { $0.name == JobHeader.reason }
      message.headers.append(
        Header(JobHeader.reason, .text("\(malformed.code): \(malformed.reason)")))
      return ("", QueueTopology.rejected, true, message)
    case .owed(let owed): return (owed.exchange, owed.routingKey, owed.what != .event, due(owed))
    }
  }

  private static func event(_ outcome: Outcome) -> QueueMessage {
    QueueMessage(
      messageID: outcome.id.text, type: "job.\(outcome.state.rawValue)",
      contentType: "application/json", timestamp: outcome.finishedAt.milliseconds / 1_000,
      body: Payload(OutcomeJSON.encode(outcome)))
  }

  private static func reply(_ address: ReplyAddress, _ outcome: Outcome) -> QueueMessage {
    var headers = [Header(JobHeader.state, .text(outcome.state.rawValue))]
    if !outcome.reason.isEmpty { headers.append(Header(JobHeader.reason, .text(outcome.reason))) }
    if let error = outcome.error {
      headers.append(Header(JobHeader.error, .text(String(error.message.prefix(1_024)))))
    }
    if let chunks = outcome.result?.chunks, let assignment = outcome.assignment {
      headers += [
        Header(JobHeader.resultChunks, .int(Int64(chunks.count))),
        Header(JobHeader.resultSize, .int(Int64(chunks.size))),
        Header(JobHeader.assignment, .text(assignment.description)),
      ]
    }
    return QueueMessage(
      messageID: outcome.id.text, contentType: outcome.result?.contentType,
      correlationID: address.correlationID, headers: headers,
      body: outcome.result?.bytes ?? .empty)
  }

  /// An owed job is published with the repeat mark, and without its run-at: due was judged once.
  private static func due(_ owed: OwedPublish) -> QueueMessage {
    guard owed.what == .job else { return owed.message }
    var message = owed.message
    message.headers.removeAll { $0.name == JobHeader.isRepeat || $0.name == JobHeader.runAt }
    message.headers.append(Header(JobHeader.isRepeat, .bool(true)))
    return message
  }
}
