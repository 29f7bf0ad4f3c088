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

  private func subjects(_ spool: AlertSpool) -> [String] {
    spool.first(100).alerts.map(\.alert.subject)
  }

  @Test func whatWaitsIsThereAfterARestartInItsOrder() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder)
      for number in 1...20 { _ = try spool.add(SinkFormatTests.alert("w\(number)")) }
      spool.remove(spool.first(2).alerts.map(\.number))
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

  @Test func damagedFilesAreSetAsideAndHalfAFileIsNone() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder)
      for subject in ["w1", "w2", "w3"] { _ = try spool.add(SinkFormatTests.alert(subject)) }
      for number in 1...2 {
        try Data("{\(number)".utf8).write(
          to: folder.appending(path: "000000000000000\(number).json"))
      }
      try Data("{".utf8).write(to: folder.appending(path: "0000000000000009.json.part"))
      let again = try AlertSpool(folder: folder)
      let found = again.first(100)
      #expect(found.alerts.map(\.alert.subject) == ["w3"])
      #expect(found.damaged.count == 2 && found.problem == nil)
      #expect(again.count == 1)
      #expect(
        Set(try FileManager.default.contentsOfDirectory(atPath: folder.path)) == [
          AlertSpool.damagedName, "0000000000000003.json",
        ], "the last damaged one is kept, and no more of them")
    }
  }

  @Test func whatCannotBeReadNowWaitsAndNoneOvertakesIt() throws {
    try withFolder { folder in
      let spool = try AlertSpool(folder: folder)
      for number in 1...3 { _ = try spool.add(SinkFormatTests.alert("w\(number)")) }
      let file = folder.appending(path: "0000000000000002.json")
      let aside = folder.appending(path: "aside")
      try FileManager.default.moveItem(at: file, to: aside)
      // Reading a folder fails, for root too.
      try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
      let found = spool.first(100)
      #expect(found.alerts.map(\.alert.subject) == ["w1"])
      #expect(found.damaged.isEmpty && found.problem?.contains(file.path) == true)
      #expect(spool.count == 3)
      try FileManager.default.removeItem(at: file)
      try FileManager.default.moveItem(at: aside, to: file)
      #expect(subjects(spool) == ["w1", "w2", "w3"])
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
