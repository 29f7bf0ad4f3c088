import BelfryAPI
import BelfryCore
import NIOCore
import Testing

/// The wire of heartbeat datagrams: who may say something, and once.
@Suite struct HeartbeatDatagramTests {
  static let key = [UInt8](0..<32)

  static func datagram() -> HeartbeatDatagram {
    var datagram = HeartbeatDatagram(.toCoordinator, session: 0x1122_3344_5566_7788, sequence: 9)
    datagram.isStreamClosed = true
    datagram.missed = 7
    datagram.heldMS = 250
    datagram.echo = 8
    datagram.streamSilenceMS = 3_100
    datagram.running = 2
    return datagram
  }

  static func at(_ milliseconds: Int64) -> Instant {
    Instant(nanoseconds: milliseconds * 1_000_000)
  }

  @Test("the bytes are those of docs/protocol.md")
  func golden() {
    let bytes = Self.datagram().bytes(key: Self.key)
    let hex = bytes.readableBytesView.map { byte in
      String(byte >> 4, radix: 16) + String(byte & 15, radix: 16)
    }.joined()
    #expect(
      hex == "01010107fa000000" + "8877665544332211" + "0900000000000000" + "0800000000000000"
        + "1c0c000002000000" + "07ea4210b19af8a1f455532de60dfdce")
    #expect(HeartbeatDatagram(bytes, .toCoordinator, key: Self.key) == Self.datagram())
    #expect(HeartbeatDatagram.session(of: bytes, .toCoordinator) == 0x1122_3344_5566_7788)
  }

  @Test("nothing but the whole datagram, in its direction, under its key")
  func refused() {
    let bytes = Self.datagram().bytes(key: Self.key)
    var other = Self.key
    other[31] ^= 1
    #expect(HeartbeatDatagram(bytes, .toCoordinator, key: other) == nil)
    #expect(HeartbeatDatagram(bytes, .toCoordinator, key: []) == nil)
    #expect(HeartbeatDatagram(bytes, .toWorker, key: Self.key) == nil, "it is no echo of ours")
    for count in 0..<HeartbeatDatagram.bytesCount {
      let cut = bytes.getSlice(at: 0, length: count) ?? ByteBuffer()
      #expect(HeartbeatDatagram(cut, .toCoordinator, key: Self.key) == nil)
      #expect(HeartbeatDatagram.session(of: cut, .toCoordinator) == nil)
    }
    var longer = bytes
    longer.writeInteger(0 as UInt8)
    #expect(HeartbeatDatagram(longer, .toCoordinator, key: Self.key) == nil)
    for index in 0..<HeartbeatDatagram.bytesCount {
      for bit in 0..<8 {
        var flipped = bytes
        let byte = flipped.getInteger(at: index, as: UInt8.self) ?? 0
        flipped.setInteger(byte ^ 1 << UInt8(bit), at: index)
        #expect(HeartbeatDatagram(flipped, .toCoordinator, key: Self.key) == nil)
      }
    }
  }

  @Test("a number counts once, and only among the last 64")
  func window() {
    var window = ReplayWindow()
    func accept(_ numbers: UInt64...) -> [Bool] { numbers.map { window.accept($0) } }
    #expect(accept(0, 1, 1) == [false, true, false])
    #expect(accept(3, 2, 3, 2) == [true, true, false, false])
    #expect(window.missed == 0)
    #expect(accept(67) == [true], "it moves on")
    #expect(window.missed == 63)
    #expect(accept(3) == [false], "64 behind: nobody knows any more")
    #expect(accept(4, 4) == [true, false], "63 behind is the last that is known")
    #expect(accept(1_000) == [true])
    #expect(window.missed == 63)
    #expect(accept(.max, .max) == [true, false])
    #expect(window.missed == 63)
  }

  @Test("the window agrees with a set, in any order")
  func windowInAnyOrder() {
    var random = SplitMix(state: 7)
    var (window, seen, highest) = (ReplayWindow(), Set<UInt64>(), UInt64(0))
    for _ in 0..<20_000 {
      let back = UInt64.random(in: 0...80, using: &random)
      let number = highest + 3 > back ? highest + 3 - back : 0
      let isNew = number > 0 && !seen.contains(number) && number + 64 > highest
      let isAccepted = window.accept(number)
      #expect(isAccepted == isNew)
      if isNew { seen.insert(number) }
      highest = max(highest, number)
      let last = (highest > 64 ? highest - 63 : 1)...max(highest, 1)
      #expect(window.missed == last.count { highest > 0 && !seen.contains($0) })
    }
  }

  @Test("two ends of a session: round trip, misses of either side, replays and foreign sessions")
  func ends() throws {
    var worker = DatagramEnd(session: 5, key: Self.key, sending: .toCoordinator, at: Self.at(0))
    var coordinator = DatagramEnd(session: 5, key: Self.key, sending: .toWorker, at: Self.at(0))
    let first = worker.seal(Beat(running: 3), at: Self.at(1_000))
    let heard = try coordinator.open(first, at: Self.at(1_010))
    #expect(
      heard
        == HeardBeat(Beat(running: 3), silence: .seconds(1), missed: 0, roundTrip: nil))
    #expect(throws: DatagramEnd.Refusal.replayed) {
      try coordinator.open(first, at: Self.at(1_011))
    }
    #expect(throws: DatagramEnd.Refusal.forged, "what we said ourselves comes back") {
      try worker.open(first, at: Self.at(1_011))
    }
    let answer = coordinator.seal(
      Beat(isStreamClosed: true, streamSilence: .seconds(4)), at: Self.at(1_030))
    let back = try worker.open(answer, at: Self.at(1_040))
    #expect(back.roundTrip == .milliseconds(20))
    #expect(back.beat == Beat(isStreamClosed: true, streamSilence: .seconds(4)))

    for _ in 0..<9 { _ = worker.seal(Beat(), at: Self.at(1_100)) }
    let late = try coordinator.open(worker.seal(Beat(), at: Self.at(1_200)), at: Self.at(1_210))
    #expect(late.missed == 9, "nine were lost on their way")
    let told = try worker.open(coordinator.seal(Beat(), at: Self.at(1_220)), at: Self.at(1_230))
    #expect(told.missed == 9, "and their sender hears of it")

    var other = DatagramEnd(session: 6, key: Self.key, sending: .toWorker, at: Self.at(0))
    #expect(throws: DatagramEnd.Refusal.forged) {
      try other.open(worker.seal(Beat(), at: Self.at(1_300)), at: Self.at(1_310))
    }
  }
}
