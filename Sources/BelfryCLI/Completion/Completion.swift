internal import Belfry
internal import BelfryAPI
internal import SwiftProtobuf

/// Words that a shell offers while somebody types: of the running cluster where it answers quickly,
/// and silent where there is nothing to offer.
enum Completion {
  /// Somebody waits with a finger on the Tab key.
  private static let budget = Duration.milliseconds(300)
  private static let jobsMax: UInt32 = 50

  static func contexts() -> [String] {
    // A file that is broken has its error elsewhere; here it has no names.
    ((try? ContextFile.load())?.contexts ?? []).map(\.name)
  }

  static func jobs(_ prefix: String, _ words: [String]) async -> [String] {
    await live(words) { client in
      let request = Belfry_V1_FindRequest.with {
        $0.idPrefix = prefix
        $0.limit = jobsMax
      }
      return try await client.find(request, within: budget).map(\.id)
    }
  }

  static func lanes(_ words: [String]) async -> [String] {
    await live(words) { try await $0.health(within: budget).lanes.map(\.name) }
  }

  static func attachedQueues(_ words: [String]) async -> [String] {
    await live(words) { try await $0.attachedQueues(within: budget).map(\.queue) }
  }

  static func nodes(_ words: [String]) async -> [String] {
    await live(words) { try await $0.health(within: budget).nodes.map(\.name) }
  }

  static func schedules(_ words: [String]) async -> [String] {
    await live(words) { try await $0.schedules(within: budget).map(\.name) }
  }

  /// - Parameter words: the command line so far, which may name the cluster.
  private static func live(
    _ words: [String], _ ask: @Sendable @escaping (BelfryClient) async throws -> [String]
  ) async -> [String] {
    let access = ClientAccess(
      server: value(of: "--socket", in: words).map { ServerSocket.scheme + $0 }
        ?? value(of: "--server", in: words),
      identity: value(of: "--identity", in: words),
      context: value(of: "--context", in: words), file: value(of: "--config", in: words))
    return await withTaskGroup(of: [String].self) { tasks in
      tasks.addTask {
        // Whatever is wrong is no word to offer.
        guard let client = try? await access.client() else { return [] }
        return (try? await ask(client)) ?? []
      }
      tasks.addTask {
        // Cancelled: the answer was there.
        try? await Task.sleep(for: budget)
        return []
      }
      let first = await tasks.next() ?? []
      tasks.cancelAll()
      return first
    }
  }

  private static func value(of option: String, in words: [String]) -> String? {
    for (index, word) in words.enumerated() {
      if word == option, words.indices.contains(index + 1) { return words[index + 1] }
      if word.hasPrefix(option + "=") { return String(word.dropFirst(option.count + 1)) }
    }
    return nil
  }
}
