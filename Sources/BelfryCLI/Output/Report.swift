internal import ArgumentParser

/// What a command returns. Only the renderer prints it.
struct Report {
  enum Content {
    case one(Document)
    /// `columns` are those of `-o table` and `-o csv`; `wide` and the machine formats show all fields.
    case list(kind: String, columns: [String], [Document])
    /// A document that people read as a text of its own, made for their screen. `names` are for
    /// `-o name`.
    case page(Document, names: [String], @Sendable (Screen) -> String)
  }

  let content: Content
  /// 0 done, and the answer is good; 1 the answer is bad; 2 some of it is.
  var exit: Int32 = 0

  init(_ document: Document, exit: Int32 = 0) {
    content = .one(document)
    self.exit = exit
  }

  init(_ documents: [Document], kind: String, columns: [String], exit: Int32 = 0) {
    content = .list(kind: kind, columns: columns, documents)
    self.exit = exit
  }

  init(
    _ document: Document, names: [String] = [], exit: Int32 = 0,
    page: @escaping @Sendable (Screen) -> String
  ) {
    content = .page(document, names: names, page)
    self.exit = exit
  }
}

/// A command whose value the renderer prints, in the format that `-o` asks for.
protocol ReportingCommand: AsyncParsableCommand {
  var output: OutputOptions { get }

  /// Does the work. Progress and remarks go to standard error by `note`; errors are thrown.
  func report() async throws -> Report
}

extension ReportingCommand {
  func run() async throws {
    let report = try await report()
    Renderer(output.style).print(report)
    if report.exit != 0 { throw ExitCode(report.exit) }
  }
}
