internal import ArgumentParser
internal import Foundation

enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
  case table, wide, json, ndjson, yaml, csv, name

  /// Errors are written as JSON too.
  var isForMachines: Bool { self == .json || self == .ndjson || self == .yaml }
}

struct OutputOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "table, wide, json, ndjson (an object a line), yaml, csv or name.")
  var format: OutputFormat = .table

  @Option(help: "With table, wide and csv: only these columns, comma-separated.")
  var columns: String?

  @Flag(help: "With table, wide and csv: no line with the columns' names.")
  var noHeaders = false

  @Flag(help: "No colours; NO_COLOR in the environment says the same.")
  var noColor = false

  var style: OutputStyle {
    OutputStyle(
      format: format, columns: columns?.split(separator: ",").map(String.init),
      noHeaders: noHeaders, noColor: noColor)
  }
}

/// How a report is printed.
struct OutputStyle: Sendable {
  var format = OutputFormat.table
  /// Nil: those of the report.
  var columns: [String]?
  var noHeaders = false
  var noColor = false
}

/// Of commands that go on: they print one document once they serve, and only when asked to.
struct ReadyOptions: ParsableArguments {
  @Option(
    name: [.customShort("o"), .customLong("output")],
    help: "json, yaml, name …: print one document on standard output once it serves.")
  var format: OutputFormat?

  /// Prints the document, if one was asked for.
  var announce: @Sendable (Document) -> Void {
    let format = format
    return { document in
      guard let format else { return }
      Renderer(OutputStyle(format: format)).emit(document) { document.table($0) }
    }
  }
}

/// What is known of the place where people read: a terminal, or a pipe.
struct Screen: Sendable {
  /// Cells in a line; nil where lines may be as long as they are.
  var width: Int?
  var hasColor: Bool
  var hasHeaders = true

  static let plain = Screen(width: nil, hasColor: false)

  /// Standard output as it is now: a window may have changed its size.
  static func current(_ style: OutputStyle) -> Screen {
    let environment = ProcessInfo.processInfo.environment
    return Screen(
      isTerminal: isatty(1) == 1, terminalWidth: Self.terminalWidth(), environment: environment,
      noColor: style.noColor, noHeaders: style.noHeaders)
  }

  /// - Parameter terminalWidth: as the terminal says; 0 when it does not.
  init(
    isTerminal: Bool, terminalWidth: Int, environment: [String: String], noColor: Bool,
    noHeaders: Bool
  ) {
    let isSet = { (name: String) in !(environment[name] ?? "").isEmpty }
    let isForced = isSet("FORCE_COLOR") && environment["FORCE_COLOR"] != "0"
    let isAble = isTerminal && environment["TERM"] != "dumb"
    hasColor = !noColor && !isSet("NO_COLOR") && (isForced || isAble)
    hasHeaders = !noHeaders
    let named = environment["COLUMNS"].flatMap { Int($0) } ?? 0
    let cells = terminalWidth > 0 ? terminalWidth : named > 0 ? named : 80
    width = isTerminal ? max(20, cells) : nil
  }

  init(width: Int?, hasColor: Bool) {
    self.width = width
    self.hasColor = hasColor
  }

  private static func terminalWidth() -> Int {
    var size = winsize()
    return ioctl(1, UInt(TIOCGWINSZ), &size) == 0 ? Int(size.ws_col) : 0
  }
}
