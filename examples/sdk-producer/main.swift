// A producer on the SDK: gives jobs of one kind to the cluster, in calls of a hundred.
//
//   sdk-producer SERVER IDENTITY KIND COUNT [PREFIX]
//
// Each id is PREFIX-1, PREFIX-2, ...: a submit that failed may be repeated without a second job.

import Belfry
import Foundation

let arguments = CommandLine.arguments
guard arguments.count >= 5, let count = Int(arguments[4]), count > 0 else {
  print("usage: sdk-producer SERVER IDENTITY KIND COUNT [PREFIX]")
  exit(64)
}
do {
  let client = try BelfryClient(server: arguments[1], identity: arguments[2])
  try await submit(arguments[3], prefix: arguments.count > 5 ? arguments[5] : "sdk", to: client)
  await client.close()
  print("submitted \(count) jobs of kind \(arguments[3])")
} catch {
  print("not all were submitted: \(error)")
  exit(1)
}

func submit(_ kind: String, prefix: String, to client: BelfryClient) async throws {
  var first = 1
  while first <= count {
    let last = min(count, first + 99)
    let jobs = (first...last).map { number in
      NewJob(
        kind: kind, payload: Array("job \(number) of the SDK".utf8), id: "\(prefix)-\(number)")
    }
    for verdict in try await client.submit(jobs) {
      if case .refused(_, let error) = verdict { throw error }
    }
    first = last + 1
  }
}
