internal import ArgumentParser
internal import Foundation

/// Before something cannot be undone: asks on a terminal, and elsewhere needs `--yes`.
enum Confirmation {
  static func ask(_ question: String, isYes: Bool, hasDryRun: Bool = true) throws {
    if isYes { return }
    guard isatty(0) == 1, isatty(2) == 1 else {
      throw UserError(
        .notConfirmed, "nothing was done",
        why: "this cannot be undone, and nobody can be asked here",
        next: ["--yes does it"] + (hasDryRun ? ["--dry-run says what it would do"] : []))
    }
    FileHandle.standardError.write(Data("\(question) [y/N] ".utf8))
    guard ["y", "yes"].contains(readLine()?.lowercased() ?? "") else {
      throw UserError(.notConfirmed, "nothing was done", why: "the answer was not yes")
    }
  }
}
