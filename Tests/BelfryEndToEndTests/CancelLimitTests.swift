import Foundation
import Testing

/// Cancels are in every coordinator's memory for 7 days, and ids are quickly invented.
@Suite(.serialized)
struct CancelLimitTests {
  @Test func inventedIDsAreRefusedAboveTheLimitAndRealJobsAreNot() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    _ = try await cluster.python(
      """
      import datetime
      now = datetime.datetime.now(datetime.timezone.utc)
      db.cancels.insert_many([
          {'_id': 'invented-%d' % n, 'by': 'test', 'at': now, 'withdrawn': False}
          for n in range(100000)])
      """)
    try cluster.startCoordinator()
    try await cluster.startWorker("w1", run: ["any=cat"])
    try await cluster.untilUp("w1")
    let refused = try await cluster.belfry("job", "cancel", "one-more")
    #expect(refused.status == 77 && refused.err.contains("BF0208"), "\(refused)")
    #expect(refused.err.contains("100000 cancels"), "\(refused)")
    // Refused is refused: nothing was recorded.
    #expect(try await cluster.belfry("job", "show", "one-more").status == 66)
    try await cluster.submit(1, kind: "any", prefix: "real", payload: "x", "--delay", "1h")
    try await until("it is known to be delayed") {
      try await cluster.belfry("job", "show", "real-1").out.contains("delayed")
    }
    let real = try await cluster.belfry("job", "cancel", "real-1")
    #expect(real.status == 0 && real.out.contains("cancelled"), "\(real)")
  }
}
