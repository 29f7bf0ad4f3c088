/// Reads one message of the `+belfry` codec out of bytes that it borrows.
///
/// Every byte is taken for hostile: no length or count is believed before it has been compared
/// with what is left, and nothing is allocated before that. The reader knows one scope at a time,
/// the bytes up to `limit`: a message, its block, or one of its parts.
///
/// A scope that ends before a value stands for an older writer, and the value is zero. A scope
/// that ends inside a value is an error. What is left over in a block or a message comes from a
/// newer writer and is skipped unread.
///
/// The span ties the reader's life to the bytes it reads, so it cannot outlive them; bounds are
/// checked by the span as well, which turns a mistake here into a trap and never into a stray read.
@usableFromInline
package struct WireReader: ~Escapable {
  /// How many messages may stand inside each other, the outermost counted.
  @inlinable
  package static var depthMax: Int { 32 }

  @usableFromInline let span: RawSpan
  /// The next byte, counted from the start of the outermost message.
  @usableFromInline var position: Int
  /// The end of the scope being read; never past the end of the span.
  @usableFromInline var limit: Int
  /// Where the message goes on to when its block is being read.
  @usableFromInline var messageEnd: Int
  /// Messages around the next byte.
  @usableFromInline var depth: Int

  @inlinable
  @_lifetime(copy span)
  package init(_ span: RawSpan) {
    self.span = span
    self.position = 0
    self.limit = span.byteCount
    self.messageEnd = span.byteCount
    self.depth = 1
  }

  /// Where the next byte stands, from the start of the outermost message.
  @inlinable
  package var offset: Int { position }

  /// Bytes left in the scope being read.
  @inlinable @inline(__always)
  package var left: Int { limit &- position }

  /// Starts a message: what is read next are the scalars of its block.
  @inlinable @inline(__always)
  package mutating func openBlock() throws(WireError) {
    guard left >= 4 else { throw error(.truncated) }
    let length = try takeLength()
    messageEnd = limit
    limit = position &+ length
  }

  /// Ends the block, skipping what a newer writer has appended to it: parts follow.
  @inlinable @inline(__always)
  package mutating func closeBlock() {
    position = limit
    limit = messageEnd
  }

  // MARK: Scalars of a block

  @inlinable @inline(__always)
  package mutating func uint32() throws(WireError) -> UInt32 {
    guard left >= 4 else { return try absent() }
    return load(UInt32.self)
  }

  @inlinable @inline(__always)
  package mutating func uint64() throws(WireError) -> UInt64 {
    guard left >= 8 else { return try absent() }
    return load(UInt64.self)
  }

  @inlinable
  package mutating func int32() throws(WireError) -> Int32 {
    Int32(bitPattern: try uint32())
  }

  @inlinable
  package mutating func int64() throws(WireError) -> Int64 {
    Int64(bitPattern: try uint64())
  }

  @inlinable
  package mutating func float() throws(WireError) -> Float {
    Float(bitPattern: try uint32())
  }

  @inlinable
  package mutating func double() throws(WireError) -> Double {
    Double(bitPattern: try uint64())
  }

  @inlinable @inline(__always)
  package mutating func bool() throws(WireError) -> Bool {
    guard left >= 1 else { return false }
    let byte = load(UInt8.self)
    guard byte <= 1 else { throw WireError(.badBool, at: position &- 1) }
    return byte == 1
  }

  // MARK: Inside

  /// The next integer; the caller has checked that it is there.
  @inlinable @inline(__always)
  mutating func load<Value: FixedWidthInteger & BitwiseCopyable>(_: Value.Type) -> Value {
    let value = span.unsafeLoadUnaligned(fromByteOffset: position, as: Value.self)
    position &+= MemoryLayout<Value>.size
    return Value(littleEndian: value)
  }

  /// Zero for a value that an older writer did not know; an error when the scope ends inside it.
  @inlinable @inline(__always)
  func absent<Value: FixedWidthInteger>() throws(WireError) -> Value {
    guard left == 0 else { throw error(.truncated) }
    return 0
  }

  /// A length, after the check that so many bytes follow; the caller has checked that the four
  /// bytes of the length itself are there.
  @inlinable @inline(__always)
  mutating func takeLength() throws(WireError) -> Int {
    let length = load(UInt32.self)
    guard length <= UInt64(left) else { throw WireError(.lengthBeyondEnd, at: position &- 4) }
    return Int(length)
  }

  @inlinable
  func error(_ reason: WireError.Reason) -> WireError {
    WireError(reason, at: position)
  }
}
