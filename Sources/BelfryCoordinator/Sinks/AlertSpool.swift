internal import CGlibc
internal import Foundation
internal import Synchronization

/// Alerts that wait for one sink, on disk: a file each, in the order they came. What is here is
/// delivered after a restart too.
///
/// Bounded: above `countMax` the oldest goes, and is counted. Calls block for a write and two fsyncs
/// each; none is made on a loop or on the pool of async functions.
final class AlertSpool: Sendable {
  static let countMax = 1_000

  private struct State {
    /// Sequence numbers of what waits, ascending.
    var waiting: [UInt64] = []
    var next: UInt64 = 1
  }

  /// What `first` found.
  struct Found {
    var alerts: [(number: UInt64, alert: SinkAlert)] = []
    /// Files that hold no alert, or are gone: none waits for them any more.
    var damaged: [(file: String, why: String)] = []
    /// Why no more could be read. The next time it may be possible.
    var problem: String?
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
    for above in [folder.deletingLastPathComponent(), folder] { Self.flush(above) }
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

  /// The oldest ones, each with its number. A file that holds no alert is set aside as
  /// ``damagedName``, the last such one. One that cannot be read now ends the list, so that none is
  /// delivered before an older one.
  func first(_ limit: Int) -> Found {
    let numbers = state.withLock { Array($0.waiting.prefix(limit)) }
    var found = Found()
    for number in numbers {
      let data: Data
      do {
        data = try Data(contentsOf: url(number))
      } catch {
        // The oldest may have had to go meanwhile.
        guard state.withLock({ $0.waiting.contains(number) }) else { continue }
        if (error as? CocoaError)?.code == .fileReadNoSuchFile {
          found.damaged.append(setAside(number, "somebody removed it"))
          continue
        }
        found.problem = "\(url(number).path) cannot be read: \(error.localizedDescription)"
        return found
      }
      do {
        found.alerts.append((number, try JSONDecoder().decode(SinkAlert.self, from: data)))
      } catch {
        found.damaged.append(setAside(number, "\(error)"))
      }
    }
    return found
  }

  private func setAside(_ number: UInt64, _ why: String) -> (file: String, why: String) {
    rename(url(number).path, folder.appending(path: Self.damagedName).path)
    state.withLock { $0.waiting.removeAll { $0 == number } }
    return (url(number).path, why)
  }

  /// They were delivered, or never will be.
  func remove(_ numbers: [UInt64]) {
    state.withLock { $0.waiting.removeAll { numbers.contains($0) } }
    for number in numbers { delete(number) }
  }

  static let damagedName = "damaged.bad"
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

  /// Written aside, forced to disk, renamed: a file with its name is whole, and there after a crash.
  private func write(_ data: Data, to url: URL) throws {
    let part = url.appendingPathExtension("part")
    defer { try? FileManager.default.removeItem(at: part) }  // There when something failed.
    guard FileManager.default.createFile(atPath: part.path, contents: nil) else {
      throw CocoaError(.fileWriteUnknown, userInfo: [NSFilePathErrorKey: part.path])
    }
    let handle = try FileHandle(forWritingTo: part)
    try handle.write(contentsOf: data)
    try handle.synchronize()
    try handle.close()
    try FileManager.default.moveItem(at: part, to: url)
    Self.flush(folder)
  }

  /// What a folder lists. Where that cannot be forced to disk, a crash of the machine may lose what a
  /// crash of this process does not: no reason to give up an alert.
  private static func flush(_ folder: URL) {
    let descriptor = open(folder.path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    guard descriptor >= 0 else { return }
    fsync(descriptor)
    close(descriptor)
  }
}
