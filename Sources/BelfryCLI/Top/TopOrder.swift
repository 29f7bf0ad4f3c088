internal import Belfry
internal import BelfryAPI
internal import SwiftProtobuf

/// What a key of `belfry top` has done to the cluster, once somebody has said yes.
struct TopOrder: Equatable, Sendable {
  enum Deed: Sendable { case cordonNode, uncordonNode, pauseLane, resumeLane, retryJob }

  let deed: Deed
  /// A node's or lane's name, or a job's id.
  let name: String

  static let keys =
    "c cordons a node or pauses a lane; r takes that back, or submits a dead job anew"

  /// Nil when the key does nothing in that pane.
  init?(_ key: Character, _ pane: TopModel.Pane, _ name: String) {
    switch (key, pane) {
    case ("c", .nodes): deed = .cordonNode
    case ("r", .nodes): deed = .uncordonNode
    case ("c", .lanes): deed = .pauseLane
    case ("r", .lanes): deed = .resumeLane
    case ("r", .dead): deed = .retryJob
    default: return nil
    }
    self.name = name
  }

  var question: String {
    switch deed {
    case .cordonNode: "give worker \(name) no new jobs?"
    case .uncordonNode: "give worker \(name) jobs again?"
    case .pauseLane: "pause lane \(name)?"
    case .resumeLane: "let lane \(name) go on?"
    case .retryJob: "submit job \(name) anew?"
    }
  }

  /// What became of it, in one sentence.
  func perform(_ client: BelfryClient, within limit: Duration) async throws -> String {
    switch deed {
    case .cordonNode:
      _ = try await client.cordonNode(name, reason: "by belfry top", within: limit)
      return "worker \(name) is cordoned"
    case .uncordonNode:
      _ = try await client.uncordonNode(name, within: limit)
      return "worker \(name) gets jobs again"
    case .pauseLane, .resumeLane:
      let request = Belfry_V1_SetLaneRequest.with {
        $0.name = name
        $0.paused = deed == .pauseLane
        $0.reason = deed == .pauseLane ? "by belfry top" : ""
      }
      let lane = try await client.setLane(request, within: limit)
      return lane.paused ? "lane \(name) is paused" : "lane \(name) goes on"
    case .retryJob:
      let request = Belfry_V1_RetryRequest.with { $0.filter.ids = [name] }
      guard let job = try await client.retry(request, within: limit).jobs.first else {
        return "job \(name) is not dead any more"
      }
      return job.problem.isEmpty
        ? "job \(name) is submitted anew as \(job.newID)" : "job \(name): \(job.problem)"
    }
  }
}
