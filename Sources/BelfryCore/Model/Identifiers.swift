/// Names one start of a process: a UUIDv7, written as 32 hex digits. Boot ids of one node are
/// ordered: a later start has the greater one (the state folder sees to it).
package struct BootID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let high: UInt64
  package let low: UInt64

  package init(high: UInt64, low: UInt64) {
    self.high = high
    self.low = low
  }

  /// Makes a UUIDv7 from a Unix time in milliseconds and 74 random bits.
  package init(milliseconds: UInt64, random: (UInt64, UInt64)) {
    high = (milliseconds << 16) | 0x7000 | (random.0 & 0x0FFF)
    low = 0x8000_0000_0000_0000 | (random.1 >> 2)
  }

  /// Reads 32 hex digits; nil for anything else.
  package init?(_ text: some StringProtocol) {
    let bytes = text.utf8
    guard bytes.count == 32,
      let high = Hex.parse(bytes.prefix(16)), let low = Hex.parse(bytes.dropFirst(16))
    else { return nil }
    self.init(high: high, low: low)
  }

  package static func < (a: Self, b: Self) -> Bool { (a.high, a.low) < (b.high, b.low) }
  package var description: String {
    String(unsafeUninitializedCapacity: 32) { buffer in
      Hex.write(high, to: buffer, at: 0)
      Hex.write(low, to: buffer, at: 16)
      return 32
    }
  }
}

/// Names one attempt given to a worker: the coordinator's boot id and a counter, never used twice.
/// Written `<32 hex>-<n>`.
package struct AssignmentID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let boot: BootID
  package let counter: UInt64

  package init(boot: BootID, counter: UInt64) {
    self.boot = boot
    self.counter = counter
  }

  package init?(_ text: String) {
    let bytes = text.utf8
    guard bytes.count >= 34, bytes.count <= 53,
      let dash = bytes.firstIndex(of: 0x2D), let boot = BootID(text[..<dash]),
      let counter = UInt64(text[bytes.index(after: dash)...])
    else { return nil }
    self.init(boot: boot, counter: counter)
  }

  package static func < (a: Self, b: Self) -> Bool { (a.boot, a.counter) < (b.boot, b.counter) }
  package var description: String { "\(boot)-\(counter)" }
}

/// Sixteen hex digits to a number and back.
package enum Hex {
  package static func format(_ value: UInt64) -> String {
    String(unsafeUninitializedCapacity: 16) { buffer in
      write(value, to: buffer, at: 0)
      return 16
    }
  }

  static func write(_ value: UInt64, to buffer: UnsafeMutableBufferPointer<UInt8>, at start: Int) {
    for index in 0..<16 {
      let digit = UInt8(truncatingIfNeeded: (value >> UInt64(60 - index * 4)) & 0xF)
      buffer[start + index] = digit < 10 ? 0x30 + digit : 0x57 + digit
    }
  }

  package static func parse(_ digits: some Sequence<UInt8>) -> UInt64? {
    var value: UInt64 = 0
    for byte in digits {
      let digit: UInt8
      switch byte {
      case 0x30...0x39: digit = byte - 0x30
      case 0x61...0x66: digit = byte - 0x57
      default: return nil
      }
      value = (value << 4) | UInt64(digit)
    }
    return value
  }
}
