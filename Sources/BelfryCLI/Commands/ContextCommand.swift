internal import ArgumentParser
internal import Belfry
internal import BelfryCore
internal import Foundation

struct ContextCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "context", abstract: "Give clusters names, and choose one.",
    discussion: """
      A context is a coordinator's address and an identity. Commands use the one that --context names, \
      else --server and --identity or their variables, else the current context.

      Example:

        belfry context add prod --server https://coord.example:7443 --identity ~/certs/me
        belfry context use prod
        belfry health
      """,
    subcommands: [List.self, Use.self, Add.self, Show.self, Remove.self])

  struct List: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the contexts; * is the current one.",
      discussion: "Example:\n\n  belfry context list -o name")

    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let file = try ContextFile.load()
      return Report(
        file.contexts.map { context in
          var document = Document(context)
          document.fields.append(("current", .text(context.name == file.current ? "*" : "")))
          return document
        }, kind: "ContextList", columns: ["current", "name", "server", "identity"])
    }
  }

  struct Use: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a context the current one.",
      discussion: "Example:\n\n  belfry context use prod")

    @Argument(help: "Its name.", completion: .custom { _, _, _ in Completion.contexts() })
    var name: String
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      var file = try ContextFile.load()
      let context = try file.required(name)
      file.current = name
      try file.write()
      return Report(Document(context))
    }
  }

  struct Add: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Add a context, or replace the one of that name.",
      discussion: """
        Example:

          belfry context add prod --server https://coord.example:7443 --identity certs/me --use
        """)

    @Argument(help: "Its name: [a-z0-9][a-z0-9-]{0,62}.") var name: String
    @Option(help: "A coordinator, https://host:port or unix:/path.") var server: String
    @Option(help: "Folder with ca.pem, identity.pem and identity.key.", completion: .directory)
    var identity: String?
    @Flag(help: "Make it the current one; the first is that in any case.") var use = false
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      guard NodeName(name) != nil else {
        throw UserError(
          .badName, "\"\(name)\" is no name of a context",
          why: "[a-z0-9][a-z0-9-]{0,62} is asked for", next: ["belfry context add prod …"])
      }
      let context = ClusterContext(name: name, server: server, identity: try identityFolder())
      var file = try ContextFile.load()
      file.put(context, use: use)
      try file.write()
      return Report(Document(context))
    }

    /// Absolute; empty for a Unix socket, which asks for none.
    private func identityFolder() throws -> String {
      if ServerSocket(server) != nil { return "" }
      _ = try ServerAddress(server)
      guard let identity else {
        throw UserError(
          .missingSetting, "a context needs an identity", why: "--identity was not given",
          next: ["belfry context add \(name) --server \(server) --identity DIR"])
      }
      let folder = URL(filePath: (identity as NSString).expandingTildeInPath).standardizedFileURL
      guard FileManager.default.fileExists(atPath: folder.appending(path: "identity.pem").path)
      else {
        throw UserError(
          .fileMissing, "\(folder.path) has no identity", why: "there is no identity.pem in it",
          next: ["belfry cert issue operator NAME --dir DIR makes one"])
      }
      return folder.path
    }
  }

  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show a context, the current one unless named.",
      discussion: "Example:\n\n  belfry context show prod -o yaml")

    @Argument(help: "Its name.", completion: .custom { _, _, _ in Completion.contexts() })
    var name: String?
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let file = try ContextFile.load()
      guard let name = name ?? file.current else {
        throw UserError(
          .noSuchContext, "there is no current context", why: "none was chosen",
          next: ["belfry context use NAME", "belfry context list"])
      }
      return Report(Document(try file.required(name)))
    }
  }

  struct Remove: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Remove a context. The cluster and the identity's files stay.",
      discussion: "Example:\n\n  belfry context remove prod")

    @Argument(help: "Its name.", completion: .custom { _, _, _ in Completion.contexts() })
    var name: String
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      var file = try ContextFile.load()
      let context = try file.required(name)
      file.remove(name)
      try file.write()
      note(
        "to have it back: belfry context add \(name) --server \(context.server) --identity"
          + " \(context.identity)")
      return Report(Document(context))
    }
  }
}

extension Document {
  init(_ context: ClusterContext) {
    self.init(
      kind: "Context",
      fields: [
        ("name", .text(context.name)), ("server", .text(context.server)),
        ("identity", .text(context.identity)),
      ])
  }
}
