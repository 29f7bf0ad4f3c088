import BelfryWire
import Testing

@Suite struct WireReaderTests {
  static let full = Sample(
    small: 7, flag: true, large: -9, name: "naïve ☂", list: ["a", "", "bc"],
    inner: [Sample(small: 1, name: "x"), Sample(inner: [Sample(flag: true)])], numbers: [1, .max])

  @Test func readsWhatWasWritten() throws {
    #expect(try Sample(wire: Self.full.wireBytes()) == Self.full)
    #expect(try Sample(wire: Sample().wireBytes()) == Sample())
  }

  @Test func readsBorrowedBytes() throws {
    let bytes = [0xAA, 0xBB] + Self.full.wireBytes()
    #expect(try Sample(wire: bytes.span.bytes.extracting(droppingFirst: 2)) == Self.full)
  }

  /// A message cut off anywhere is an error, or what an older program would have sent: the values
  /// up to the cut, and zeros.
  @Test func everyPrefixIsAnErrorOrAnOlderMessage() throws {
    let bytes = Self.full.wireBytes()
    var older: [Int] = []
    for count in 0..<bytes.count {
      guard let message = try? Sample(wire: Array(bytes[..<count])) else { continue }
      older.append(count)
      #expect(message.small == Self.full.small)
      #expect(try Sample(wire: message.wireBytes()) == message)
    }
    // Behind the block, and behind each part but the last.
    let block = 4 + 13
    let name = block + 4 + Self.full.name.utf8.count
    let list = name + 4 + 4 + 3 * 4 + 3
    #expect(older == [block, name, list, bytes.count - 16])
  }

  @Test func aShorterBlockIsAnOlderWriters() throws {
    // Ends after the first scalar, then after the second.
    #expect(try Sample(wire: le32(4) + le32(5)) == Sample(small: 5))
    #expect(try Sample(wire: le32(5) + le32(5) + [1]) == Sample(small: 5, flag: true))
    #expect(try Sample(wire: le32(0)) == Sample())
  }

  @Test(arguments: [1, 2, 3, 6, 12]) func aBlockThatEndsInsideAScalarIsRefused(length: Int) {
    let scalars = le32(5) + [1] + le64(6)
    #expect(refusal(le32(UInt32(length)) + scalars[..<length]) == .truncated)
  }

  @Test func anOlderReaderSkipsWhatWasAppended() throws {
    let newer = Sample(small: 3, flag: true, large: 4, name: "n", list: ["l"], numbers: [1])
    #expect(try OldSample(wire: newer.wireBytes()) == OldSample(small: 3, name: "n"))
    // Also between the elements of a list: each ends where its own length says.
    var writer = WireWriter()
    writer.elements([newer, newer]) { $0.message($1) }
    var reader = WireReader(writer.bytes.span.bytes)
    let read: [OldSample] = try reader.messages()
    #expect(read == [OldSample(small: 3, name: "n"), OldSample(small: 3, name: "n")])
  }

  @Test func aNewerReaderTakesZeroForWhatIsMissing() throws {
    let older = OldSample(small: 3, name: "n")
    #expect(try Sample(wire: older.wireBytes()) == Sample(small: 3, name: "n"))
  }

  @Test(arguments: [2, 3, 0x80, 0xFF]) func aBoolIsZeroOrOne(byte: UInt8) {
    #expect(refusal(le32(5) + le32(0) + [byte]) == .badBool)
  }

  @Test func nothingAtAllIsNoMessage() {
    for count in 0..<4 { #expect(refusal(Array(repeating: 0, count: count)) == .truncated) }
  }

  @Test func anErrorSaysWhere() {
    let bytes = le32(13) + le32(0) + [9] + le64(0)
    #expect(throws: WireError(.badBool, at: 8)) { try Sample(wire: bytes) }
    #expect("\(WireError(.badBool, at: 8))" == "a bool that is neither 0 nor 1, at byte 8")
  }
}
