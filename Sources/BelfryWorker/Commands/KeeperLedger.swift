/// Which process groups a worker has running, as its keeper hears it: the keeper's end of the line
/// protocol, without the process around it.
///
/// Lines, each ended by `\n`: `=<session> <mark>` once, first (the worker's session id, and the mark
/// that its commands carry in their environment); `+<pgid>` a group was started; `-<pgid>` it has
/// ended. Any other line is passed over: better to let a process live than to kill a stranger.
struct KeeperLedger: Equatable {
  /// A line is at most this long; of a longer one nothing counts.
  static let lineBytesMax = 256

  private(set) var groups: Set<Int32> = []
  private(set) var session: Int32?
  private(set) var mark: String?
  private var partial: [UInt8] = []

  mutating func feed(_ bytes: some Sequence<UInt8>) {
    for byte in bytes {
      if byte == UInt8(ascii: "\n") {
        if partial.count <= Self.lineBytesMax { read(String(decoding: partial, as: UTF8.self)) }
        partial.removeAll(keepingCapacity: true)
      } else if partial.count <= Self.lineBytesMax {
        partial.append(byte)
      }
    }
  }

  private mutating func read(_ line: String) {
    let rest = line.dropFirst()
    switch line.first {
    case "+":
      if let group = Self.group(rest) { groups.insert(group) }
    case "-":
      if let group = Self.group(rest) { groups.remove(group) }
    case "=":
      let parts = rest.split(separator: " ")
      guard parts.count == 2, let session = Int32(parts[0]), parts[1].utf8.count >= 16 else {
        return
      }
      self.session = session
      mark = String(parts[1])
    default:
      break
    }
  }

  /// 0 and 1 would mean our own group and every process there is.
  private static func group(_ text: Substring) -> Int32? {
    guard let group = Int32(text), group > 1 else { return nil }
    return group
  }
}
