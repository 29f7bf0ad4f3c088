/// Writes messages of the `+belfry` codec, one after the other, into memory of its own.
///
/// Used by generated code. Keep one writer where many messages are sent and `reset()` it between
/// them: it then writes without allocating. What is written is canonical: every field that the
/// schema has is written, so the same message always gives the same bytes.
///
/// No method fails. A part past 4 GiB cannot be written and is our bug: it traps.
///
/// Not an array: appending four bytes to an array costs six times what a store behind one
/// comparison costs (measured), and a message is mostly small fields. All stores go through
/// `take(_:)`, the one place that checks for room.
@usableFromInline
package struct WireWriter: ~Copyable {
  /// Bytes written since the last reset.
  @usableFromInline package internal(set) var count: Int
  @usableFromInline var memory: UnsafeMutableRawPointer
  @usableFromInline var capacity: Int
  /// False while the memory is the caller's.
  @usableFromInline var ownsMemory: Bool

  /// A writer with room for `capacity` bytes; it grows as needed.
  @usableFromInline
  package init(capacity: Int = 512) {
    self.count = 0
    self.capacity = max(capacity, 16)
    self.memory = .allocate(byteCount: self.capacity, alignment: 8)
    self.ownsMemory = true
  }

  /// A writer that begins in memory of the caller's, who keeps it longer than the writer lives, and
  /// moves to its own when that is full.
  @inlinable
  init(lent memory: UnsafeMutableRawPointer, capacity: Int) {
    self.count = 0
    self.capacity = capacity
    self.memory = memory
    self.ownsMemory = false
  }

  deinit {
    if ownsMemory { memory.deallocate() }
  }

  /// Forgets what was written and keeps the memory.
  @inlinable
  package mutating func reset() { count = 0 }

  /// Lends what has been written.
  @inlinable
  package borrowing func withUnsafeBytes<Result>(
    _ body: (UnsafeRawBufferPointer) -> Result
  ) -> Result {
    body(UnsafeRawBufferPointer(start: memory, count: count))
  }

  /// What has been written, copied.
  @inlinable
  package var bytes: [UInt8] { withUnsafeBytes { [UInt8]($0) } }

  /// Starts a message whose scalars take `length` bytes; they are to be written next.
  @inlinable @inline(__always)
  package mutating func openBlock(_ length: UInt32) { uint32(length) }

  // MARK: Scalars of a block

  @inlinable @inline(__always)
  package mutating func uint32(_ value: UInt32) {
    take(4).storeBytes(of: value.littleEndian, as: UInt32.self)
  }

  @inlinable @inline(__always)
  package mutating func uint64(_ value: UInt64) {
    take(8).storeBytes(of: value.littleEndian, as: UInt64.self)
  }

  @inlinable
  package mutating func int32(_ value: Int32) { uint32(UInt32(bitPattern: value)) }

  @inlinable
  package mutating func int64(_ value: Int64) { uint64(UInt64(bitPattern: value)) }

  @inlinable
  package mutating func float(_ value: Float) { uint32(value.bitPattern) }

  @inlinable
  package mutating func double(_ value: Double) { uint64(value.bitPattern) }

  @inlinable @inline(__always)
  package mutating func bool(_ value: Bool) {
    take(1).storeBytes(of: value ? 1 : 0, as: UInt8.self)
  }

  // MARK: Inside

  /// Room for the next `size` bytes, counted as written: the caller fills them all at once.
  @inlinable @inline(__always)
  mutating func take(_ size: Int) -> UnsafeMutableRawPointer {
    if capacity &- count < size { grow(by: size) }
    let room = memory + count
    count &+= size
    return room
  }

  /// Copies bytes to the end.
  @inlinable @inline(__always)
  mutating func append(_ source: UnsafeRawBufferPointer) {
    guard let start = source.baseAddress, !source.isEmpty else { return }
    take(source.count).copyMemory(from: start, byteCount: source.count)
  }

  /// Moves to memory of at least twice the size, so that a long message costs few moves.
  @usableFromInline
  mutating func grow(by size: Int) {
    let larger = max(2 * capacity, count + size)
    let moved = UnsafeMutableRawPointer.allocate(byteCount: larger, alignment: 8)
    moved.copyMemory(from: memory, byteCount: count)
    if ownsMemory { memory.deallocate() }
    ownsMemory = true
    memory = moved
    capacity = larger
  }
}

// The memory belongs to this value alone, which cannot be copied.
extension WireWriter: @unchecked Sendable {}
