internal import ArgumentParser
internal import BelfryIdentity
internal import Foundation

extension CoordinatorCommand {
  struct Init: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "Make a new cluster: its CA, the first coordinator's identity, yours as operator.",
      discussion: """
        Writes DIR/ca.pem and DIR/ca.key (0600), DIR/NAME/ for the coordinator and DIR/OPERATOR/ for you, \
        DIR/coordinator.yaml to start it with, and a context, so that commands of this user go to the new \
        cluster.
        Whoever has ca.key can be anybody in the cluster: it stays here.

        Examples:

          belfry coordinator init --cluster demo
          belfry coordinator init --cluster prod --host coord.example --host 10.0.0.5 --dir /etc/belfry
        """)

    @Option(help: "The cluster's name.") var cluster: String
    @Option(help: "The coordinator's name.") var name = "c1"
    @Option(help: "Your name as operator. [default: this user's, else admin]")
    var `operator`: String?
    @Option(
      help:
        "Name or address under which others reach it; may be repeated. [default: this host's, localhost]"
    )
    var host: [String] = []
    @Option(help: "The folder to write to. [default: /var/lib/belfry, or below your home]")
    var dir: String?
    @OptionGroup var output: OutputOptions

    func report() throws -> Report {
      let files = AuthorityFiles(folder: dir ?? StateFolder.path)
      let hosts = host.isEmpty ? Self.ownHosts : host
      let person = self.operator ?? Self.user
      guard person != name else {
        throw UserError(
          .badName, "coordinator and operator are both called \(name)",
          why: "names are unique in a cluster", next: ["--operator NAME or --name NAME"])
      }
      let authority = try CertificateAuthority.create(
        cluster: cluster, validFor: .seconds(3_650 * 86_400))
      let year = Duration.seconds(365 * 86_400)
      let coordinator = try authority.issue(.coordinator, name, hosts: hosts, validFor: year)
      let me = try authority.issue(.operator, person, validFor: year)
      let mine = files.identity(named: person)
      do throws(IdentityError) {
        // The CA first: whoever finds it there has made the rest, or is told that it was begun.
        try files.write(authority)
        try files.identity(named: name).write(coordinator)
        try mine.write(me)
      } catch {
        guard error.code == .alreadyExists else { throw error }
        throw UserError(
          .fileExists, "there is a cluster in \(files.folder) already, or a part of one",
          why: error.message,
          next: [
            "--dir names another folder",
            "if a part is missing: belfry cert issue ROLE NAME --dir \(files.folder)",
          ])
      }
      let server = "https://\(hosts[0]):7443"
      let settings = try writeSettings(files, server)
      let context = ClusterContext(
        name: cluster.replacing(".", with: "-"), server: server,
        identity: URL(filePath: mine.folder).standardizedFileURL.path)
      var contexts = try ContextFile.load()
      contexts.put(context)
      try contexts.write()
      let info = try CertificateInfo(pem: authority.certificatePEM)
      note(next(settings, isCurrent: contexts.current == context.name, context.name))
      return Report(
        Document(
          kind: "Cluster",
          fields: [
            ("cluster", .text(cluster)), ("folder", .text(files.folder)),
            ("fingerprint", .text(info.fingerprint)),
            ("coordinator", .text(files.identity(named: name).folder)),
            ("configuration", .text(settings)),
            ("hosts", .list(hosts.map { .text($0) })), ("operator", .text(mine.folder)),
            ("context", .text(context.name)), ("server", .text(server)),
          ]))
    }

    /// Without RabbitMQ's and MongoDB's passwords, which are files of their own. One that is there stays.
    private func writeSettings(_ files: AuthorityFiles, _ server: String) throws -> String {
      let path = files.folder + "/coordinator.yaml"
      let identity = URL(filePath: files.identity(named: name).folder).standardizedFileURL.path
      let text = """
        # Coordinator \(name) of cluster \(cluster): belfry coordinator run --config \(path)
        # What counts and where it comes from: belfry config print --origin --config \(path)
        # Passwords stand in no address here: they are the files queue-password and store-password in
        # $CREDENTIALS_DIRECTORY or /run/secrets.
        identity: \(Self.quoted(identity))
        queue:
          url: amqp://localhost
        store:
          url: mongodb://localhost/?replicaSet=rs0
        coordinator:
          advertise: \(Self.quoted(server))

        """
      do {
        try Data(text.utf8).write(to: URL(filePath: path), options: .withoutOverwriting)
      } catch let error as CocoaError where error.code == .fileWriteFileExists {
      } catch {
        throw UserError(
          .badFile, "\(path) cannot be written", why: error.localizedDescription,
          next: ["the cluster is made: belfry coordinator run --identity \(identity)"])
      }
      return path
    }

    /// A string of JSON is one of YAML.
    private static func quoted(_ text: String) -> String {
      let data = try? JSONEncoder().encode(text)
      return data.map { String(decoding: $0, as: UTF8.self).replacing("\\/", with: "/") } ?? text
    }

    private func next(_ settings: String, isCurrent: Bool, _ context: String) -> String {
      """
      Next, say where RabbitMQ and MongoDB are in \(settings), and start it:
        belfry coordinator run --config \(settings)
      Then let the first machine in:
        belfry token create --name w1\(isCurrent ? "" : " --context \(context)")

      """
    }

    private static var ownHosts: [String] {
      let name = ProcessInfo.processInfo.hostName.lowercased()
      return (["localhost", "127.0.0.1", ""].contains(name) ? [] : [name]) + [
        "localhost", "127.0.0.1",
      ]
    }

    /// The user's name as far as it can be a node's.
    private static var user: String {
      let environment = ProcessInfo.processInfo.environment
      let name = (environment["USER"] ?? "").lowercased().filter {
        $0.isASCII && ($0.isLowercase || $0.isNumber)
      }
      return name.isEmpty || name == "root" ? "admin" : String(name.prefix(63))
    }
  }
}
