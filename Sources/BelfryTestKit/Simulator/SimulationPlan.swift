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
    /// Kills two workers, then runs for long and is good: one false verdict more must not condemn it.
    case killsTwice
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

    var isDeadly: Bool {
      switch behaviour {
      case .poison, .fastPoison, .killsTwice: true
      default: false
      }
    }
  }

  struct PlannedWorker {
    var slots: Int
    var kinds: [Kind]
    var lanes: [Lane]
    var labels: [Label]
    var hasStore: Bool
    /// Its first start; one that comes late finds jobs parked.
    var bornAt: Int64
  }

  static let jobsMax = 40
  static let ids = (0..<jobsMax).map { JobID(trusted: "j\($0)") }
  static let kinds = [Kind(trusted: "k0"), Kind(trusted: "k1")]
  static let lanes = [Lane.default, Lane(trusted: "bulk")]
  static let labels = [Label(key: "gpu", value: "a100"), Label(key: "zone", value: "b")]
    .compactMap { $0 }

  /// The lanes that coordinators serve.
  var lanes = [Lane.default]
  var jobs: [PlannedJob] = []
  var workers: [PlannedWorker] = []
  var coordinators = 2

  // Longest delays; each is drawn between nothing and this.
  var brokerDelay = ms(5)
  var storeDelay = ms(5)
  var sessionDelay = ms(5)
  var tickEvery = ms(500)
  /// Of heartbeat datagrams one in so many is lost; 0: there are none.
  var beatsLost = 0

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

  init(seed: UInt64, faults: Int?) {
    var random = SeededRandom(seed: seed, .world)
    // Drawn in any case: the world must not depend on how many faults were asked for.
    let drawn = random.pick([0, 1, 1, 2, 2, 3, 3, 5, 5, 10])
    self.faults = faults ?? drawn
    faultsFrom = random.pick([0, ms(300), ms(600), ms(600), ms(1_200)])
    faultEvery = random.pick([4, 8, 15, 30, 60])
    brokerDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    storeDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    sessionDelay = random.pick([ms(1), ms(5), ms(40), ms(300)])
    tickEvery = random.pick([ms(500), ms(500), ms(400), ms(100)])
    if random.oneIn(4) { holdMax = .milliseconds(random.within(800...4_000)) }
    parkAfter = .milliseconds(random.pick([300, 1_500, 5_000]))
    lookAgainAfter = .milliseconds(random.pick([500, 2_000, 8_000]))
    for kind in FaultKind.allCases where kind != .nodeCordon {
      weights.append(random.pick([0, 0, 1, 1, 2, 6]))
    }
    // Each of these costs a minute of virtual time before the loss is proven.
    weights[FaultKind.workerGone.rawValue] = random.oneIn(12) ? 1 : 0
    weights[FaultKind.coordinatorGone.rawValue] = random.oneIn(12) ? 1 : 0
    var people = SeededRandom(seed: seed, .people)
    weights.append(people.pick([0, 0, 1, 2]))
    weightSum = weights.reduce(0, +)
    coordinators = random.pick([1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3])
    if random.oneIn(4) { lanes = Self.lanes }
    let isLabelled = random.oneIn(4)
    var beats = SeededRandom(seed: seed, .beats)
    beatsLost = beats.pick([0, 0, 2, 4, 100])
    var draws = SeededRandom(seed: seed, .workers)
    planWorkers(&draws, isLabelled: isLabelled)
    planJobs(seed, isLabelled: isLabelled)
  }

  /// The first worker serves everything and always comes back, so that every job can end.
  private mutating func planWorkers(_ random: inout SeededRandom, isLabelled: Bool) {
    let count = random.pick([3, 3, 3, 3, 3, 3, 2, 2, 4, 4, 5, 7])
    let withoutStore = random.pick([0, 0, 0, 1, count])
    storeForWorkers = random.oneIn(4) ? "store" : nil
    let isSplit = random.oneIn(4)
    let isLate = random.oneIn(6)
    for index in 0..<count {
      let isFirst = index == 0
      workers.append(
        PlannedWorker(
          slots: random.pick([1, 1, 2, 2, 3]),
          kinds: isSplit && !isFirst ? [Self.kinds[0]] : Self.kinds,
          lanes: isFirst || random.coin() ? lanes : [random.pick(lanes)],
          labels: isFirst || random.oneIn(3) ? Self.labels : [random.pick(Self.labels)],
          hasStore: index >= withoutStore,
          bornAt: random.within(isLate && isFirst ? ms(2_000)...ms(9_000) : 0...ms(300))))
      if !isLabelled { workers[index].labels = [] }
    }
  }

  private mutating func planJobs(_ seed: UInt64, isLabelled: Bool) {
    var random = SeededRandom(seed: seed, .jobs)
    var count = random.pick([1, 2, 3, 4, 5, 6])
    if random.oneIn(24) { count = 7 + random.below(Self.jobsMax - 7) }
    let retry = RetryPolicy(triesMax: 3, backoff: Self.backoff(&random))
    for index in 0..<count {
      var draws = SeededRandom(seed: seed, .jobs, index + 1)
      jobs.append(
        Self.plan(index, retry, lanes: lanes, isLabelled: isLabelled, isMany: count > 6, &draws))
    }
  }

  private static func backoff(_ random: inout SeededRandom) -> Backoff {
    let first = Duration.milliseconds(random.pick([0, 100, 500, 1_000]))
    return Backoff(first: first, factor: 2, cap: .seconds(5))
  }

  /// Of many jobs few are deadly: each of those takes several workers down.
  private static func plan(
    _ index: Int, _ retry: RetryPolicy, lanes: [Lane], isLabelled: Bool, isMany: Bool,
    _ random: inout SeededRandom
  ) -> PlannedJob {
    var behaviour: Behaviour = random.pick([
      .good, .good, .good, .good, .long, .failsOnce, .failsOnce, .failsTwice, .failsAlways,
      .neverAgain, .poison, .fastPoison, .killsTwice, .hangs, .stuck,
    ])
    if isMany, behaviour.rawValue >= Behaviour.poison.rawValue, !random.oneIn(8) {
      behaviour = .good
    }
    let form: Form = random.pick(
      [.malformed, .nameless] + [Form](repeating: .job, count: 30))
    let hasReply = random.oneIn(5)
    let deadline: WallTime? =
      random.oneIn(16)
      ? Simulator.start + .milliseconds(random.within(200...8_000)) : nil
    let lane = form == .job ? random.pick(lanes) : .default
    let job = Job(
      id: ids[index], kind: random.pick(kinds), lane: lane,
      priority: random.pick([.normal, .normal, .normal, .high, .low]),
      reply: hasReply ? ReplyAddress(queue: "r\(index)", correlationID: nil) : nil,
      requires: isLabelled ? random.pick([[], [labels[0]], [labels[1]], labels]) : [],
      deadline: deadline, retry: RetryWish(retry))
    let isLong = behaviour == .long || (behaviour == .poison && random.oneIn(3))
    let runs = isLong ? random.within(ms(2_000)...ms(7_000)) : random.within(0...ms(400))
    return PlannedJob(
      job: job, behaviour: behaviour,
      door: form == .job ? random.pick([.lane, .lane, .lane, .submit, .attached]) : .lane,
      form: form, publishAt: random.within(ms(200)...ms(1_500)), runs: runs,
      runAt: random.oneIn(12) ? random.within(0...ms(3_000)) : nil,
      replyIsGone: hasReply && random.oneIn(4))
  }
}
