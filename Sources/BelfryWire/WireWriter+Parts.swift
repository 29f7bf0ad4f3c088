/// The variable parts: each a length and so many bytes.
extension WireWriter {
  /// A part that is not there: a message that is not set, a oneof without a member.
  @inlinable
  package mutating func emptyPart() { uint32(0) }

  @inlinable
  package mutating func string(_ value: String) {
    if value.isEmpty { return emptyPart() }
    let text = value.utf8
    let written: Void? = text.withContiguousStorageIfAvailable { part(UnsafeRawBufferPointer($0)) }
    // Strings of another runtime (on Apple's systems) have no bytes in a row to lend.
    if written == nil { part(Array(text)) }
  }

  /// A part with these bytes, whatever they mean.
  @inlinable
  package mutating func part(_ value: UnsafeRawBufferPointer) {
    length(value.count)
    append(value)
  }

  @inlinable
  package mutating func part(_ value: [UInt8]) {
    value.withUnsafeBytes { part($0) }
  }

  /// A message that is set, as a part or as an element of a repeated field.
  @inlinable
  package mutating func message(_ value: borrowing some WireMessage) {
    let start = openPart()
    value.encode(into: &self)
    closePart(start)
  }

  // MARK: Repeated fields

  /// Any elements, each written by `element`; none at all is an empty part.
  @inlinable
  package mutating func elements<Element>(
    _ values: [Element], _ element: (inout WireWriter, Element) -> Void
  ) {
    if values.isEmpty { return emptyPart() }
    let start = openPart()
    length(values.count)
    for value in values { element(&self, value) }
    closePart(start)
  }

  // MARK: A part of unknown length

  /// Starts a part whose length will be known when it has been written; gives what `closePart`
  /// wants.
  @inlinable
  package mutating func openPart() -> Int {
    uint32(0)
    return count
  }

  @inlinable
  package mutating func closePart(_ start: Int) {
    precondition(start >= 4 && start <= count, "part \(start) was not opened, written: \(count)")
    let length = UInt32(count - start)
    (memory + (start - 4)).storeBytes(of: length.littleEndian, as: UInt32.self)
  }

  @inlinable
  mutating func length(_ count: Int) { uint32(UInt32(count)) }
}
