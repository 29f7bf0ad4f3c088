/// The names that users see and the ids that the protocol rests on. Strong types, so that a lane is
/// never taken for a job; each has one grammar, checked where bytes come in.

/// Names one job: 1 to 64 of `[A-Za-z0-9._-]`, made by the producer before its first send.
package struct JobID: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: String

  /// Returns nil when the text is not a job id.
  package init?(_ text: String) {
    guard Grammar.isJobID(text) else { return nil }
    self.text = text
  }

  /// An id that is known to be one (made here, or read back from our own store).
  package init(trusted text: String) { self.text = text }

  package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  package var description: String { text }
}

/// Names the handler that runs a job: `[A-Za-z0-9._:-]{1,128}`.
package struct Kind: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: String

  package init?(_ text: String) {
    guard Grammar.isKind(text) else { return nil }
    self.text = text
  }

  package init(trusted text: String) { self.text = text }

  package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  package var description: String { text }
}

/// Names a work queue: `[a-z0-9][a-z0-9-]{0,62}`; a dot would collide with `<lane>.high`.
package struct Lane: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: String

  package init?(_ text: String) {
    guard Grammar.isNodeName(text) else { return nil }
    self.text = text
  }

  package init(trusted text: String) { self.text = text }

  package static let `default` = Lane(trusted: "default")
  package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  package var description: String { text }
}

/// Names a coordinator or worker: the same grammar as a lane; equals the certificate's name.
package struct NodeName: Hashable, Comparable, Sendable, CustomStringConvertible {
  package let text: String

  package init?(_ text: String) {
    guard Grammar.isNodeName(text) else { return nil }
    self.text = text
  }

  package init(trusted text: String) { self.text = text }

  package static func < (a: Self, b: Self) -> Bool { a.text < b.text }
  package var description: String { text }
}

/// The grammars of names, over bytes: no locale, no regular expressions.
package enum Grammar {
  package static func isJobID(_ text: String) -> Bool {
    matches(text, max: 64) { isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2D }
  }

  package static func isKind(_ text: String) -> Bool {
    matches(text, max: 128) {
      isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x3A || $0 == 0x2D
    }
  }

  package static func isNodeName(_ text: String) -> Bool {
    text.utf8.first != 0x2D && matches(text, max: 63) { isLowerOrDigit($0) || $0 == 0x2D }
  }

  /// Keys and values of labels: `[A-Za-z0-9._/-]{1,63}`.
  package static func isLabelPart(_ text: String) -> Bool {
    matches(text, max: 63) {
      isAlphanumeric($0) || $0 == 0x2E || $0 == 0x5F || $0 == 0x2F || $0 == 0x2D
    }
  }

  private static func matches(_ text: String, max: Int, _ allowed: (UInt8) -> Bool) -> Bool {
    let bytes = text.utf8
    return !bytes.isEmpty && bytes.count <= max && bytes.allSatisfy(allowed)
  }

  private static func isLowerOrDigit(_ byte: UInt8) -> Bool {
    (0x61...0x7A).contains(byte) || (0x30...0x39).contains(byte)
  }

  private static func isAlphanumeric(_ byte: UInt8) -> Bool {
    isLowerOrDigit(byte) || (0x41...0x5A).contains(byte)
  }
}
