internal import ArgumentParser
internal import BelfryCore
internal import BelfryEmbedded
internal import Foundation
internal import NIOCore

struct DevCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "dev",
    abstract: "Run a whole cluster in one process: no broker, no database, nothing to set up.",
    discussion: """
      Coordinator and workers as they are everywhere, mutual TLS included, on a queue and a store in one \
      file. What is accepted is on the disk: a kill -9 loses nothing, the next start goes on. Commands \
      such as belfry submit find the cluster by themselves.

      Examples:

        belfry dev
        belfry dev --run 'shout=tr a-z A-Z' --run 'resize=python3 resize.py' --workers 2
        belfry dev --memory --port 0             for a test: keeps nothing, any free port

      More workers may come from other processes; without --store, the coordinator records for them:

        belfry cert issue worker w9 --dir ~/.local/state/belfry/dev/certs
        belfry worker run --server https://127.0.0.1:7443 \\
            --identity ~/.local/state/belfry/dev/certs/w9 --run 'shout=tr a-z A-Z'

      Ctrl-C: takes no new jobs, finishes what runs (--drain), leaves. Twice: at once.
      """)

  @Option(
    help: "Folder of all that it keeps (BELFRY_DEV_DATA). [default: ~/.local/state/belfry/dev]")
  var data: String?
  @Flag(help: "Keep nothing: jobs, outcomes and keys go with the process.")
  var memory = false
  @Option(help: "Workers in this process, 0 to 64.")
  var workers = 1
  @Option(
    name: .customLong("run"),
    help: "KIND=command with arguments; may be repeated. [default: echo=cat]")
  var handlers: [String] = []
  @Option(help: "Jobs at a time in each worker. [default: 2 × cores]")
  var slots: Int?
  @Option(help: "Port on 127.0.0.1; 0: any that is free.")
  var port = 7443
  @Option(help: "How long the workers wait for what runs when they leave.")
  var drain = DurationOption(.seconds(30))
  @OptionGroup var logs: LogOptions
  @OptionGroup var ready: ReadyOptions

  func validate() throws {
    guard (0...64).contains(workers) else { throw ValidationError("--workers is 0 to 64") }
    guard (0...65_535).contains(port) else { throw ValidationError("--port is 0 to 65535") }
    guard slots.map({ (1...100_000).contains($0) }) ?? true else {
      throw ValidationError("--slots is 1 to 100000")
    }
    guard !memory || data == nil else {
      throw ValidationError("--memory and --data exclude each other")
    }
  }

  func run() async throws {
    let settings = try await Settings.load(options: logs.options)
    let named = data ?? ProcessInfo.processInfo.environment["BELFRY_DEV_DATA"]
    let folder =
      try memory ? DevFolder.temporary() : DevFolder(named.flatMap { $0.isEmpty ? nil : $0 })
    defer { folder.removeIfTemporary() }
    do {
      try await serve(folder, settings)
    } catch let error as EmbeddedError {
      throw UserError(embedded: error, in: folder)
    } catch let error as IOError where error.errnoCode == EADDRINUSE {
      throw UserError(
        .addressTaken, "port \(port) is taken", why: "another process listens on 127.0.0.1:\(port)",
        next: ["belfry dev --port 7444", "belfry dev --port 0 takes any that is free"])
    }
  }

  private func serve(_ folder: DevFolder, _ settings: Settings) async throws {
    let began = ContinuousClock.now
    // First of all: it refuses to share the folder.
    let engine = try EmbeddedEngine(folder.place)
    let cluster = DevCluster(
      folder: folder, engine: engine, port: port, workers: workers,
      commands: handlers.isEmpty ? ["echo=cat"] : handlers,
      slots: slots ?? 2 * ProcessInfo.processInfo.activeProcessorCount, drainMax: drain.duration,
      settings: settings, ready: ready)
    do {
      try await cluster.run(began: began)
    } catch {
      await engine.close()
      throw error
    }
    let waiting = await engine.waitingJobs()
    await engine.close()
    if !folder.isTemporary, waiting > 0 {
      DevRemark.say(
        "\(waiting) \(waiting == 1 ? "job waits" : "jobs wait") in \(folder.path) for the next start."
      )
    }
  }
}

extension UserError {
  init(embedded error: EmbeddedError, in folder: DevFolder) {
    let another = "belfry dev --data DIR uses another folder"
    switch error.code {
    case .locked:
      self.init(
        .dataInUse, "\(folder.path) is in use", why: error.description,
        next: ["stop the other belfry dev, or: \(another)"])
    case .newer:
      self.init(
        .dataUnusable, "the data is of a newer Belfry", why: error.description,
        next: ["use that release, or: \(another)"])
    case .damaged, .notOurs:
      self.init(
        .dataUnusable, "the data cannot be read", why: error.description,
        next: [
          "restore a copy, or try to save what is left: sqlite3 \(folder.file) .recover",
          "or begin anew: mv \(folder.file) \(folder.file).damaged",
        ])
    case .full:
      self.init(
        .diskFull, "the disk is full", why: error.description,
        next: ["make room on it: df -h \(folder.path)", "or: \(another)"])
    case .fileSystem:
      self.init(
        .badFile, "the data folder cannot be used", why: error.description, next: [another])
    }
  }
}
