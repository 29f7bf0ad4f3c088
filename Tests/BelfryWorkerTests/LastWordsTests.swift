import BelfryCore
import Foundation
import Testing

@testable import BelfryWorker

/// What a worker leaves for its next start.
@Suite struct LastWordsTests {
  private static let boot = BootID(high: 7 << 16, low: 1)
  private static func run(_ number: UInt64) -> AssignmentID {
    AssignmentID(boot: BootID(high: 9 << 16, low: 0), counter: number)
  }

  private func folder() throws -> String {
    let url = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
    return url.path
  }

  @Test func aFirstStartAndAnOrderlyEndTellNothing() throws {
    let folder = try folder()
    let (words, none) = try LastWords.open(in: folder, boot: Self.boot)
    #expect(none == nil)
    words.began(Self.run(1))
    words.close()
    #expect(try LastWords.open(in: folder, boot: Self.boot).death == nil)
  }

  @Test func whatRanAndWhatItWroteLastIsTold() throws {
    let folder = try folder()
    let (words, _) = try LastWords.open(in: folder, boot: Self.boot)
    for number: UInt64 in 1...3 { words.began(Self.run(number)) }
    words.wrote(Array("one\n".utf8), Self.run(1))
    words.wrote(Array("two".utf8), Self.run(2))
    words.wrote(Array(("ü" + String(repeating: "x", count: 1_023)).utf8), Self.run(3))
    words.ended(Self.run(2))
    words.began(Self.run(4))
    let death = try #require(try LastWords.open(in: folder, boot: Self.boot).death)
    #expect(death.boot == Self.boot && death.signal.isEmpty)
    // Cut to 1 KiB, and not within a character.
    let long = String(repeating: "x", count: 1_023)
    #expect(death.lastWords == [Self.run(1): "one", Self.run(3): long, Self.run(4): ""])
  }

  @Test func moreRunsThanItTellsOfAreNoTrouble() throws {
    let folder = try folder()
    let (words, _) = try LastWords.open(in: folder, boot: Self.boot)
    for number: UInt64 in 1...100 { words.began(Self.run(number)) }
    for number: UInt64 in 1...100 { words.wrote(Array("x".utf8), Self.run(number)) }
    #expect(try LastWords.open(in: folder, boot: Self.boot).death?.lastWords.count == 64)
    for number: UInt64 in 1...100 { words.ended(Self.run(number)) }
  }

  @Test func aFileThatIsNoneOfOursTellsNothing() throws {
    let folder = try folder()
    for bytes in [[], Array("BELFRY-LAST-1\n".utf8), [UInt8](repeating: 255, count: 1 << 20)] {
      try Data(bytes).write(to: URL(fileURLWithPath: folder + "/last-words"))
      #expect(try LastWords.open(in: folder, boot: Self.boot).death == nil)
    }
  }

  @Test(arguments: [SIGSEGV, SIGILL, SIGFPE, SIGKILL])
  func aSignalKillsAllTheSameAndIsTold(_ signal: Int32) async throws {
    let place: String = try folder()
    await #expect(processExitsWith: .failure) {
      [place = place as String, signal = signal as Int32] in
      let (words, _) = try LastWords.open(in: place, boot: BootID(high: 7 << 16, low: 1))
      words.began(AssignmentID(boot: BootID(high: 9 << 16, low: 0), counter: 1))
      raise(signal)
    }
    let death = try #require(try LastWords.open(in: place, boot: Self.boot).death)
    let names = [SIGSEGV: "SIGSEGV", SIGILL: "SIGILL", SIGFPE: "SIGFPE", SIGKILL: ""]
    #expect(death.signal == names[signal])
    #expect(death.lastWords.keys.sorted() == [Self.run(1)])
  }
}
