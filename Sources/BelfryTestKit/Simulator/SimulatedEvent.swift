import BelfryCore

/// One thing that happens in the simulated world.
struct Event {
  /// The stream it travels on: it is lost when that is cut and late when that is stalled.
  var link: Int32 = -1
  /// The process that it happens to; a dead one never hears of it, a paused one later.
  var target: Int32 = -1
  var body: Body

  enum Body {
    case check
    case tick
    case rebirth(node: Int)

    case cluster(Input)
    case delivered(channel: Int, [Arrival])
    case openChannel(isAttached: Bool)
    case channelUp(Int)
    case channelDown(Int)
    case openPublisher
    case publisherUp(Int)
    case publisherDown(Int)
    case published(publisher: Int, [Confirm])
    case leave

    case worker(WorkerCore.Input)
    case handlerEnds(AssignmentID)
    case handlerKills(AssignmentID)
    case handlerTimesOut(AssignmentID)
    case handlerIsGivenUp(AssignmentID)
    case handlerReturns(AssignmentID)
    case connect(coordinator: Int)

    case toCoordinator(session: Int, [WorkerMessage])
    case toWorker(session: Int, [CoordinatorMessage])
    case beatToCoordinator(session: Int, HeardBeat)
    case beatToWorker(session: Int, HeardBeat)
    case coordinatorNotices(session: Int)
    case workerNotices(session: Int)

    case acks(channel: Int, [UInt64])
    case requeues(channel: Int, [UInt64])
    case command(channel: Int, QueueCommand)
    case publishes(publisher: Int, [Publish], firstTicket: Int)
    case alarmEnds

    case insert(owner: Int32, batch: UInt64, [Outcome])
    case commit(owner: Int32, batch: UInt64, Applied)
    case rollBack(Applied)
    case find(owner: Int32, batch: UInt64, [JobID])
    case lookups(owner: Int32, [Lookup])
    case owe(owner: Int32, [Owe])
    case commitOwed(owner: Int32, [Owe])
    case claim(owner: Int32)
    case settleOwed([OwedID])
    case addCancel(JobID)
    case resume(Lane)
    case uncordon(NodeName)

    case produce(job: Int)
    case producerHears(job: Int)
  }
}

/// What became of one publish on one connection.
struct Confirm {
  var ticket: Int
  var result: PublishResult
}

/// Documents that an insert has put into the store, not yet committed by a majority.
final class Applied {
  let outcomes: [Outcome]
  var answers: [InsertAnswer]

  init(_ outcomes: [Outcome], _ answers: [InsertAnswer]) {
    self.outcomes = outcomes
    self.answers = answers
  }
}

/// One direction of a connection: what is sent on it arrives in order, or not at all.
struct Link {
  /// When the last thing sent on it arrives.
  var last: Int64 = 0
  /// Nothing arrives before this time.
  var stalledUntil: Int64 = 0
  /// Nothing arrives after this time.
  var cutAt: Int64 = .max
}
