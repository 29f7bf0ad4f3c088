package import BelfryCore
internal import Glibc

/// Which command runs the jobs of a kind: the value of `--run 'kind=command arguments'`.
///
/// Example: `resize=python3 task.py --size '10 x 10'` is kind `resize` and four words.
package struct CommandSpec: Equatable, Sendable {
  package let kind: Kind
  /// The command's name or path, as written.
  package let command: String
  package let arguments: [String]

  package init(parsing text: String) throws(CommandError) {
    guard let equals = text.unicodeScalars.firstIndex(of: "=") else { throw .noKind(text) }
    let kind = String(text.unicodeScalars[..<equals])
    let line = String(text.unicodeScalars[text.unicodeScalars.index(after: equals)...])
    try self.init(kind: kind, words: CommandWords(line).words)
  }

  /// - Parameter words: the command and its arguments, as a handlers file has them.
  package init(kind: String, words: [String]) throws(CommandError) {
    guard let known = Kind(kind) else { throw .badKind(kind) }
    guard let command = words.first, !command.isEmpty else { throw .noCommand(kind: kind) }
    guard !words.contains(where: { $0.utf8.contains(0) }) else { throw .zeroByte }
    self.kind = known
    self.command = command
    arguments = Array(words.dropFirst())
  }

  /// Finds the executable once, at start, so that a worker that cannot run its jobs takes none.
  ///
  /// A name with a slash is a path, taken from the working directory of this process. Any other is
  /// looked for in the absolute directories of the search path, in their order; empty and relative
  /// ones are skipped, so that what lies in the working directory is never run by accident.
  /// - Parameter searchPath: directories joined by `:`; nil means this process's `PATH`.
  /// - Returns: an absolute path.
  package func resolveExecutable(
    searchPath: String? = nil
  ) throws(CommandError) -> String {
    if command.utf8.contains(UInt8(ascii: "/")) {
      let path = command.hasPrefix("/") ? command : Self.workingDirectory() + "/" + command
      switch Self.look(at: path) {
      case .executable: return path
      case .other: throw .notExecutable(path: path)
      case .absent: throw .executableNotFound(command, searched: "")
      }
    }
    let search = searchPath ?? environmentValue("PATH") ?? "/usr/local/bin:/usr/bin:/bin"
    var notExecutable: String?
    for directory in search.split(separator: ":") where directory.hasPrefix("/") {
      let path = "\(directory)/\(command)"
      switch Self.look(at: path) {
      case .executable: return path
      case .other: notExecutable = notExecutable ?? path
      case .absent: continue
      }
    }
    if let notExecutable { throw .notExecutable(path: notExecutable) }
    throw .executableNotFound(command, searched: search)
  }

  private enum Found {
    case executable
    case other
    case absent
  }

  private static func look(at path: String) -> Found {
    var status = stat()
    guard stat(path, &status) == 0 else { return .absent }
    guard status.st_mode & S_IFMT == S_IFREG, access(path, X_OK) == 0 else { return .other }
    return .executable
  }

  private static func workingDirectory() -> String {
    guard let raw = getcwd(nil, 0) else { return "." }
    defer { free(raw) }
    return String(cString: raw)
  }
}
