/// Keeps every publish until it counts: confirmed by the broker and not returned, or inserted into
/// `later`. A return is no confirm: the topology is declared and the publish repeated, after three
/// it is held and an alert raised. A publish whose fate is unknown is repeated, with the repeat
/// mark. While the broker blocks publishers, what is unconfirmed and what is new goes to `later`,
/// at once: else the backlog that trips the alarm would block its own drain.
struct PublishLedger {
  /// What waits for a publish to count.
  enum Purpose: Equatable {
    /// The set of this entry is acked once it counts.
    case successor(JobID, serial: UInt64)
    /// Event or reply of a settlement.
    case announcement(JobID, serial: UInt64)
    /// The delivery is acked once it counts: intake, rejected, a parked message read.
    case delivery(DeliveryTag)
    /// These deliveries are acked once it counts, whatever else the set holds by then.
    case repark(JobID, [DeliveryTag])
    case owed(OwedID)
    case submit(token: UInt64)
  }

  private enum State {
    /// Waits for a connection, or was returned three times.
    case waiting
    case onItsWay
    /// On its way into the store.
    case owing
    case held(until: Instant)
  }

  private struct Item {
    var what: Publish.What
    let purpose: Purpose
    var due: WallTime?
    var state: State
    var returns = 0

    var waitsForStore: Bool {
      switch state {
      case .owing, .held: due != nil
      case .waiting, .onItsWay: false
      }
    }
  }

  private let boot: BootID
  private var items: [PublishID: Item] = [:]
  private var nextNumber: UInt64 = 1
  private(set) var isUp = false
  private(set) var blockedBy: String?

  init(boot: BootID) { self.boot = boot }

  var count: Int { items.count }
  /// Publishes that were returned three times: an operator must look.
  private(set) var heldCount = 0
  /// All that wait out a pause, the held ones included.
  private var pausedCount = 0

  /// Adds a publish; with `due` it goes through the store whatever the broker says.
  mutating func add(
    _ what: Publish.What, for purpose: Purpose, due: WallTime? = nil, at now: Now,
    into ready: inout Ready
  ) {
    let id = newID()
    items[id] = Item(what: what, purpose: purpose, due: due, state: .waiting)
    start(id, at: now, into: &ready)
  }

  /// What became of publishes; returns the purposes of those that count now.
  mutating func published(
    _ results: [Published], at now: Now, into ready: inout Ready
  ) -> [Purpose] {
    var counted: [Purpose] = []
    for published in results {
      guard let item = items[published.id] else { continue }
      // A copy that went to the store as well is known under this id until one of both counts.
      switch published.result {
      case .confirmed:
        items.removeValue(forKey: published.id)
        counted.append(item.purpose)
      case .returned(let why): returned(published.id, item, why, at: now, &counted, &ready)
      case .unknown: unknown(published.id, item, at: now, &ready)
      }
    }
    return counted
  }

  mutating func owed(
    _ answers: [(id: PublishID, answer: InsertAnswer)], at now: Now, into ready: inout Ready
  ) -> [Purpose] {
    var counted: [Purpose] = []
    for (id, answer) in answers {
      guard let item = items[id] else { continue }
      switch answer {
      case .inserted:
        items.removeValue(forKey: id)
        counted.append(item.purpose)
      case .duplicate, .unknown, .refused:
        // It is on its way to the broker meanwhile.
        guard case .owing = item.state else { continue }
        // Never taken for a confirm; written again under a new id, after a pause.
        items[id]?.state = .held(until: now.monotonic + .milliseconds(500))
        pausedCount += 1
      }
    }
    return counted
  }

  /// What the store did not take, or does not answer for, is published at once, with its time: another
  /// coordinator keeps it. If it did take it, and the answer was lost, there are two of it.
  mutating func passOn(at now: Now, into ready: inout Ready) {
    for id in items.keys.sorted() {
      guard let item = items[id], item.waitsForStore, let due = item.due,
        case .successor = item.purpose, case .job(var message, let destination) = item.what
      else { continue }
      message.runAt = due
      message.isRepeat = true
      items[id]?.what = .job(message, destination)
      items[id]?.due = nil
      start(id, at: now, into: &ready)
    }
  }

