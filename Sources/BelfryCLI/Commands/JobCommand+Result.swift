internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import Foundation

extension JobCommand {
  struct Result: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
      abstract: "Write a job's result to standard output, or to a file, however large it is.",
      discussion: """
        Examples:

          belfry job result photo-17 > small.jpg
          belfry job result photo-17 --file small.jpg

        Waits for nothing: belfry job wait does. With --file the file is there when all of it is; with -o \
        json and no --file the result is in the JSON, in base64.
        """)

    @Argument(help: "The job's id, or a beginning of it that no other has.") var id: String
    @Option(help: "Where to; an existing file is replaced.") var file: String?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
      let report = try await client.connected { client, limit -> Report? in
        let (whole, view) = try await client.viewByPrefix(id, within: limit)
        guard view.state == "succeeded" else {
          throw UserError(
            .noResult, "job \(whole) has no result", why: "its state is \(view.state)",
            next: ["belfry job show \(whole)", "belfry job wait \(whole) --timeout 5m"])
        }
        let result = try await client.result(of: whole, within: limit)
        if let file {
          try await write(result, to: file)
          return Report(Document(result: whole, result, fields: [("file", .text(file))]))
        }
        guard output.format == .table else {
          let text = Data(try await result.bytes()).base64EncodedString()
          return Report(Document(result: whole, result, fields: [("base64", .text(text))]))
        }
        for try await part in result { try FileHandle.standardOutput.write(contentsOf: part) }
        return nil
      }
      if let report { Renderer(output.style).print(report) }
    }

    /// Beside it first, so that a file of that name is a whole result.
    private func write(_ result: JobResultStream, to path: String) async throws {
      let staged = path + ".part"
      do {
        try Data().write(to: URL(fileURLWithPath: staged))
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: staged))
        for try await part in result { try handle.write(contentsOf: part) }
        try handle.close()
      } catch let error as CocoaError {
        throw UserError(
          .badFile, "cannot write \(staged)", why: error.localizedDescription,
          next: ["--file PATH elsewhere"])
      }
      guard rename(staged, path) == 0 else {
        throw UserError(
          .badFile, "cannot write \(path)", why: String(cString: strerror(errno)),
          next: ["the result is in \(staged)"])
      }
    }
  }
}

extension Document {
  fileprivate init(
    result id: String, _ result: JobResultStream, fields: [(String, Document.Value)]
  ) {
    self.init(
      kind: "JobResult",
      fields: [
        ("id", .text(id)), ("contentType", .text(result.contentType)),
        ("size", .number(result.size)),
      ] + fields)
  }
}
