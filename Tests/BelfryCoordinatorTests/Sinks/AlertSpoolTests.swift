import Foundation
import Testing

@testable import BelfryCoordinator

/// What waits for a sink, on disk.
@Suite struct AlertSpoolTests {
  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: UUID().uuidString)
    defer { try? FileManager.default.removeItem(at: folder) }  // Only tidying.
    try body(folder)
  }

  private func subjects(_ spool: AlertSpool) -> [String] { spool.first(100).map(\.alert.subject) }

  @Test func whatWaitsIsThereAfterARestartInItsOrder() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder)
      for number in 1...20 { _ = try spool.add(SinkFormatTests.alert("w\(number)")) }
      spool.remove(spool.first(2).map(\.number))
      let again = try AlertSpool(folder: folder)
      #expect(subjects(again) == (3...20).map { "w\($0)" })
      _ = try again.add(SinkFormatTests.alert("last"))
      #expect(subjects(again).last == "last")
    }
  }

  @Test func theOldestGoWhenItIsFull() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder, countMax: 3)
      let lost = try (1...5).map { try spool.add(SinkFormatTests.alert("w\($0)")) }
      #expect(lost == [0, 0, 0, 1, 1])
      #expect(subjects(spool) == ["w3", "w4", "w5"])
      #expect(subjects(try AlertSpool(folder: folder, countMax: 3)) == ["w3", "w4", "w5"])
    }
  }

  @Test func aDamagedFileIsSetAsideAndHalfAFileIsNone() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder)
      for subject in ["w1", "w2"] { _ = try spool.add(SinkFormatTests.alert(subject)) }
      try Data("{".utf8).write(to: folder.appending(path: "0000000000000001.json"))
      try Data("{".utf8).write(to: folder.appending(path: "0000000000000009.json.part"))
      let again = try AlertSpool(folder: folder)
      #expect(subjects(again) == ["w2"])
      #expect(again.count == 1)
      #expect(
        Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == [
          "0000000000000001.json.bad", "0000000000000002.json",
        ])
    }
  }

  @Test func onlyItsOwnerReadsIt() throws {
    try withFolder { folder in
      _ = try AlertSpool(folder: folder)
      let mode = try FileManager.default.attributesOfItem(atPath: folder.path)[.posixPermissions]
      #expect((mode as? NSNumber)?.intValue == 0o700)
    }
  }
}
