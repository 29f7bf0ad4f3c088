/// A message that has a `+belfry` form: what `proto/WIRE.md` describes.
///
/// The conformances are generated, one a message of the schema: first the block of fixed-width
/// scalars, then the variable parts, each in the order of the field numbers.
@usableFromInline
package protocol WireMessage: Sendable {
  /// Appends the message's bytes, without a length before them.
  func encode(into writer: inout WireWriter)

  /// A message with nothing in it: every field zero.
  init()

  /// Fills a message that was just made with what the reader's scope holds; what follows the known
  /// parts is left for the caller to skip.
  ///
  /// Not an initializer: a throwing one builds the value beside its place and copies it there,
  /// which took a fifth of the time of decoding.
  mutating func decode(from reader: inout WireReader) throws(WireError)
}

extension WireMessage {
  /// Decodes a whole message out of borrowed bytes; strings and byte fields are copied, once each.
  @inlinable
  package init(wire bytes: RawSpan) throws(WireError) {
    self.init()
    var reader = WireReader(bytes)
    try decode(from: &reader)
  }

  /// Decodes a whole message.
  @inlinable
  package init(wire bytes: [UInt8]) throws(WireError) {
    self.init()
    var reader = WireReader(bytes.span.bytes)
    try decode(from: &reader)
  }

  /// The message's bytes in an array of their own. Where many messages are written, one
  /// ``WireWriter`` that is reset between them saves the allocations.
  @inlinable
  package func wireBytes() -> [UInt8] { withWireBytes { [UInt8]($0) } }

  /// Lends the message's bytes; a short message is written on the stack.
  @inlinable
  package func withWireBytes<Result>(_ body: (UnsafeRawBufferPointer) -> Result) -> Result {
    withUnsafeTemporaryAllocation(byteCount: 1_024, alignment: 8) { room in
      guard let start = room.baseAddress else { preconditionFailure("no room on the stack") }
      var writer = WireWriter(lent: start, capacity: room.count)
      encode(into: &writer)
      return writer.withUnsafeBytes(body)
    }
  }
}
