internal import ArgumentParser
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
internal import BelfryRPC
internal import Foundation
internal import Logging
internal import Synchronization

enum LogFormat: String, ExpressibleByArgument, CaseIterable {
  case console, json
}

struct LogOptions: ParsableArguments {
  @Option(
    help:
      "console, or json: one object a line, fields of the Elastic Common Schema (BELFRY_LOG_FORMAT)."
  )
  var logFormat: LogFormat?

  @Option(help: "trace, debug, info, notice, warning, error, critical (BELFRY_LOG_LEVEL).")
  var logLevel: String?

  @Option(
    help: "Levels of single parts, PART=LEVEL, comma-separated: rpc=debug,alerts=warning.")
  var logLevels: [String] = []

  var options: [SettingKey: [String]] {
    var options: [SettingKey: [String]] = [:]
    options.note(.logFormat, logFormat?.rawValue)
    options.note(.logLevel, logLevel)
    options.note(.logLevels, logLevels)
    return options
  }
}

/// What a process that goes on logs, to standard error; its level can be changed meanwhile.
struct ServiceLog {
  let logger: Logger
  let level: LogLevelSwitch

  init(_ settings: Settings, service: String, node: String) throws {
    let format = try settings.text(.logFormat).flatMap { LogFormat(rawValue: $0) }
    let level = LogLevelSwitch(try LogLevels(settings))
    let chosen = format ?? (isatty(2) == 1 ? .console : .json)
    self.level = level
    // Whoever reads the lines may be gone: that is no reason to end.
    signal(SIGPIPE, SIG_IGN)
    logger = Logger(label: service) { label in
      LineLogHandler(format: chosen, service: label, node: node, level: level)
    }
  }

}

/// What is logged: in general, and of parts that have a level of their own.
struct LogLevels: Sendable, Equatable {
  var general: Logger.Level
  var parts: [String: Logger.Level] = [:]

  init(_ general: Logger.Level) { self.general = general }

  /// What is no level was refused when the settings were read.
  init(_ settings: Settings) throws {
    general = try settings.text(.logLevel).flatMap { Logger.Level(rawValue: $0) } ?? .info
    for text in try settings.texts(.logLevels) {
      let words = text.split(separator: "=").map(String.init)
      if words.count == 2 { parts[words[0]] = Logger.Level(rawValue: words[1]) }
    }
  }

  func level(of part: String?) -> Logger.Level {
    part.flatMap { parts[$0] } ?? general
  }

  /// As people write it: `info, rpc=debug`.
  var text: String {
    ([general.rawValue] + parts.sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" })
      .joined(separator: ", ")
  }
}

/// The levels of all loggers of a process; they can be changed meanwhile.
final class LogLevelSwitch: Sendable {
  private let levels: Mutex<LogLevels>
  init(_ levels: LogLevels) { self.levels = Mutex(levels) }

  var value: LogLevels {
    get { levels.withLock { $0 } }
    set { levels.withLock { $0 = newValue } }
  }

  func level(of part: String?) -> Logger.Level { levels.withLock { $0.level(of: part) } }
}

/// Writes log lines to standard error: for people, or as ECS JSON for machines. One line is one
/// write, so that lines of several threads do not mix.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:] {
    didSet { part = metadata[LogPart.key]?.description }
  }
  /// Whose lines these are, where that was said.
  private var part: String?
  /// Of this one logger, when it was given one.
  private var own: Logger.Level?
  private let level: LogLevelSwitch
  let format: LogFormat
  let service: String
  let node: String
  private let descriptor: Int32

  /// Longest field, in characters: a log line is no place for a payload.
  private static let fieldMax = 4_096

  init(
    format: LogFormat, service: String, node: String, level: LogLevelSwitch,
    to descriptor: Int32 = 2
  ) {
    self.level = level
    self.descriptor = descriptor
    self.format = format
    self.service = service
    self.node = node
  }

  var logLevel: Logger.Level {
    get { own ?? level.level(of: part) }
    set { own = newValue }
  }

  subscript(metadataKey key: String) -> Logger.Metadata.Value? {
    get { metadata[key] }
    set { metadata[key] = newValue }
  }

  func log(event: LogEvent) {
    let fields = metadata.merging(event.metadata ?? [:]) { _, new in new }
      .sorted { $0.key < $1.key }
      .map { ($0.key, String($0.value.description.prefix(Self.fieldMax))) }
    let line =
      format == .json ? json(event, fields) : console(event, fields)
    write(line + "\n")
  }

  /// A line that cannot be written is lost; `FileHandle.write` would end the process.
  private func write(_ line: String) {
    var rest = ArraySlice(line.utf8)
    while !rest.isEmpty {
      let count = rest.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return }
      rest = rest.dropFirst(count)
    }
  }

  private func json(_ event: LogEvent, _ fields: [(String, String)]) -> String {
    let time = RFC3339.text(ProcessClock.now().wall)
    let known: [(String, Document.Value)] = [
      ("@timestamp", .text(time)), ("log.level", .text(event.level.rawValue)),
      ("message", .text(event.message.description)), ("ecs.version", .text("8.11.0")),
      ("service.name", .text(service)), ("service.node.name", .text(node)),
      ("process.pid", .number(Int(getpid()))),
    ]
    let own = fields.map { name, value in
      (name.contains(".") ? name : "labels.\(name)", Document.Value.text(value))
    }
    return Document.Value.object(known + own).json
  }

  private func console(_ event: LogEvent, _ fields: [(String, String)]) -> String {
    let time = RFC3339.text(ProcessClock.now().wall).dropFirst(11).dropLast()
    let level = event.level.rawValue.uppercased()
    let pairs = fields.map { name, value in " \(name)=\(Self.clean(value))" }.joined()
    return "\(time) \(level) \(event.message)\(pairs)"
  }

  /// Control characters would let a job forge lines.
  private static func clean(_ text: String) -> String {
    let safe = text.unicodeScalars.map { $0.value < 0x20 || $0.value == 0x7F ? "?" : String($0) }
      .joined()
    return safe.contains(" ") ? "\"\(safe)\"" : safe
  }
}
