/// An error as a person reads it: what happened, why, what to do next, and a stable code.
struct UserError: Error, CustomStringConvertible {
  let code: ErrorCode
  let what: String
  let why: String
  let next: [String]

  init(_ code: ErrorCode, _ what: String, why: String, next: [String] = []) {
    self.code = code
    self.what = what
    self.why = why
    // Nobody is left without a next step.
    self.next = next.isEmpty ? ErrorEntry(code).next : next
  }

  var description: String {
    var lines = ["error[\(code.rawValue)]: \(what)", "  why   \(why)"]
    for (index, step) in next.enumerated() {
      lines.append((index == 0 ? "  next  " : "        ") + step)
    }
    lines.append("  more  belfry explain \(code.rawValue)        (exit \(code.exit.rawValue))")
    return lines.joined(separator: "\n")
  }

  /// For programs, one object on one line.
  var json: String {
    Document(
      kind: "Error",
      fields: [
        ("code", .text(code.rawValue)), ("what", .text(what)), ("why", .text(why)),
        ("next", .list(next.map { .text($0) })), ("exit", .number(Int(code.exit.rawValue))),
      ]
    ).json
  }
}
