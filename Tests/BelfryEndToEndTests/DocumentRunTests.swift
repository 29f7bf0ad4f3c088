import BelfryTestKit
import Foundation
import Testing

/// What the documents tell people to type, typed: by bash, line after line, on a `belfry dev`.
@Suite(.serialized)
struct DocumentRunTests {
  /// Lines that a belfry dev cannot serve, or that do not end, and what runs them instead.
  static let elsewhere: [(part: String, why: String)] = [
    ("belfry dev", "each of these tests starts one"),
    ("coordinator run", "needs RabbitMQ and MongoDB: TestCluster"),
    ("coordinator init", "writes into /etc: LeafTests"),
    ("worker run", "goes on: TestCluster, ResultTests"),
    ("worker join", "needs a new machine: JoinTests"),
    ("token create", "a belfry dev lets no machine in: JoinTests"),
    ("alert test", "needs receivers: AlertSinkTests"),
    ("alert ack node-lost/w1", "needs an alert: AlertTests"),
    ("alert unsilence", "needs its silence: AlertTests"),
    ("cert issue coordinator c2", "writes into /etc: LeafTests"),
    ("coordinator/operator.sock", "needs that of a package: SocketTests"),
    ("drill worker-kill", "DrillTests"),
    ("health --watch", "goes on: HealthWatchTests"),
    ("node cordon gpu-7", "needs its worker: NodeControlTests"),
    ("node drain gpu-7", "needs its worker: NodeControlTests"),
    ("node label gpu-7", "needs its worker: NodeControlTests"),
    ("worker status", "needs a worker of this machine: NodeControlTests"),
    ("worker drain", "needs a worker of this machine: NodeControlTests"),
    ("worker leave", "needs a worker of this machine: LeafTests"),
    ("docker compose", "needs containers: make deploycheck"),
  ]

  /// Done before a line that needs it.
  static let before: [(line: String, prepare: String)] = [
    (
      "belfry job retry photo-17",
      "belfry job forget photo-17 --yes && belfry submit --kind resize --id photo-17 --wait"
    ),
    // Each section begins on a machine of its own.
    ("belfry cert init", "rm -rf certs made"),
    ("belfry job show photo-17 --watch", "belfry submit --kind echo --id photo-17 --wait"),
    ("belfry job wait sdk-250", "belfry submit --kind echo --id sdk-250"),
  ]

  /// What is another thing here than on the reader's machine: the one lane of a belfry dev, less time.
  static let inPlaceOf: [(String, String)] = [
    (".build/debug/belfry", "belfry"), ("lane pause reports", "lane pause default"),
    ("lane resume reports", "lane resume default"), ("--for 30s", "--for 1s --jobs 100"),
  ]

  private static let root = URL(filePath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()

  private static func lines(_ document: String) -> [DocumentCommands.Line] {
    let text = try? String(contentsOf: root.appending(path: document), encoding: .utf8)
    return DocumentCommands(markdown: text ?? "").lines
  }

  /// All that have lines to run.
  static let documents: [String] = {
    let docs = try? FileManager.default.contentsOfDirectory(
      atPath: root.appending(path: "docs").path)
    let all =
      ["README.md", "README.zh-CN.md", "CONTRIBUTING.md", "certs/README.md"]
      + (docs ?? []).filter { $0.hasSuffix(".md") }.sorted().map { "docs/" + $0 }
    return all.filter { !lines($0).filter { !isElsewhere($0) }.isEmpty }
  }()

  private static func isElsewhere(_ line: DocumentCommands.Line) -> Bool {
    elsewhere.contains { line.text.contains($0.part) }
  }

  @Test("the exceptions are of lines that there are")
  func exceptions() {
    let docs = Self.documents + ["docs/drills.md", "docs/alerts.md", "docs/joining.md"]
    let texts = docs.flatMap { Self.lines($0).map(\.text) }
    for part in Self.elsewhere.map(\.part) + Self.before.map(\.line) {
      #expect(texts.contains { $0.contains(part) }, "\(part)")
    }
    #expect(Self.documents.count > 8)
  }

  @Test(arguments: documents)
  func everyLineRuns(_ document: String) async throws {
    let dev = try DevProcess()
    defer { dev.stop() }
    try await dev.start(
      "--run", "shout=tr a-z A-Z", "--run", "echo=cat", "--run", "ping=true", "--run",
      "backup=true", "--run", "resize=sh -c 'exit 65'", "--run", "count-words=wc -w", "--run",
      "thumbnail=python3 \(Self.root.path)/examples/celery/thumbnail.py", "--run",
      "invoice=python3 \(Self.root.path)/examples/pika/handler.py")
    let lines = Self.lines(document)
    let home = dev.folder + "/home"
    let makesAuthority = lines.contains {
      $0.commands.contains { $0.starts(with: ["cert", "init"]) }
    }
    // Where the document makes a CA of its own it does; else its `certs` are those of belfry dev.
    let setUp = """
      mkdir -p '\(home)/bin' '\(home)/.local/state/belfry/dev' && cd '\(home)'
      ln -sf '\(dev.program)' bin/belfry
      ln -sfn '\(dev.folder)/data/certs' .local/state/belfry/dev/certs
      \(makesAuthority ? "mkdir -p made" : "ln -sfn '\(dev.folder)/data/certs' certs")
      """
    func run(_ line: String) async throws -> Ended {
      try await Run.program(
        "/bin/bash", ["-c", setUp + "\n" + line],
        environment: dev.environment.merging([
          "HOME": home, "PATH": "\(home)/bin:/usr/bin:/bin", "BELFRY_SERVER": dev.server,
          "BELFRY_IDENTITY": dev.identity("me"), "certs": home + "/made",
        ]) { $1 }, limit: 120)
    }
    for line in lines where !Self.isElsewhere(line) {
      for (known, prepare) in Self.before where line.text.hasPrefix(known) {
        _ = try await run(prepare)
      }
      let text = Self.inPlaceOf.reduce(line.text) { $0.replacing($1.0, with: $1.1) }
      let ended = try await run(text)
      #expect([0, 1, 2].contains(ended.status), "\(document):\(line.number): \(text): \(ended)")
    }
  }
}
