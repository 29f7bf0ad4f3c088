import Testing

/// What `swift format` and the compiler do not see.
@Suite struct StyleTests {
  let tree = Tree.repository

  var byHand: [Tree.File] {
    (tree.files(in: "Sources/") + tree.files(in: "examples/")).filter {
      $0.isSwift && !$0.isGenerated
    }
  }

  @Test("no force: a parser that traps on hostile bytes is a remote crash")
  func noForce() {
    let force = /\btry!|\bas!|[\w\)\]]!($|[^=])/
    let suspects = byHand.filter { $0.text.utf8.contains(UInt8(ascii: "!")) }
    #expect(suspects.flatMap { $0.matches(force, in: $0.code) } == [])
  }

  @Test("no file over 500 lines: past that, split it by meaning")
  func fileLength() {
    let written = tree.files.filter { file in
      let isText = file.isSwift || file.name.hasSuffix(".py") || file.path.hasPrefix("scripts/")
      return isText && !file.isGenerated
    }
    #expect(written.count > 20)
    let long = written.filter { $0.lines.count > 501 }
    #expect(long.map { "\($0.path): \($0.lines.count - 1) lines" } == [])
  }

  @Test("a file is named after what it is about")
  func fileNames() {
    let vague = /(Util|Utils|Utilities|Helper|Helpers|Manager|Common|Misc)\.swift$/
    #expect(tree.files.map(\.path).filter { $0.contains(vague) } == [])
  }

  @Test("no leftovers: nothing is marked for later in the code")
  func noLeftovers() {
    // Put together, so that this file is not found itself.
    let marks = ["TO" + "DO", "FIX" + "ME", "XX" + "X"]
    let files = (tree.files(in: "Sources/") + tree.files(in: "Tests/")).filter(\.isSwift)
    let found = files.filter { file in
      marks.contains { file.text.contains("// " + $0) || file.text.contains("/// " + $0) }
    }
    #expect(found.map(\.path) == [])
  }
}
