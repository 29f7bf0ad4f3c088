import BelfryWire
import Testing

@Suite struct WireWriterTests {
  @Test func scalarsAreLittleEndian() {
    var writer = WireWriter()
    writer.uint32(0x0403_0201)
    writer.uint64(0x0807_0605_0403_0201)
    writer.int32(-2)
    writer.int64(-2)
    writer.float(1)
    writer.double(-2)
    writer.bool(true)
    writer.bool(false)
    #expect(
      writer.bytes == [1, 2, 3, 4, 1, 2, 3, 4, 5, 6, 7, 8]
        + [0xFE, 0xFF, 0xFF, 0xFF] + [0xFE] + Array(repeating: 0xFF, count: 7)
        + [0, 0, 0x80, 0x3F] + [0, 0, 0, 0, 0, 0, 0, 0xC0] + [1, 0])
  }

  @Test func partsCarryTheirLength() {
    var writer = WireWriter()
    writer.string("é")
    writer.string("")
    writer.part([9, 8, 7])
    writer.emptyPart()
    #expect(writer.bytes == le32(2) + [0xC3, 0xA9] + le32(0) + le32(3) + [9, 8, 7] + le32(0))
  }

  @Test func elementsStandInOnePart() {
    var writer = WireWriter()
    writer.elements([UInt32(5), 6]) { $0.uint32($1) }
    writer.elements([String]()) { $0.string($1) }
    writer.elements([OldSample(small: 1, name: "a")]) { $0.message($1) }
    #expect(
      writer.bytes == le32(12) + le32(2) + le32(5) + le32(6) + le32(0)
        + le32(21) + le32(1) + le32(13) + le32(4) + le32(1) + le32(1) + [0x61])
  }

  /// Every boundary of its memory is met by some write of some size.
  @Test func growsAtAnyPlace() {
    for capacity in 0..<48 {
      var writer = WireWriter(capacity: capacity)
      var expected: [UInt8] = []
      for round in UInt32(0)..<40 {
        writer.bool(true)
        writer.uint64(UInt64(round))
        writer.string(String(repeating: "x", count: Int(round)))
        expected += [1] + le64(UInt64(round)) + le32(round)
        expected += Array(repeating: 0x78, count: Int(round))
      }
      #expect(writer.bytes == expected)
      #expect(writer.count == expected.count)
    }
  }

  @Test func resetForgetsAndWritesAnew() {
    var writer = WireWriter()
    Sample(small: 7, name: "long enough to matter").encode(into: &writer)
    writer.reset()
    #expect(writer.count == 0)
    #expect(writer.bytes.isEmpty)
    OldSample(small: 1, name: "a").encode(into: &writer)
    #expect(writer.bytes == OldSample(small: 1, name: "a").wireBytes())
  }
}
