internal import ArgumentParser
internal import BelfryWorker
internal import Dispatch
internal import Foundation

/// Parses, runs, and says what went wrong: the one place where errors become text and exit statuses.
@main
enum Main {
  static func main() {
    let arguments = Array(CommandLine.arguments.dropFirst())
    // Before the runtime has a thread of its own: the keeper closes what it does not know, and a thread
    // that waits on a descriptor which is gone waits for nothing, over and over.
    if arguments == KeeperHandle.arguments { Keeper.main() }
    // Above the handlers, so that what they do to their threads is not done to ours.
    Task.detached(priority: .userInitiated) { await run(arguments) }
    dispatchMain()
  }

  private static func run(_ arguments: [String]) async -> Never {
    do {
      var command = try await BelfryCommand.asyncParseAsRoot(arguments)
      if var command = command as? any AsyncParsableCommand {
        try await command.run()
      } else {
        try command.run()
      }
      leave(0)
    } catch {
      end(error, arguments)
    }
  }

  /// Without what libraries do at the exit of a process: OpenSSL frees what threads that still run use.
  private static func leave(_ status: Int32) -> Never {
    fflush(nil)
    _exit(status)
  }

  private static func end(_ error: any Error, _ arguments: [String]) -> Never {
    let status = BelfryCommand.exitCode(for: error)
    // Help, and a status of the command's own.
    if let code = error as? ExitCode { leave(code.rawValue) }
    if status == .success { BelfryCommand.exit(withError: error) }
    let shown =
      status == .validationFailure
      ? UserError(usage: error, arguments) : UserError(translating: error)
    let text = asked(for: arguments).isForMachines ? shown.json : shown.description
    FileHandle.standardError.write(Data((text + "\n").utf8))
    leave(shown.code.exit.rawValue)
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
