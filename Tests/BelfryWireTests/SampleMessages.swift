import BelfryWire

/// A message written by hand, as the generator would write it: a scalar of each width, text, bytes,
/// messages, and messages inside it.
struct Sample: WireMessage, Equatable {
  var small: UInt32 = 0
  var flag = false
  var large: Int64 = 0
  var name = ""
  var list: [String] = []
  var inner: [Sample] = []
  var numbers: [UInt32] = []

  func encode(into writer: inout WireWriter) {
    writer.openBlock(13)
    writer.uint32(small)
    writer.bool(flag)
    writer.int64(large)
    writer.string(name)
    writer.elements(list) { $0.string($1) }
    writer.elements(inner) { $0.message($1) }
    writer.elements(numbers) { $0.uint32($1) }
  }

  mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    small = try reader.uint32()
    flag = try reader.bool()
    large = try reader.int64()
    reader.closeBlock()
    name = try reader.string()
    list = try reader.strings()
    inner = try reader.messages()
    numbers = try reader.elements(ofAtLeast: 4) {
      (reader: inout WireReader) throws(WireError) -> UInt32 in try reader.uint32()
    }
  }
}

/// What an older program knows of ``Sample``: the first scalar and the first part.
struct OldSample: WireMessage, Equatable {
  var small: UInt32 = 0
  var name = ""

  func encode(into writer: inout WireWriter) {
    writer.openBlock(4)
    writer.uint32(small)
    writer.string(name)
  }

  mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    small = try reader.uint32()
    reader.closeBlock()
    name = try reader.string()
  }
}

/// Messages inside each other, without end.
struct Nest: WireMessage {
  var inner: [Nest] = []

  init() {}

  init(levels: Int) {
    for _ in 1..<levels {
      let outer = self
      self = Nest()
      inner = [outer]
    }
  }

  func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.elements(inner) { $0.message($1) }
  }

  mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    inner = try reader.messages()
  }
}

/// Bytes in little-endian order, for messages put together by hand.
func le32(_ value: UInt32) -> [UInt8] {
  (0..<4).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

func le64(_ value: UInt64) -> [UInt8] {
  (0..<8).map { UInt8(truncatingIfNeeded: value >> ($0 * 8)) }
}

/// The reason with which bytes are refused; nil when they are read.
func refusal<Message: WireMessage>(
  _ bytes: [UInt8], as _: Message.Type = Sample.self
) -> WireError.Reason? {
  do throws(WireError) {
    _ = try Message(wire: bytes)
    return nil
  } catch {
    return error.reason
  }
}
