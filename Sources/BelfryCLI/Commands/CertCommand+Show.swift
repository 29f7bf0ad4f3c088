internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation

extension CertCommand {
  struct Show: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Show what a certificate says, and how long it is good.",
      discussion: """
        WHAT is a file, or a folder with identity.pem or ca.pem; without one, the identity that commands \
        of this user show. Another name is taken for a node: then the cluster is asked, and shown what it \
        knows of the node's certificate.

        Examples:

          belfry cert show
          belfry cert show /etc/belfry/identity
          belfry cert show certs/ca.pem -o json
          belfry cert show gpu-7

        Exit status: 1 when it is not good now.
        """)

    @Argument(help: "A file, a folder, or a node's name.") var what: String?
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      if let what, !FileManager.default.fileExists(atPath: what), NodeName(what) != nil {
        return try await node(what)
      }
      let path = try await Self.file(place)
      let pem: String
      do {
        pem = try String(contentsOfFile: path, encoding: .utf8)
      } catch {
        throw UserError(
          .badFile, "\(path) cannot be read", why: error.localizedDescription,
          next: ["belfry cert show FILE, or FOLDER, or NODE"])
      }
      let info: CertificateInfo
      do {
        info = try CertificateInfo(pem: pem)
      } catch {
        throw UserError(
          .badFile, "\(path) is no certificate", why: error.description,
          next: ["the file begins with -----BEGIN CERTIFICATE-----; a key does not"])
      }
      let now = Validity.nowEpochSeconds()
      return Report(
        Document(certificate: info, in: path, at: now),
        exit: info.validity.contains(epochSeconds: now) ? 0 : 1)
    }

    private var place: String {
      get async throws {
        if let what { return what }
        return try await client.access.place().identity
      }
    }

    /// The certificate in a folder: an identity's, else a CA's.
    private static func file(_ path: String) throws -> String {
      var isFolder: ObjCBool = false
      guard FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) else {
        throw UserError(
          .fileMissing, "there is no \(path)", why: "it is no file, no folder and no node's name",
          next: ["belfry cert show FILE, or FOLDER, or NODE"])
      }
      guard isFolder.boolValue else { return path }
      let names = ["identity.pem", "ca.pem"].map { path + "/" + $0 }
      guard let file = names.first(where: { FileManager.default.fileExists(atPath: $0) })
      else {
        throw UserError(
          .fileMissing, "there is no certificate in \(path)",
          why: "neither identity.pem nor ca.pem is there",
          next: ["belfry cert show FILE names one of another name"])
      }
      return file
    }

    private func node(_ name: String) async throws -> Report {
      let (record, seen) = try await client.connected { client, limit in
        (
          try await client.nodes(name, within: limit).first,
          try await client.health(within: limit).nodes.first { $0.name == name }
        )
      }
      let ends = [seen?.certificateExpiresMs, record?.certificateExpiresMs].compactMap { $0 }
      guard let end = ends.first(where: { $0 > 0 }) else {
        throw UserError(
          .noSuchNode, "nothing is known of the certificate of \(name)",
          why: "no coordinator has it in session, and it has no record",
          next: ["belfry node list", "belfry cert show FILE looks at a file"])
      }
      let now = Validity.nowEpochSeconds()
      return Report(
        Document(
          kind: "Certificate",
          fields: [
            ("node", .text(name)), ("role", .text(seen?.role ?? record?.role ?? "")),
            ("serial", .text(record?.serial ?? "")), ("validUntil", Document.time(end)),
            ("daysLeft", .number(Document.daysLeft(end / 1_000, at: now))),
          ]), exit: end / 1_000 > now ? 0 : 1)
    }
  }
}

extension Document {
  fileprivate init(certificate info: CertificateInfo, in path: String, at now: Int64) {
    let (begin, end) = (info.validity.notBeforeEpochSeconds, info.validity.notAfterEpochSeconds)
    self.init(
      kind: "Certificate",
      fields: [
        ("file", .text(path)), ("subject", .text(info.subject)),
        ("id", info.id.map { .text($0.description) } ?? .none), ("issuer", .text(info.issuer)),
        ("serial", .text(info.serial)), ("validFrom", Self.time(begin * 1_000)),
        ("validUntil", Self.time(end * 1_000)), ("daysLeft", .number(Self.daysLeft(end, at: now))),
        ("isAuthority", .flag(info.isAuthority)), ("keyFingerprint", .text(info.fingerprint)),
      ])
  }

  /// Whole days, rounded down: less than none once it has ended.
  fileprivate static func daysLeft(_ end: Int64, at now: Int64) -> Int {
    Int((Double(end - now) / 86_400).rounded(.down))
  }
}
