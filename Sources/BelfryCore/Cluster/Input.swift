/// All that can happen to a coordinator.
package enum Input: Sendable {
  /// At least every 100 ms; `ClusterCore.nextDeadline` says when.
  case tick
  case arrived([Arrival])
  case queue(QueueNews)
  /// Answers to `Ready.lookups`, by ticket.
  case lookedUp([(ticket: UInt64, answer: FindAnswer)])
  case inserted(batch: UInt64, [InsertAnswer])
  case found(batch: UInt64, [FindAnswer])
  /// Answers to `Ready.owes`.
  case owed([(id: PublishID, answer: InsertAnswer)])
  /// Owed publishes that this coordinator has claimed.
  case claimed([OwedPublish])
  /// - Parameter datagrams: where datagrams of this session would go; nil: none can.
  case sessionOpened(SessionID, Hello, from: String, datagrams: DatagramOffer? = nil)
  case sessionClosed(SessionID, why: String, SessionEnd = .closed)
  case received(SessionID, [WorkerMessage])
  /// Datagrams of sessions, those included whose stream is closed.
  case beats([(session: SessionID, beat: HeardBeat)])
  /// A producer's job by RPC; answered by `Answer.submitted`.
  case submitted(token: UInt64, JobMessage)
  case cancelled(token: UInt64, JobID, by: String)
  /// Ids that were cancelled here or elsewhere; known ones may be among them.
  case cancelsRead([JobID])
  /// Outcomes that were removed before their time: such an id may run again.
  case forgotten([JobID])
  /// All lanes that are paused, as the store has them.
  case pausesRead([LanePause])
  /// All lanes that are being emptied, as the store has them.
  case purgesRead([LanePurge])
  /// All foreign queues to consume, those of the settings and those that the store has.
  case attachmentsRead([String])
  /// All that operators have set of workers, as the store has it.
  case controlsRead([NodeControl])
  /// All coordinators' records, every second while the store answers.
  case coordinatorsRead([StoredRecord])
  /// This coordinator's own certificate.
  case certificate(CertificateLife)
  /// The store is asked how it is; `storeAnswered` says it, if it ever does.
  case storeAsked
  case storeAnswered(StoreProblem?)
  /// Alert episodes that are open, as the store has them.
  case alertsRead([Alert])
  /// What becomes of alerts at each sink.
  case sinksLooked([SinkLook])
  /// Planned leave: take no more, settle what can be settled, hand back the rest.
  case drain
}

/// What the queue port reports, other than deliveries.
package enum QueueNews: Sendable, Equatable {
  case consumingUp(ChannelGeneration)
  case consumingDown(ChannelGeneration, reason: String)
  case attachedUp(ChannelGeneration, queue: String)
  case consumerEnded(queue: String)
  case readDone(queue: String, count: Int)
  case publishingUp
  case publishingDown(reason: String)
  case published([Published])
  case blocked(reason: String)
  case unblocked
  case depth(queue: String, ready: Int)
  case absent(queue: String)
  case unavailable(reason: String)
}

/// Names one session with a worker; never used twice in a process.
package struct SessionID: Hashable, Comparable, Sendable {
  package let number: UInt64
  package init(_ number: UInt64) { self.number = number }
  package static func < (a: Self, b: Self) -> Bool { a.number < b.number }
}

/// One delivery, as its door has read it.
package struct Arrival: Sendable {
  package enum Source: Sendable, Equatable {
    /// A lane's own queue.
    case lane
    case again
    /// Read from the parked queue, once round.
    case parked
    /// A foreign queue: goes through intake.
    case attached
  }

  package enum Content: Sendable {
    case job(JobMessage)
    case malformed(Malformed)
  }

  package var tag: DeliveryTag
  package var source: Source
  package var redelivered: Bool
  package var deliveryCount: Int
  package var content: Content

  package init(
    tag: DeliveryTag, source: Source = .lane, redelivered: Bool = false, deliveryCount: Int = 0,
    content: Content
  ) {
    self.tag = tag
    self.source = source
    self.redelivered = redelivered
    self.deliveryCount = deliveryCount
    self.content = content
  }
}

/// A message that is no job, and why.
package struct Malformed: Sendable, Equatable {
  /// With a valid id the outcome is `failed`; without one the message goes to `belfry.rejected`.
  package var id: JobID?
  package var kind: Kind?
  package var lane: Lane
  /// `malformed` or `too-large`.
  package var code: String
  package var reason: String
  package var reply: ReplyAddress?
  package var message: QueueMessage

  package init(
    id: JobID?, kind: Kind?, lane: Lane, code: String, reason: String,
    reply: ReplyAddress? = nil, message: QueueMessage
  ) {
    self.id = id
    self.kind = kind
    self.lane = lane
    self.code = code
    self.reason = reason
    self.reply = reply
    self.message = message
  }
}

/// What the end of a session says of its worker.
package enum SessionEnd: Sendable, Equatable {
  /// It is gone, unless it comes back at once.
  case closed
  /// Given up here, because nothing got through: no word of the worker's, which may live.
  case stuck
  /// Its certificate has ended or is not taken any more: who may open no session may not say by
  /// datagram that it lives either.
  case refused
}
