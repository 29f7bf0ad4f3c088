package import BelfryCore
internal import Glibc
internal import Synchronization

/// What a worker leaves for its next start, should it die: which assignments ran, what their commands
/// wrote last, and of which signal it died. So a job that kills its workers can be told why.
///
/// It stands in memory that is shared with a file, `last-words` in the state folder: the system keeps
/// that whatever becomes of the process, and a line costs no system call. A process that is killed with
/// SIGKILL cannot write its signal; then the file says that it was not closed, and nothing more.
package final class LastWords: Sendable {
  private struct Map {
    /// Of the shared memory, which is never given back.
    let address: UInt
    var free = Array((0..<LastWordsFile.slots).reversed())
    var slots: [AssignmentID: Int] = [:]

    var place: UnsafeMutableRawBufferPointer {
      UnsafeMutableRawBufferPointer(
        start: UnsafeMutableRawPointer(bitPattern: address), count: LastWordsFile.size)
    }
  }

  /// How much of what a command writes to standard error is kept.
  static let tailBytesMax = LastWordsFile.tailBytesMax

  private let map: Mutex<Map>

  /// Opens the file for this process, and says how the one before it died; nil: in order, or nothing is
  /// known.
  package static func open(
    in folder: String, boot: BootID
  ) throws(BootState.StateError) -> (words: LastWords, death: Death?) {
    let path = folder + "/last-words"
    let death = LastWordsFile.death(path)
    let staged = path + ".new"
    let file = Glibc.open(staged, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    guard file >= 0 else { throw failure("cannot write", staged) }
    defer { Glibc.close(file) }
    guard ftruncate(file, off_t(LastWordsFile.size)) == 0,
      let start = mmap(nil, LastWordsFile.size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0),
      start != MAP_FAILED, rename(staged, path) == 0
    else { throw failure("cannot keep", path) }
    LastWordsFile.begin(
      UnsafeMutableRawBufferPointer(start: start, count: LastWordsFile.size), boot)
    CrashSignals.note(in: start + LastWordsFile.signalAt)
    return (LastWords(address: UInt(bitPattern: start)), death)
  }

  private init(address: UInt) { map = Mutex(Map(address: address)) }

  /// The process ends in order: there is nothing to tell. The memory stays: a signal may come yet.
  package func close() {
    map.withLock { $0.place[LastWordsFile.openAt] = 0 }
  }

  /// A run begins. Of more than 64 at a time the others are not told of.
  func began(_ assignment: AssignmentID) {
    map.withLock { map in
      guard let slot = map.free.popLast() else { return }
      map.slots[assignment] = slot
      LastWordsFile.write(map.place, slot, assignment)
    }
  }

  func ended(_ assignment: AssignmentID) {
    map.withLock { map in
      guard let slot = map.slots.removeValue(forKey: assignment) else { return }
      LastWordsFile.clear(map.place, slot)
      map.free.append(slot)
    }
  }

  /// The end of what its command has written to standard error.
  func wrote(_ tail: [UInt8], _ assignment: AssignmentID) {
    map.withLock { map in
      guard let slot = map.slots[assignment] else { return }
      LastWordsFile.write(map.place, slot, tail: tail)
    }
  }

  private static func failure(_ what: String, _ path: String) -> BootState.StateError {
    BootState.StateError(description: "\(what) \(path): \(String(cString: strerror(errno)))")
  }
}

/// Signals that a process dies of by its own fault: the number is left where the next start finds it,
/// then the signal does what it does.
private enum CrashSignals {
  static let names: [Int32: String] = [
    SIGSEGV: "SIGSEGV", SIGBUS: "SIGBUS", SIGILL: "SIGILL", SIGTRAP: "SIGTRAP", SIGFPE: "SIGFPE",
    SIGABRT: "SIGABRT",
  ]

  /// Read by the signal handler, which may do nothing but this.
  nonisolated(unsafe) private static var word: UnsafeMutablePointer<Int32>?
  /// What was done at each signal before: Swift's own handler prints a backtrace.
  nonisolated(unsafe) private static let before =
    UnsafeMutablePointer<sigaction>.allocate(capacity: 32)

  static func note(in place: UnsafeMutableRawPointer) {
    let isFirst = word == nil
    word = place.bindMemory(to: Int32.self, capacity: 1)
    guard isFirst else { return }
    for signal in names.keys.sorted() {
      let old = before + Int(signal)
      old.initialize(to: sigaction())
      sigaction(signal, nil, old)
      if isIgnored(old.pointee) { continue }
      var action = sigaction()
      action.__sigaction_handler.sa_handler = { number in
        CrashSignals.word?.pointee = number
        // Raised again, it does what it did before: kills, at the latest.
        sigaction(number, CrashSignals.before + Int(number), nil)
        raise(number)
      }
      sigaction(signal, &action, nil)
    }
  }

  private static func isIgnored(_ action: sigaction) -> Bool {
    unsafeBitCast(action.__sigaction_handler.sa_handler, to: Int.self) == 1
  }
}

/// The file's layout: a head of 4 KiB (mark, boot id, whether it was closed, signal), then 64 runs of
/// 1,280 bytes (length and text of the assignment, length and text of what was written last).
private enum LastWordsFile {
  static let mark = Array("BELFRY-LAST-1\n".utf8)
  static let bootAt = 16
  static let openAt = 48
  static let signalAt = 52
  static let head = 4_096
  static let slots = Death.runsMax
  static let slotBytes = 1_280
  static let assignmentBytesMax = 64
  static let tailAt = 80
  static let tailBytesMax = 1_024
  static let size = head + slots * slotBytes

  static func begin(_ place: UnsafeMutableRawBufferPointer, _ boot: BootID) {
    put(mark, place, at: 0)
    put(Array(boot.description.utf8), place, at: bootAt)
    place[openAt] = 1
  }

  static func write(
    _ place: UnsafeMutableRawBufferPointer, _ slot: Int, _ assignment: AssignmentID
  ) {
    let text = Array(assignment.description.utf8)
    guard text.count <= assignmentBytesMax else { return }
    let start = head + slot * slotBytes
    put([0, 0], place, at: start + tailAt)
    put(text, place, at: start + 1)
    place[start] = UInt8(text.count)
  }

  static func write(_ place: UnsafeMutableRawBufferPointer, _ slot: Int, tail: [UInt8]) {
    let bytes = tail.suffix(tailBytesMax)
    let start = head + slot * slotBytes + tailAt
    put(bytes, place, at: start + 2)
    put([UInt8(bytes.count & 0xFF), UInt8(bytes.count >> 8)], place, at: start)
  }

  static func clear(_ place: UnsafeMutableRawBufferPointer, _ slot: Int) {
    place[head + slot * slotBytes] = 0
  }

  /// Nil for a file that is not there, is no such file, or was closed.
  static func death(_ path: String) -> Death? {
    let file = open(path, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return nil }
    defer { close(file) }
    var bytes = [UInt8](repeating: 0, count: size)
    let count = bytes.withUnsafeMutableBytes { read(file, $0.baseAddress, size) }
    guard count == size, bytes.starts(with: mark), bytes[openAt] == 1,
      let boot = BootID(String(decoding: bytes[bootAt..<bootAt + 32], as: UTF8.self))
    else { return nil }
    let signal = CrashSignals.names[Int32(bytes[signalAt])] ?? ""
    var death = Death(boot: boot, signal: signal)
    for slot in 0..<slots {
      let start = head + slot * slotBytes
      let (length, tail) = (Int(bytes[start]), start + tailAt)
      let tailLength = Int(bytes[tail]) | Int(bytes[tail + 1]) << 8
      guard (1...assignmentBytesMax).contains(length), tailLength <= tailBytesMax,
        let assignment = AssignmentID(
          String(decoding: bytes[start + 1..<start + 1 + length], as: UTF8.self))
      else { continue }
      var words = ByteTail(bytesMax: tailBytesMax)
      bytes[tail + 2..<tail + 2 + tailLength].withUnsafeBytes { words.feed($0) }
      death.lastWords[assignment] = words.text
    }
    return death
  }

  private static func put(
    _ bytes: some Collection<UInt8>, _ place: UnsafeMutableRawBufferPointer, at offset: Int
  ) {
    UnsafeMutableRawBufferPointer(rebasing: place[offset...]).copyBytes(from: bytes)
  }
}
