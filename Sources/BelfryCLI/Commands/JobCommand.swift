internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import Foundation
internal import SwiftProtobuf

struct JobCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "job", abstract: "Look at jobs, wait for them, cancel and retry them.",
    subcommands: [
      Show.self, List.self, Wait.self, Result.self, Cancel.self, Retry.self, Forget.self,
    ])

  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what is known of a job: where it is, or its outcome with its history.",
      discussion: """
        Examples:

          belfry job show photo-17 -o json
          belfry job show photo-17 --watch       until it has an outcome, with its progress
        """)

    @Argument(
      help: "The job's id, or a beginning of it that no other has.",
      completion: .custom { words, _, prefix in await Completion.jobs(prefix, words) })
    var id: String
    @Flag(name: .shortAndLong, help: "Go on until there is an outcome.") var watch = false
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { client, limit in
        Report(Document(try await show(client, within: limit)))
      }
    }

    private func show(
      _ client: BelfryClient, within limit: Duration
    ) async throws -> Belfry_V1_JobView {
      let renderer = Renderer(output.style)
      var (whole, view) = try await client.viewByPrefix(id, within: limit)
      var shown = ""
      while watch, !view.hasOutcome {
        let (document, line) = (Document(view), view.line)
        if document.json != shown {
          renderer.emit(document) { _ in line }
          shown = document.json
        }
        try await Task.sleep(for: .milliseconds(500))
        do {
          view = try await client.view(whole, waiting: false, within: limit)
        } catch let error as BelfryError where error.code == .notFound {
          // Back in its queue, or on its way from one place to the next.
          view.waitingFor = "its turn in RabbitMQ"
          (view.state, view.worker) = ("queued", "")
        }
      }
      return view
    }
  }

  struct Wait: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Wait until jobs have outcomes, at most --timeout.",
      discussion: """
        Example:

          belfry job wait photo-17 photo-18 --timeout 5m

        Exit status: 0 all succeeded, 1 none did, 2 some did, 75 not in time.
        """)

    @Argument(
      help: "The jobs' ids.",
      completion: .custom { words, _, prefix in await Completion.jobs(prefix, words) })
    var ids: [String]
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      try await client.connected { try await JobCommand.outcomes(of: ids, $0, within: $1) }
    }
  }
}

extension JobCommand {
  /// Waits for the outcomes of jobs; the exit status says whether they succeeded.
  static func outcomes(
    of ids: [String], _ client: BelfryClient, within limit: Duration
  ) async throws -> Report {
    let deadline = ContinuousClock.now + limit
    var views: [Belfry_V1_JobView] = []
    for id in ids {
      let left = max(.milliseconds(1), deadline - .now)
      views.append(try await client.view(id, waiting: true, within: left))
    }
    let succeeded = views.count { $0.state == "succeeded" }
    let exit: Int32 = succeeded == ids.count ? 0 : succeeded == 0 ? 1 : 2
    if let only = views.first, views.count == 1 { return Report(Document(only), exit: exit) }
    return Report(
      views.map { Document($0) }, kind: "JobList", columns: ["id", "state", "reason"], exit: exit)
  }
}

extension BelfryClient {
  /// The job whose id is this, else the one whose id begins with it.
  func viewByPrefix(
    _ text: String, within limit: Duration
  ) async throws -> (id: String, view: Belfry_V1_JobView) {
    do {
      return (text, try await view(text, waiting: false, within: limit))
    } catch let error as BelfryError where error.code == .notFound {
      let request = Belfry_V1_FindRequest.with {
        $0.idPrefix = text
        $0.limit = 20
      }
      let found = Set(try await find(request, within: limit).map(\.id))
      guard let only = found.first else { throw error }
      guard found.count == 1 else {
        throw UserError(
          .ambiguousID, "\"\(text)\" begins the ids of several jobs",
          why: found.sorted().prefix(5).joined(separator: ", ") + (found.count > 5 ? ", …" : ""),
          next: ["give more of the id"])
      }
      return (only, try await view(only, waiting: false, within: limit))
    }
  }
}

extension Belfry_V1_JobView {
  /// One line for people who watch.
  var line: String {
    var line = "\(id)  \(state)"
    if !worker.isEmpty { line += " on \(worker)" }
    if !waitingFor.isEmpty { line += ", waits for: \(waitingFor)" }
    if progressPermille > 0 { line += "  \(Double(progressPermille) / 10) %" }
    if !progressText.isEmpty { line += "  \(progressText)" }
    return line
  }
}

extension Document {
  init(_ view: Belfry_V1_JobView) {
    self.init(
      kind: "Job",
      fields: [
        ("id", .text(view.id)), ("state", .text(view.state)), ("jobKind", .text(view.kind)),
        ("lane", .text(view.lane)), ("attempt", .number(Int(view.attempt))),
        ("worker", .text(view.worker)), ("waitingFor", .text(view.waitingFor)),
        ("dueAt", Self.time(view.dueMs)),
      ])
    if view.progressPermille > 0 || !view.progressText.isEmpty {
      fields += [
        ("progressPermille", .number(Int(view.progressPermille))),
        ("progressText", .text(view.progressText)),
      ]
    }
    if view.hasOutcome { addOutcome(view.outcome) }
  }

  private mutating func addOutcome(_ outcome: Belfry_V1_Outcome) {
    fields += [
      ("reason", .text(outcome.reason)), ("tries", .number(Int(outcome.tries))),
      ("losses", .number(Int(outcome.losses))), ("assignment", .text(outcome.assignment)),
      ("submittedAt", Self.time(outcome.submittedAtMs)),
      ("startedAt", Self.time(outcome.startedAtMs)),
      ("finishedAt", Self.time(outcome.finishedAtMs)),
    ]
    if !outcome.errorMessage.isEmpty {
      fields.append(
        (
          "error",
          .object([
            ("code", .text(outcome.errorCode)), ("message", .text(outcome.errorMessage)),
            ("stderr", .text(outcome.errorStderr)),
          ])
        ))
    }
    if outcome.resultChunks > 0 {
      fields += [
        ("contentType", .text(outcome.contentType)),
        ("resultSize", .number(Int(clamping: outcome.resultSize))),
        ("resultChunks", .number(Int(outcome.resultChunks))),
      ]
    } else if !outcome.contentType.isEmpty || !outcome.result.isEmpty {
      fields.append(("contentType", .text(outcome.contentType)))
      if let text = String(data: outcome.result.prefix(65_536), encoding: .utf8) {
        fields.append(("result", .text(text)))
      } else {
        fields.append(("resultBase64", .text(outcome.result.base64EncodedString())))
      }
    }
    if !outcome.retryOf.isEmpty { fields.append(("retryOf", .text(outcome.retryOf))) }
    if !outcome.history.isEmpty {
      fields.append(("history", .list(outcome.history.map(Self.line))))
    }
  }

  private static func line(_ line: Belfry_V1_HistoryLine) -> Value {
    .object([
      ("attempt", .number(Int(line.attempt))), ("what", .text(line.what)),
      ("worker", .text(line.worker)), ("at", time(line.atMs)), ("code", .text(line.code)),
      ("message", .text(line.message)),
      ("stderr", line.stderr.isEmpty ? .none : .text(line.stderr)),
    ])
  }

  static func time(_ milliseconds: Int64) -> Value {
    milliseconds == 0
      ? .none : .text(RFC3339.text(WallTime(milliseconds: milliseconds)))
  }
}
