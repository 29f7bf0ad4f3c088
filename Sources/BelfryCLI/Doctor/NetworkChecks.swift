internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryMongo
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import Foundation
internal import NIOCore
internal import NIOPosix

/// Each hop from this machine: can it be reached, does it know us, is it what it should be. Nothing is
/// changed there.
struct NetworkChecks: Sendable {
  let settings: Settings?
  let access: ClientAccess

  // MARK: broker

  func broker() async -> [DoctorCheck] {
    let names = ["address", "connection", "login", "version", "queues"]
    guard let settings, let url = try? settings.text(.queueURL) else {
      return names.map { .skipped(.broker, $0, "no queue.url is set: --queue") }
    }
    var address: RabbitMQAddress
    do { address = try RabbitMQAddress(url) } catch {
      return [.error(.broker, "address", "\(error)", fix: "--queue amqp://user@host:5672/")]
        + names.dropFirst().map { .skipped(.broker, $0, "the address is wrong") }
    }
    // What is not accepted was told in the settings' own check.
    if let password = (try? settings.text(.queuePassword)) ?? nil { address.password = password }
    let lanes = (try? LaneText.parse(settings.texts(.lanes))) ?? []
    let connection = await reach(.broker, address.host, address.port, "rabbitmq-diagnostics status")
    let first = [.ok(.broker, "address", Masked.url(url)), connection]
    guard connection.state == .ok else {
      return first + names.dropFirst(2).map { .skipped(.broker, $0, "it cannot be reached") }
    }
    let asked = address
    let answer = await Patience.wait { () -> Result<BrokerProbe, RabbitMQError> in
      Result { () throws(RabbitMQError) in
        try BrokerProbe(asked, queues: lanes.flatMap(QueueTopology.queues))
      }
    }
    switch answer {
    case .success(let probe):
      let made =
        probe.missing.isEmpty
        ? "all are there" : "\(probe.missing.count) are not there yet: the coordinator makes them"
      return first + [
        .ok(.broker, "login", "user \(address.user), virtual host \(address.virtualHost)"),
        .ok(.broker, "version", probe.server), .ok(.broker, "queues", made),
      ]
    case .failure(let error):
      return first + [failure(.broker, "login", error.description)]
        + names.dropFirst(3).map { .skipped(.broker, $0, "no login") }
    case nil:
      return first + [late(.broker, "login", "rabbitmq-diagnostics status")]
        + names.dropFirst(3).map { .skipped(.broker, $0, "no login") }
    }
  }

  // MARK: store

  func store() async -> [DoctorCheck] {
    let names = ["address", "connection", "replica set and user"]
    guard let settings, let url = try? settings.text(.storeURL) else {
      return names.map { .skipped(.store, $0, "no store.url is set: --store") }
    }
    let store: MongoStore
    do {
      store = try MongoStore(
        url: url, password: settings.text(.storePassword), appName: "belfry doctor",
        use: .outcomesOnly)
    } catch {
      return [
        .error(
          .store, "address", "\(error)", fix: "--store 'mongodb://localhost/belfry?replicaSet=rs0'")
      ] + names.dropFirst().map { .skipped(.store, $0, "the address is wrong") }
    }
    let first = store.address.split(separator: ",").first.map(String.init) ?? ""
    let place = HostAndPort(first)
    let connection = await reach(
      .store, place?.host ?? first, place?.port ?? 27_017, "systemctl status mongod")
    let answers = AsyncStream.makeStream(of: StoreProblem?.self)
    let task = Task {
      answers.continuation.yield(await store.check())
      answers.continuation.finish()
      await store.close()
    }
    let answer = await Patience.first(of: answers.stream)
    task.cancel()
    let last: DoctorCheck
    switch answer {
    case nil: last = late(.store, "replica set and user", "rs.status() in mongosh")
    case .some(nil): last = .ok(.store, "replica set and user", "outcomes can be kept there")
    case .some(.some(let problem)): last = failure(.store, "replica set and user", problem.message)
    }
    return [.ok(.store, "address", Masked.url(url)), connection, last]
  }

  // MARK: cluster

