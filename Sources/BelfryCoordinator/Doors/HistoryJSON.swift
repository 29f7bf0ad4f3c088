internal import BelfryCore
internal import Foundation

/// A history as the text of header `belfry-history`: a JSON array, one object an assignment.
///
/// A header frame cannot be split, so the text is held under 48 KiB: lost lines are never cut
/// (poison is decided from them), of failures the oldest go first and are counted in `belfry-tries`.
enum HistoryJSON {
  static let bytesMax = 48 << 10

  private struct Line: Codable {
    var a: String
    var n: Int
    var k: String
    var w: String
    var boot: String
    var started: Bool?
    var beside: Bool?
    var at: Int64
    var code: String?
    var msg: String?
    var err: String?
  }

  /// Nil text for an empty history; `cut` counts the tries whose lines are not in the text.
  static func encode(_ history: History) -> (text: String?, cut: Int) {
    var lines = history.lines
    var cut = history.triesCut
    while !lines.isEmpty {
      var json = JSONText()
      json.array(lines) { write($1, into: &$0) }
      if json.bytes.count <= bytesMax { return (json.text, cut) }
      guard let oldest = lines.firstIndex(where: { $0.what != .lost }) else {
        lines = Array(lines.suffix(lines.count / 2))
        continue
      }
      lines.remove(at: oldest)
      cut += 1
    }
    return (nil, cut)
  }

  private static func write(_ line: HistoryLine, into json: inout JSONText) {
    json.object {
      $0.field("a", line.assignment.description)
      $0.field("n", line.attempt)
      $0.field("k", line.what.rawValue)
      $0.field("w", line.worker.text)
      $0.field("boot", line.boot.description)
      $0.field("started", line.started)
      if line.beside { $0.field("beside", true) }
      $0.field("at", line.at.milliseconds)
      if !line.code.isEmpty { $0.field("code", line.code) }
      if !line.message.isEmpty { $0.field("msg", line.message) }
      if !line.stderr.isEmpty { $0.field("err", line.stderr) }
    }
  }

  /// Nil when the text is not a history.
  static func decode(_ text: String, triesCut: Int) -> History? {
    guard text.utf8.count <= bytesMax * 2,
      // A message that cannot be read is answered with one reason, whatever the decoder found.
      let lines = try? JSONDecoder().decode([Line].self, from: Data(text.utf8))
    else { return nil }
    var result: [HistoryLine] = []
    for line in lines {
      guard let assignment = AssignmentID(line.a), let what = HistoryLine.What(rawValue: line.k),
        let worker = NodeName(line.w), let boot = BootID(line.boot)
      else { return nil }
      result.append(
        HistoryLine(
          assignment: assignment, attempt: line.n, what: what, worker: worker, boot: boot,
          started: line.started ?? true, beside: line.beside ?? false,
          at: WallTime(milliseconds: line.at), code: line.code ?? "", message: line.msg ?? "",
          stderr: line.err ?? ""))
    }
    return History(lines: result, triesCut: triesCut)
  }
}
