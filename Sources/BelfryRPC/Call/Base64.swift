/// Base64 as `-bin` metadata needs it: written without padding, read with or without.
enum Base64 {
  private static let alphabet = Array(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

  static func encode(_ bytes: [UInt8]) -> String {
    var text: [UInt8] = []
    text.reserveCapacity((bytes.count + 2) / 3 * 4)
    var index = 0
    while index < bytes.count {
      let left = bytes.count - index
      let a = bytes[index]
      let b = left > 1 ? bytes[index + 1] : 0
      let c = left > 2 ? bytes[index + 2] : 0
      text.append(alphabet[Int(a >> 2)])
      text.append(alphabet[Int((a & 3) << 4 | b >> 4)])
      if left > 1 { text.append(alphabet[Int((b & 15) << 2 | c >> 6)]) }
      if left > 2 { text.append(alphabet[Int(c & 63)]) }
      index += 3
    }
    return String(decoding: text, as: UTF8.self)
  }

  /// Nil when the text is not Base64.
  static func decode(_ text: some Collection<UInt8>) -> [UInt8]? {
    var source = Array(text)
    var padding = 0
    while source.last == UInt8(ascii: "="), padding < 2 {
      source.removeLast()
      padding += 1
    }
    guard source.count % 4 != 1 else { return nil }
    var bytes: [UInt8] = []
    bytes.reserveCapacity(source.count / 4 * 3 + 2)
    var bits: UInt32 = 0
    var count = 0
    for character in source {
      guard let value = value(of: character) else { return nil }
      bits = (bits << 6 | UInt32(value)) & 0xFF_FFFF
      count += 6
      if count >= 8 {
        count -= 8
        bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
      }
    }
    return bytes
  }

  private static func value(of byte: UInt8) -> UInt8? {
    switch byte {
    case UInt8(ascii: "A")...UInt8(ascii: "Z"): return byte - UInt8(ascii: "A")
    case UInt8(ascii: "a")...UInt8(ascii: "z"): return byte - UInt8(ascii: "a") + 26
    case UInt8(ascii: "0")...UInt8(ascii: "9"): return byte - UInt8(ascii: "0") + 52
    case UInt8(ascii: "+"): return 62
    case UInt8(ascii: "/"): return 63
    default: return nil
    }
  }
}
