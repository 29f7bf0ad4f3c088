internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation

struct CertCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "cert", abstract: "Make the cluster's CA and its certificates, and look at them.",
    subcommands: [Init.self, Issue.self, Show.self, Renew.self])

  struct Init: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a CA for a new cluster.",
      discussion: """
        Writes DIR/ca.pem and DIR/ca.key (0600): keep the key where you issue certificates, and \
        nowhere else.

        Example:

          belfry cert init --cluster demo --dir certs
        """)

    @Option(help: "The cluster's name.") var cluster: String
    @Option(help: "The folder to write to.") var dir: String
    @Option(help: "How long the CA is valid.") var valid = DurationOption(.seconds(3_650 * 86_400))
    @Flag(help: "Replace a CA that is there; all that it issued is then worthless.")
    var force = false
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let authority = try CertificateAuthority.create(cluster: cluster, validFor: valid.duration)
      let files = AuthorityFiles(folder: dir)
      try files.write(authority, replacing: force)
      let info = try CertificateInfo(pem: authority.certificatePEM)
      return Report(
        Document(
          kind: "CertificateAuthority",
          fields: [
            ("cluster", .text(cluster)), ("certificate", .text(files.certificatePath)),
            ("key", .text(files.keyPath)), ("fingerprint", .text(info.fingerprint)),
          ]))
    }
  }

  struct Renew: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Have your own certificate renewed, by the certificate itself.",
      discussion: """
        For operators and producers, while theirs is still good; workers and coordinators renew theirs by \
        themselves. The key is made here, the coordinator that is asked needs the CA, and the new certificate \
        is good for as long as the old one was made for. What was in the identity's folder is replaced.

        Example:

          belfry cert renew
          belfry cert renew --server https://coord.example:7443 --identity ~/certs/me
        """)

    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let place = try await client.access.place()
      guard !place.identity.isEmpty else {
        throw UserError(
          .missingSetting, "there is no certificate to renew", why: "\(place.server) asks for none",
          next: ["belfry cert renew --server https://coord.example:7443 --identity DIR"])
      }
      let files = IdentityFiles(folder: place.identity)
      let old = try files.read()
      let key = try KeyPair.generate()
      let keyPEM = try key.pem()
      let request = try CertificateRequest.make(for: key).pem()
      let reply = try await client.connected {
        try await $0.renewCertificate(request, within: $1)
      }
      guard reply.refused.isEmpty else {
        throw UserError(
          .refused, "the certificate was not renewed", why: reply.why,
          next: ["belfry cert issue ROLE NAME --dir DIR --force, where the CA is"])
      }
      let new = try Identity(
        authorityPEM: old.authorityPEM, certificatePEM: reply.certificate, keyPEM: keyPEM)
      guard new.id == old.id else {
        throw UserError(
          .notOurProtocol, "the coordinator's answer makes no sense",
          why: "it is a certificate of \(new.id)")
      }
      try files.replace(with: new)
      return try CertCommand.report(new.id, files)
    }
  }

  fileprivate static func report(_ id: SPIFFEID, _ files: IdentityFiles) throws -> Report {
    let info = try CertificateInfo(pem: files.read().certificatePEM)
    let end = WallTime(milliseconds: info.validity.notAfterEpochSeconds * 1_000)
    return Report(
      Document(
        kind: "Identity",
        fields: [
          ("identity", .text(files.folder)), ("id", .text(id.description)),
          ("serial", .text(info.serial)), ("validUntil", Document.time(end.milliseconds)),
        ]))
  }

  struct Issue: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Issue a certificate and its key.",
      discussion: """
        Writes DIR/NAME/ with ca.pem, identity.pem and identity.key (0600): the folder that --identity \
        names. Copy the folder to the machine, not the CA's key.

        Examples:

          belfry cert issue coordinator c1 --dir certs --host coord.example --host 10.0.0.5
          belfry cert issue worker gpu-7 --dir certs
          belfry cert issue operator me --dir certs --valid 30d
        """)

    @Argument(help: "coordinator, worker, operator or producer.") var role: String
    @Argument(help: "The node's or person's name: [a-z0-9][a-z0-9-]{0,62}.") var name: String
    @Option(help: "The folder with the CA.") var dir: String
    @Option(help: "Name or address under which others reach a coordinator; may be repeated.")
    var host: [String] = []
    @Option(help: "How long the certificate is valid.")
    var valid = DurationOption(.seconds(365 * 86_400))
    @Flag(help: "Replace an identity that is there.") var force = false
    @OptionGroup var output: OutputOptions

    func validate() throws {
      guard Role(rawValue: role) != nil else {
        throw ValidationError(
          "\"\(role)\" is no role: "
            + Role.allCases.map(\.rawValue).joined(separator: ", "))
      }
    }

    func report() throws -> Report {
      guard let role = Role(rawValue: role) else {
        preconditionFailure("validate() lets no other role through: \(role)")
      }
      let files = AuthorityFiles(folder: dir)
      let identity = try files.read().issue(role, name, hosts: host, validFor: valid.duration)
      let target = files.identity(named: name)
      try target.write(identity, replacing: force)
      return try CertCommand.report(identity.id, target)
    }
  }
}
