import BelfryWire
import Testing

/// Bytes made to hurt: each is refused, with the right reason, before it costs memory.
@Suite struct HostileBytesTests {
  static let block = le32(13) + Array(repeating: UInt8(0), count: 13)

  @Test(arguments: [1, 5, 0x7FFF_FFFF, 0x8000_0000, UInt32.max])
  func aLengthPastTheEnd(length: UInt32) {
    #expect(refusal(le32(length)) == .lengthBeyondEnd)
    #expect(refusal(Self.block + le32(length)) == .lengthBeyondEnd)
    // Inside a list: the list's own end counts, not the message's.
    let list = le32(4 + 4) + le32(1) + le32(length)
    #expect(refusal(Self.block + le32(0) + list + [1, 2, 3, 4, 5, 6]) == .lengthBeyondEnd)
  }

  @Test(arguments: [3, 0x3FFF_FFFF, 0x4000_0000, 0x8000_0000, UInt32.max])
  func aCountPastTheEnd(count: UInt32) {
    let strings = le32(0) + le32(12) + le32(count) + le32(0) + le32(0)
    #expect(refusal(Self.block + strings) == .countBeyondEnd)
    let messages = le32(0) + le32(0) + le32(20) + le32(count) + le32(4) + le32(0) + le32(4)
    #expect(refusal(Self.block + messages + le32(0)) == .countBeyondEnd)
    let numbers = le32(0) + le32(0) + le32(0) + le32(12) + le32(count) + le32(0) + le32(0)
    #expect(refusal(Self.block + numbers) == .countBeyondEnd)
  }

  @Test func aPartThatIsLongerThanItsElements() {
    #expect(refusal(Self.block + le32(0) + le32(9) + le32(1) + le32(0) + [7]) == .trailingBytes)
    #expect(refusal(Self.block + le32(0) + le32(8) + le32(0) + le32(0)) == .trailingBytes)
    let numbers = le32(0) + le32(0) + le32(0) + le32(9) + le32(1) + le32(5) + [7]
    #expect(refusal(Self.block + numbers) == .trailingBytes)
  }

  @Test func aListTooShortForItsCount() {
    for length in 1..<4 {
      let list = le32(UInt32(length)) + Array(repeating: 0, count: length)
      #expect(refusal(Self.block + le32(0) + list) == .truncated)
    }
  }

  @Test func aListThatEndsInsideAnElement() {
    // Two strings announced in nine bytes: the first takes five of them.
    let list = le32(4 + 9) + le32(2) + le32(1) + [0x61] + [0, 0, 0, 0]
    #expect(refusal(Self.block + le32(0) + list) == nil)
    let short = le32(4 + 8) + le32(2) + le32(1) + [0x61] + [0, 0, 0]
    #expect(refusal(Self.block + le32(0) + short) == .truncated)
    let empty = le32(4 + 8) + le32(2) + le32(4) + [0x61, 0x61, 0x61, 0x61]
    #expect(refusal(Self.block + le32(0) + empty) == .truncated)
  }

  @Test func messagesInsideEachOtherHaveALimit() throws {
    #expect(WireReader.depthMax == 32)
    #expect(refusal(Nest(levels: 32).wireBytes(), as: Nest.self) == nil)
    #expect(refusal(Nest(levels: 33).wireBytes(), as: Nest.self) == .tooDeep)
    #expect(refusal(Nest(levels: 2_000).wireBytes(), as: Nest.self) == .tooDeep)
    // Siblings do not add up.
    var wide = Nest()
    wide.inner = Array(repeating: Nest(levels: 31), count: 3)
    #expect(refusal(wide.wireBytes(), as: Nest.self) == nil)
  }

  /// The table of Unicode's chapter 3: what is no UTF-8, however it looks.
  @Test(
    arguments: [
      [0x80], [0xBF], [0xC0, 0x80], [0xC1, 0xBF], [0xC3], [0xC3, 0x28], [0xE0, 0x80, 0x80],
      [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xED, 0xBF, 0xBF], [0xF0, 0x80, 0x80, 0x80],
      [0xF4, 0x90, 0x80, 0x80], [0xF8, 0x88, 0x80, 0x80, 0x80], [0xFE], [0xFF],
    ] as [[UInt8]])
  func textThatIsNotUTF8(bytes: [UInt8]) {
    // At every distance from the eight-byte steps in which ASCII is recognised.
    for before in 0..<17 {
      let text = Array(repeating: UInt8(0x61), count: before) + bytes
      #expect(refusal(Self.block + le32(UInt32(text.count)) + text) == .badUTF8)
      let more = text + Array(repeating: 0x62, count: 9)
      #expect(refusal(Self.block + le32(UInt32(more.count)) + more) == .badUTF8)
    }
  }

  @Test func randomBytesNeverTrap() throws {
    var random = SplitMix(state: 0xBE1F)
    var read = 0
    for _ in 0..<100_000 {
      let bytes = random.hostileBytes()
      guard let message = try? Sample(wire: bytes) else { continue }
      read += 1
      #expect(try Sample(wire: message.wireBytes()) == message)
    }
    // Some of them are messages: the generator is not only noise.
    #expect(read > 1_000)
  }
}

/// Small, seeded, good enough: SplitMix64.
struct SplitMix: RandomNumberGenerator {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var value = state
    value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
    value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
    return value ^ (value >> 31)
  }

  /// Noise, or small numbers as lengths are, so that the reader gets further than the first four.
  mutating func hostileBytes() -> [UInt8] {
    var bytes: [UInt8] = []
    let pieces = Int.random(in: 0...12, using: &self)
    for _ in 0..<pieces {
      switch Int.random(in: 0..<4, using: &self) {
      case 0: bytes.append(UInt8.random(in: 0...255, using: &self))
      case 1: bytes += le32(.random(in: 0...64, using: &self))
      case 2: bytes += le32(.random(in: 0...3, using: &self))
      default: bytes += le32(0)
      }
    }
    return bytes
  }
}
