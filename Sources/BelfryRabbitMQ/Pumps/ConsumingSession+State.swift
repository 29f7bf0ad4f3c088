internal import BelfryCore

/// Which consumer is of which queue.
///
/// A consumer that was cancelled may still have deliveries on their way to us: it is forgotten only
/// when everything that came before the broker's answer has been read.
struct Consumers {
  private var queues: [Int: String] = [:]
  private var current: [String: Int] = [:]
  private var endedNumbers: [Int] = []
  private static let firstNumber = 1
  private var last = Consumers.firstNumber - 1

  mutating func add(_ queue: String) -> Int {
    last += 1
    queues[last] = queue
    current[queue] = last
    return last
  }

  func queue(of consumer: Int) -> String? { queues[consumer] }

  /// The consumer of the queue, which is to be cancelled; nil when there is none.
  mutating func end(_ queue: String) -> Int? {
    guard let consumer = current.removeValue(forKey: queue) else { return nil }
    endedNumbers.append(consumer)
    return consumer
  }

  /// The broker ended this one; nil when it was not the queue's present one.
  mutating func ended(_ consumer: Int) -> String? {
    guard let queue = queues[consumer], current[queue] == consumer else { return nil }
    _ = end(queue)
    return queue
  }

  mutating func forgetEnded() {
    for consumer in endedNumbers { queues[consumer] = nil }
    endedNumbers.removeAll()
  }
}

/// Queues that are read once round, one after the other, with several basic.get on their way.
struct Reading {
  enum Step: Equatable {
    case get(String)
    case done(String, Int)
    case wait
  }

  private struct Request {
    let queue: String
    let limit: Int
    var found = 0
    var inFlight = 0
    var isEmpty = false
  }

  private var requests: [Request] = []

  mutating func add(_ queue: String, _ limit: Int) {
    requests.append(Request(queue: queue, limit: limit))
  }

  /// A message came for the request being read; its queue.
  mutating func found() -> String {
    guard !requests.isEmpty else { return "" }
    requests[0].found += 1
    requests[0].inFlight -= 1
    return requests[0].queue
  }

  mutating func foundEmpty() {
    guard !requests.isEmpty else { return }
    requests[0].isEmpty = true
    requests[0].inFlight -= 1
  }

  mutating func next() -> Step {
    guard let request = requests.first else { return .wait }
    let isEnough = request.isEmpty || request.found + request.inFlight >= request.limit
    if isEnough, request.inFlight == 0 {
      requests.removeFirst()
      return .done(request.queue, request.found)
    }
    guard !isEnough, request.inFlight < Limit.getsInFlight else { return .wait }
    requests[0].inFlight += 1
    return .get(request.queue)
  }
}

/// Events on their way to the core, in order; deliveries that follow each other travel as one.
struct Outbox {
  private var events: [QueueEvent] = []
  private var deliveries: [Delivery] = []
  private var bytes = 0

  var isFull: Bool {
    deliveries.count >= Limit.batchCountMax || bytes >= Limit.batchBytesMax
      || events.count >= Limit.batchCountMax
  }

  mutating func add(_ delivery: Delivery) {
    deliveries.append(delivery)
    bytes += delivery.message.body.size
  }

  mutating func add(_ event: QueueEvent) {
    closeDeliveries()
    events.append(event)
  }

  mutating func send(_ deliver: ([QueueEvent]) -> Void) {
    closeDeliveries()
    guard !events.isEmpty else { return }
    deliver(events)
    events.removeAll(keepingCapacity: true)
    bytes = 0
  }

  private mutating func closeDeliveries() {
    guard !deliveries.isEmpty else { return }
    events.append(.delivered(deliveries))
    deliveries = []
  }
}
