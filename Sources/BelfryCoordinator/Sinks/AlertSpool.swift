internal import Foundation
internal import Synchronization

/// Alerts that wait for one sink, on disk: a file each, in the order they came. What is here is
/// delivered after a restart too.
///
/// Bounded: above `countMax` the oldest goes, and is counted. Calls block for a write and an fsync
/// each; none is made on a loop or on the pool of async functions.
final class AlertSpool: Sendable {
  static let countMax = 1_000

  private struct State {
    /// Sequence numbers of what waits, ascending.
    var waiting: [UInt64] = []
    var next: UInt64 = 1
  }

  private let folder: URL
  private let countMax: Int
  private let state = Mutex(State())

  /// Reads what an earlier process has left.
  init(folder: URL, countMax: Int = AlertSpool.countMax) throws {
    self.folder = folder
    self.countMax = countMax
    try FileManager.default.createDirectory(
      at: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    let found = names.compactMap { name in
      name.hasSuffix(Self.suffix) ? UInt64(name.dropLast(Self.suffix.count), radix: 16) : nil
    }
    // Half a file of a process that died while it wrote.
    for name in names where name.hasSuffix(".part") {
      try? FileManager.default.removeItem(at: folder.appending(path: name))
    }
    state.withLock {
      $0.waiting = found.sorted()
      $0.next = ($0.waiting.last ?? 0) + 1
    }
  }

  var count: Int { state.withLock { $0.waiting.count } }

  /// Keeps the alert; returns how many old ones had to go for it.
  func add(_ alert: SinkAlert) throws -> Int {
    let number = state.withLock { state in
      defer { state.next += 1 }
      return state.next
    }
    try write(JSONEncoder().encode(alert), to: url(number))
    let surplus = state.withLock { state in
      state.waiting.append(number)
      let surplus = Array(state.waiting.prefix(max(0, state.waiting.count - countMax)))
      state.waiting.removeFirst(surplus.count)
      return surplus
    }
    for number in surplus { delete(number) }
    return surplus.count
  }

  /// The oldest ones, each with its number. A file that cannot be read is set aside as `.bad`.
  func first(_ limit: Int) -> [(number: UInt64, alert: SinkAlert)] {
    let numbers = state.withLock { Array($0.waiting.prefix(limit)) }
    var alerts: [(UInt64, SinkAlert)] = []
    for number in numbers {
      if let data = try? Data(contentsOf: url(number)),
        let alert = try? JSONDecoder().decode(SinkAlert.self, from: data)
      {
        alerts.append((number, alert))
      } else {
        try? FileManager.default.moveItem(
          at: url(number), to: url(number).appendingPathExtension("bad"))
        state.withLock { $0.waiting.removeAll { $0 == number } }
      }
    }
    return alerts
  }

  /// They were delivered, or never will be.
  func remove(_ numbers: [UInt64]) {
    state.withLock { $0.waiting.removeAll { numbers.contains($0) } }
    for number in numbers { delete(number) }
  }

  private static let suffix = ".json"

  private func url(_ number: UInt64) -> URL {
    let digits = String(number, radix: 16)
    return folder.appending(
      path: String(repeating: "0", count: 16 - digits.count) + digits + Self.suffix)
  }

  private func delete(_ number: UInt64) {
    // One that stays is delivered again after a restart, under the same delivery id.
    try? FileManager.default.removeItem(at: url(number))
  }

  /// Written aside, forced to disk, renamed: a file with its name is whole.
  private func write(_ data: Data, to url: URL) throws {
    let part = url.appendingPathExtension("part")
    guard FileManager.default.createFile(atPath: part.path, contents: nil) else {
      throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: part.path])
    }
    let handle = try FileHandle(forWritingTo: part)
    try handle.write(contentsOf: data)
    try handle.synchronize()
    try handle.close()
    try FileManager.default.moveItem(at: part, to: url)
  }
}
