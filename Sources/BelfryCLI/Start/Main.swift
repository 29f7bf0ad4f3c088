internal import ArgumentParser
internal import Foundation

/// Parses, runs, and says what went wrong: the one place where errors become text and exit statuses.
@main
enum Main {
  static func main() async {
    let arguments = Array(CommandLine.arguments.dropFirst())
    do {
      var command = try await BelfryCommand.asyncParseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
    } catch {
      end(error, format: asked(for: arguments))
    }
  }

  private static func end(_ error: any Error, format: OutputFormat) -> Never {
    // Help, a status of the command's own, and what the parser has to say of the words it was given.
    let status = BelfryCommand.exitCode(for: error)
    let isParsers = error is ExitCode || status == .success || status == .validationFailure
    if isParsers, !(format.isForMachines && status == .validationFailure) {
      BelfryCommand.exit(withError: error)
    }
    let shown =
      isParsers
      ? UserError(
        .usage, "the command line is not understood", why: BelfryCommand.message(for: error),
        next: ["belfry help", "belfry COMMAND --help"])
      : UserError(translating: error)
    let text = format.isForMachines ? shown.json : shown.description
    FileHandle.standardError.write(Data((text + "\n").utf8))
    exit(shown.code.exit.rawValue)
  }

  /// The format, also where the command line as a whole was not understood.
  private static func asked(for arguments: [String]) -> OutputFormat {
    var format = OutputFormat.table
    for (index, word) in arguments.enumerated() {
      let value: String? =
        if word == "-o" || word == "--output" {
          arguments.indices.contains(index + 1) ? arguments[index + 1] : nil
        } else if word.hasPrefix("--output=") {
          String(word.dropFirst("--output=".count))
        } else {
          nil
        }
      if let found = value.flatMap(OutputFormat.init(rawValue:)) { format = found }
    }
    return format
  }
}
