internal import BelfryCore

/// Any command as the handler of a kind: payload on standard input, result on standard output, log
/// lines on standard error, exit status 0 for done, 75 to be tried again, 65 never to be. Lines on
/// descriptor 3, `0.5 half of it`, say how far it is.
///
/// This gives every language a worker in one line. A command can be killed, which a handler in Swift
/// cannot: its time-out is kept whatever it does.
package struct CommandHandler: Sendable {
  package let spec: CommandSpec
  /// Absolute, found once at start.
  package let executable: String
  package let settings: CommandSettings
  private let environment: CommandEnvironment
  private let engine: CommandEngine

  /// - Parameter searchPath: directories joined by `:`; nil is this process's `PATH`.
  /// - Throws: when the executable is not there, or a setting is nonsense: the worker should not
  ///   start.
  package init(
    _ spec: CommandSpec, settings: CommandSettings = CommandSettings(), engine: CommandEngine,
    searchPath: String? = nil
  ) throws(CommandError) {
    try settings.validate()
    self.spec = spec
    self.settings = settings
    self.engine = engine
    executable = try spec.resolveExecutable(searchPath: searchPath)
    environment = CommandEnvironment(settings)
  }

  /// Runs the command for one job, and returns when it has ended and its process group is gone.
  ///
  /// Cancelling the task stops the command: SIGTERM, after the grace SIGKILL; the result is then
  /// `stopped`. What it wrote to standard output before it exited is the result; what processes that
  /// it left behind write later is not waited for.
  /// - Parameter log: called for each line of standard error, in order, all before this returns, on
  ///   a thread that serves every command: it must neither block nor take long.
  package func run(
    _ invocation: CommandInvocation, log: @escaping @Sendable (CommandLogLine) -> Void
  ) async -> CommandResult {
    await engine.run(
      CommandRun(
        path: executable,
        words: [spec.command] + spec.arguments,
        environment: environment.lines(for: invocation),
        payload: invocation.job.payload,
        timeout: invocation.timeout,
        settings: settings,
        log: log,
        report: invocation.report))
  }
}
