internal import BelfryCore
internal import Configuration
internal import Foundation
internal import SystemPackage

/// What is configured, and where each of it comes from: options go before the environment, that before
/// credentials, those before files, those before defaults.
struct Settings: Sendable {
  struct Origin: Equatable, Sendable {
    enum Kind: String, Sendable {
      case option, environment, credential, file, standard = "default"
    }
    let kind: Kind
    /// `--slots`, `BELFRY_SLOTS`, a file's path, `/etc/belfry/belfry.yaml:12`.
    let place: String

    var text: String { kind == .standard ? "default" : "\(kind.rawValue) \(place)" }
  }

  /// A value as people write it, one text for each item of a list.
  struct Found: Equatable, Sendable {
    let texts: [String]
    let origin: Origin
  }

  private struct Layer: Sendable {
    let kind: Origin.Kind
    let provider: any ConfigProvider
    let place: @Sendable (Setting) -> String
  }

  private let layers: [Layer]
  /// The files that were read.
  let files: [String]

  /// - Parameters:
  ///   - options: what the command line says, by key; an option that was not given is not in it.
  ///   - file: read in place of the usual files, and must be there.
  /// - Throws: `UserError` when a file is not what it should be, or any value is not accepted.
  static func load(
    options: [SettingKey: [String]] = [:], file: String? = nil, places: Places = .process
  ) async throws -> Settings {
    var layers = [Self.layer(options), Self.environment(places.environment)]
    for folder in places.credentials {
      if let layer = credentials(in: folder) { layers.append(layer) }
    }
    let named = file ?? places.environment["BELFRY_CONFIG"].flatMap { $0.isEmpty ? nil : $0 }
    var read: [String] = []
    for path in named.map({ [$0] }) ?? places.configurationFiles {
      guard FileManager.default.fileExists(atPath: path) else {
        if named == nil { continue }
        throw UserError(
          .fileMissing, "there is no configuration file \(path)",
          why: "--config or BELFRY_CONFIG says so",
          next: ["belfry config path"])
      }
      layers.append(try await Self.layer(file: path))
      read.append(path)
    }
    let settings = Settings(layers: layers, files: read)
    try settings.check()
    return settings
  }

  private init(layers: [Layer], files: [String]) {
    self.layers = layers
    self.files = files
  }

  // MARK: asking

  /// Nil when it is set nowhere and has no default.
  func find(_ key: SettingKey) throws -> Found? {
    let setting = key.setting
    for layer in layers {
      guard let texts = try Self.texts(setting, layer) else { continue }
      return Found(texts: texts, origin: Origin(kind: layer.kind, place: layer.place(setting)))
    }
    return setting.standard.map {
      Found(texts: [$0], origin: Origin(kind: .standard, place: ""))
    }
  }

  func text(_ key: SettingKey) throws -> String? { try find(key)?.texts.first }
  func texts(_ key: SettingKey) throws -> [String] { try find(key)?.texts ?? [] }
  func number(_ key: SettingKey) throws -> Int? { try text(key).flatMap { Int($0) } }
  func duration(_ key: SettingKey) throws -> Duration? {
    try text(key).flatMap { Duration(short: $0) }
  }

  func required(_ key: SettingKey) throws -> String {
    if let text = try text(key) { return text }
    throw Self.missing(key)
  }

  /// The error of a setting that is set nowhere.
  static func missing(_ key: SettingKey) -> UserError {
    let setting = key.setting
    let variable = setting.shortVariable ?? setting.variable
    return UserError(
      .missingSetting, "\(setting.option ?? key.rawValue) is missing",
      why: "it has no default, \(variable) is not set, and no file has \(key.rawValue)",
      next: (setting.option.map { ["\($0) '\(setting.example)'"] } ?? [])
        + ["export \(variable)='\(setting.example)'"])
  }

  /// Every value is looked at, also those that this command does not ask for: who misspells one
  /// learns it now.
  private func check() throws {
    for key in SettingKey.allCases {
      guard let found = try find(key), found.origin.kind != .standard else { continue }
      for text in found.texts {
        guard let why = key.setting.complaint(about: text) else { continue }
        let shown = key.setting.isSecret ? "" : " \(text)"
        let name = found.origin.kind == .file ? key.rawValue : found.origin.place
        throw UserError(
          .badSetting, "\(name)\(shown) is not accepted", why: why,
          next: [
            "belfry config explain \(key.rawValue)", "for example: \(key.setting.example)",
          ])
      }
    }
  }

