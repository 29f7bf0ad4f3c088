import BelfryCore
import Testing

@testable import BelfryRabbitMQ

/// A generator whose run is repeated by its seed (splitmix64).
struct QueueRandom: RandomNumberGenerator {
  private var state: UInt64
  init(seed: UInt64) { state = seed }

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}

/// How acks are put into few frames.
@Suite struct AckBookTests {
  /// `#expect` calls no mutating method: a book that is an object.
  private final class Book {
    private var book = AckBook()

    init(_ count: Int = 0) {
      for tag in 0..<UInt64(count) { #expect(delivered(tag + 1)) }
    }

    var unsettled: Int { book.unsettled }
    func delivered(_ tag: UInt64) -> Bool { book.delivered(tag) }
    func ack(_ tag: UInt64) -> Bool { book.ack(tag) }
    func requeue(_ tag: UInt64) -> Bool { book.requeue(tag) }
    func flush() -> [AckBook.Frame] { book.flush() }
  }

  @Test("the contiguous prefix is one frame, the rest are single")
  func prefix() {
    let book = Book(10)
    for tag: UInt64 in [3, 9, 1, 2, 6] { #expect(book.ack(tag)) }
    #expect(book.flush() == [.upTo(3), .single(6), .single(9)])
    for tag: UInt64 in [4, 5] { #expect(book.ack(tag)) }
    #expect(book.flush() == [.upTo(5)])
    #expect(book.ack(7))
    #expect(book.flush() == [.single(7)])
    #expect(book.unsettled == 2)
  }

  @Test("what was given back is no obstacle for the prefix, and is not acked")
  func requeued() {
    let book = Book(4)
    #expect(book.requeue(2))
    #expect(!book.ack(2) && !book.requeue(2))
    #expect(book.ack(1) && book.ack(3))
    #expect(book.flush() == [.upTo(3)])
    #expect(book.requeue(4))
    #expect(book.flush() == [])
    #expect(book.unsettled == 0)
  }

  @Test("a tag is settled once; others name nothing")
  func once() {
    let book = Book(2)
    #expect(book.ack(1) && !book.ack(1))
    #expect(!book.ack(0) && !book.ack(3) && !book.ack(.max))
    #expect(book.flush() == [.single(1)])
    #expect(!book.ack(1))
    #expect(!book.delivered(2) && !book.delivered(4) && book.delivered(3))
  }

  @Test("against a broker that closes the channel on a wrong tag", arguments: 1...50)
  func model(seed: Int) {
    var random = QueueRandom(seed: UInt64(seed))
    let book = Book()
    var held: Set<UInt64> = []  // The broker's view.
    var waiting: [UInt64] = []
    var next: UInt64 = 1
    var frames = 0
    for _ in 0..<400 {
      for _ in 0..<Int.random(in: 0...12, using: &random) {
        #expect(book.delivered(next))
        held.insert(next)
        waiting.append(next)
        next += 1
      }
      waiting.shuffle(using: &random)
      for tag in waiting.prefix(Int.random(in: 0...14, using: &random)) {
        if Int.random(in: 0..<20, using: &random) == 0 {
          #expect(book.requeue(tag))
          held.remove(tag)
        } else {
          #expect(book.ack(tag))
        }
        waiting.removeAll { $0 == tag }
      }
      for frame in book.flush() {
        frames += 1
        switch frame {
        case .single(let tag): #expect(held.remove(tag) != nil)
        case .upTo(let tag):
          #expect(held.contains(tag))
          held = held.filter { $0 > tag }
        }
      }
      #expect(held == Set(waiting))
      #expect(book.unsettled == held.count)
    }
    #expect(frames > 0)
  }
}

/// What became of each publish, by confirms in any order.
@Suite struct ConfirmBookTests {
  private func outgoing(_ id: UInt64, key: String = "q", bytes: Int = 1, mandatory: Bool = true)
    -> OutgoingMessage
  {
    OutgoingMessage(
      id: PublishID(id), exchange: "", routingKey: key, mandatory: mandatory,
      message: QueueMessage(
        messageID: "m\(id)", body: Payload(Array(repeating: 0, count: bytes))))
  }

  private func book(_ ids: ClosedRange<UInt64>) -> ConfirmBook {
    var book = ConfirmBook()
    for id in ids { book.sent(outgoing(id)) }
    return book
  }

  private func confirmed(_ ids: UInt64...) -> [Published] {
    ids.map { Published(PublishID($0), .confirmed) }
  }

  @Test("single and multiple confirms, in any order, once each")
  func order() {
    var book = book(1...6)
    #expect(book.confirmed(5, isMultiple: false) == confirmed(5))
    #expect(book.confirmed(2, isMultiple: false) == confirmed(2))
    #expect(book.confirmed(4, isMultiple: true) == confirmed(1, 3, 4))
    #expect(book.confirmed(4, isMultiple: true) == [])
    #expect(book.confirmed(9, isMultiple: true) == [])
    #expect(book.confirmed(6, isMultiple: true) == confirmed(6))
    #expect(book.count == 0 && book.bytes == 0)
  }

  @Test("a return beats the confirm that follows it")
  func returned() {
    var book = book(1...3)
    book.returned("312", exchange: "", routingKey: "q", messageID: "m2")
    #expect(
      book.confirmed(3, isMultiple: true) == [
        Published(PublishID(1), .confirmed), Published(PublishID(2), .returned("312")),
        Published(PublishID(3), .confirmed),
      ])
  }

  @Test("of several that look the same, all are taken as returned: none may be lost")
  func sameMessage() {
    var book = ConfirmBook()
    for id in [UInt64(1), 2] {
      var same = outgoing(id)
      same.message.messageID = "same"
      book.sent(same)
    }
    book.sent(outgoing(3))
    book.returned("312", exchange: "", routingKey: "q", messageID: "same")
    #expect(
      book.confirmed(3, isMultiple: true).map(\.result) == [
        .returned("312"), .returned("312"), .confirmed,
      ])
  }

