/// Reads choices, numbers and texts out of an input; after its end everything is zero and empty.
struct FuzzInput {
  private var left: ArraySlice<UInt8>

  init(_ bytes: [UInt8]) { left = bytes[...] }

  var isEmpty: Bool { left.isEmpty }

  mutating func byte() -> UInt8 { left.popFirst() ?? 0 }

  mutating func bool() -> Bool { byte() & 1 == 1 }

  mutating func pick<Item>(_ items: [Item]) -> Item { items[Int(byte()) % items.count] }

  /// Big endian.
  mutating func integer() -> UInt64 {
    (0..<8).reduce(0) { value, _ in value << 8 | UInt64(byte()) }
  }

  /// A length in one byte, and so many bytes.
  mutating func chunk() -> [UInt8] {
    let count = min(Int(byte()), left.count)
    defer { left = left.dropFirst(count) }
    return Array(left.prefix(count))
  }

  mutating func text() -> String { String(decoding: chunk(), as: UTF8.self) }

  mutating func rest() -> [UInt8] {
    defer { left = [] }
    return Array(left)
  }
}
