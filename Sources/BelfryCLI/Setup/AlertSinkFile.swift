internal import BelfryCoordinator
internal import Foundation

/// Reads the file of `--alert-sinks`, with errors that name the line.
enum AlertSinkFile {
  static func read(_ path: String) throws -> [SinkSettings] {
    let text: String
    do {
      text = try String(contentsOfFile: path, encoding: .utf8)
    } catch {
      throw UserError(
        .badFile, "\(path) cannot be read", why: error.localizedDescription,
        next: ["one sink a line, for example: am alertmanager http://127.0.0.1:9093"])
    }
    do {
      return try SinkSettings.parse(text) { try String(contentsOfFile: $0, encoding: .utf8) }
    } catch {
      throw UserError(
        .badSetting, "\(path), line \(error.line), is not accepted", why: error.why,
        next: ["belfry alert test --help shows one of each kind"])
    }
  }
}
