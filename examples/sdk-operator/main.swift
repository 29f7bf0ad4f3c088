// An operator on the SDK: gives dead jobs of a kind another chance, and reads what comes of them.
//
//   sdk-operator SERVER IDENTITY

import Belfry
import Foundation

guard CommandLine.arguments.count == 3 else {
  print("usage: sdk-operator SERVER IDENTITY")
  exit(64)
}
do {
  let client = try BelfryClient(
    server: CommandLine.arguments[1], identity: CommandLine.arguments[2])
  try await rescue(client)
  await client.close()
} catch {
  print("\(error)")
  exit(1)
}

/// Gives dead jobs of a kind another chance, and saves what comes of them.
func rescue(_ client: BelfryClient) async throws {
  // Durable: it stays paused if this program ends here.
  try await client.pauseLane("reports", reason: "being mended")
  for lane in try await client.lanes() { print(lane.name, lane.isPaused ? lane.pausedReason : "") }
  try await client.resumeLane("reports")

  var dead = JobQuery()
  dead.states = ["dead"]
  dead.kind = "resize"
  for try await job in client.find(dead) { print(job.id, job.errorMessage, job.history.count) }
  for case .retried(let id, let newID) in try await client.retry(dead) {
    let outcome = try await client.outcome(of: newID, within: .seconds(60))
    guard outcome.state == "succeeded" else { continue }
    let result = try await client.result(of: newID)
    print(id, result.contentType, try await result.bytes().count)
    try await client.forget(JobQuery(ids: [id]))
  }

  try await client.addSchedule(
    NewSchedule(name: "nightly", cron: "30 2 * * *", job: NewJob(kind: "backup")))
}
