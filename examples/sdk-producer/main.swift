// A producer on the SDK: gives jobs of one kind to the cluster, in calls of a hundred.
//
//   sdk-producer SERVER IDENTITY KIND COUNT [PREFIX]
//
// Each id is PREFIX-1, PREFIX-2, ...: a submit that failed may be repeated without a second job.

import Belfry

let arguments = CommandLine.arguments
guard arguments.count >= 5, let count = Int(arguments[4]), count > 0 else {
  print("usage: sdk-producer SERVER IDENTITY KIND COUNT [PREFIX]")
  throw BadUsage()
}
let prefix = arguments.count > 5 ? arguments[5] : "sdk"
let client = try BelfryClient(server: arguments[1], identity: arguments[2])
var first = 1
while first <= count {
  let last = min(count, first + 99)
  let jobs = (first...last).map { number in
    NewJob(
      kind: arguments[3], payload: Array("job \(number) of the SDK".utf8),
      id: "\(prefix)-\(number)")
  }
  for verdict in try await client.submit(jobs) {
    if case .refused(let id, let error) = verdict { throw NotAccepted(id: id, why: error.message) }
  }
  first = last + 1
}
await client.close()
print("submitted \(count) jobs of kind \(arguments[3])")

struct BadUsage: Error {}

struct NotAccepted: Error {
  let id: String
  let why: String
}
