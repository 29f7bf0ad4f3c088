internal import BelfryCore

/// What was published on one channel and not yet confirmed.
///
/// Confirms come singly or for all up to a tag, and not always in order, so each publish has a state
/// of its own: counting them would hang. A return comes before the confirm of its message and beats
/// it.
struct ConfirmBook {
  private struct Entry {
    let id: PublishID
    let exchange: String
    let routingKey: String
    let messageID: String?
    let isMandatory: Bool
    let bytes: Int
    var returned: String?
    var isSettled = false
  }

  /// The publishes with tags `first`, `first + 1`, ...
  private var entries: [Entry] = []
  private var head = 0
  private var first: UInt64 = 1

  private(set) var count = 0
  private(set) var bytes = 0

  init() {}

  /// Is there room for a message of so many bytes? One is always let through when nothing waits.
  func hasRoom(for size: Int) -> Bool {
    count == 0
      || (count < Limit.unconfirmedCountMax && bytes + size <= Limit.unconfirmedBytesMax)
  }

  mutating func sent(_ message: OutgoingMessage) {
    let size = message.message.body.size
    entries.append(
      Entry(
        id: message.id, exchange: message.exchange, routingKey: message.routingKey,
        messageID: message.message.messageID, isMandatory: message.mandatory, bytes: size))
    count += 1
    bytes += size
  }

  /// A return names no tag. All that look the same are taken as returned: to take a confirmed one
  /// for a returned one costs a copy, the other way round would lose a job.
  mutating func returned(_ reason: String, exchange: String, routingKey: String, messageID: String?)
  {
    for index in head..<entries.count where !entries[index].isSettled {
      let entry = entries[index]
      guard entry.isMandatory, entry.messageID == messageID, entry.routingKey == routingKey,
        entry.exchange == exchange
      else { continue }
      entries[index].returned = reason
    }
  }

  mutating func confirmed(_ tag: UInt64, isMultiple: Bool) -> [Published] {
    settle(tag, isMultiple) { entry in
      entry.returned.map { .returned($0) } ?? .confirmed
    }
  }

  mutating func refused(_ tag: UInt64, isMultiple: Bool) -> [Published] {
    settle(tag, isMultiple) { entry in
      entry.returned.map { .returned($0) } ?? .unknown("refused by the broker")
    }
  }

  /// The channel is gone: what was not confirmed may be there or not.
  mutating func lost(_ reason: String) -> [Published] {
    guard count > 0 else { return [] }
    return settle(first + UInt64(entries.count - head) - 1, true) { entry in
      entry.returned.map { .returned($0) } ?? .unknown(reason)
    }
  }

  private mutating func settle(
    _ tag: UInt64, _ isMultiple: Bool, _ result: (Entry) -> PublishResult
  ) -> [Published] {
    guard tag >= first, tag - first < UInt64(entries.count - head) else { return [] }
    let last = head + Int(tag - first)
    var published: [Published] = []
    for index in (isMultiple ? head : last)...last where !entries[index].isSettled {
      entries[index].isSettled = true
      count -= 1
      bytes -= entries[index].bytes
      published.append(Published(entries[index].id, result(entries[index])))
    }
    while head < entries.count, entries[head].isSettled {
      head += 1
      first += 1
    }
    if head > 1_024, head * 2 > entries.count {
      entries.removeFirst(head)
      head = 0
    }
    return published
  }
}
