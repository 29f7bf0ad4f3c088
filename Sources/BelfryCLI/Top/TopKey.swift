/// What somebody pressed.
enum TopKey: Equatable, Sendable {
  case character(Character)
  case enter, escape, tab, backspace, up, down, pageUp, pageDown, interrupt, suspend

  /// Reads keys out of what the terminal sent; what is incomplete stays in `bytes`. An escape that
  /// nothing follows is the key itself.
  static func take(from bytes: inout [UInt8]) -> [TopKey] {
    var keys: [TopKey] = []
    while let first = bytes.first {
      switch first {
      case 0x03: keys.append(.interrupt)
      case 0x1A: keys.append(.suspend)
      case 0x09: keys.append(.tab)
      case 0x0A, 0x0D: keys.append(.enter)
      case 0x08, 0x7F: keys.append(.backspace)
      case 0x1B:
        let (key, count) = sequence(bytes)
        if let key { keys.append(key) }
        bytes.removeFirst(count)
        continue
      case 0x20...:
        let count = first < 0x80 ? 1 : first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2
        guard bytes.count >= count else { return keys }
        // Cut or wrong bytes are no key.
        if let text = String(validating: bytes[..<count], as: UTF8.self), let character = text.first
        {
          keys.append(.character(character))
        }
        bytes.removeFirst(count)
        continue
      default: break
      }
      bytes.removeFirst()
    }
    return keys
  }

  private static func sequence(_ bytes: [UInt8]) -> (TopKey?, Int) {
    guard bytes.count > 1, bytes[1] == 0x5B || bytes[1] == 0x4F else { return (.escape, 1) }
    guard let end = bytes.dropFirst(2).firstIndex(where: { (0x40...0x7E).contains($0) }) else {
      return (nil, bytes.count)
    }
    let key: TopKey? =
      switch (bytes[end], end == 3 ? bytes[2] : 0) {
      case (0x41, _): .up
      case (0x42, _): .down
      case (0x7E, 0x35): .pageUp
      case (0x7E, 0x36): .pageDown
      default: nil
      }
    return (key, end + 1)
  }
}
