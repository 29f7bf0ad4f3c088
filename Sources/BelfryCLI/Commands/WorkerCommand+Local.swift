internal import ArgumentParser
internal import Belfry
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation

/// What is asked of a worker on its own machine: how it is, to end what it runs and leave, to give its
/// membership up. By its state folder and a signal: no port, no password, and it works while no
/// coordinator can be reached. Who may send the process a signal may do it.
struct LocalWorker: ParsableArguments {
  @Option(help: "Folder of the worker's identity (BELFRY_IDENTITY). [default: that of worker join]")
  var identity: String?
  @Option(help: "The worker's state folder (BELFRY_STATE). [default: the identity's folder]")
  var state: String?
  @OptionGroup var files: ConfigurationOptions

  struct Place {
    let settings: Settings
    let files: IdentityFiles
    let id: SPIFFEID
    let certificatePEM: String
    let folder: String

    var pid: pid_t? { get throws { try WorkerProcess.holder(folder) } }

    func document() throws -> Document {
      let pid = try pid
      let info = try CertificateInfo(pem: certificatePEM)
      return Document(
        kind: "LocalWorker",
        fields: [
          ("name", .text(id.name)), ("cluster", .text(id.cluster)),
          ("state", .text(pid == nil ? "stopped" : "running")),
          ("pid", pid.map { .number(Int($0)) } ?? .none),
          ("report", .text(pid == nil ? "" : WorkerProcess.sentence(folder))),
          ("identity", .text(files.folder)), ("stateFolder", .text(folder)),
          ("certificateExpires", Document.time(info.validity.notAfterEpochSeconds * 1_000)),
        ])
    }

    /// SIGTERM, and until the process has ended. Says what it says meanwhile.
    func drain(within limit: Duration?) async throws {
      guard let pid = try pid else {
        return note("no worker runs with the state folder \(folder)")
      }
      guard kill(pid, SIGTERM) == 0 || errno == ESRCH else {
        throw UserError(
          .refused, "process \(pid) cannot be told to leave", why: String(cString: strerror(errno)),
          next: ["do it as root, or as the user that runs the worker"])
      }
      let began = ContinuousClock.now
      var said = ""
      while try self.pid == pid {
        let sentence = WorkerProcess.sentence(folder)
        if sentence != said { note("\(id.name): \(sentence)") }
        said = sentence
        if let limit, ContinuousClock.now - began >= limit {
          throw UserError(
            .timeout, "\(id.name) has not left within \(limit.shortText)", why: said,
            next: ["belfry worker drain waits again", "belfry worker status"])
        }
        try await Task.sleep(for: .milliseconds(100))
      }
    }
  }

  func place() async throws -> Place {
    var options: [SettingKey: [String]] = [:]
    options.note(.identity, identity)
    options.note(.state, state)
    let settings = try await files.settings(options)
    guard let home = try settings.text(.identity) ?? StateFolder.joinedIdentity else {
      throw Settings.missing(.identity)
    }
    let files = IdentityFiles(folder: home)
    let read = try files.read()
    guard read.id.role == .worker else {
      throw UserError(
        .badFile, "\(home) is not the identity of a worker", why: "it says \(read.id)",
        next: ["--identity names another folder"])
    }
    return Place(
      settings: settings, files: files, id: read.id, certificatePEM: read.certificatePEM,
      folder: try settings.text(.state) ?? files.folder)
  }
}

extension WorkerCommand {
  struct Status: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Say how the worker of this machine is. Asks no coordinator.",
      discussion: """
        Example:

          belfry worker status --identity /var/lib/belfry/worker

        Exit status: 0 it runs, 1 it does not.
        """)

    @OptionGroup var worker: LocalWorker
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let place = try await worker.place()
      return Report(try place.document(), exit: try place.pid == nil ? 1 : 0)
    }
  }

  struct Drain: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Tell the worker of this machine to leave, and wait until it has.",
      discussion: """
        As SIGTERM does: it takes no new jobs, finishes what runs (worker run --drain says how long), hands \
        the rest back, and its process ends. Done at once where none runs. Made for preStop hooks.

        Examples:

          belfry worker drain
          belfry worker drain --identity /var/lib/belfry/worker --wait 5m

        Exit status: 0 it has ended, 75 --wait is over.
        """)

    @Option(help: "Wait no longer than this. [default: as long as it takes]")
    var wait: DurationOption?
    @OptionGroup var worker: LocalWorker
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let place = try await worker.place()
      try await place.drain(within: wait?.duration)
      return Report(try place.document())
    }
  }

  struct Leave: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Take this machine out of its cluster: the opposite of join.",
      discussion: """
        Drains the worker if it runs, has the cluster forget it (so that its name is free, and its \
        certificate worth nothing), and removes the identity here. Only of a worker that has joined: an \
        identity that was made by hand is taken back with belfry node revoke.

        Example:

          belfry worker leave --yes
        """)

    @Flag(help: "Do not ask.") var yes = false
    @Option(help: "A coordinator, https://host:port (BELFRY_SERVER). [default: those it joined]")
    var server: String?
    @Option(help: "How long to wait for an answer.")
    var timeout = DurationOption(.seconds(30))
    @OptionGroup var worker: LocalWorker
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let place = try await worker.place()
      guard let joined = try JoinedNode(beside: place.files) else {
        throw UserError(
          .notPossible, "\(place.id.name) has not joined by a token",
          why: "\(place.files.folder) was made by hand, and nobody could make it again",
          next: ["belfry worker drain", "belfry node revoke \(place.id.name) --unknown"])
      }
      try Confirmation.ask(
        "take \(place.id.name) out of cluster \(place.id.cluster)?", isYes: yes, hasDryRun: false)
      try await place.drain(within: nil)
      let servers = try server.map { [$0] } ?? place.settings.texts(.serverURL)
      try await leave(place, servers.isEmpty ? joined.coordinators : servers)
      place.files.remove()
      note("\(place.id.name) has left; to come back: belfry worker join")
      return Report(
        Document(
          kind: "Left",
          fields: [("name", .text(place.id.name)), ("cluster", .text(place.id.cluster))]))
    }

    /// The first coordinator that answers. One may not have heard yet that the session is over.
    private func leave(_ place: LocalWorker.Place, _ servers: [String]) async throws {
      let end = ContinuousClock.now + timeout.duration
      var problem: any Error = CancellationError()
      var isUnsure = false
      while true {
        for server in servers {
          let access = ClientAccess(server: server, identity: place.files.folder)
          do {
            return try await access.connected { try await $0.leave(within: .seconds(10)) }
          } catch let error as BelfryError
            where error.code == .notPossible || error.code == .unavailable
          {
            problem = error
            isUnsure = isUnsure || error.code == .unavailable
          } catch let error as BelfryError
            where error.code == .refused && isUnsure
            && error.message.contains("was removed from the cluster")
          {
            // Forgotten, it is cut off at once, perhaps before it hears of it: that was done.
            return
          }
        }
        if ContinuousClock.now >= end { throw problem }
        try await Task.sleep(for: .milliseconds(500))
      }
    }
  }
}
