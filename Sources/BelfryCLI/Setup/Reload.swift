internal import Logging
internal import Synchronization
internal import UnixSignals

/// At SIGHUP the settings are read anew: what can change while a process runs is changed, and the rest
/// is named. A file with a mistake changes nothing.
struct Reload: Sendable {
  private let started: Settings
  private let level: LogLevelSwitch
  private let logger: Logger
  private let load: @Sendable () async throws -> Settings

  init(
    _ started: Settings, _ logs: ServiceLog, load: @Sendable @escaping () async throws -> Settings
  ) {
    self.started = started
    level = logs.level
    logger = logs.logger
    self.load = load
  }

  /// Goes on until it is cancelled.
  func run() async {
    for await _ in await UnixSignalsSequence(trapping: .sighup) { await reload() }
  }

  private func reload() async {
    do {
      let settings = try await load()
      var waiting: [String] = []
      for key in SettingKey.allCases where !key.setting.isLive {
        if try settings.find(key)?.texts != started.find(key)?.texts {
          waiting.append(key.rawValue)
        }
      }
      level.value = try LogLevels(settings)
      logger.notice("settings were read anew", metadata: ["level": "\(level.value.text)"])
      if !waiting.isEmpty {
        logger.warning(
          "settings have changed that take effect only when this process is started again",
          metadata: ["keys": "\(waiting.joined(separator: ", "))"])
      }
    } catch {
      let shown = UserError(translating: error)
      logger.error(
        "settings were not read anew: all stays as it is",
        metadata: [
          "what": "\(shown.what)", "why": "\(shown.why)", "code": "\(shown.code.rawValue)",
        ])
    }
  }
}
