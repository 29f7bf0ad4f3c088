internal import ArgumentParser
internal import Belfry
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import Foundation

struct SupportCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "support", abstract: "Collect what helps somebody else to help you.",
    subcommands: [Bundle.self])

  struct Bundle: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "Write a tar.gz with versions, settings, doctor's report, health and logs, redacted.",
      discussion: """
        Nothing is sent anywhere: read it, then give it to whom you like. Passwords, tokens and private \
        keys are taken out, of log files too; payloads and results of jobs are not in it.

        Example:

          belfry support bundle --log /var/log/belfry/c1.log
        """)

    @Option(
      help: "Where to write it. [default: ./belfry-support-<time>.tar.gz]",
      completion: .file(extensions: ["tar.gz"]))
    var file: String?
    @Option(
      help: "A log to put in, its newest 2 MiB; may be repeated.", completion: .file())
    var log: [String] = []
    @OptionGroup var client: ClientOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      let path = file ?? "belfry-support-\(Self.stamp()).tar.gz"
      guard !FileManager.default.fileExists(atPath: path) else {
        throw UserError(
          .fileExists, "\(path) is there already", why: "nothing is overwritten",
          next: ["--file names another"])
      }
      let parts = try await SupportParts(access: client.access, logs: log).collect(
        within: client.timeout.duration)
      try SupportArchive.write(parts, to: path)
      note("read it before you give it away: tar -xzf \(path)")
      return Report(
        Document(
          kind: "SupportBundle",
          fields: [
            ("name", .text(path)), ("files", .list(parts.map { .text($0.name) })),
          ]))
    }

    private static func stamp() -> String {
      let now = WallTime(milliseconds: Int64(Date().timeIntervalSince1970 * 1_000))
      return String(RFC3339.text(now).prefix(19)).replacing(":", with: "").replacing("-", with: "")
    }
  }
}

/// The files of a bundle, each a text without secrets.
struct SupportParts {
  let access: ClientAccess
  let logs: [String]

  typealias Part = (name: String, text: String)
  private static let logBytesMax = 2 << 20

  func collect(within limit: Duration) async throws -> [Part] {
    // What is wrong with the settings is in the doctor's report.
    let settings = try? await Settings.load(file: access.file)
    let redaction = Redaction(settings)
    let checks = await Doctor(access: access, role: nil).examine()
    var parts: [Part] = [
      (
        "version.txt",
        "belfry \(BelfryCommand.version)\n\(ProcessInfo.processInfo.operatingSystemVersionString)"
      ),
      ("doctor.txt", Doctor.page(checks, hasHeaders: true, .plain)),
      ("environment.txt", environment()), ("settings.txt", try text(of: settings)),
      ("health.json", await health(within: limit)),
    ]
    for path in settings?.files ?? [] { parts.append((Self.name("config", path), try read(path))) }
    for path in logs { parts.append((Self.name("logs", path), try read(path))) }
    return parts.map { ($0.name, redaction.apply(to: $0.text)) }
  }

  /// Ours and the system's; of others a variable's name alone could say too much.
  private func environment() -> String {
    ProcessInfo.processInfo.environment
      .filter { $0.key.hasPrefix("BELFRY_") || ["LANG", "TERM", "TZ", "PATH"].contains($0.key) }
      .map { name, value in
        "\(name)=\(Redaction.isSecret(name: name) ? Masked.hidden : Masked.url(value))"
      }
      .sorted().joined(separator: "\n")
  }

  private func text(of settings: Settings?) throws -> String {
    guard let settings else { return "the settings cannot be read: see doctor.txt" }
    return try SettingKey.allCases.map { key in
      guard let found = try settings.find(key) else { return "\(key.rawValue): not set" }
      let shown = found.texts.map { Masked.text($0, of: key.setting) }.joined(separator: ", ")
      return "\(key.rawValue): \(shown) (\(found.origin.text))"
    }.joined(separator: "\n")
  }

  private func health(within limit: Duration) async -> String {
    do {
      let limit = min(limit, .seconds(5))
      return try await access.connected { Document(try await $0.health(within: limit)).json }
    } catch {
      return UserError(translating: error).description
    }
  }

  private func read(_ path: String) throws -> String {
    guard let file = FileHandle(forReadingAtPath: path) else {
      throw UserError(
        .fileMissing, "cannot read \(path)", why: String(cString: strerror(errno)),
        next: ["check the path"])
    }
    let end = try file.seekToEnd()
    try file.seek(toOffset: end > UInt64(Self.logBytesMax) ? end - UInt64(Self.logBytesMax) : 0)
    return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
  }

  /// `logs/var-log-belfry-c1.log`: files of one name in two folders stay two.
  private static func name(_ folder: String, _ path: String) -> String {
    folder + "/"
      + path.split(separator: "/").filter { $0 != "." && $0 != ".." }.joined(separator: "-")
  }
}

enum SupportArchive {
  static func write(_ parts: [SupportParts.Part], to path: String) throws {
    let folder = FileManager.default.temporaryDirectory
      .appending(path: "belfry-support-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let root = folder.appending(path: "belfry-support")
    do {
      for part in parts {
        let file = root.appending(path: part.name)
        try FileManager.default.createDirectory(
          at: file.deletingLastPathComponent(), withIntermediateDirectories: true,
          attributes: [.posixPermissions: 0o700])
        try Data((part.text + "\n").utf8).write(to: file)
      }
      let tar = Process()
      tar.executableURL = URL(filePath: "/usr/bin/env")
      tar.arguments = ["tar", "-czf", path, "-C", folder.path, "belfry-support"]
      try tar.run()
      tar.waitUntilExit()
      guard tar.terminationStatus == 0 else {
        throw UserError(
          .badFile, "cannot write \(path)", why: "tar ended with status \(tar.terminationStatus)",
          next: ["--file names another place"])
      }
      chmod(path, 0o600)
    } catch let error as UserError {
      throw error
    } catch {
      throw UserError(
        .badFile, "cannot write \(path)", why: error.localizedDescription,
        next: ["--file names another place"])
    }
  }
}
