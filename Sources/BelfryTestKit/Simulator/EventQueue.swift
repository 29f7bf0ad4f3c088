/// What will happen, in order of virtual time; what falls on the same time happens in the order in
/// which it was put in.
struct EventQueue {
  private struct Key {
    var time: Int64
    var order: UInt32
    var slot: UInt32

    static func < (a: Key, b: Key) -> Bool {
      a.time != b.time ? a.time < b.time : a.order < b.order
    }
  }

  private var heap: [Key] = []
  private var events: [Event?] = []
  private var free: [UInt32] = []
  private var nextOrder: UInt32 = 0

  var count: Int { heap.count }

  mutating func push(_ event: Event, at time: Int64) {
    push(event, at: time, order: nextOrder)
    nextOrder += 1
  }

  /// Puts back what was taken out too early, in its old place among what falls on the new time.
  mutating func putBack(_ popped: Popped, at time: Int64) {
    push(popped.event, at: time, order: popped.order)
  }

  private mutating func push(_ event: Event, at time: Int64, order: UInt32) {
    let slot: UInt32
    if let reused = free.popLast() {
      slot = reused
      events[Int(slot)] = event
    } else {
      slot = UInt32(events.count)
      events.append(event)
    }
    heap.append(Key(time: time, order: order, slot: slot))
    siftUp()
  }

  struct Popped {
    let time: Int64
    let order: UInt32
    let event: Event
  }

  mutating func pop() -> Popped? {
    guard let first = heap.first, let last = heap.popLast() else { return nil }
    if !heap.isEmpty {
      heap[0] = last
      siftDown()
    }
    var event: Event?
    swap(&event, &events[Int(first.slot)])
    free.append(first.slot)
    return event.map { Popped(time: first.time, order: first.order, event: $0) }
  }

  private mutating func siftUp() {
    var index = heap.count - 1
    let key = heap[index]
    while index > 0 {
      let parent = (index - 1) / 2
      guard key < heap[parent] else { break }
      heap[index] = heap[parent]
      index = parent
    }
    heap[index] = key
  }

  private mutating func siftDown() {
    let key = heap[0]
    var index = 0
    while true {
      var child = index * 2 + 1
      guard child < heap.count else { break }
      if child + 1 < heap.count, heap[child + 1] < heap[child] { child += 1 }
      guard heap[child] < key else { break }
      heap[index] = heap[child]
      index = child
    }
    heap[index] = key
  }
}
