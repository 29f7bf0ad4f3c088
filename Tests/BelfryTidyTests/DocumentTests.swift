import Foundation
import Testing

/// Documents that lie are worse than none: what they name must be there.
@Suite struct DocumentTests {
  let tree = Tree.repository
  var documents: [Tree.File] { tree.files.filter { $0.name.hasSuffix(".md") } }

  @Test("README names the two commands")
  func readme() throws {
    let readme = try #require(documents.first { $0.path == "README.md" }).text
    #expect(readme.contains("make demo"))
    #expect(readme.contains("make test"))
  }

  @Test("every `make target` that a document names is in the Makefile")
  func makeTargets() throws {
    let makefile = try #require(tree.files.first { $0.path == "Makefile" })
    let targets = Set(makefile.lines.compactMap { $0.firstMatch(of: /^([a-z]+):/)?.1 })
    #expect(targets.contains("help"))
    for document in documents {
      let absent = document.text.matches(of: /`make ([a-z]+)/).map(\.1).filter {
        !targets.contains($0)
      }
      #expect(absent == [], "named in \(document.path)")
    }
  }

  @Test("every script and example that a document or the Makefile names is there")
  func scripts() {
    let path = /\b(scripts|examples)\/[A-Za-z0-9_.\/-]*[A-Za-z0-9]/
    for file in documents + tree.files.filter({ $0.path == "Makefile" }) {
      let absent = file.text.matches(of: path).map { String($0.0) }.filter { !tree.exists($0) }
      #expect(absent == [], "named in \(file.path)")
    }
  }

  @Test("every whole Swift program in a document is an example that is built")
  func programs() {
    let examples = tree.files.filter { $0.path.hasPrefix("examples/") }.map(\.text)
    for document in documents {
      for block in document.text.matches(of: /```swift\n(?s:(.*?))```/).map(\.1)
      where block.hasPrefix("import Belfry") || block.hasPrefix("// A ") {
        let text = block.replacing(/^(import \w+\n)+\n/, with: "")
        #expect(examples.contains { $0.contains(text) }, "in \(document.path): \(text.prefix(60))")
      }
    }
  }

  @Test("every link inside the repository leads somewhere")
  func links() {
    for document in documents {
      let folder = document.url.deletingLastPathComponent()
      let targets = document.text.matches(of: /\]\(([^)#\s]+)(#[^)]*)?\)/).map { String($0.1) }
      let dead = targets.filter { target in
        let isOutside = target.contains("://") || target.hasPrefix("mailto:")
        let path = folder.appending(path: target).path
        return !isOutside && !FileManager.default.fileExists(atPath: path)
      }
      #expect(dead == [], "linked in \(document.path)")
    }
  }
}
