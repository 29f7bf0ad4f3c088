internal import ArgumentParser
internal import Belfry
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryRPC
internal import BelfryWorker
internal import Foundation
internal import NIOPosix

extension WorkerCommand {
  struct Join: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make this machine a member of a cluster, by a token. Starts no jobs.",
      discussion: """
        The key is made here and never leaves this machine. Before anything secret is used, the server \
        proves that it is the cluster in the token. Begun again with the same token, it goes on. What root \
        writes into a folder of another user belongs to that user.

        Examples:

          belfry worker join https://coord.example:7443 --token-file -      paste the token, then Ctrl-D
          belfry worker join https://coord.example:7443 --token-file /run/credentials/token
          belfry worker join 'belfry://coord.example:7443?t=BFT1-…'          both in one, seen in ps

        Exit status: 65 the token is damaged, or the name is taken; 69 nobody answers; 76 another \
        cluster, or none; 77 the token is used, expired or revoked; 78 the clocks differ.
        """)

    @Argument(help: "A coordinator, https://host:port; or belfry://host:port?t=TOKEN.")
    var url: String
    @Option(help: "The token. Others on this machine can see it in ps: --token-file is better.")
    var token: String?
    @Option(help: "A file with the token; - is standard input (BELFRY_TOKEN_FILE).")
    var tokenFile: String?
    @Option(help: "The node's name. [default: the token's]")
    var name: String?
    @Option(
      help: "Folder for the identity. [default: /var/lib/belfry/worker, or below your home]")
    var identity: String?
    @Flag(help: "Replace an identity that is there.") var force = false
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let (server, inURL) = try JoinURL.parse(url)
      let address = try ServerAddress(server)
      let token = try readToken(inURL, server)
      let files = IdentityFiles(folder: identity ?? StateFolder.identity)
      if let member = try Self.member(files, token, name: name, replacing: force) {
        note("already joined as \(member.name): \(files.folder)")
        return try report(member, files)
      }
      let steps = JoinSteps(address.target.description, token, files)
      let client = JoinClient(
        address.target, token: token, name: name ?? "",
        software: "belfry \(BelfryCommand.version)",
        eventLoopGroup: MultiThreadedEventLoopGroup.singleton)
      let membership: JoinClient.Membership
      do {
        membership = try await client.join(
          into: files, replacing: force,
          describe: { JoinedNode($0, reachedAt: server).text }, report: steps.show)
      } catch let error as JoinError {
        throw UserError(joining: error, address.target.description, token, files)
      }
      note(" Next: belfry worker run --run 'KIND=command'\(suffix(files))")
      return try report(membership.id, files)
    }

    private func suffix(_ files: IdentityFiles) -> String {
      files.folder == StateFolder.identity ? "" : " --identity \(files.folder)"
    }

    private func report(_ id: SPIFFEID, _ files: IdentityFiles) throws -> Report {
      let info = try CertificateInfo(pem: files.read().certificatePEM)
      return Report(
        Document(
          kind: "Identity",
          fields: [
            ("identity", .text(files.folder)), ("id", .text(id.description)),
            ("serial", .text(info.serial)),
            ("validUntil", Document.time(info.validity.notAfterEpochSeconds * 1_000)),
          ]))
    }

    private func readToken(_ inURL: String?, _ server: String) throws -> JoinToken {
      let file =
        tokenFile
        ?? (token == nil && inURL == nil
          ? ProcessInfo.processInfo.environment["BELFRY_TOKEN_FILE"] : nil)
      if token != nil || inURL != nil {
        note("note: others on this machine can see the token in ps; --token-file - hides it")
      }
      guard [token, inURL, file].compactMap({ $0 }).count == 1 else {
        throw UserError(
          .missingSetting, "exactly one token is needed",
          why: "--token, --token-file and a token in the URL exclude each other",
          next: ["belfry worker join \(server) --token-file -"])
      }
      let text =
        try token ?? inURL
        ?? String(
          decoding: PayloadText.bytes(nil, file: file), as: UTF8.self)
      do {
        return try JoinToken(parsing: text)
      } catch {
        throw UserError(
          .tokenDamaged, "this is no token, or a damaged one", why: error.message,
          next: ["copy the whole line again, or make another: belfry token create"])
      }
    }

    /// Who this machine is in that cluster already; nil when it may join.
    /// - Parameter name: who it is to be; nil: whoever the token says.
    private static func member(
      _ files: IdentityFiles, _ token: JoinToken, name: String?, replacing: Bool
    ) throws -> SPIFFEID? {
      let old: Identity
      do {
        old = try files.read()
      } catch {
        // Nothing is there, or nothing that is whole.
        if error.code == .notFound || replacing { return nil }
        throw error
      }
      if replacing { return nil }
      let isSame =
        try CertificateInfo(pem: old.authorityPEM).publicKeySHA256 == token.authoritySHA256
      guard isSame else {
        throw UserError(
          .fileExists, "this machine belongs to another cluster",
          why: "\(files.folder) holds \(old.id)",
          next: ["--identity names another folder", "--force replaces it"])
      }
      // A copy of a machine has the identity of the first, and must not be taken for it.
      guard old.id.role == .worker, name == nil || name == old.id.name else {
        throw UserError(
          .fileExists, "this machine is somebody else already",
          why: "\(files.folder) holds \(old.id), not \(name.map { "worker \($0)" } ?? "a worker")",
          next: ["--identity names another folder", "--force replaces it"])
      }
      let info = try CertificateInfo(pem: old.certificatePEM)
      guard info.validity.contains(epochSeconds: Validity.nowEpochSeconds()) else {
        throw UserError(
          .fileExists, "this machine has joined already, but its certificate has ended",
          why: "\(old.id), in \(files.folder)",
          next: ["start the worker: it asks for a new one by itself", "--force joins anew"])
      }
      return old.id
    }
  }
}

