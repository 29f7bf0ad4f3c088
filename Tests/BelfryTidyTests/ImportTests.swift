import Testing

/// Who may import whom, where the compiler does not enforce it (DESIGN section 4).
@Suite struct ImportTests {
  let tree = Tree.repository

  @Test(
    "no Foundation below the shells",
    arguments: [
      "BelfryCore", "BelfryWire", "BelfryNet", "BelfryRPC", "BelfryRabbitMQ", "BelfryMongo",
      "BelfryEmbedded", "BelfryIdentity", "BelfryWorker",
    ])
  func noFoundation(target: String) {
    let files = tree.sources(of: target)
    #expect(!files.isEmpty, "no such target: rename it here too")
    #expect(files.flatMap { $0.matches(/^\s*(\S+ )*import (\w+ )?Foundation/) } == [])
  }

  @Test("the core has no clock, no randomness, no log and no task of its own")
  func pureCore() {
    let impure =
      /\b(ContinuousClock|SuspendingClock|SystemRandomNumberGenerator|Task|Logger)\b|\.random\(|\.shuffled\(\)|\bprint\(/
    let files = tree.sources(of: "BelfryCore")
    #expect(files.flatMap { $0.matches(impure, in: $0.code) } == [])
  }

  /// The one target, or the few, that wrap a C library. Nobody else sees its pointers.
  static let wrappers: [String: Set<String>] = [
    "CNghttp2": ["BelfryNet"],
    "COpenSSL": ["BelfryNet", "BelfryIdentity"],
    "CRabbitMQ": ["BelfryRabbitMQ"],
    "CMongoC": ["BelfryMongo"],
    "CSQLite": ["BelfryEmbedded"],
    "CZlib": ["BelfryRPC"],
    "CGlibc": ["BelfryCoordinator", "BelfryWorker", "BelfryTestKit"],
  ]

  @Test("C modules are imported in their wrappers only, and never re-exported")
  func wrappersOnly() {
    var offences: [String] = []
    for file in tree.files(in: "Sources/") + tree.files(in: "Tests/") where file.isSwift {
      let target = String(file.path.split(separator: "/")[1])
      for (index, line) in file.lines.enumerated() where line.contains("import C") {
        let words = line.split(separator: " ")
        guard let targets = Self.wrappers[String(words.last ?? "")] else { continue }
        let isExported = !["import", "internal", "private", "fileprivate"].contains(words[0])
        if isExported || !targets.contains(target) {
          offences.append("\(file.path):\(index + 1): \(line)")
        }
      }
    }
    #expect(offences == [])
  }
}
