import ArgumentParser
import Testing

@testable import BelfryCLI

/// What is said of a command line that cannot be read, and what was likely meant.
@Suite struct UsageTests {
  private func error(_ line: String) throws -> UserError {
    let words = line.split(separator: " ").map(String.init)
    do {
      _ = try BelfryCommand.parseAsRoot(words)
      throw UserError(.bug, "it was parsed", why: line)
    } catch {
      return UserError(usage: error, words)
    }
  }

  @Test(arguments: [
    ("job lst", "belfry job has no command lst", "did you mean belfry job list?"),
    ("jbo list", "belfry has no command jbo", "did you mean belfry job?"),
    ("cancel x", "belfry has no command cancel", "did you mean belfry job cancel?"),
    ("submit --lan x --kind a", "belfry submit has no option --lan", "did you mean --lane?"),
    ("submit --knid=a", "belfry submit has no option --knid", "did you mean --kind?"),
    ("node revoke n --yse", "belfry node revoke has no option --yse", "did you mean --yes?"),
  ])
  func whatWasMeantIsSaid(_ line: String, _ why: String, _ meant: String) throws {
    let error = try error(line)
    #expect(error.code == .usage && error.code.exit == .usage)
    #expect(error.why == why)
    #expect(error.next.first == meant)
    #expect(error.next.last?.hasSuffix(" --help") == true)
  }

  @Test(arguments: [
    ("zzzzzz", "belfry has no command zzzzzz", "belfry --help"),
    ("submit", "Missing expected argument '--kind <kind>'", "belfry submit --help"),
    ("job list more", "Unexpected argument 'more'", "belfry job list --help"),
    ("job forget", "give ids, or --all with a filter", "belfry job forget --help"),
    (
      "submit --kind a --xxxxxxxxxx", "belfry submit has no option --xxxxxxxxxx",
      "belfry submit --help"
    ),
  ])
  func nothingIsGuessed(_ line: String, _ why: String, _ next: String) throws {
    let error = try error(line)
    #expect(error.why == why)
    #expect(error.next == [next])
  }

  @Test func aValueThatIsNoneNamesTheOnesThereAre() throws {
    let error = try error("job show x -o nothing")
    #expect(error.why.contains("'nothing'") && error.why.contains("json, ndjson, yaml"), "\(error)")
    #expect(error.description.split(separator: "\n").count <= 8, "\(error)")
  }
}