  mutating func cameUp(at now: Now, into ready: inout Ready) {
    isUp = true
    blockedBy = nil
    for id in items.keys.sorted() {
      if case .waiting = items[id]?.state { start(id, at: now, into: &ready) }
    }
  }

  mutating func wentDown() {
    isUp = false
    blockedBy = nil
  }

  mutating func blocked(_ why: String, at now: Now, into ready: inout Ready) {
    guard blockedBy == nil else { return }
    blockedBy = why
    for id in items.keys.sorted() {
      switch items[id]?.state {
      case .waiting, .onItsWay, .held: start(id, at: now, into: &ready)
      case .owing, nil: continue
      }
    }
  }

  mutating func unblocked(at now: Now, into ready: inout Ready) {
    blockedBy = nil
    for id in items.keys.sorted() {
      if case .waiting = items[id]?.state { start(id, at: now, into: &ready) }
    }
  }

  /// Tries again what is held.
  mutating func ticked(at now: Now, into ready: inout Ready) {
    guard pausedCount > 0 else { return }
    heldCount = 0
    pausedCount = 0
    for id in items.keys.sorted() {
      guard let item = items[id], case .held(let until) = item.state else { continue }
      if now.monotonic >= until {
        start(id, at: now, into: &ready)
      } else {
        pausedCount += 1
        if item.returns >= 3 { heldCount += 1 }
      }
    }
  }

  private mutating func start(_ id: PublishID, at now: Now, into ready: inout Ready) {
    guard var item = items[id] else { return }
    let isOwedAlready = if case .owed = item.purpose { true } else { false }
    let isSubmit = if case .submit = item.purpose { true } else { false }
    if item.due != nil || (blockedBy != nil && !isOwedAlready && !isSubmit) {
      if case .rejected = item.what {
        item.state = .waiting
      } else {
        item.state = .owing
        let owedID = OwedID(boot: boot, number: newID().number)
        ready.owes.append(
          Owe(id: id, what: item.what, due: item.due ?? now.wall, owedID: owedID))
      }
    } else if isUp, blockedBy == nil {
      item.state = .onItsWay
      ready.publishes.append(Publish(id: id, what: item.what))
    } else {
      item.state = .waiting
    }
    items[id] = item
  }

  private mutating func returned(
    _ id: PublishID, _ item: Item, _ why: String, at now: Now, _ counted: inout [Purpose],
    _ ready: inout Ready
  ) {
    guard case .onItsWay = item.state else { return }
    if isReply(item.what) {  // whoever asked is gone: done
      items.removeValue(forKey: id)
      counted.append(item.purpose)
      return
    }
    items[id]?.returns += 1
    ready.commands.append(.declare)
    if item.returns + 1 < 3 {
      start(id, at: now, into: &ready)
    } else if case .submit(let token) = item.purpose {
      items.removeValue(forKey: id)
      ready.answers.append(
        .submitted(token: token, .unavailable("the lane's queue does not take the job: \(why)")))
    } else {
      items[id]?.state = .held(until: now.monotonic + .seconds(5))
      heldCount += 1
      pausedCount += 1
    }
  }

  private mutating func unknown(
    _ id: PublishID, _ item: Item, at now: Now, _ ready: inout Ready
  ) {
    guard case .onItsWay = item.state else { return }
    if case .submit(let token) = item.purpose {
      items.removeValue(forKey: id)
      ready.answers.append(
        .submitted(token: token, .unavailable("the broker did not confirm the job")))
      return
    }
    if case .job(var message, let destination) = item.what {
      message.isRepeat = true
      items[id]?.what = .job(message, destination)
    }
    items[id]?.state = .waiting
    if isUp { start(id, at: now, into: &ready) }
  }

  private func isReply(_ what: Publish.What) -> Bool {
    switch what {
    case .reply: true
    case .owed(let owed): owed.what == .reply
    default: false
    }
  }

  private mutating func newID() -> PublishID {
    defer { nextNumber += 1 }
    return PublishID(nextNumber)
  }
}

extension PublishLedger {
  /// Deliveries that are acked once a publish of their own counts, in no order.
  func forEachDelivery(_ body: (DeliveryTag) -> Void) {
    for item in items.values {
      if case .delivery(let tag) = item.purpose { body(tag) }
    }
  }

  /// Submissions that wait for a connection are refused at once: nothing waits in memory only.
  var canSubmit: Bool { isUp && blockedBy == nil }
}
