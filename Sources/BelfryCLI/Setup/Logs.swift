internal import ArgumentParser
internal import BelfryAPI
internal import BelfryCoordinator
internal import BelfryCore
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

  /// The process's logger; lines go to standard error.
  func logger(
    _ service: String, node: String, default fallback: Logger.Level = .info
  ) throws -> Logger {
    let name = logLevel ?? Environment.value("LOG_LEVEL") ?? fallback.rawValue
    guard let level = Logger.Level(rawValue: name) else {
      throw UserError(
        .badSetting, "\"\(name)\" is no log level", why: "it is none of those there are",
        next: ["--log-level " + Logger.Level.allCases.map(\.rawValue).joined(separator: "|")])
    }
    let chosen =
      logFormat ?? Environment.value("LOG_FORMAT").flatMap { LogFormat(rawValue: $0) }
    let format = chosen ?? (isatty(2) == 1 ? .console : .json)
    var logger = Logger(label: service) { label in
      LineLogHandler(format: format, service: label, node: node)
    }
    logger.logLevel = level
    return logger
  }
}

/// Writes log lines to standard error: for people, or as ECS JSON for machines. One line is one
/// write, so that lines of several threads do not mix.
struct LineLogHandler: LogHandler {
  var metadata: Logger.Metadata = [:]
  var logLevel: Logger.Level = .info
  let format: LogFormat
  let service: String
  let node: String

  /// Longest field, in characters: a log line is no place for a payload.
  private static let fieldMax = 4_096

  init(format: LogFormat, service: String, node: String) {
    self.format = format
    self.service = service
    self.node = node
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
    FileHandle.standardError.write(Data((line + "\n").utf8))
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