  func cluster() async -> [DoctorCheck] {
    let names = ["address", "connection", "call"] + Self.afterTheCall
    let place: (server: String, identity: String)
    do { place = try await access.place() } catch {
      return names.map { .skipped(.cluster, $0, "no coordinator is named: --server or a context") }
    }
    if ServerSocket(place.server) != nil {
      let first = [DoctorCheck.ok(.cluster, "address", place.server)]
      return await asked(first + [.skipped(.cluster, "connection", "it is a Unix socket")], place)
    }
    let target: (host: String, port: Int)
    do {
      let address = try ServerAddress(place.server).target
      target = (address.host, address.port)
    } catch {
      return [.error(.cluster, "address", "\(error)", fix: "--server https://coord:7443")]
        + names.dropFirst().map { .skipped(.cluster, $0, "the address is wrong") }
    }
    let first = [
      DoctorCheck.ok(.cluster, "address", place.server),
      await reach(.cluster, target.host, target.port, "belfry coordinator run, on that machine"),
    ]
    guard first.last?.state == .ok else {
      return first + names.dropFirst(2).map { .skipped(.cluster, $0, "it cannot be reached") }
    }
    return await asked(first, place)
  }

  private func asked(
    _ first: [DoctorCheck], _ place: (server: String, identity: String)
  ) async -> [DoctorCheck] {
    do {
      return first + (try await ask(place))
    } catch {
      let shown = UserError(translating: error)
      return first + [
        .error(
          .cluster, "call", "\(shown.what): \(shown.why)",
          fix: shown.next.first ?? "belfry explain \(shown.code.rawValue)")
      ] + Self.afterTheCall.map { .skipped(.cluster, $0, "no call went through") }
    }
  }

  private static let afterTheCall = ["round trip", "clock", "health", "release"]

  private func ask(_ place: (server: String, identity: String)) async throws -> [DoctorCheck] {
    let client = try BelfryClient(server: place.server, identity: place.identity)
    do {
      // The first sets the connection up.
      _ = try await client.health(within: Patience.limit)
      let start = ContinuousClock.now
      let picture = try await client.health(within: Patience.limit)
      let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
      await client.close()
      let offset = Double(picture.atMs) / 1_000 - Date().timeIntervalSince1970
      let software = picture.nodes.map(\.software).filter { !$0.isEmpty }
      let others = Set(software).subtracting(["belfry \(BelfryCommand.version)"]).sorted()
      return [
        .ok(.cluster, "call", "TLS and identity are accepted by cluster \(picture.cluster)"),
        .good(
          milliseconds < 200, .cluster, "round trip", String(format: "%.1f ms", milliseconds),
          fix: "look at the network between: mtr, ping"),
        .good(
          abs(offset) < 2, .cluster, "clock", String(format: "%+.2f s from here", offset),
          fix: "timedatectl set-ntp true, on both machines"),
        .good(
          picture.verdict.isEmpty, .cluster, "health",
          picture.verdict.isEmpty ? "nothing is wrong" : picture.verdict, fix: "belfry health"),
        .good(
          others.isEmpty, .cluster, "release",
          others.isEmpty
            ? "\(BelfryCommand.version) everywhere"
            : "others run \(others.joined(separator: ", "))",
          fix: "bring all nodes to one release"),
      ]
    } catch {
      await client.close()
      throw error
    }
  }

  // MARK: shared

  private func reach(
    _ group: DoctorCheck.Group, _ host: String, _ port: Int, _ fix: String
  ) async -> DoctorCheck {
    let start = ContinuousClock.now
    do {
      let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
        .connectTimeout(TimeAmount(Patience.limit)).connect(host: host, port: port).get()
      let milliseconds = (ContinuousClock.now - start) / .milliseconds(1)
      // It is closed already where the other side was quicker.
      try? await channel.close()
      return .ok(
        group, "connection", String(format: "%@:%d took %.1f ms", host, port, milliseconds))
    } catch {
      return .error(
        group, "connection", "\(host):\(port) cannot be reached: \(error)",
        fix: "start it, or open the way to port \(port): \(fix)")
    }
  }

  private func failure(
    _ group: DoctorCheck.Group, _ name: String, _ text: String
  ) -> DoctorCheck {
    let known = UserError(foreign: text)
    return .error(group, name, text, fix: known?.next.first ?? "belfry explain BF0401")
  }

  private func late(_ group: DoctorCheck.Group, _ name: String, _ fix: String) -> DoctorCheck {
    .error(
      group, name, "connected, but no answer within \(Patience.limit.shortText)",
      fix: "look at the server: \(fix)")
  }
}
