internal import ArgumentParser

struct CompletionCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "completion", abstract: "Print what makes a shell complete belfry's words.",
    discussion: """
      Commands, options, and names of the running cluster: jobs, lanes, schedules, contexts.

      Examples:

        belfry completion bash > /etc/bash_completion.d/belfry
        belfry completion zsh > ~/.zfunc/_belfry           (a folder of $fpath, before compinit)
        belfry completion fish > ~/.config/fish/completions/belfry.fish
      """)

  @Argument(help: "bash, zsh or fish.", completion: .list(["bash", "zsh", "fish"])) var shell:
    String
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard CompletionShell(rawValue: shell) != nil else {
      throw ValidationError("\"\(shell)\" is no shell that is known: bash, zsh, fish")
    }
  }

  func report() -> Report {
    let script =
      CompletionShell(rawValue: shell).map { BelfryCommand.completionScript(for: $0) } ?? ""
    return Report(
      Document(kind: "Completion", fields: [("shell", .text(shell)), ("script", .text(script))])
    ) { _ in script }
  }
}
