internal import BelfryNet

/// What travels beside the messages of a call: names with text, or with bytes (names ending `-bin`).
///
/// Names are lower case, `[0-9a-z_.-]`; repeated names keep their order. Names that belong to the
/// protocol (`grpc-…`, `content-type`, `te`, those with a colon) are neither sent nor shown.
package struct Metadata: Sendable, Equatable {
  package enum Value: Sendable, Equatable {
    case text(String)
    case bytes([UInt8])
  }

  package struct Entry: Sendable, Equatable {
    package let name: String
    package let value: Value
  }

  package private(set) var entries: [Entry] = []

  package init() {}

  package var isEmpty: Bool { entries.isEmpty }

  /// Adds text. Ignored when the name is not one we may send, or the text not printable ASCII.
  package mutating func add(_ name: String, _ text: String) {
    let name = name.lowercased()
    guard Self.isAllowed(name.utf8), !name.hasSuffix("-bin"),
      text.utf8.allSatisfy({ (0x20...0x7E).contains($0) })
    else { return }
    entries.append(Entry(name: name, value: .text(text)))
  }

  /// Adds bytes. Ignored when the name does not end in `-bin`.
  package mutating func add(_ name: String, bytes: [UInt8]) {
    let name = name.lowercased()
    guard Self.isAllowed(name.utf8), name.hasSuffix("-bin") else { return }
    entries.append(Entry(name: name, value: .bytes(bytes)))
  }

  /// The first text under a name.
  package func text(_ name: String) -> String? {
    for case let entry in entries where entry.name == name {
      if case .text(let text) = entry.value { return text }
    }
    return nil
  }

  /// The first bytes under a name.
  package func bytes(_ name: String) -> [UInt8]? {
    for case let entry in entries where entry.name == name {
      if case .bytes(let bytes) = entry.value { return bytes }
    }
    return nil
  }

  package func all(_ name: String) -> [Value] {
    entries.filter { $0.name == name }.map(\.value)
  }

  func followed(by other: Metadata) -> Metadata {
    if isEmpty { return other }
    var all = self
    all.entries += other.entries
    return all
  }

  /// Adds a field of the protocol itself.
  mutating func addReserved(_ name: String, _ text: String) {
    entries.append(Entry(name: name, value: .text(text)))
  }

  /// Fields ready to be sent.
  var fields: [(name: String, value: String)] {
    entries.map { entry in
      switch entry.value {
      case .text(let text): (entry.name, text)
      case .bytes(let bytes): (entry.name, Base64.encode(bytes))
      }
    }
  }

  /// Reads what a peer sent. `-bin` values that are not Base64 are left out.
  init(_ block: HTTP2HeaderBlock) {
    for field in block.fields {
      let name = block.name(of: field)
      guard Self.isAllowed(name) else { continue }
      let text = String(decoding: name, as: UTF8.self)
      let value = block.value(of: field)
      if text.hasSuffix("-bin") {
        for part in value.split(separator: UInt8(ascii: ",")) {
          guard let bytes = Base64.decode(Self.trimmed(part)) else { continue }
          entries.append(Entry(name: text, value: .bytes(bytes)))
        }
        if value.isEmpty { entries.append(Entry(name: text, value: .bytes([]))) }
      } else {
        entries.append(
          Entry(name: text, value: .text(String(decoding: value, as: UTF8.self))))
      }
    }
  }

  private static func trimmed(_ part: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
    var part = part.drop { $0 == 0x20 }
    while part.last == 0x20 { part.removeLast() }
    return part
  }

  private static func isAllowed(_ name: some BidirectionalCollection<UInt8>) -> Bool {
    guard !name.isEmpty, !name.starts(with: "grpc-".utf8) else { return false }
    for reserved in ["te", "content-type", "user-agent"] where name.elementsEqual(reserved.utf8) {
      return false
    }
    return name.allSatisfy { byte in
      switch byte {
      case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"),
        UInt8(ascii: "_"), UInt8(ascii: "."), UInt8(ascii: "-"):
        return true
      default: return false
      }
    }
  }
}
