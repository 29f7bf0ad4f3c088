import Foundation
import Testing

/// What is in the repository, and what is not.
@Suite struct RepositoryTests {
  let tree = Tree.repository

  @Test("the top level is short")
  func topLevel() {
    let allowed: Set<String> = [
      "Package.swift", "Package.resolved", "Sources", "Tests", "proto", "certs", "README.md",
      "README.zh-CN.md", "Makefile", "scripts", "deploy", "docs", "examples", "LICENSE",
      "CHANGELOG.md", "CONTRIBUTING.md",
    ]
    let names = Set(tree.files.map { String($0.path.prefix { $0 != "/" }) })
    #expect(names.isSuperset(of: ["Package.swift", "Sources", "Tests", "LICENSE"]))
    #expect(names.subtracting(allowed).filter { !$0.hasPrefix(".") } == [])
  }

  @Test("every make target that fails says what to do next, and names the doctor")
  func makeTargetsSayWhatNext() throws {
    let makefile = try #require(tree.files.first { $0.path == "Makefile" }).text
    #expect(makefile.contains("otherwise = || { echo \"make $@: $(1)\" >&2; $(doctor); exit 1; }"))
    let rules = makefile.split(separator: "\n\n").filter { $0.contains(/^[a-z-]+:.*\n\t/) }
    #expect(rules.count > 20)
    let silent = rules.filter { !$0.contains("$(call otherwise,") }
      .map { String($0.prefix { $0 != ":" }) }
    #expect(Set(silent) == ["help", "format", "clean"])
  }

  @Test("no private key is committed")
  func noPrivateKey() {
    // The header alone may stand in a test; a key is a header with its base64 behind it.
    let key = /-----BEGIN [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+\/=\s]{40}/
    #expect(
      tree.files.filter { $0.text.contains("PRIVATE KEY-----") && $0.text.contains(key) }.map(
        \.path) == [])
    let names = /\.(key|pem|p12|pfx)$|(^|\/)id_(rsa|ed25519|ecdsa)$/
    #expect(tree.files.map(\.path).filter { $0.contains(names) } == [])
  }

  @Test("every script can be run and says how in its first lines")
  func scriptsSayUsage() {
    let scripts = [".ci/", "scripts/", "certs/", "deploy/"].flatMap { tree.files(in: $0) }
      .filter { $0.text.hasPrefix("#!") || $0.name.hasSuffix(".sh") }
    #expect(scripts.count >= 5)
    let silent = scripts.filter { script in
      !script.lines.prefix(3).contains { $0.hasPrefix("# Usage: ") }
    }
    #expect(silent.map(\.path) == [], "the second line begins with '# Usage: '")
    let inert = scripts.filter { script in
      let isSourced = script.path.hasPrefix("scripts/lib/")
      return !isSourced && !FileManager.default.isExecutableFile(atPath: script.url.path)
    }
    #expect(inert.map(\.path) == [], "chmod +x")
  }

  @Test("the text that each planted bug replaces is in the product, once")
  func plantsAreCurrent() throws {
    let plants = Process()
    plants.executableURL = tree.root.appending(path: "scripts/plant")
    plants.arguments = ["--list"]
    let output = Pipe()
    (plants.standardOutput, plants.standardError) = (output, output)
    try plants.run()
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    plants.waitUntilExit()
    #expect(plants.terminationStatus == 0, "\(text)")
    #expect(text.split(separator: "\n").count >= 30)
  }

  @Test("folders of one target and its tests have the names of Package.swift")
  func targetsAreDeclared() throws {
    let manifest = try #require(tree.files.first { $0.path == "Package.swift" }).text
    let folders = (tree.files(in: "Sources/") + tree.files(in: "Tests/"))
      .map { String($0.path.split(separator: "/")[1]) }
    // A nested package declares its own.
    let undeclared = Set(folders).filter {
      !manifest.contains("\"\($0)\"") && !tree.exists("Tests/\($0)/Package.swift")
    }
    #expect(undeclared == [])
  }
}
