internal import DequeModule

/// Records outcomes by one rule, for workers and coordinators alike: insert; a duplicate key means
/// read the winner; absent (rolled back, or a stale read) means insert again; unknown means the same
/// step again. Nothing is reported before it is known.
///
/// Batches make themselves: while one insert is on its way the next gathers, and an idle recorder
/// sends at once, so at a low rate the latency is one journal flush. Pure: the shell performs the
/// requests and hands the answers back.
package struct OutcomeRecorder {
  /// Names one thing to record; a job may be recorded twice at once (a cancel and a failure).
  package typealias Ticket = UInt64

  package enum Request: Sendable, Equatable {
    case insert(batch: UInt64, [Outcome])
    case find(batch: UInt64, [JobID])
  }

  /// What the store holds for a ticket's job, and whether it is what was asked to be recorded.
  package struct Recorded: Sendable, Equatable {
    package let ticket: Ticket
    package let outcome: Outcome
    package let isOwn: Bool
  }

  /// Most documents in one insert: where the measured gain of batching has levelled off.
  package static let batchMax = 1_000
  /// Most result bytes in one insert, well under the 48 MB of one message.
  package static let batchBytesMax = 8 << 20
  /// Before a step whose answer was unknown is repeated.
  package static let pause = Duration.milliseconds(200)

  private struct Item {
    let ticket: Ticket
    var outcome: Outcome
  }

  private var toInsert = Deque<Item>()
  private var toFind = Deque<Item>()
  private var inserting: (batch: UInt64, items: [Item])?
  private var finding: (batch: UInt64, items: [Item])?
  private var nextTicket: Ticket = 1
  private var nextBatch: UInt64 = 1
  private var pausedUntil: Instant?
  /// Since when every answer of the store was *unknown*; nil: the last one was known.
  private var unknownSince: Instant?
  private var askedAt: Instant?
  /// Since when the store has said nothing of use; nil: nothing is asked.
  package var unansweredSince: Instant? {
    let asked = inserting == nil && finding == nil ? nil : askedAt
    return [unknownSince, asked].compactMap(\.self).min()
  }

  package init() {}

  /// Outcomes not yet known to be recorded.
  package var count: Int {
    toInsert.count + toFind.count + (inserting?.items.count ?? 0) + (finding?.items.count ?? 0)
  }

  package var nextDeadline: Instant? { pausedUntil }

  package mutating func record(_ outcome: Outcome) -> Ticket {
    defer { nextTicket += 1 }
    toInsert.append(Item(ticket: nextTicket, outcome: outcome))
    return nextTicket
  }

  /// What to ask of the store now: at most one insert and one find are on their way at a time.
  package mutating func nextRequest(at now: Instant) -> Request? {
    if let until = pausedUntil {
      guard now >= until else { return nil }
      pausedUntil = nil
    }
    if inserting == nil, !toInsert.isEmpty {
      let items = takeBatch()
      defer { nextBatch += 1 }
      inserting = (nextBatch, items)
      askedAt = now
      return .insert(batch: nextBatch, items.map(\.outcome))
    }
    if finding == nil, !toFind.isEmpty {
      let items = Array(toFind.prefix(Self.batchMax))
      toFind.removeFirst(items.count)
      defer { nextBatch += 1 }
      finding = (nextBatch, items)
      askedAt = now
      return .find(batch: nextBatch, items.map(\.outcome.id))
    }
    return nil
  }

  package mutating func inserted(
    batch: UInt64, _ answers: [InsertAnswer], at now: Instant
  ) -> [Recorded] {
    guard let (number, items) = inserting, number == batch else { return [] }
    inserting = nil
    var recorded: [Recorded] = []
    var unknown: [Item] = []
    for (index, item) in items.enumerated() {
      switch index < answers.count ? answers[index] : .unknown("no answer") {
      case .inserted:
        recorded.append(Recorded(ticket: item.ticket, outcome: item.outcome, isOwn: true))
      case .duplicate: toFind.append(item)
      case .unknown: unknown.append(item)
      case .refused(let why): toInsert.prepend(Self.unrecordable(item, why))
      }
    }
    again(unknown, at: now) { $0.toInsert.prepend(contentsOf: $1) }
    return recorded
  }

  package mutating func found(
    batch: UInt64, _ answers: [FindAnswer], at now: Instant
  ) -> [Recorded] {
    guard let (number, items) = finding, number == batch else { return [] }
    finding = nil
    var recorded: [Recorded] = []
    var unknown: [Item] = []
    for (index, item) in items.enumerated() {
      switch index < answers.count ? answers[index] : .unknown("no answer") {
      case .found(let winner):
        let isOwn =
          winner.assignment == item.outcome.assignment && winner.state == item.outcome.state
        recorded.append(Recorded(ticket: item.ticket, outcome: winner, isOwn: isOwn))
      case .absent: toInsert.append(item)
      case .unknown: unknown.append(item)
      }
    }
    again(unknown, at: now) { $0.toFind.prepend(contentsOf: $1) }
    return recorded
  }

  private mutating func again(
    _ items: [Item], at now: Instant, _ put: (inout Self, [Item]) -> Void
  ) {
    guard !items.isEmpty else {
      unknownSince = nil
      return
    }
    unknownSince = unknownSince ?? askedAt ?? now
    put(&self, items)
    pausedUntil = now + Self.pause
  }

  private mutating func takeBatch() -> [Item] {
    var items: [Item] = []
    var bytes = 0
    while let next = toInsert.first, items.count < Self.batchMax {
      bytes += next.outcome.result?.bytes.size ?? 0
      if bytes > Self.batchBytesMax, !items.isEmpty { break }
      items.append(next)
      toInsert.removeFirst()
    }
    return items
  }

  /// The store will never take this document: what can be recorded is that it could not be.
  private static func unrecordable(_ item: Item, _ why: String) -> Item {
    var outcome = item.outcome
    outcome.state = .failed
    outcome.reason = "unrecordable"
    outcome.result = nil
    outcome.history = []
    outcome.error = JobError(code: "unrecordable", message: String(why.prefix(1_024)))
    return Item(ticket: item.ticket, outcome: outcome)
  }
}
