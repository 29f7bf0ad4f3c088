internal import BelfryAPI
internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import Logging
internal import NIOCore

/// Keeps who did what, when, and from where. Written before the action, which is not done when that
/// cannot be written, and again with what became of it.
struct AuditLog: Sendable {
  let store: any RecordStore
  let coordinator: NodeName
  let logger: Logger

  struct Action: Sendable {
    var name: String
    var subject: String
    var detail = ""
  }

  static let textMax = 512

  func during<Answer>(
    _ action: Action, by context: ServerCallContext, _ body: () async throws -> Answer
  ) async throws -> Answer {
    try await during(action, who: context.peerName, from: context.peerAddress, body)
  }

  func during<Answer>(
    _ action: Action, who: String, from: String, _ body: () async throws -> Answer
  ) async throws -> Answer {
    let entry = try await begin(action, who: who, from: from)
    do {
      let answer = try await body()
      await end(entry, "done")
      return answer
    } catch let status as RPCStatus {
      await end(entry, "\(status.code): \(status.message)")
      throw status
    } catch {
      await end(entry, "\(error)")
      throw error
    }
  }

  private func begin(
    _ action: Action, who: String, from: String
  ) async throws(RPCStatus) -> AuditEntry {
    let now = ProcessClock.now().wall
    let entry = AuditEntry(
      id: NewJobID.make().text, at: now, who: who, from: from, action: action.name,
      subject: action.subject.cut(Self.textMax), detail: action.detail.cut(Self.textMax),
      coordinator: coordinator.text)
    guard await store.create(entry.stored(version: 1, at: now)) == true else {
      throw RPCStatus(
        .unavailable, "nothing was done: the store did not take the entry for the audit log")
    }
    return entry
  }

  private func end(_ entry: AuditEntry, _ result: String) async {
    var entry = entry
    entry.result = result.cut(Self.textMax)
    let written = await store.replace(entry.stored(version: 2, at: ProcessClock.now().wall))
    logger.notice(
      "privileged action",
      metadata: [
        "who": "\(entry.who)", "from": "\(entry.from)", "action": "\(entry.action)",
        "subject": "\(entry.subject)", "result": "\(entry.result)",
        "recorded": "\(written == true ? "whole" : "without its result")",
      ])
  }
}

extension ServerCallContext {
  /// Who asks, for records: role and name of the certificate.
  var peerName: String { peer.map { "\($0.role.rawValue) \($0.name)" } ?? "a stranger" }

  var peerAddress: String { remoteAddress?.ipAddress ?? "this machine" }
}
