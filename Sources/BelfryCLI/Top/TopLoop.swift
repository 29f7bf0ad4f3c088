internal import Belfry
internal import BelfryAPI
internal import Foundation
internal import SwiftProtobuf
internal import Synchronization
internal import UnixSignals

/// Health, keys, signals and time, in one line of events.
final class TopLoop {
  private enum Event: Sendable {
    case update(Belfry_V1_HealthUpdate)
    case dead([Belfry_V1_JobView])
    case trouble(String)
    /// What became of an order.
    case said(String)
    case input([UInt8])
    case signal(UnixSignal)
    case tick
  }

  private let terminal: RawTerminal
  private let access: ClientAccess
  private let hasColor: Bool
  private var model = TopModel()
  private var pending: [UInt8] = []
  private let orders = AsyncStream.makeStream(
    of: TopOrder.self, bufferingPolicy: .bufferingOldest(10))
  /// Dead jobs are looked for only while somebody looks at them.
  private let wantsDead = Wish()

  private final class Wish: Sendable {
    let isMade = Atomic(false)
  }

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
    let (continuation, access, wantsDead) = (events.continuation, access, wantsDead)
    let orders = orders.stream
    Thread.detachNewThread { Self.readKeys(continuation) }
    return await withTaskGroup(of: Int32?.self) { tasks in
      tasks.addTask {
        await Self.watch(access, wantsDead, continuation)
        return nil
      }
      tasks.addTask {
        for await order in orders { await Self.perform(order, access, continuation) }
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
      case .dead(let jobs): model.dead = jobs
      case .trouble(let text): model.trouble = text
      case .said(let text): model.said = text
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
          case .perform(let order):
            model.said = "…"
            orders.continuation.yield(order)
          case .none: break
          }
        }
        wantsDead.isMade.store(model.pane == .dead, ordering: .relaxed)
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
    _ client: BelfryClient, _ wantsDead: Wish, _ events: AsyncStream<Event>.Continuation
  ) async throws {
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      tasks.addTask {
        try await client.watchHealth { events.yield(.update($0)) }
      }
      tasks.addTask {
        while true {
          try await Task.sleep(for: .seconds(1))
          events.yield(.update(try await client.health(within: .seconds(5))))
          guard wantsDead.isMade.load(ordering: .relaxed) else { continue }
          events.yield(.dead(try await client.find(deadJobs, within: .seconds(5))))
        }
      }
      defer { tasks.cancelAll() }
      try await tasks.next()
    }
  }

  private static let deadJobs = Belfry_V1_FindRequest.with {
    $0.states = ["dead"]
    $0.limit = 100
  }

  /// By a connection of its own: health goes on meanwhile.
  private static func perform(
    _ order: TopOrder, _ access: ClientAccess, _ events: AsyncStream<Event>.Continuation
  ) async {
    do {
      let said = try await access.connected {
        try await order.perform($0, within: .seconds(10))
      }
      events.yield(.said(said))
    } catch {
      let shown = UserError(translating: error)
      events.yield(.said("\(shown.what): \(shown.why)"))
    }
  }

  /// Follows the cluster; where the stream ends it tries again, and says why there is no news.
  private static func watch(
    _ access: ClientAccess, _ wantsDead: Wish, _ events: AsyncStream<Event>.Continuation
  ) async {
    while !Task.isCancelled {
      do {
        try await access.connected { client in
          try await follow(client, wantsDead, events)
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
