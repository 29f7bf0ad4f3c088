internal import BelfryCore
internal import Foundation
internal import Logging

/// What the cluster has told a worker of its coordinators, kept in its state folder: a start that cannot
/// reach those it was configured with knows the others.
struct LearnedCoordinators {
  private struct Item: Codable {
    var name: String
    var addresses: [String]
  }

  private let path: String

  init(folder: String) { path = folder + "/coordinators.json" }

  /// What cannot be read is as if it were not there: the cluster tells it again.
  func read() -> [CoordinatorAddress] {
    guard let data = FileManager.default.contents(atPath: path),
      let items = try? JSONDecoder().decode([Item].self, from: data)
    else { return [] }
    return items.compactMap { item in
      NodeName(item.name).map { CoordinatorAddress(name: $0, addresses: item.addresses) }
    }
  }

  func write(_ coordinators: [CoordinatorAddress], _ logger: Logger) {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      let items = coordinators.map { Item(name: $0.name.text, addresses: $0.addresses) }
      try encoder.encode(items).write(to: URL(fileURLWithPath: path), options: .atomic)
    } catch {
      logger.warning(
        "what the cluster told of its coordinators cannot be kept",
        metadata: ["file": "\(path)", "why": "\(error)"])
    }
  }
}
