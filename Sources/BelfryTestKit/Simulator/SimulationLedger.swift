import BelfryCore

/// The promises, as `docs/protocol.md` numbers them.
package enum Invariant: String, Sendable {
  /// An ack needs a recorded outcome that was announced, or a successor whose publish counted.
  case S1
  /// Every event, reply and answer equals the recorded outcome.
  case S2
  /// An outcome never changes.
  case S3
  /// Each live delivery is in exactly one place.
  case S4
  /// No slot is held twice or for ever.
  case S5
  /// No poison with fewer than three dead processes the job was given to.
  case S6
  /// No assignment id is used twice.
  case S7
  /// A run whose start all coordinators heard is not repeated because the broker restarted.
  case R1
  /// What is paused or cancelled is not given out by a coordinator that has heard of it.
  case P1
  /// Nothing is called lost or down while nothing is broken.
  case A1
  /// The same seed gives the same run.
  case D1
  /// All of these at the end: one outcome and one event a job, queues empty, nothing unacked, every
  /// belief ended, all credit offered; in bounded time.
  case L5
}

package struct Violation: Sendable, Equatable {
  package let invariant: Invariant
  package let message: String
}

/// What the simulator knows of each job from outside.
struct SimulationLedger {
  /// A process that a job was given to.
  struct Given {
    var process: Int32
    var started: Bool
  }

  /// One run of a handler.
  struct Run {
    enum State {
      case running, succeeded, over
    }

    var assignment: AssignmentID
    var process: Int32
    /// The nodes of the coordinators that heard of its start, as bits.
    var heardBy = 0
    var state = State.running
  }

  /// Live copies of the job's message: in a queue, or held and not given up, or owed.
  var copies: [Int]
  /// Events that the broker has taken, and events that are owed.
  var events: [Int]
  var eventsOwed: [Int]
  var replies: [Int]
  var rejected: [Int]
  var isConfirmed: [Bool]
  var isUnsure: [Bool]
  var published: [Int]
  var given: [[Given]]
  var runs: [[Run]]
  var assignments: Set<AssignmentID> = []
  var handlerRuns = 0

  init(jobs: Int) {
    copies = Array(repeating: 0, count: jobs)
    events = copies
    eventsOwed = copies
    replies = copies
    rejected = copies
    published = copies
    isConfirmed = Array(repeating: false, count: jobs)
    isUnsure = isConfirmed
    given = Array(repeating: [], count: jobs)
    runs = Array(repeating: [], count: jobs)
  }

  mutating func heard(_ job: Int, _ assignment: AssignmentID, by node: Int) {
    guard let index = runs[job].firstIndex(where: { $0.assignment == assignment }) else { return }
    runs[job][index].heardBy |= 1 << node
  }

  mutating func ended(_ job: Int, _ assignment: AssignmentID, _ state: Run.State) {
    guard let index = runs[job].firstIndex(where: { $0.assignment == assignment }) else { return }
    runs[job][index].state = state
  }

  mutating func give(_ job: Int, to process: Int32, started: Bool) {
    if let index = given[job].firstIndex(where: { $0.process == process }) {
      given[job][index].started = given[job][index].started || started
    } else {
      given[job].append(Given(process: process, started: started))
    }
  }
}
