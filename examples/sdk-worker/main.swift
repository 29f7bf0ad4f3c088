// A worker on the SDK: a handler in Swift, and a clean end at SIGTERM or Ctrl-C.
//
//   sdk-worker NAME SERVER IDENTITY

import Belfry
import Foundation
import Logging
import ServiceLifecycle
import UnixSignals

let arguments = CommandLine.arguments
guard arguments.count == 4 else {
  print("usage: sdk-worker NAME SERVER IDENTITY")
  exit(64)
}
var worker = JobWorker(name: arguments[1], server: arguments[2], identity: arguments[3], slots: 4)
worker.handle("count-words") { job in
  guard let text = String(bytes: job.payload, encoding: .utf8) else {
    throw JobFailure(code: "not-text", "the payload is no UTF-8", neverAgain: true)
  }
  job.report(0.5, "counting")
  return JobOutput("\(text.split(whereSeparator: \.isWhitespace).count)")
}

struct WorkerService: Service {
  let worker: JobWorker
  func run() async throws { try await worker.run() }
}
do {
  // The signal lets it finish what runs; then it leaves.
  try await ServiceGroup(
    services: [WorkerService(worker: worker)], gracefulShutdownSignals: [.sigterm, .sigint],
    logger: Logger(label: "sdk-worker")
  ).run()
} catch {
  print("\(error)")
  exit(1)
}
