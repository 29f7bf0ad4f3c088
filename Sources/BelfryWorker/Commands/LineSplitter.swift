internal import Glibc

/// Cuts the bytes of a command's standard error into lines as they come. What it holds is bounded
/// by the limit: the rest of a longer line is dropped as it arrives.
struct LineSplitter {
  private let lineBytesMax: Int
  private var partial: [UInt8] = []
  /// The line was given out cut; what follows up to its end is dropped.
  private var isSkipping = false

  init(lineBytesMax: Int) {
    self.lineBytesMax = lineBytesMax
  }

  mutating func feed(_ bytes: UnsafeRawBufferPointer, _ emit: (CommandLogLine) -> Void) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let newline = memchr(start, Int32(UInt8(ascii: "\n")), rest.count)
      let length = newline.map { UnsafeRawPointer($0) - start } ?? rest.count
      add(UnsafeRawBufferPointer(rebasing: rest[..<length]), emit)
      guard newline != nil else { return }
      endLine(emit)
      rest = UnsafeRawBufferPointer(rebasing: rest[(length + 1)...])
    }
  }

  /// The stream has ended: a last line without an end is a line too.
  mutating func finish(_ emit: (CommandLogLine) -> Void) {
    if !partial.isEmpty { endLine(emit) }
  }

  private mutating func add(_ bytes: UnsafeRawBufferPointer, _ emit: (CommandLogLine) -> Void) {
    guard !isSkipping else { return }
    partial.append(contentsOf: bytes.prefix(lineBytesMax + 1 - partial.count))
    guard partial.count > lineBytesMax else { return }
    partial.removeLast()
    emit(CommandLogLine(text: wholeCharacters(partial[...]), isCut: true))
    partial.removeAll(keepingCapacity: true)
    isSkipping = true
  }

  private mutating func endLine(_ emit: (CommandLogLine) -> Void) {
    if isSkipping {
      isSkipping = false
      return
    }
    if partial.last == UInt8(ascii: "\r") { partial.removeLast() }
    emit(CommandLogLine(text: String(decoding: partial, as: UTF8.self)))
    partial.removeAll(keepingCapacity: true)
  }
}

/// Keeps the last bytes of a stream.
struct ByteTail {
  private let bytesMax: Int
  private(set) var bytes: [UInt8] = []

  init(bytesMax: Int) {
    self.bytesMax = bytesMax
  }

  mutating func feed(_ more: UnsafeRawBufferPointer) {
    let added = more.suffix(bytesMax)
    let surplus = bytes.count + added.count - bytesMax
    if surplus > 0 { bytes.removeFirst(surplus) }
    bytes.append(contentsOf: added)
  }

  /// As text, without the torn character at its front and white space at its end.
  var text: String {
    var rest = bytes[...]
    if bytes.count == bytesMax { rest = rest.drop { $0 & 0xC0 == 0x80 } }
    while let last = rest.last, [0x20, 0x0A, 0x0D, 0x09].contains(last) { rest.removeLast() }
    return String(decoding: rest, as: UTF8.self)
  }
}

/// The text of bytes that were cut: a character that was cut in its middle goes altogether.
private func wholeCharacters(_ bytes: ArraySlice<UInt8>) -> String {
  guard let lead = bytes.suffix(4).lastIndex(where: { $0 & 0xC0 != 0x80 }) else {
    return String(decoding: bytes, as: UTF8.self)
  }
  let length =
    switch bytes[lead] {
    case 0xF0...: 4
    case 0xE0...: 3
    case 0xC0...: 2
    default: 1
    }
  let isTorn = bytes.endIndex - lead < length
  return String(decoding: isTorn ? bytes[..<lead] : bytes, as: UTF8.self)
}
