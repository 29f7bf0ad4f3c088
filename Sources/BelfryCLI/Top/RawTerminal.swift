internal import Foundation

/// The terminal while `belfry top` has it: other screen, no echo, keys one by one. It is given back
/// whatever happens: at the end, by a signal, and when the process crashes.
final class RawTerminal {
  /// What `restore` needs, where a crash's handler can read it: written once, before handlers are set.
  private nonisolated(unsafe) static var saved = termios()
  private nonisolated(unsafe) static var isRaw = false

  private static let enter = "\u{1B}[?1049h\u{1B}[?25l\u{1B}[H\u{1B}[2J"
  private static let leave = StaticString("\u{1B}[0m\u{1B}[?25h\u{1B}[?1049l")
  private var drawn: [String] = []

  /// Nil when standard input or output is no terminal that can do this.
  init?() {
    guard isatty(0) == 1, isatty(1) == 1, ProcessInfo.processInfo.environment["TERM"] != "dumb",
      tcgetattr(0, &Self.saved) == 0
    else { return nil }
    for number in [SIGSEGV, SIGBUS, SIGILL, SIGTRAP, SIGABRT, SIGFPE] {
      signal(number) { number in
        RawTerminal.restore()
        signal(number, SIG_DFL)
        raise(number)
      }
    }
    start()
  }

  func start() {
    var raw = Self.saved
    cfmakeraw(&raw)
    tcsetattr(0, TCSANOW, &raw)
    Self.isRaw = true
    drawn = []
    write(Self.enter)
  }

  /// Also from a signal's handler: only what may be called there.
  static func restore() {
    guard isRaw else { return }
    isRaw = false
    leave.withUTF8Buffer { _ = Foundation.write(1, $0.baseAddress, $0.count) }
    tcsetattr(0, TCSANOW, &saved)
  }

  var size: (width: Int, height: Int) {
    var size = winsize()
    guard ioctl(1, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0, size.ws_row > 0 else {
      return (80, 24)
    }
    return (Int(size.ws_col), Int(size.ws_row))
  }

  func forget() { drawn = [] }

  /// Sends only lines that have changed.
  func draw(_ lines: [String]) {
    var text = drawn.count == lines.count ? "" : "\u{1B}[2J"
    for (index, line) in lines.enumerated()
    where drawn.count != lines.count || drawn[index] != line {
      text += "\u{1B}[\(index + 1);1H\(line)\u{1B}[0m\u{1B}[K"
    }
    drawn = lines
    if !text.isEmpty { write(text) }
  }

  private func write(_ text: String) {
    var bytes = Array(text.utf8)[...]
    while !bytes.isEmpty {
      let count = bytes.withUnsafeBytes { Foundation.write(1, $0.baseAddress, $0.count) }
      // The terminal is gone: SIGHUP ends the process.
      guard count > 0 else { return }
      bytes = bytes.dropFirst(count)
    }
  }
}
