import Foundation
import Testing

@testable import BelfryCLI

/// The file of contexts: what is written is read again, by its owner only, and never half.
@Suite struct ContextTests {
  private func withFolder(_ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
  }

  private let prod = ClusterContext(name: "prod", server: "https://a:7443", identity: "/certs/a b")
  private let test = ClusterContext(
    name: "test", server: "https://b:7443", identity: "/certs/\"b\"")

  @Test func roundTripAndMode() throws {
    try withFolder { folder in
      let path = folder + "/belfry/contexts.yaml"
      var file = try ContextFile.load(path)
      #expect(file == ContextFile(), "none is no error")
      file.put(prod)
      file.put(test)
      #expect(file.current == "prod", "the first is the current one")
      try file.write(path)
      chmod(path, 0o644)
      try file.write(path)
      #expect(try ContextFile.load(path) == file)
      let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
      #expect(mode == 0o600)
      #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/belfry").count == 1)
    }
  }

  @Test func puttingReplacesAndRemovingForgets() throws {
    var file = ContextFile()
    file.put(prod)
    file.put(test, use: true)
    #expect(file.current == "test")
    file.put(ClusterContext(name: "test", server: "https://c", identity: "/c"))
    #expect(file["test"]?.server == "https://c" && file.contexts.count == 2)
    file.remove("test")
    #expect(file.current == nil && file["test"] == nil)
    #expect(throws: UserError.self) { try file.required("test") }
  }

  @Test(arguments: ["[1, 2]", "contexts: {a: {server: x}}", "a: [", "contexts: {a: b}"])
  func brokenFilesAreNamed(_ text: String) throws {
    try withFolder { folder in
      try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
      let path = folder + "/contexts.yaml"
      try Data(text.utf8).write(to: URL(filePath: path))
      let error = #expect(throws: UserError.self) { try ContextFile.load(path) }
      #expect(error?.code == .badFile && error?.what.contains(path) == true)
    }
  }

  @Test(arguments: [
    ("worker.slotz", "worker.slots"), ("wroker.slots", "worker.slots"), ("queue.url", "queue.url"),
    ("something", nil), ("", nil),
  ])
  func suggestions(_ word: String, _ meant: String?) {
    #expect(
      Suggestion.nearest(to: word, among: ["worker.slots", "queue.url", "store.url"]) == meant)
  }
}
