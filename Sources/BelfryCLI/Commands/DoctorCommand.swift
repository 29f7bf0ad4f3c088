internal import ArgumentParser
internal import BelfryCore
internal import BelfryIdentity
internal import Foundation

struct DoctorCommand: ReportingCommand {
  static let configuration = CommandConfiguration(
    commandName: "doctor",
    abstract: "Look at this machine and each hop from it, and say what to mend.",
    discussion: """
      Needs nothing that runs, and changes nothing unless told to by --fix. Each check that finds \
      something has a line that mends it. It takes at most 10 seconds.

      Examples:

        belfry doctor
        belfry doctor --role worker --only host,identity,cluster
        belfry doctor -o json | jq '.items[] | select(.state == "error")'

      Exit status: 0 all is well, 1 an error, 2 warnings only.
      """)

  @Option(
    help: "What this machine is to be: coordinator, worker or operator.",
    completion: .list(Role.allCases.map(\.rawValue)))
  var role: String?
  @Option(
    help: "Groups, comma-separated: host, libraries, config, identity, broker, store, cluster.",
    completion: .list(DoctorCheck.Group.allCases.map(\.rawValue)))
  var only: String?
  @Flag(help: "Mend what is safe to mend: modes of files, folders that are not there.")
  var fix = false
  @Option(help: "RabbitMQ, amqp:// or amqps:// (BELFRY_QUEUE_URL).") var queue: String?
  @Option(help: "MongoDB, mongodb:// (BELFRY_STORE_URL).") var store: String?
  @OptionGroup var client: ClientOptions
  @OptionGroup var output: OutputOptions

  func validate() throws {
    if let role, Role(rawValue: role) == nil {
      throw ValidationError(
        "\"\(role)\" is no role: \(Role.allCases.map(\.rawValue).joined(separator: ", "))")
    }
    for word in only?.split(separator: ",") ?? []
    where DoctorCheck.Group(rawValue: String(word)) == nil {
      throw ValidationError("\"\(word)\" is no group of checks")
    }
  }

  func report() async throws -> Report {
    var doctor = Doctor(access: client.access, role: role.flatMap { Role(rawValue: $0) })
    if let only {
      doctor.groups = only.split(separator: ",").compactMap {
        DoctorCheck.Group(rawValue: String($0))
      }
    }
    doctor.options.note(.queueURL, queue)
    doctor.options.note(.storeURL, store)
    doctor.options.note(.identity, client.identity)
    var checks = await doctor.examine()
    if fix, DoctorRemedy.apply(to: checks) { checks = await doctor.examine() }
    let states = Set(checks.map(\.state))
    let exit: Int32 = states.contains(.error) ? 1 : states.contains(.warning) ? 2 : 0
    let (shown, hasHeaders) = (checks, !output.noHeaders)
    let document = Document(
      kind: "DoctorReport",
      fields: [
        ("errors", .number(checks.count { $0.state == .error })),
        ("warnings", .number(checks.count { $0.state == .warning })),
        ("items", .list(checks.map(\.value))),
      ])
    return Report(document, exit: exit) { screen in
      Doctor.page(shown, hasHeaders: hasHeaders, screen)
    }
  }
}

/// All checks, each group beside the others.
struct Doctor: Sendable {
  let access: ClientAccess
  let role: Role?
  var groups = DoctorCheck.Group.allCases
  var options: [SettingKey: [String]] = [:]

  init(access: ClientAccess, role: Role?) {
    self.access = access
    self.role = role
  }

  func examine() async -> [DoctorCheck] {
    var settings: Settings?
    var problem: UserError?
    do {
      settings = try await Settings.load(options: options, file: access.file)
    } catch {
      problem = UserError(translating: error)
    }
    let files = FileChecks(settings: settings, problem: problem, role: role)
    let network = NetworkChecks(settings: settings, access: access)
    // What cannot be read was told by the check of the settings.
    let state = (try? settings?.text(.state) ?? settings?.text(.identity)) ?? "."
    let host = HostChecks(state: state, ports: ports(settings))
    async let hostChecks = wants(.host) ? host.all() : []
    async let broker = wants(.broker) ? network.broker() : []
    async let store = wants(.store) ? network.store() : []
    async let cluster = wants(.cluster) ? network.cluster() : []
    let all = await hostChecks + files.all() + broker + store + cluster
    return all.filter { wants($0.group) }
  }

  private func wants(_ group: DoctorCheck.Group) -> Bool { groups.contains(group) }

  private func ports(_ settings: Settings?) -> [(port: Int, key: SettingKey)] {
    let keys: [SettingKey] =
      switch role {
      case .coordinator: [.listen, .http]
      case .worker: [.http]
      default: []
      }
    return keys.compactMap { key in
      guard let text = try? settings?.text(key), let address = HostAndPort(text) else { return nil }
      return (address.port, key)
    }
  }

  static func page(_ checks: [DoctorCheck], hasHeaders: Bool, _ screen: Screen) -> String {
    var lines: [String] = []
    for group in DoctorCheck.Group.allCases {
      let own = checks.filter { $0.group == group }
      if own.isEmpty { continue }
      if hasHeaders { lines.append(Style.strong(group.rawValue, screen)) }
      for check in own {
        let found = Document.Value.harmless(check.found).replacing("\n", with: " ")
        lines.append("  \(check.state.symbol) \(check.name): \(found)")
        if !check.fix.isEmpty { lines.append("      fix: \(check.fix)") }
      }
    }
    let (errors, warnings) = (
      checks.count { $0.state == .error }, checks.count { $0.state == .warning }
    )
    lines.append("\(checks.count) checks: \(errors) errors, \(warnings) warnings")
    return lines.joined(separator: "\n")
  }
}

/// What can be mended without asking: modes of files, folders that are not there.
enum DoctorRemedy {
  /// True when something was done.
  static func apply(to checks: [DoctorCheck]) -> Bool {
    var isDone = false
    for check in checks where check.state == .error || check.state == .warning {
      let words = check.fix.split(separator: " ").map(String.init)
      switch words.prefix(2) {
      case ["chmod", "600"]:
        for path in words.dropFirst(2) where chmod(path, 0o600) == 0 {
          note("chmod 600 \(path)")
          isDone = true
        }
      case ["mkdir", "-p"]:
        guard words.count == 3, check.group == .config else { continue }
        do {
          try FileManager.default.createDirectory(
            atPath: words[2], withIntermediateDirectories: true,
            attributes: [.posixPermissions: 0o700])
          note("mkdir -p \(words[2])")
          isDone = true
        } catch {
          note("mkdir -p \(words[2]): \(error.localizedDescription)")
        }
      default: continue
      }
    }
    return isDone
  }
}

extension DoctorCheck {
  fileprivate var value: Document.Value {
    .object([
      ("group", .text(group.rawValue)), ("name", .text(name)), ("state", .text(state.rawValue)),
      ("found", .text(found)), ("fix", fix.isEmpty ? .none : .text(fix)),
    ])
  }
}
