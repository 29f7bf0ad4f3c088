internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import Foundation
internal import UnixSignals

struct TopCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "top", abstract: "Watch the cluster live, on the whole screen.",
    discussion: """
      Keys: q quit, Tab pane, / filter, s sort, p pause, Enter details, ? help. Where standard output is
      no terminal it prints one frame, as with --once.

      Examples:

        belfry top
        belfry top --once
        belfry top --batch 3
      """)

  @Flag(help: "Print one frame and end.") var once = false
  @Option(help: "Print so many frames, one a second, and end.") var batch: Int?
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    guard (batch ?? 1) >= 1 else { throw ValidationError("--batch is at least 1") }
  }

  func report() async throws -> Report {
    if !once, batch == nil, output.format == .table, let terminal = RawTerminal() {
      defer { RawTerminal.restore() }
      let access = client.access
      throw ExitCode(await TopLoop(terminal, access, hasColor: hasColor).run())
    }
    return try await client.connected { try await frames($0, within: $1) }
  }

  private var hasColor: Bool { Screen.current(output.style).hasColor }

  /// Two looks make a rate, so a frame takes a second.
  private func frames(_ client: BelfryClient, within limit: Duration) async throws -> Report {
    let renderer = Renderer(output.style)
    var model = TopModel()
    model.updated(try await client.health(within: limit), nowMs: TopLoop.nowMs)
    for number in 1...(batch ?? 1) {
      try await Task.sleep(for: .seconds(1))
      model.updated(try await client.health(within: limit), nowMs: TopLoop.nowMs)
      let frame = model
      let report = Report(
        Document(model.picture), names: model.picture.nodes.map(\.name)
      ) { screen in
        let lines = frame.frame(width: screen.width ?? 120, height: 24)
        return lines.dropLast().joined(separator: "\n").trimmingSuffix()
      }
      if number == (batch ?? 1) { return report }
      renderer.print(report)
    }
    preconditionFailure("--batch is at least 1")
  }
}

extension String {
  fileprivate func trimmingSuffix() -> String {
    var text = self
    while text.last == "\n" || text.last == " " { text.removeLast() }
    return text
  }
}

/// Health, keys, signals and time, in one line of events.
private final class TopLoop {
  private enum Event: Sendable {
    case update(Belfry_V1_HealthUpdate)
    case trouble(String)
    case input([UInt8])
    case signal(UnixSignal)
    case tick
  }

  private let terminal: RawTerminal
  private let access: ClientAccess
  private let hasColor: Bool
  private var model = TopModel()
  private var pending: [UInt8] = []

  static var nowMs: Int64 { Int64(Date().timeIntervalSince1970 * 1_000) }

  /// At most four frames a second, except after a key.
  private static let tick = Duration.milliseconds(250)

  init(_ terminal: RawTerminal, _ access: ClientAccess, hasColor: Bool) {
    self.terminal = terminal
    self.access = access
    self.hasColor = hasColor
  }

  /// The status to end with.
  func run() async -> Int32 {
    let events = AsyncStream.makeStream(of: Event.self, bufferingPolicy: .bufferingNewest(1_000))
    let (continuation, access) = (events.continuation, access)
    Thread.detachNewThread { Self.readKeys(continuation) }
    return await withTaskGroup(of: Int32?.self) { tasks in
      tasks.addTask {
        await Self.watch(access, continuation)
        return nil
      }
      tasks.addTask {
        for await signal in await UnixSignalsSequence(
          trapping: .sigint, .sigterm, .sighup, .sigwinch, .sigcont)
        {
          continuation.yield(.signal(signal))
        }
        return nil
      }
      tasks.addTask {
        while !Task.isCancelled {
          continuation.yield(.tick)
          // Cancelled: it is over.
          try? await Task.sleep(for: Self.tick)
        }
        return nil
      }
      let status = await handle(events.stream)
      tasks.cancelAll()
      return status
    }
  }

  private func handle(_ events: AsyncStream<Event>) async -> Int32 {
    var isDrawn = false
    for await event in events {
      switch event {
      case .update(let update): model.updated(update, nowMs: Self.nowMs)
      case .trouble(let text): model.trouble = text
      case .tick:
        isDrawn = true
        model.passed(nowMs: Self.nowMs)
        draw()
      case .input(let bytes):
        pending += bytes
        for key in TopKey.take(from: &pending) {
          switch model.pressed(key) {
          case .quit: return key == .interrupt ? 130 : 0
          case .suspend: suspend()
          case .none: break
          }
        }
        if isDrawn { draw() }
      case .signal(.sigint): return 130
      case .signal(.sigterm): return 143
      case .signal(.sighup): return 129
      case .signal(.sigcont): terminal.start()
      case .signal: terminal.forget()
      }
    }
    return 0
  }

  private func draw() {
    let size = terminal.size
    terminal.draw(model.frame(width: size.width, height: size.height, hasColor: hasColor))
  }

  /// To the shell; it comes back by SIGCONT.
  private func suspend() {
    RawTerminal.restore()
    kill(getpid(), SIGSTOP)
  }

  private static func readKeys(_ events: AsyncStream<Event>.Continuation) {
    var buffer = [UInt8](repeating: 0, count: 256)
    while true {
      let count = read(0, &buffer, buffer.count)
      if count > 0 {
        events.yield(.input(Array(buffer[..<count])))
      } else if count == 0 || errno != EINTR {
        // No more keys: as if somebody had pressed q.
        events.yield(.input([UInt8(ascii: "q")]))
        return
      }
    }
  }

  /// What changes comes at once by the stream; numbers that only grow are no change there, so the whole
  /// is asked for as well. Ends when either ends.
  private static func follow(
    _ client: BelfryClient, _ events: AsyncStream<Event>.Continuation
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        for try await update in client.watchHealth() { events.yield(.update(update)) }
      }
      tasks.addTask {
        while true {
          try await Task.sleep(for: .seconds(1))
          events.yield(.update(try await client.health(within: .seconds(5))))
        }
      }
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  /// Follows the cluster; where the stream ends it tries again, and says why there is no news.
  private static func watch(
    _ access: ClientAccess, _ events: AsyncStream<Event>.Continuation
  ) async {
    while !Task.isCancelled {
      do {
        try await access.connected { client in
          try await follow(client, events)
        }
        events.yield(.trouble("trying again: the coordinator has left"))
      } catch {
        let shown = UserError(translating: error)
        events.yield(.trouble("trying again: \(shown.what): \(shown.why)"))
      }
      // Cancelled: it is over.
      try? await Task.sleep(for: .seconds(1))
    }
  }
}
