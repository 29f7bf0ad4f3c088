import Foundation

/// A terminal with somebody at it: tmux has a real one, keys go in and what is on the screen comes out.
final class Tmux {
  private let name = "belfry-\(UUID().uuidString.prefix(8))"
  private let environment: [String: String]

  /// - Parameter command: words for a shell.
  init(
    _ command: String, width: Int = 100, height: Int = 30, environment: [String: String]
  ) async throws {
    self.environment = environment.merging(["TERM": "xterm-256color", "TMUX": ""]) { own, _ in own }
    try await tmux(
      "-f", "/dev/null", "new-session", "-d", "-x", "\(width)", "-y", "\(height)", command)
  }

  @discardableResult
  private func tmux(_ arguments: String...) async throws -> Ended {
    // Foundation takes a process for running while anybody has its descriptors, as tmux's server would.
    let closing =
      "for f in /proc/$$/fd/*; do n=${f##*/}; [ $n -le 2 ] || eval \"exec $n>&-\"; done; exec tmux \"$@\""
    let ended = try await Run.program(
      "/usr/bin/env", ["bash", "-c", closing, "tmux", "-L", name] + arguments,
      environment: environment)
    guard ended.status == 0 else {
      throw Services.Missing(description: "tmux \(arguments): \(ended.err)")
    }
    return ended
  }

  func type(_ keys: String...) async throws {
    for key in keys { try await tmux("send-keys", key) }
  }

  func resize(width: Int, height: Int) async throws {
    try await tmux("resize-window", "-x", "\(width)", "-y", "\(height)")
  }

  var screen: String {
    get async throws { try await tmux("capture-pane", "-p").out }
  }

  /// Of the screen and the cursor: `1 0` on the other screen without a cursor.
  var modes: String {
    get async throws {
      try await tmux("display-message", "-p", "#{alternate_on} #{cursor_flag}").out
        .trimmingCharacters(in: .newlines)
    }
  }

  /// Waits until the screen is so; the error shows what was on it last.
  func until(
    _ what: String, within limit: Double = 30, _ condition: (String) -> Bool
  ) async throws {
    let deadline = Date().addingTimeInterval(limit)
    while true {
      let screen = try await screen
      if condition(screen) { return }
      guard Date() < deadline else {
        throw Services.Missing(
          description: "waited \(limit) s in vain: \(what); on the screen:\n\(screen)")
      }
      try await Task.sleep(for: .milliseconds(50))
    }
  }

  func close() async {
    // It may have ended with its command.
    _ = try? await tmux("kill-server")
  }
}
