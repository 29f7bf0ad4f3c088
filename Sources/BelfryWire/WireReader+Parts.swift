/// The variable parts: each a length and so many bytes.
///
/// A part that is not there, because the message ends before it, reads as one of length zero.
extension WireReader {
  /// The next part's bytes, borrowed from those the reader reads.
  @inlinable @inline(__always)
  @_lifetime(copy self)
  package mutating func part() throws(WireError) -> RawSpan {
    let length = try partLength()
    let start = position
    position = start &+ length
    return span.extracting(start..<position)
  }

  /// Whether there is anything in the next part; goes past it when there is not. Spares the message
  /// the setting of fields that are empty anyway, which is slow where swift-protobuf keeps a
  /// message's fields on the heap (those of more than 16).
  @inlinable @inline(__always)
  package mutating func hasPart() throws(WireError) -> Bool {
    guard left >= 4 else {
      if left == 0 { return false }
      throw error(.truncated)
    }
    if span.unsafeLoadUnaligned(fromByteOffset: position, as: UInt32.self) != 0 { return true }
    position &+= 4
    return false
  }

  /// Skips a part whose meaning is not known here.
  @inlinable
  package mutating func skipPart() throws(WireError) {
    let length = try partLength()
    position &+= length
  }

  @inlinable
  package mutating func string() throws(WireError) -> String {
    let start = position
    let text = try part()
    if text.isEmpty { return "" }
    // Three times as fast as checked decoding, and nearly every string here is ASCII.
    if text.isASCII {
      return text.withUnsafeBytes { String(decoding: $0, as: UTF8.self) }
    }
    guard let checked = text.withUnsafeBytes({ String(validating: $0, as: UTF8.self) }) else {
      throw WireError(.badUTF8, at: start)
    }
    return checked
  }

  @inlinable
  package mutating func bytes() throws(WireError) -> [UInt8] {
    try part().withUnsafeBytes { [UInt8]($0) }
  }

  /// A message that is set: as a field, after `hasPart()`, or as the member of a oneof. Its part is
  /// never empty, since a message has at least the length of its block.
  @inlinable
  package mutating func message<Message: WireMessage>(
    _: Message.Type = Message.self
  ) throws(WireError) -> Message {
    try nested(partLength())
  }

  /// The scalar of a oneof: a part with its bytes and nothing after them.
  @inlinable
  package mutating func scalar<Value>(
    _ read: (inout WireReader) throws(WireError) -> Value
  ) throws(WireError) -> Value {
    let outer = limit
    let length = try partLength()
    limit = position &+ length
    let value = try read(&self)
    guard left == 0 else { throw error(.trailingBytes) }
    limit = outer
    return value
  }

  // MARK: Repeated fields

  @inlinable
  package mutating func strings() throws(WireError) -> [String] {
    try elements(ofAtLeast: 4) { (reader: inout WireReader) throws(WireError) -> String in
      guard reader.left >= 4 else { throw reader.error(.truncated) }
      return try reader.string()
    }
  }

  @inlinable
  package mutating func messages<Message: WireMessage>(
    _: Message.Type = Message.self
  ) throws(WireError) -> [Message] {
    try elements(ofAtLeast: 8) { (reader: inout WireReader) throws(WireError) -> Message in
      guard reader.left >= 4 else { throw reader.error(.truncated) }
      return try reader.nested(reader.takeLength())
    }
  }

  /// Any elements, each read by `element`, which must fail when it finds no bytes left; the count
  /// is refused when so many elements of `bytesMin` bytes cannot be there.
  @inlinable
  package mutating func elements<Element>(
    ofAtLeast bytesMin: Int,
    _ element: (inout WireReader) throws(WireError) -> Element
  ) throws(WireError) -> [Element] {
    let length = try partLength()
    if length == 0 { return [] }
    let outer = limit
    limit = position &+ length
    guard length >= 4 else { throw error(.truncated) }
    let count = load(UInt32.self)
    guard count <= UInt64(left / bytesMin) else {
      throw WireError(.countBeyondEnd, at: position &- 4)
    }
    var all: [Element] = []
    all.reserveCapacity(Int(count))
    for _ in 0..<count { all.append(try element(&self)) }
    guard left == 0 else { throw error(.trailingBytes) }
    limit = outer
    return all
  }

  // MARK: Inside

  /// The length of the next part, known to be there; zero when the message has ended.
  @inlinable @inline(__always)
  mutating func partLength() throws(WireError) -> Int {
    guard left >= 4 else { return try absent() }
    return try takeLength()
  }

  /// Decodes a message in the next `length` bytes and skips what it leaves of them.
  @inlinable
  mutating func nested<Message: WireMessage>(_ length: Int) throws(WireError) -> Message {
    guard depth < Self.depthMax else { throw error(.tooDeep) }
    let outer = limit
    limit = position &+ length
    depth &+= 1
    var message = Message()
    try message.decode(from: &self)
    depth &-= 1
    position = position &+ left
    limit = outer
    return message
  }
}

extension RawSpan {
  /// Whether no byte has its highest bit set: then the bytes are UTF-8 as they are.
  @inlinable
  var isASCII: Bool {
    withUnsafeBytes { bytes in
      guard let start = bytes.baseAddress else { return true }
      let count = bytes.count
      var seen: UInt64 = 0
      if count >= 8 {
        var index = 0
        // The last eight bytes may be looked at twice.
        while index &+ 8 < count {
          seen |= start.loadUnaligned(fromByteOffset: index, as: UInt64.self)
          index &+= 8
        }
        seen |= start.loadUnaligned(fromByteOffset: count &- 8, as: UInt64.self)
      } else {
        for byte in bytes { seen |= UInt64(byte) }
      }
      return seen & 0x8080_8080_8080_8080 == 0
    }
  }
}
