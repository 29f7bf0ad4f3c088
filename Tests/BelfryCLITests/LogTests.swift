import Foundation
import Logging
import Testing

@testable import BelfryCLI

/// Lines of a process that goes on, where they can be written and where they cannot.
@Suite struct LogTests {
  private func log(_ text: String, to descriptor: Int32) {
    let level = LogLevelSwitch(LogLevels(.info))
    let logger = Logger(label: "test") { label in
      LineLogHandler(format: .json, service: label, node: "n", level: level, to: descriptor)
    }
    logger.info("\(text)")
  }

  @Test func aLineThatCannotBeWrittenIsLostAndNoMore() throws {
    signal(SIGPIPE, SIG_IGN)
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    close(ends[0])
    defer { close(ends[1]) }
    let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
    try #require(full >= 0)
    defer { close(full) }
    for (descriptor, error) in [(ends[1], EPIPE), (full, ENOSPC)] {
      try #require(write(descriptor, "x", 1) == -1 && errno == error)
      log("nobody reads this", to: descriptor)
    }
  }

  /// Longer than a pipe takes at once.
  @Test func aLongLineIsWrittenWhole() throws {
    var ends: [Int32] = [-1, -1]
    try #require(pipe(&ends) == 0)
    let writer = ends[1]
    Thread.detachNewThread {
      log(String(repeating: "x", count: 200_000), to: writer)
      close(writer)
    }
    let read = try FileHandle(fileDescriptor: ends[0], closeOnDealloc: true).readToEnd()
    let line = try JSONSerialization.jsonObject(with: read ?? Data()) as? NSDictionary
    #expect((line?["message"] as? String)?.count == 200_000)
  }
}
