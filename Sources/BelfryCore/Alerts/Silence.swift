/// That alerts are not sent for a time, as somebody said, and why. They are listed all the same.
package struct Silence: Sendable, Equatable {
  package static let lengthMin = Duration.seconds(60)
  package static let lengthMax = Duration.seconds(365 * 86_400)
  /// One that has ended is shown for so long.
  package static let shownAfter = Duration.seconds(86_400)
  /// At most so many are kept in mind, the last made first.
  package static let countMax = 1_000

  package var id: String
  package var match: AlertMatch
  package var by: String
  package var reason: String
  package var made: WallTime
  package var ends: WallTime
  /// Who ended it early; empty: nobody.
  package var endedBy = ""

  package init(
    id: String, match: AlertMatch, by: String, reason: String, made: WallTime, ends: WallTime
  ) {
    self.id = id
    self.match = match
    self.by = by
    self.reason = reason
    self.made = made
    self.ends = ends
  }

  package func holds(at now: WallTime) -> Bool { now < ends }

  package func isShown(at now: WallTime) -> Bool { now < ends + Self.shownAfter }
}

extension Silence {
  package init?(_ record: StoredRecord) {
    let fields = record.fields
    guard record.collection == .silences, let match = AlertMatch(fields["match"] ?? ""),
      let made = WallTime(field: fields["made"]), let ends = WallTime(field: fields["ends"])
    else { return nil }
    self.init(
      id: record.id, match: match, by: fields["by"] ?? "", reason: fields["reason"] ?? "",
      made: made, ends: ends)
    endedBy = fields["endedBy"] ?? ""
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    StoredRecord(
      .silences, id: id, version: version, writtenAt: now,
      fields: [
        "match": match.text, "by": by, "reason": reason, "made": "\(made)", "ends": "\(ends)",
        "endedBy": endedBy,
      ])
  }
}

/// Which alerts are meant: `node-lost`, `node-lost/w1`, `node-lost/gpu-*`, `*/w1`.
package struct AlertMatch: Sendable, Equatable, CustomStringConvertible {
  package static let charactersMax = 256

  package let text: String
  private let rule: String
  private let subject: String

  /// Nil for a text that is empty or too long, or has nothing on a side of its `/`.
  package init?(_ text: String) {
    guard !text.isEmpty, text.unicodeScalars.count <= Self.charactersMax else { return nil }
    guard text.contains("/") else {
      self.text = text
      rule = text
      subject = "*"
      return
    }
    guard let id = AlertID(text) else { return nil }
    self.text = text
    rule = id.rule
    subject = id.subject
  }

  package var description: String { text }

  package func matches(_ id: AlertID) -> Bool {
    Self.matches(Array(rule.utf8), Array(id.rule.utf8))
      && Self.matches(Array(subject.utf8), Array(id.subject.utf8))
  }

  /// `*` stands for any bytes, none too. Goes back to the last star only, so its time is the product of
  /// both lengths at most.
  private static func matches(_ pattern: [UInt8], _ text: [UInt8]) -> Bool {
    var (at, position) = (0, 0)
    var star: (at: Int, position: Int)?
    while position < text.count {
      if at < pattern.count, pattern[at] == UInt8(ascii: "*") {
        star = (at, position)
        at += 1
      } else if at < pattern.count, pattern[at] == text[position] {
        at += 1
        position += 1
      } else if let last = star {
        star = (last.at, last.position + 1)
        at = last.at + 1
        position = last.position + 1
      } else {
        return false
      }
    }
    return pattern[at...].allSatisfy { $0 == UInt8(ascii: "*") }
  }
}
