internal import BelfryCore

/// The effects of several steps, to be performed together: one call to the queue, one write a
/// session.
struct EffectBatch {
  private(set) var ready = Ready()
  private var isEmpty = true

  mutating func add(_ next: Ready) {
    if isEmpty {  // most batches are of one step
      isEmpty = false
      ready = next
      return
    }
    ready.lookups += next.lookups
    ready.records += next.records
    ready.publishes += next.publishes
    ready.owes += next.owes
    ready.settledOwed += next.settledOwed
    ready.sends += next.sends
    ready.closes += next.closes
    ready.beats += next.beats
    ready.beatsOver += next.beatsOver
    ready.acks += next.acks
    ready.requeues += next.requeues
    ready.commands += next.commands
    ready.alerts += next.alerts
    ready.notices += next.notices
    ready.storeIsUp = next.storeIsUp ?? ready.storeIsUp
    ready.answers += next.answers
    ready.settled += next.settled
    ready.healthChanged = ready.healthChanged || next.healthChanged
  }

  func commands() -> [QueueCommand] {
    var commands = ready.commands
    if !ready.acks.isEmpty { commands.append(.ack(ready.acks)) }
    if !ready.requeues.isEmpty { commands.append(.requeue(ready.requeues)) }
    if !ready.publishes.isEmpty {
      commands.append(.publish(ready.publishes.map(Outgoing.message)))
    }
    return commands
  }

  /// Messages by session, each session's in order.
  func sendsBySession() -> [(SessionID, [CoordinatorMessage])] {
    var index: [SessionID: Int] = [:]
    var result: [(SessionID, [CoordinatorMessage])] = []
    for (session, message) in ready.sends {
      if let at = index[session] {
        result[at].1.append(message)
      } else {
        index[session] = result.count
        result.append((session, [message]))
      }
    }
    return result
  }
}
