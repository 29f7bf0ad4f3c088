import Foundation
import Testing

/// The programs in examples/ that are written in Swift, as a reader would start them.
@Suite(.serialized)
struct ExampleTests {
  @Test func aProducerAndAWorkerOnTheSDK() async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    let bin = try Services().bin
    try await dev.start("--workers", "0")
    try dev.require(
      await dev.belfry("cert", "issue", "worker", "words", "--dir", dev.folder + "/data/certs"))
    let worker = try dev.startBeside(
      bin + "/sdk-worker", ["words", dev.server, dev.identity("words")])
    let counted = try await dev.belfry(
      "submit", "--kind", "count-words", "--payload", "one two three", "--wait", "-o", "json")
    #expect(counted.status == 0 && counted.out.contains("\"result\":\"3\""), "\(counted)")
    let submitted = try await Run.program(
      bin + "/sdk-producer", [dev.server, dev.identity("me"), "count-words", "250"])
    #expect(submitted.out == "submitted 250 jobs of kind count-words\n", "\(submitted)")
    let last = try await dev.belfry("job", "wait", "sdk-250", "-o", "json")
    #expect(last.out.contains("\"result\":\"5\""), "\(last)")
    kill(worker.processIdentifier, SIGTERM)
    try await until("the worker leaves") { !worker.isRunning }
    #expect(worker.terminationStatus == 0)
    let health = try await dev.belfry("health", "-o", "json")
    #expect(!health.out.contains("node-lost"), "it has left in order: \(health.out)")
  }

  @Test(arguments: ["sdk-producer", "sdk-worker", "sdk-operator"])
  func whatGoesWrongIsSaid(_ name: String) async throws {
    let program = try Services().bin + "/" + name
    let ended = try await Run.program(program, [])
    #expect(ended.status == 64 && ended.out.hasPrefix("usage: "), "\(ended)")
    let nowhere = ["sdk-producer": ["https://127.0.0.1:1", "/nowhere", "a", "1"]]
    let wrong = try await Run.program(
      program,
      nowhere[name]
        ?? (name == "sdk-worker" ? ["Not A Name"] : []) + ["https://127.0.0.1:1", "/nowhere"])
    #expect(wrong.status == 1 && !wrong.out.isEmpty, "\(wrong)")
    #expect(!wrong.err.contains("Fatal error"), "\(wrong)")
  }
}
