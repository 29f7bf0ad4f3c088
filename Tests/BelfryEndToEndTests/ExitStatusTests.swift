import Foundation
import Testing

/// 130 and 143: commands that signals end.
@Suite(.serialized)
struct ExitStatusTests {
  private static let signals = [(SIGINT, Int32(130)), (SIGTERM, Int32(143))]

  @Test func theSecondSignalEndsANodeAtOnce() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    for (signal, status) in Self.signals {
      let name = "w\(status)"
      let started = cluster.folder.path + "/" + name
      try await cluster.startWorker(
        name, run: ["\(name)=sh -c 'touch \(started); sleep 600'"], "--drain", "10m")
      try await cluster.untilUp(name)
      try await cluster.submit(1, kind: name, prefix: name)
      try await until("it runs", within: 30) { FileManager.default.fileExists(atPath: started) }
      cluster.signal(name, signal)
      try await until("it leaves", within: 30) { cluster.log(name).contains("worker is leaving") }
      #expect(cluster.isRunning(name))
      cluster.signal(name, signal)
      #expect(try await cluster.status(of: name) == status, "\(cluster.log(name))")
    }
  }

  @Test func aBenchmarkThatIsInterruptedSaysBySignal() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    try await cluster.untilUp()
    for (signal, status) in Self.signals {
      let name = "bench-\(status)"
      try await cluster.issue("worker", name)
      try cluster.start(
        name,
        [
          "bench", "--worker", cluster.certs + "/" + name, "--lane", cluster.lane, "--jobs", "10",
          "--rate", "10", "--for", "10m", "--server", cluster.server, "--identity",
          cluster.certs + "/me",
        ])
      // Its own worker has joined: it is well under way.
      try await cluster.untilUp(name)
      cluster.signal(name, signal)
      #expect(try await cluster.status(of: name) == status, "\(cluster.log(name))")
    }
  }
}
