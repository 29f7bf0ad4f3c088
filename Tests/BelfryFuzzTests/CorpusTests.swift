import Foundation
import Testing

/// What `make fuzz` has found worth keeping, through the same functions: inputs that once broke
/// something stay tests.
@Suite struct CorpusTests {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent()
    .appending(path: "corpus")

  @Test("every kept input keeps the promises", arguments: FuzzTarget.allCases)
  func keptInputs(_ target: FuzzTarget) throws {
    let folder = Self.folder.appending(path: target.rawValue)
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted()
    #expect(names.count >= 5)
    for name in names {
      let bytes = try Data(contentsOf: folder.appending(path: name))
      #expect(throws: Never.self, "\(target.rawValue)/\(name)") {
        try target.run([UInt8](bytes))
      }
      // Cut short it is another input.
      #expect(throws: Never.self, "half of \(target.rawValue)/\(name)") {
        try target.run([UInt8](bytes.prefix(bytes.count / 2)))
      }
    }
  }

  @Test("the corpus is of the targets, and small")
  func corpusIsSmall() throws {
    let folders = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path)
    #expect(Set(folders) == Set(FuzzTarget.allCases.map(\.rawValue)))
    let files = FileManager.default.enumerator(
      at: Self.folder, includingPropertiesForKeys: [.fileSizeKey])
    var bytes = 0
    for case let file as URL in files ?? .init() {
      bytes += try file.resourceValues(forKeys: [.fileSizeKey]).fileSize ?? 0
    }
    #expect((1..<200_000).contains(bytes))
  }
}