  @Test("refused and lost are unknown, a return stays a return")
  func unknown() {
    var book = book(1...4)
    #expect(
      book.refused(1, isMultiple: false) == [
        Published(PublishID(1), .unknown("refused by the broker"))
      ])
    book.returned("312", exchange: "", routingKey: "q", messageID: "m3")
    #expect(
      book.lost("gone") == [
        Published(PublishID(2), .unknown("gone")), Published(PublishID(3), .returned("312")),
        Published(PublishID(4), .unknown("gone")),
      ])
    #expect(book.lost("gone") == [])
  }

  @Test("the window: 1,000 messages or 8 MiB, and always one")
  func window() {
    var book = book(1...999)
    #expect(book.hasRoom(for: 1))
    book.sent(outgoing(1_000))
    #expect(!book.hasRoom(for: 1))
    _ = book.confirmed(500, isMultiple: false)
    #expect(book.hasRoom(for: 1))

    var large = ConfirmBook()
    #expect(large.hasRoom(for: 100 << 20))
    large.sent(outgoing(1, bytes: 5 << 20))
    #expect(large.hasRoom(for: 3 << 20) && !large.hasRoom(for: (3 << 20) + 1))
  }

  @Test("long runs keep their tags when the book is cut")
  func long() {
    var book = ConfirmBook()
    for id in UInt64(1)...10_000 {
      book.sent(outgoing(id))
      if id > 5 { #expect(book.confirmed(id - 5, isMultiple: false) == confirmed(id - 5)) }
    }
    #expect(
      book.confirmed(10_000, isMultiple: true) == confirmed(9_996, 9_997, 9_998, 9_999, 10_000))
  }
}

@Suite struct RabbitMQAddressTests {
  @Test("addresses and what they mean")
  func good() throws {
    var address = try RabbitMQAddress("amqp://localhost")
    #expect(address.host == "localhost" && address.port == 5672 && !address.isTLS)
    #expect(address.user == "guest" && address.password == "guest" && address.virtualHost == "/")

    address = try RabbitMQAddress("amqp://belfry:p%40ss%2Fw%3A@[::1]:5673/jobs%2Feu")
    #expect(address.host == "::1" && address.port == 5673)
    #expect(address.user == "belfry" && address.password == "p@ss/w:")
    #expect(address.virtualHost == "jobs/eu" && address.place == "[::1]:5673")

    address = try RabbitMQAddress(
      "amqps://mq.example/?cacertfile=/ca.crt&certfile=/me.crt&keyfile=%2Fme.key&auth_mechanism=EXTERNAL"
    )
    #expect(address.isTLS && address.port == 5671 && address.virtualHost == "/")
    #expect(address.caFile == "/ca.crt" && address.certificateFile == "/me.crt")
    #expect(address.keyFile == "/me.key" && address.isExternal)
  }

  @Test(
    "what is wrong is said, without the password",
    arguments: [
      ("localhost:5672", "no amqp://"), ("http://u:secret@h", "http://"),
      ("amqp://u:secret@h:99999", "99999"), ("amqp://u:secret@h:x", "port x"),
      ("amqp://u:secret%zz@h", "password"), ("amqp://u:secret@h/a/b", "%2F"),
      ("amqp://u:secret@h/?heartbeet=1", "heartbeet"), ("amqp://u:secret@h/?keyfile=k", "certfile"),
      ("amqp://u:secret@h/?auth_mechanism=external", "amqps"), ("amqp://u%00:secret@h", "user"),
    ])
  func bad(url: String, word: String) {
    let error = #expect(throws: RabbitMQError.self) { try RabbitMQAddress(url) }
    #expect(error?.message.contains(word) == true, "\(error?.message ?? "")")
    #expect(error?.message.contains("secret") == false)
  }
}
