internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import BelfryRPC
internal import Foundation
internal import NIOCore
internal import NIOPosix
internal import SwiftProtobuf

/// What those who watch a cluster's health cost its coordinator: its CPU and memory without them, and with
/// them, while as many nodes beat and a lane is paused and let go on five times a second. Nodes and watchers
/// are processes of their own; each node and each watcher has a connection of its own.
extension Bench {
  func watching(nodes: Int, watchers: Int, seconds: Int) async throws -> String {
    let program = ProcessInfo.processInfo.arguments[0]
    let load = try Self.start(
      program, ["watch-nodes", folder.path + "/certs", "\(port)", "\(nodes)"])
    defer { load.terminate() }
    try await until("\(nodes) nodes are up", within: 300) {
      let health = try await self.client.health(within: .seconds(30))
      return health.nodes.count { $0.role == "worker" && $0.state == "up" } == nodes
    }
    let alone = try await change(for: seconds)
    let answer = Pipe()
    let crowd = try Self.start(
      program, ["watch-load", folder.path + "/certs/me", "\(port)", "\(watchers)"], [:],
      output: answer)
    defer { crowd.terminate() }
    // It says a line once all have the whole picture.
    guard try answer.fileHandleForReading.read(upToCount: 1) != nil else {
      throw Failure(description: "the watchers ended")
    }
    let watched = try await change(for: seconds)
    return String(
      format:
        "health: %d watchers of %d nodes, 5 changes a second: %.1f %% of a core and %.0f MB more "
        + "than without them (%.1f %% and %.0f MB)", watchers, nodes,
      100 * (watched.cpu - alone.cpu),
      watched.megabytes - alone.megabytes, 100 * alone.cpu, alone.megabytes)
  }

  /// The coordinator's share of a core meanwhile, and its memory afterwards.
  private func change(for seconds: Int) async throws -> (cpu: Double, megabytes: Double) {
    let before = try Self.cpu(of: coordinator)
    let end = ContinuousClock.now + .seconds(seconds)
    var isPaused = false
    while ContinuousClock.now < end {
      isPaused.toggle()
      let request = Belfry_V1_SetLaneRequest.with {
        $0.name = "default"
        $0.paused = isPaused
      }
      _ = try await client.setLane(request, within: .seconds(30))
      try await Task.sleep(for: .milliseconds(200))
    }
    let used = try Self.cpu(of: coordinator) - before
    let pages = try String(
      contentsOfFile: "/proc/\(coordinator.processIdentifier)/statm", encoding: .utf8)
    let resident = Double(pages.split(separator: " ").dropFirst().first ?? "") ?? 0
    return (used / Double(seconds), resident * Double(sysconf(Int32(_SC_PAGESIZE))) / 1e6)
  }
}

enum WatchLoad {
  /// Workers that take no job: they say hello, and beat.
  static func nodes(_ count: Int, certificates: String, port: Int) async throws {
    let authority = try AuthorityFiles(folder: certificates).read()
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    var clients: [RPCClient] = []
    for number in 0..<count {
      let name = "node-\(number)"
      let folder = certificates + "/" + name
      try IdentityFiles(folder: folder).write(
        authority.issue(.worker, name, validFor: .seconds(86_400)))
      let client = try await RPCLoad.connect(identity: folder, port: port, on: group)
      client.events(SessionService.connect) { Node(name, $0, on: client.eventLoop) }
      clients.append(client)
    }
    try await Task.sleep(for: .seconds(3_600))
  }

  private final class Node: TypedEventHandler {
    private let beats: RepeatedTask

    init(_ name: String, _ writer: TypedWriter<Belfry_V1_WorkerMessage>, on loop: any EventLoop) {
      writer.send(
        contentsOf: [
          .with {
            $0.hello = .with { hello in
              hello.version = 1
              hello.worker = name
              hello.boot =
                "\(BootID(milliseconds: 0, random: (.random(in: 0...(.max)), .random(in: 0...(.max)))))"
              hello.slots = 4
              hello.kinds = ["noop"]
              hello.lanes = ["default"]
              hello.software = "belfry-bench"
            }
          }
        ])
      let sequence = NIOLoopBoundBox(UInt64(0), eventLoop: loop)
      beats = loop.scheduleRepeatedTask(
        initialDelay: .milliseconds(.random(in: 0..<500)), delay: .milliseconds(500)
      ) { _ in
        sequence.value += 1
        let beat = Belfry_V1_Heartbeat.with { $0.sequence = sequence.value }
        writer.send(contentsOf: [.with { $0.heartbeat = beat }])
      }
    }

    func messagesReceived(_ messages: [Belfry_V1_CoordinatorMessage]) {}
    func messagesEnded() {}
    func drained() {}
    func goingAway() {}
    func closed(_ closure: RPCClosure) {
      beats.cancel()
      print("a session has ended: \(closure)")
    }
  }

  /// Says a line when all have the whole picture.
  static func watchers(_ count: Int, identity: String, port: Int) async throws {
    let group = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    let (begun, hasBegun) = AsyncStream.makeStream(of: Void.self)
    try await withThrowingTaskGroup(of: Void.self) { tasks in
      for _ in 0..<count {
        let client = try await RPCLoad.connect(identity: identity, port: port, on: group)
        tasks.addTask {
          for try await update in client.serverStream(
            ClusterService.watchHealth, Belfry_V1_WatchHealthRequest())
          where update.whole {
            hasBegun.yield()
          }
        }
      }
      var waited = begun.makeAsyncIterator()
      for _ in 0..<count { await waited.next() }
      print("all watch")
      fflush(nil)
      try await tasks.waitForAll()
    }
  }
}