  // MARK: layers

  private static func texts(_ setting: Setting, _ layer: Layer) throws -> [String]? {
    let provider = layer.provider
    let key = AbsoluteConfigKey(setting.key.rawValue.split(separator: ".").map(String.init))
    // A variable is a text, and lists are split here: the library would split at commas always.
    if setting.form.isList, layer.kind != .environment,
      // Not a list: a text, which is asked for below.
      let value = try? provider.value(forKey: key, type: .stringArray).value,
      case .stringArray(let texts) = value.content
    {
      return texts.flatMap { Self.split($0, setting.form) }
    }
    guard let value = try provider.value(forKey: key, type: .string).value,
      case .string(let text) = value.content
    else { return nil }
    return Self.split(text, setting.form)
  }

  private static func split(_ text: String, _ form: Setting.Form) -> [String] {
    switch form {
    case .list, .levels: text.split(separator: ",").map { $0.trimmingCharacters(in: .whitespaces) }
    case .items: text.split(whereSeparator: \.isNewline).map(String.init)
    default: [text]
    }
  }

  private static func layer(_ options: [SettingKey: [String]]) -> Layer {
    let given = options.filter { !$0.value.isEmpty && !$0.key.setting.isSecret }
    return Layer(
      kind: .option, provider: InMemoryProvider(name: "options", values: values(given)),
      place: { $0.option ?? $0.key.rawValue })
  }

  /// Empty counts as not set.
  private static func environment(_ environment: [String: String]) -> Layer {
    let found = SettingKey.allCases.compactMap { key -> (SettingKey, name: String, text: String)? in
      for name in [key.setting.variable, key.setting.shortVariable].compactMap({ $0 }) {
        if let text = environment[name], !text.isEmpty { return (key, name, text) }
      }
      return nil
    }
    let names = Dictionary(uniqueKeysWithValues: found.map { ($0.0, $0.name) })
    let known = EnvironmentVariablesProvider(
      environmentVariables: Dictionary(
        uniqueKeysWithValues: found.map { ($0.0.setting.variable, $0.text) })
    ).prefixKeys(with: "belfry")
    return Layer(
      kind: .environment, provider: known, place: { names[$0.key] ?? $0.variable })
  }

  /// Read here, file by file, because Kubernetes lays them as links, which the library's provider
  /// skips.
  private static func credentials(in folder: String) -> Layer? {
    var given: [SettingKey: [String]] = [:]
    for key in SettingKey.allCases {
      let path = folder + "/" + key.setting.credential
      guard let data = FileManager.default.contents(atPath: path) else { continue }
      let text = String(decoding: data, as: UTF8.self)
      given[key] = [text.hasSuffix("\n") ? String(text.dropLast()) : text]
    }
    guard !given.isEmpty else { return nil }
    return Layer(
      kind: .credential, provider: InMemoryProvider(name: folder, values: values(given)),
      place: { folder + "/" + $0.credential })
  }

  private static func layer(file path: String) async throws -> Layer {
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError(
        .badFile, "cannot read \(path)", why: String(cString: strerror(errno)),
        next: ["look at its owner and mode: ls -l \(path)"])
    }
    let file = ConfigurationFile(yaml: String(decoding: data, as: UTF8.self))
    try file.check(path: path)
    let provider: any ConfigProvider =
      file.lines.isEmpty
      ? InMemoryProvider(values: [:])
      : try await FileProvider<YAMLSnapshot>(filePath: FilePath(path))
    let lines = file.lines
    return Layer(
      kind: .file, provider: provider,
      place: { setting in path + (lines[setting.key].map { ":\($0)" } ?? "") })
  }

  private static func values(
    _ texts: [SettingKey: [String]]
  ) -> [AbsoluteConfigKey: ConfigValue] {
    var values: [AbsoluteConfigKey: ConfigValue] = [:]
    for (key, texts) in texts {
      let name = AbsoluteConfigKey(key.rawValue.split(separator: ".").map(String.init))
      let content: ConfigContent =
        key.setting.form.isList ? .stringArray(texts) : .string(texts.last ?? "")
      values[name] = ConfigValue(content, isSecret: key.setting.isSecret)
    }
    return values
  }
}
