internal import BelfryCore
internal import Foundation
internal import Synchronization

/// One thing that was looked at, what was found, and what mends it.
struct DoctorCheck: Sendable, Equatable {
  enum State: String, Sendable {
    case ok, warning, error, skipped

    var symbol: String {
      switch self {
      case .ok: "✓"
      case .warning: "!"
      case .error: "✗"
      case .skipped: "-"
      }
    }
  }

  enum Group: String, CaseIterable, Sendable {
    case host, libraries, config, identity, broker, store, cluster
  }

  let group: Group
  let name: String
  var state: State
  var found: String
  /// A line that mends it; empty when nothing is to be mended.
  var fix: String

  static func ok(_ group: Group, _ name: String, _ found: String) -> DoctorCheck {
    DoctorCheck(group: group, name: name, state: .ok, found: found, fix: "")
  }

  static func warning(_ group: Group, _ name: String, _ found: String, fix: String) -> DoctorCheck {
    DoctorCheck(group: group, name: name, state: .warning, found: found, fix: fix)
  }

  static func error(_ group: Group, _ name: String, _ found: String, fix: String) -> DoctorCheck {
    DoctorCheck(group: group, name: name, state: .error, found: found, fix: fix)
  }

  static func skipped(_ group: Group, _ name: String, _ why: String) -> DoctorCheck {
    DoctorCheck(group: group, name: name, state: .skipped, found: why, fix: "")
  }

  /// Good, or a warning with what mends it.
  static func good(
    _ isGood: Bool, _ group: Group, _ name: String, _ found: String, fix: String
  ) -> DoctorCheck {
    isGood ? ok(group, name, found) : warning(group, name, found, fix: fix)
  }
}

/// Runs what may hang (a driver's call, a resolver) on a thread of its own, and waits for so long.
enum Patience {
  /// Each check takes at most this long.
  static let limit = Duration.seconds(2)

  /// Nil when there was no answer in time; the thread goes on by itself until the call returns.
  static func wait<Answer: Sendable>(
    _ limit: Duration = limit, _ work: @Sendable @escaping () -> Answer
  ) async -> Answer? {
    let answers = AsyncStream.makeStream(of: Answer.self, bufferingPolicy: .bufferingNewest(1))
    Thread.detachNewThread {
      answers.continuation.yield(work())
      answers.continuation.finish()
    }
    return await first(of: answers.stream, within: limit)
  }

  static func first<Answer: Sendable>(
    of answers: AsyncStream<Answer>, within limit: Duration = limit
  ) async -> Answer? {
    await withTaskGroup(of: Answer?.self) { tasks in
      tasks.addTask {
        for await answer in answers { return answer }
        return nil
      }
      tasks.addTask {
        // Cancelled: the answer was there.
        try? await Task.sleep(for: limit)
        return nil
      }
      let first = await tasks.next() ?? nil
      tasks.cancelAll()
      return first
    }
  }
}
