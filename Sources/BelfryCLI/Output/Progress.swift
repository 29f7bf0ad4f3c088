internal import BelfryCore
internal import Foundation
internal import Synchronization

/// How far a long command has come: one line on standard error that is written over, and nothing where
/// that is no terminal.
final class Progress: Sendable {
  private struct State {
    var done = 0
    var drawnAt: ContinuousClock.Instant?
  }

  private let what: String
  private let total: Int
  private let began = ContinuousClock.now
  private let state = Mutex(State())
  private let isShown: Bool

  /// More often nobody can read.
  private static let every = Duration.milliseconds(100)

  init(_ what: String, of total: Int) {
    self.what = what
    self.total = total
    isShown = isatty(2) == 1 && ProcessInfo.processInfo.environment["TERM"] != "dumb"
  }

  /// From any thread.
  func add(_ count: Int) {
    let now = ContinuousClock.now
    let done = state.withLock { state -> Int? in
      state.done += count
      if let last = state.drawnAt, now - last < Self.every { return nil }
      state.drawnAt = now
      return state.done
    }
    guard isShown, let done else { return }
    var size = winsize()
    let width = ioctl(2, UInt(TIOCGWINSZ), &size) == 0 && size.ws_col > 0 ? Int(size.ws_col) : 80
    write(
      "\r" + Self.line(what, done, of: total, after: now - began, width: width - 1) + "\u{1B}[K")
  }

  /// The line is gone, for what comes next.
  func end() { if isShown { write("\r\u{1B}[K") } }

  private func write(_ text: String) { FileHandle.standardError.write(Data(text.utf8)) }

  /// `submit [####....] 400 of 1000  200/s  3s left`.
  static func line(
    _ what: String, _ done: Int, of total: Int, after time: Duration, width: Int
  ) -> String {
    let cells = 20
    let full = total > 0 ? min(cells, done * cells / total) : cells
    let bar = String(repeating: "#", count: full) + String(repeating: ".", count: cells - full)
    var text = "\(what) [\(bar)] \(done) of \(total)"
    let perSecond = Double(done) / max(0.001, time / .seconds(1))
    if done > 0, time >= .seconds(1) {
      text += "  \(Int(perSecond))/s"
      let left = (Double(max(0, total - done)) / perSecond).rounded(.up)
      if left < 1e6 { text += "  \(Duration.seconds(Int(left)).shortText) left" }
    }
    return DisplayWidth.of(text) > width ? DisplayWidth.fit(text, to: width) : text
  }
}
