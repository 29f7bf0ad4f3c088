import BelfryCore

/// Milliseconds of virtual time, in nanoseconds.
func ms(_ count: Int64) -> Int64 { count * 1_000_000 }

/// What one seed's world looks like before anything happens.
struct SimulationPlan {
  enum Behaviour: Int {
    case good, long, failsOnce, failsTwice, failsAlways, neverAgain
    /// Runs into its time-out the first time, and ends when it is told to.
    case hangs
    /// The same, but does not end: it is given up, and returns some time later.
    case stuck
    /// Kills the worker some time after the start.
    case poison
    /// Kills the worker before anything leaves it.
    case fastPoison
  }

  /// How a job comes in.
  enum Door: Int {
    case lane, submit, attached
  }

  enum Form: Int {
    case job, malformed
    /// Not even an id: kept in `belfry.rejected`.
    case nameless
  }

  struct PlannedJob {
    var job: Job
    var behaviour: Behaviour
    var door: Door
    var form: Form
    var publishAt: Int64
    /// How long the handler runs.
    var runs: Int64
    /// Not due before this virtual time.
    var runAt: Int64?
    /// Nobody has the reply queue any more: the reply is returned.
    var replyIsGone: Bool

    var isDeadly: Bool { behaviour == .poison || behaviour == .fastPoison }
  }

  struct PlannedWorker {
    var slots: Int
    var kinds: [Kind]
    var hasStore: Bool
  }

  static let jobsMax = 6
  static let ids = (0..<jobsMax).map { JobID(trusted: "j\($0)") }
  static let kinds = [Kind(trusted: "k0"), Kind(trusted: "k1")]

  var jobs: [PlannedJob] = []
  var workers: [PlannedWorker] = []
  var coordinators = 2

  // Longest delays; each is drawn between nothing and this.
  var brokerDelay = ms(5)
  var storeDelay = ms(5)
  var sessionDelay = ms(5)
  var tickEvery = ms(500)

  var faults: Int
  /// A fault follows one in so many events.
  var faultEvery: Int
  var weights: [Int] = []
  var weightSum = 0

  var storeForWorkers: String?
  var holdMax = Duration.seconds(1_200)
  var parkAfter = Duration.seconds(2)
  var lookAgainAfter = Duration.seconds(2)
  static let forgetAfter = Duration.seconds(60)
  /// No fault before this virtual time: nodes that start are worth few.
  var faultsFrom: Int64
  /// No fault after this virtual time.
  static let faultsUntil = ms(30_000)
  /// Once faults stopped, everything must have settled within this virtual time.
  static let settleWithin = ms(400_000)

  init(random: inout SeededRandom, faults: Int?) {
    self.faults = faults ?? random.pick([0, 1, 1, 2, 2, 3, 3, 5, 5, 10])
    faultsFrom = random.pick([0, ms(300), ms(600), ms(600), ms(1_200)])
    faultEvery = random.pick([4, 8, 15, 30, 60])
    brokerDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    storeDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    sessionDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    tickEvery = random.pick([ms(500), ms(500), ms(400), ms(100)])
    if random.oneIn(4) { holdMax = .milliseconds(random.within(800...4_000)) }
    parkAfter = .milliseconds(random.pick([300, 1_500, 5_000]))
    lookAgainAfter = .milliseconds(random.pick([500, 2_000, 8_000]))
    for _ in FaultKind.allCases { weights.append(random.pick([0, 0, 1, 1, 2, 6])) }
    // Each of these costs a minute of virtual time before the loss is proven.
    weights[FaultKind.workerGone.rawValue] = random.oneIn(12) ? 1 : 0
    weightSum = weights.reduce(0, +)
    if random.oneIn(12) { coordinators = 1 }
    planWorkers(&random)
    planJobs(&random)
  }

  private mutating func planWorkers(_ random: inout SeededRandom) {
    let count = random.pick([3, 3, 3, 3, 2, 4, 5])
    let withoutStore = random.pick([0, 0, 0, 1, count])
    storeForWorkers = random.oneIn(4) ? "store" : nil
    let isSplit = random.oneIn(4)
    for index in 0..<count {
      let kinds = isSplit && index > 0 ? [Self.kinds[0]] : Self.kinds
      workers.append(
        PlannedWorker(
          slots: random.pick([1, 1, 2, 2, 3]), kinds: kinds, hasStore: index >= withoutStore))
    }
  }

  private mutating func planJobs(_ random: inout SeededRandom) {
    let count = random.pick([1, 2, 3, 4, 5, 6])
    let retry = RetryPolicy(triesMax: 3, backoff: Self.backoff(&random))
    for index in 0..<count { jobs.append(Self.plan(index, retry, &random)) }
  }

  private static func backoff(_ random: inout SeededRandom) -> Backoff {
    let first = Duration.milliseconds(random.pick([0, 100, 500, 1_000]))
    return Backoff(first: first, factor: 2, cap: .seconds(5))
  }

  private static func plan(
    _ index: Int, _ retry: RetryPolicy, _ random: inout SeededRandom
  ) -> PlannedJob {
    let behaviour: Behaviour = random.pick([
      .good, .good, .good, .good, .long, .failsOnce, .failsOnce, .failsTwice, .failsAlways,
      .neverAgain, .poison, .fastPoison, .hangs, .stuck,
    ])
    let form: Form = random.pick(
      [.malformed, .nameless] + [Form](repeating: .job, count: 30))
    let hasReply = random.oneIn(5)
    let deadline: WallTime? =
      random.oneIn(16)
      ? Simulator.start + .milliseconds(random.within(200...8_000)) : nil
    let job = Job(
      id: ids[index], kind: random.pick(kinds),
      priority: random.pick([.normal, .normal, .normal, .high, .low]),
      reply: hasReply ? ReplyAddress(queue: "r\(index)", correlationID: nil) : nil,
      deadline: deadline, retry: RetryWish(retry))
    let runs =
      behaviour == .long ? random.within(ms(2_000)...ms(7_000)) : random.within(0...ms(400))
    return PlannedJob(
      job: job, behaviour: behaviour,
      door: form == .job ? random.pick([.lane, .lane, .lane, .submit, .attached]) : .lane,
      form: form, publishAt: random.within(ms(200)...ms(1_500)), runs: runs,
      runAt: random.oneIn(12) ? random.within(0...ms(3_000)) : nil,
      replyIsGone: hasReply && random.oneIn(4))
  }
}
