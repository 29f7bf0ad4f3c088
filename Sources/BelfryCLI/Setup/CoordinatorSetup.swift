internal import Belfry
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryRPC
internal import BelfryRabbitMQ
internal import Foundation
internal import Logging
internal import NIOPosix

/// A coordinator's parts, from its settings.
struct CoordinatorSetup {
  private let settings: Settings
  init(_ settings: Settings) { self.settings = settings }

  /// The CA that is named, else the one in whose folder the identity lies, if there is one.
  func issuer(_ me: NodeIdentity, _ logger: Logger) throws -> CertificateIssuer? {
    let named = try settings.text(.authority)
    let files = AuthorityFiles(folder: named ?? me.folder + "/..")
    guard named != nil || access(files.keyPath, R_OK) == 0 else { return nil }
    let authority = try files.read()
    guard authority.cluster == me.cluster else {
      throw UserError(
        .badFile, "\(files.folder) is not the CA of this coordinator",
        why: "it is that of \(authority.cluster), and \(me.name) belongs to \(me.cluster)",
        next: ["--authority names the folder with ca.pem and ca.key of \(me.cluster)"])
    }
    logger.info("has the CA: machines can join here", metadata: ["ca": "\(files.folder)"])
    return CertificateIssuer(
      authority: authority,
      lifetime: try settings.duration(.certificateLife) ?? CertificateIssuer.lifetimeDefault)
  }

  /// Of the first certificate in a file.
  static func life(of path: String) throws -> CertificateLife {
    let pem = try String(contentsOfFile: path, encoding: .utf8)
    let validity = try CertificateInfo(pem: pem).validity
    return CertificateLife(
      begins: WallTime(milliseconds: validity.notBeforeEpochSeconds * 1_000),
      ends: WallTime(milliseconds: validity.notAfterEpochSeconds * 1_000))
  }

  /// Where machines reach this coordinator: what is said, else where it listens, if that is one place.
  func addresses() throws -> [String] {
    let said = try settings.texts(.advertise).map { "https://\(try ServerAddress($0).target)" }
    let listens = try listenAddress()
    guard said.isEmpty, listens.port != 0, !["0.0.0.0", "::", ""].contains(listens.host) else {
      return said
    }
    return ["https://\(RPCTarget(host: listens.host, port: listens.port))"]
  }

  func lanes() throws -> [Lane] { try LaneText.parse(settings.texts(.lanes)) }

  func outcomesKept() throws -> Duration {
    let kept = try settings.duration(.keepOutcomes) ?? .seconds(30 * 86_400)
    guard kept >= .seconds(86_400) else {
      throw UserError(
        .badSetting, "--keep-outcomes \(kept.shortText) is not accepted",
        why: "a job that comes again later than that would run again: at least 1d",
        next: ["--keep-outcomes 30d"])
    }
    return kept
  }

  func retryPolicies() throws -> [Kind: RetryPolicy] {
    var policies: [Kind: RetryPolicy] = [:]
    for text in try settings.texts(.retry) {
      let parts = text.split(separator: "=", maxSplits: 1)
      // The back-off may have commas of its own only behind the first.
      let values = parts.last?.split(separator: ",").map(String.init) ?? []
      let backoff = values.count == 2 ? Backoff(values[1]) : .default
      guard parts.count == 2, let kind = Kind(String(parts[0])), (1...2).contains(values.count),
        let tries = Int(values[0]), (1...1_000_000).contains(tries), let backoff
      else {
        throw UserError(
          .badSetting, "--retry \(text) is not accepted",
          why: "KIND=TRIES, and perhaps a back-off, are asked for",
          next: ["--retry resize=5,exp:1s:2:1h"])
      }
      policies[kind] = RetryPolicy(triesMax: tries, backoff: backoff)
    }
    return policies
  }

  func limits(payloadMax: Int) throws -> RPCLimits {
    var limits = RPCLimits()
    // Results come in as well, whatever the payloads are.
    limits.messageBytesMax = max(payloadMax, JobResult.inlineBytesMax) + (256 << 10)
    for text in try settings.texts(.limit) {
      guard let why = limits.set(text) else { continue }
      throw UserError(
        .badSetting, "--limit \(text) is not accepted", why: why,
        next: ["belfry coordinator limits"])
    }
    return limits
  }

  func queue(
    _ me: NodeIdentity, _ boot: BootID, _ lanes: [Lane]
  ) throws -> RabbitMQQueue {
    var configuration = try RabbitMQConfiguration(
      url: settings.required(.queueURL), connectionName: "belfry coordinator \(me.name)",
      lanes: lanes)
    configuration.presence = QueueTopology.presence(of: boot)
    if let password = try settings.text(.queuePassword) {
      configuration.address.password = password
    }
    return RabbitMQQueue(configuration)
  }

  func store() throws -> MongoStore {
    try MongoStore(
      url: settings.required(.storeURL), password: settings.text(.storePassword),
      appName: "belfry coordinator")
  }

  /// Where alerts go besides the log; what waits for one that is away is kept below `state`.
  func sinks(_ me: NodeIdentity, state: String, _ logger: Logger) throws -> AlertSinks {
    let folder = URL(fileURLWithPath: state).appending(path: "alerts")
    return try AlertSinks(
      settings.text(.alertSinks).map(AlertSinkFile.read) ?? [], folder: folder,
      cluster: me.cluster, node: me.name.text, release: BelfryCommand.release,
      group: MultiThreadedEventLoopGroup.singleton, logger: logger)
  }

  func listenAddress() throws -> (host: String, port: Int) {
    let text = try settings.required(.listen)
    guard let address = HostAndPort(text) else {
      throw UserError(
        .badSetting, "\"\(text)\" is no address to listen on", why: "host:port is asked for",
        next: ["--listen 0.0.0.0:7443"])
    }
    return (address.host, address.port)
  }

  /// Every user of a machine can read the command lines of its processes.
  func warnOfSecrets(_ logger: Logger) {
    for (key, better) in [(SettingKey.queueURL, "queue-password"), (.storeURL, "store-password")] {
      // What cannot be read was refused before.
      guard let found = try? settings.find(key), found.origin.kind == .option,
        Masked.hasPassword(found.texts.first ?? "")
      else { continue }
      logger.warning(
        "a password stands on the command line, where every user of this machine can read it",
        metadata: [
          "option": "\(found.origin.place)",
          "next":
            "give it as credential \(better) or in BELFRY_\(better.uppercased().replacing("-", with: "_"))",
        ])
    }
  }
}

/// `host:port` to listen on; an IPv6 address in brackets.
struct HostAndPort: Equatable {
  let host: String
  let port: Int

  init?(_ text: String) {
    guard let colon = text.lastIndex(of: ":"), let port = Int(text[text.index(after: colon)...]),
      (0...65_535).contains(port), colon > text.startIndex
    else { return nil }
    host = String(text[..<colon].trimming { $0 == "[" || $0 == "]" })
    self.port = port
  }
}
