import Foundation
import Testing

/// A job that kills every worker it is given to, among jobs that do nothing wrong.
@Suite(.serialized)
struct PoisonTests {
  @Test(arguments: ["KILL", "SEGV"])
  func aKillerIsSetAsideAfterThreeDeathsAndNobodyElse(_ signal: String) async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try cluster.startCoordinator()
    // Swift's backtrace of so large a program takes minutes, for which the process is not yet dead.
    let quick = ["SWIFT_BACKTRACE": "enable=no"]
    let handlers = [
      "killer=sh -c 'echo about to do it >&2; sleep 0.3; kill -\(signal) $PPID; sleep 60'",
      "innocent=sh -c 'sleep 0.2; cat'",
    ]
    try await cluster.startWorker("w1", run: handlers, slots: 4, environment: quick)
    try await cluster.untilUp("w1")
    try await cluster.submit(1, kind: "killer", prefix: "killer")
    try await cluster.submit(40, kind: "innocent", prefix: "good")
    // Whoever runs workers starts them again.
    var deaths = 0
    try await until("the killer has its outcome", within: 180) {
      if !cluster.isRunning("w1") {
        deaths += 1
        try await cluster.startWorker("w1", run: handlers, slots: 4, environment: quick)
      }
      return try await cluster.belfry("job", "show", "killer-1").out.contains("poison")
    }
    #expect(deaths == 3)
    let killer = try await cluster.job("killer-1")
    #expect(killer.state == "failed" && killer.reason == "poison" && killer.losses == 3)
    let history = try await cluster.python(
      """
      deadline = time.time() + 40
      while time.time() < deadline and db.outcomes.count_documents({}) < 41: time.sleep(0.05)
      outcome = db.outcomes.find_one({'_id': 'killer-1'})
      for line in outcome['history']: print(line['what'], line['code'], line.get('stderr'))
      print(outcome['error']['stderr'], db.outcomes.count_documents({'_id': {'$regex': '^good-'}, 'state': 'succeeded'}))
      """)
    let code = signal == "KILL" ? "lost-without-signal" : "signal-SIGSEGV"
    let line = "lost \(code) about to do it\n"
    #expect(history.out == line + line + line + "about to do it 40\n", "\(history.out)")
  }
}
