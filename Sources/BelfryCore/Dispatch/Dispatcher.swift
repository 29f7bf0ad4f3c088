internal import DequeModule
internal import OrderedCollections

/// What a job needs of a worker; jobs that need the same wait together.
package struct Demand: Hashable, Sendable {
  package let lane: Lane
  package let kind: Kind
  package let requires: [Label]

  package init(lane: Lane, kind: Kind, requires: [Label]) {
    self.lane = lane
    self.kind = kind
    self.requires = requires
  }

  package init(_ job: Job) {
    self.init(lane: job.lane, kind: job.kind, requires: job.requires)
  }

  /// For people: `kind resize (gpu=a100)`.
  package var text: String {
    requires.isEmpty
      ? "kind \(kind)"
      : "kind \(kind) (\(requires.map(\.description).joined(separator: ",")))"
  }
}

/// Where a job stands in its demand's queues.
package enum ServiceClass: Int, Sendable {
  case again = 0
  case high = 1
  case normal = 2
  case low = 3

  package init(_ priority: Priority) {
    switch priority {
    case .high: self = .high
    case .normal: self = .normal
    case .low: self = .low
    }
  }
}

/// Orders the jobs that wait for a slot: one group of queues a demand, so that a kind nobody can
/// take now holds up no other; within a group `again` first, then high : normal : low as 8 : 4 : 1
/// by deficit round robin. Removal is lazy: what is popped is checked by the caller.
struct Dispatcher {
  struct Group {
    fileprivate var queues = [Deque<JobID>](repeating: [], count: 4)
    fileprivate var deficits = [0, 0, 0, 0]
    /// Since when no worker in session serves this demand.
    var unservedSince: Instant?

    var count: Int { queues.reduce(0) { $0 + $1.count } }

    fileprivate mutating func pop() -> JobID? {
      if let job = queues[0].popFirst() { return job }
      for _ in 0..<2 {
        for index in 1...3 where deficits[index] > 0 {
          if let job = queues[index].popFirst() {
            deficits[index] -= 1
            return job
          }
        }
        deficits = [0, 8, 4, 1]
      }
      return nil
    }
  }

  static let groupsMax = 1_000

  private(set) var groups = OrderedDictionary<Demand, Group>()

  var groupCount: Int { groups.count }
  func unservedSince(_ demand: Demand) -> Instant? { groups[demand]?.unservedSince }

  mutating func enqueue(_ job: JobID, _ demand: Demand, _ service: ServiceClass) {
    groups[demand, default: Group()].queues[service.rawValue].append(job)
  }

  /// A job given back goes to the head of the queue that is served first.
  mutating func giveBack(_ job: JobID, _ demand: Demand) {
    groups[demand, default: Group()].queues[0].prepend(job)
  }

  mutating func pop(_ demand: Demand) -> JobID? { groups[demand]?.pop() }

  mutating func markUnserved(_ demand: Demand, since: Instant?) {
    groups[demand]?.unservedSince = since
  }

  /// Takes all that wait for a demand.
  mutating func takeAll(_ demand: Demand) -> [JobID] {
    guard let group = groups[demand] else { return [] }
    groups[demand]?.queues = [Deque<JobID>](repeating: [], count: 4)
    return group.queues.flatMap { $0 }
  }

  /// Drops groups in which nothing waits, so that their number stays bounded; of those that nobody
  /// serves a few stay, so that the rest of a backlog is parked at once.
  mutating func dropEmpty() {
    let isMany = groups.count > Self.groupsMax
    groups.removeAll { $0.value.count == 0 && ($0.value.unservedSince == nil || isMany) }
  }
}
