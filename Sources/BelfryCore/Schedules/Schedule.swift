/// A job that comes again by the calendar.
package struct Schedule: Sendable, Equatable {
  /// What becomes of times that passed while no coordinator ran.
  package enum Misfire: String, Sendable, CaseIterable {
    /// The last of them, now.
    case once
    /// None.
    case skip
  }

  /// Grammar of a lane's.
  package var name: String
  package var cron: CronExpression
  /// Such as `Europe/Berlin`.
  package var timeZone: String
  package var misfire: Misfire
  /// What is submitted; its id is a placeholder.
  package var job: Job
  package var isPaused: Bool
  /// Nothing before this is made up for: when it was made, changed, or let go on.
  package var since: WallTime
  package var last: WallTime?
  package var lastJob: JobID?

  package init(
    name: String, cron: CronExpression, timeZone: String, misfire: Misfire, job: Job,
    isPaused: Bool, since: WallTime, last: WallTime? = nil, lastJob: JobID? = nil
  ) {
    self.name = name
    self.cron = cron
    self.timeZone = timeZone
    self.misfire = misfire
    self.job = job
    self.isPaused = isPaused
    self.since = since
    self.last = last
    self.lastJob = lastJob
  }

  /// Later than this a firing counts as missed.
  package static let grace = Duration.seconds(60)

  package enum Decision: Sendable, Equatable {
    case wait(until: WallTime)
    case never
    case fire(WallTime)
    /// Times up to this one were missed and are not made up for.
    case skip(to: WallTime)
  }

  /// What to do now.
  /// - Parameter handled: the last time that is known to have been dealt with.
  package func decide(
    after handled: WallTime?, at now: WallTime, offset: (WallTime) -> Int
  ) -> Decision {
    // What a clock that was ahead has dealt with has not been: its firings stand, and are not made twice.
    let base =
      [since, last, handled].compactMap { $0 }.filter { $0 <= now + Self.grace }.max() ?? now
    guard let first = cron.next(after: base, offset: offset) else { return .never }
    guard !isPaused, first <= now else { return .wait(until: first) }
    guard now - first > Self.grace else { return .fire(first) }
    // Missed: the last one that is due. Steps of a minute at least, so a year is 525,600 steps at most.
    var latest = first
    while let next = cron.next(after: latest, offset: offset), next <= now { latest = next }
    if misfire == .skip, now - latest > Self.grace { return .skip(to: latest) }
    return .fire(latest)
  }
}

/// The port to schedules and to what they have fired.
package protocol ScheduleStore: Sendable {
  func putSchedule(_ schedule: Schedule) async -> StoreProblem?

  /// All, by name.
  func schedules() async -> Result<[Schedule], StoreProblem>

  /// False: there was none.
  func removeSchedule(_ name: String) async -> Result<Bool, StoreProblem>

  /// One document a firing. *Inserted*: the caller submits its job, and then closes it.
  func openFiring(_ name: String, due: WallTime, at now: WallTime) async -> InsertAnswer

  /// Its job is submitted; nil: it was passed over. The schedule remembers the time.
  func closeFiring(
    _ name: String, due: WallTime, job: JobID?, at now: WallTime
  ) async -> StoreProblem?

  /// Firings opened 10 s ago or longer and not closed: whoever opened them is gone. Anyone submits the same
  /// job again.
  func staleFirings(at now: WallTime) async -> [(name: String, due: WallTime)]?
}