/// The one-string form of address and token.
enum JoinURL {
  static func parse(_ text: String) throws -> (server: String, token: String?) {
    guard text.hasPrefix("belfry://") else {
      // It would be a bad address, and be printed as one.
      guard !text.uppercased().contains("BFT1-") else {
        throw UserError(
          .badSetting, "a token does not belong into an https:// address",
          why: "it is not shown here, but others may have seen it: revoke it if in doubt",
          next: ["belfry worker join https://host:port --token-file -"])
      }
      return (text, nil)
    }
    let parts = text.dropFirst("belfry://".count).split(separator: "?", maxSplits: 1)
    guard parts.count == 2, parts[1].hasPrefix("t=") else {
      throw UserError(
        .badSetting, "\(parts.first ?? "") comes without a token",
        why: "belfry://host:port?t=TOKEN is asked for",
        next: ["belfry worker join https://host:port --token-file -"])
    }
    return ("https://" + parts[0], String(parts[1].dropFirst(2)))
  }
}

/// What is done, step by step, for who watches: on standard error, as all progress.
struct JoinSteps {
  private let server: String
  private let pin: String
  private let folder: String

  init(_ server: String, _ token: JoinToken, _ files: IdentityFiles) {
    self.server = server
    pin = String(Base32.encode(token.authoritySHA256).prefix(8))
    folder = files.folder
  }

  func show(_ step: JoinClient.Step) {
    let (what, detail) = words(step)
    let gap = String(repeating: " ", count: max(1, 44 - what.count))
    note(" ✓ \(what)\(gap)\(detail)")
  }

  private func words(_ step: JoinClient.Step) -> (String, String) {
    switch step {
    case .reached(let took): ("reached \(server)", "\(took.millisecondsClamped) ms")
    case .clocksAgree(let ahead):
      ("clocks agree", "\(Double(abs(ahead.millisecondsClamped) / 10) / 100) s apart")
    case .serverProven(let cluster, let coordinator):
      ("server is the cluster in the token", "\(coordinator) of \(cluster), CA \(pin)…")
    case .keyMade:
      ("key created", "P-256, \(folder) (0600, never leaves this machine)")
    case .enrolled(let id, let expires):
      ("enrolled as \(id.name)", "\(id), valid until \(RFC3339.text(expires)), renews itself")
    }
  }
}
