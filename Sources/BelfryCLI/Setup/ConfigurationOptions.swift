internal import ArgumentParser
internal import BelfryCore

struct ConfigurationOptions: ParsableArguments {
  @Option(
    name: .customLong("config"),
    help:
      "A configuration file, in place of the usual ones; see belfry config path (BELFRY_CONFIG).",
    completion: .file(extensions: ["yaml", "yml", "json"]))
  var file: String?

  /// Only what was given is in it: a default would go before the environment.
  func settings(_ options: [SettingKey: [String]]) async throws -> Settings {
    try await Settings.load(options: options, file: file)
  }
}

extension [SettingKey: [String]] {
  /// Notes an option if it was given.
  mutating func note(_ key: SettingKey, _ text: String?) { if let text { self[key] = [text] } }
  mutating func note(_ key: SettingKey, _ texts: [String]) {
    if !texts.isEmpty { self[key] = texts }
  }
  mutating func note(_ key: SettingKey, _ number: Int?) { note(key, number.map { "\($0)" }) }
  mutating func note(_ key: SettingKey, _ duration: DurationOption?) {
    note(key, duration?.duration.shortText)
  }
}
