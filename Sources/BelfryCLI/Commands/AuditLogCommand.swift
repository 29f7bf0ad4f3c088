internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import SwiftProtobuf

/// Who did what: tokens, nodes, lanes, schedules, jobs retried and forgotten.
struct AuditLogCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "audit-log", abstract: "Show who did what, when, and from where.",
    discussion: """
      Examples:

        belfry audit-log
        belfry audit-log --subject gpu-7
        belfry audit-log --action node.revoke -o json
      """)

  @Option(help: "Only this action, such as token.create.") var action: String?
  @Option(help: "Only what was done to this: a node, a token, a lane, …") var subject: String?
  @Option(help: "At most so many, the newest first.") var limit = 100
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func report() async throws -> Report {
    let request = Belfry_V1_ListAuditRequest.with {
      $0.action = action ?? ""
      $0.subject = subject ?? ""
      $0.limit = UInt32(clamping: limit)
    }
    let entries = try await client.connected { try await $0.auditEntries(request, within: $1) }
    return Report(
      entries.map(Document.init), kind: "AuditEntryList",
      columns: ["at", "who", "from", "action", "subject", "result", "detail"])
  }
}

extension Document {
  init(_ entry: Belfry_V1_AuditEntry) {
    self.init(
      kind: "AuditEntry",
      fields: [
        ("at", Self.time(entry.atMs)), ("who", .text(entry.who)), ("from", .text(entry.from)),
        ("action", .text(entry.action)), ("subject", .text(entry.subject)),
        ("result", .text(entry.result)), ("detail", .text(entry.detail)),
        ("coordinator", .text(entry.coordinator)),
      ])
  }
}
