/// What keeps commands from being set up: a bad `--run` value, a command that is not there, a
/// setting that makes no sense. All of it is found at start, before a job is taken (exit 78);
/// what goes wrong with one job later is a `CommandResult`, never an error.
package enum CommandError: Error, Equatable {
  /// The value has no `=`: `--run` wants `kind=command`.
  case noKind(String)
  /// The kind is not `[A-Za-z0-9._:-]{1,128}`.
  case badKind(String)
  /// There is no command behind the `=`, or its first word is empty.
  case noCommand(kind: String)
  /// A quote that is opened at this character (counted from 1) is never closed.
  case unbalancedQuote(Character, at: Int)
  /// The last character is a backslash, which escapes nothing.
  case trailingBackslash
  /// A character (counted from 1) that a shell would act on. No shell is run, so it is refused
  /// rather than passed on as a word that nobody meant.
  case shellOperator(Character, at: Int)
  /// A zero byte, which no argument can hold.
  case zeroByte
  /// No directory of the search path holds the executable.
  case executableNotFound(String, searched: String)
  /// The file is there and is no executable file that we may run.
  case notExecutable(path: String)
  /// A setting is refused, and why.
  case badSetting(String, why: String)
  /// A system call that setting up needs failed.
  case system(call: String, code: Int32)
}

extension CommandError: CustomStringConvertible {
  package var description: String {
    switch self {
    case .noKind(let text):
      "'\(text)' names no kind: write --run 'kind=command arguments'"
    case .badKind(let kind):
      "'\(kind)' is no kind: 1 to 128 of A-Z a-z 0-9 . _ : -"
    case .noCommand(let kind):
      "kind '\(kind)' has no command: write --run '\(kind)=command arguments'"
    case .unbalancedQuote(let quote, let at):
      "the quote \(quote) at character \(at) is never closed"
    case .trailingBackslash:
      "the command ends in a backslash that escapes nothing: write \\\\ for a backslash"
    case .shellOperator(let character, let at):
      "'\(character)' at character \(at): no shell is run; quote it, or use sh -c '…'"
    case .zeroByte:
      "a command cannot hold a zero byte"
    case .executableNotFound(let name, let searched):
      name.contains("/")
        ? "no file '\(name)'" : "no executable '\(name)' in PATH (\(searched))"
    case .notExecutable(let path):
      "'\(path)' is not an executable file"
    case .badSetting(let name, let why):
      "\(name): \(why)"
    case .system(let call, let code):
      "\(call): \(SystemCallError(call: call, code: code).reason)"
    }
  }
}
