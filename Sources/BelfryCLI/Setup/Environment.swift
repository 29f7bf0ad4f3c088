internal import Foundation

/// Settings from the environment: `BELFRY_` and the option's name.
enum Environment {
  /// Empty counts as not set.
  static func value(_ name: String) -> String? {
    guard let value = ProcessInfo.processInfo.environment["BELFRY_" + name], !value.isEmpty
    else { return nil }
    return value
  }

  /// The option, else the environment, else nothing: then the user is told both names.
  static func required(
    _ option: String?, _ flag: String, _ name: String, _ example: String
  ) throws -> String {
    if let found = option ?? value(name) { return found }
    throw UserError(
      .missingSetting, "\(flag) is missing",
      why: "it has no default, and BELFRY_\(name) is not set",
      next: ["\(flag) \(example)", "export BELFRY_\(name)=\(example)"])
  }

  static func list(_ option: [String], _ name: String) -> [String] {
    if !option.isEmpty { return option.flatMap { $0.split(separator: ",").map(String.init) } }
    return value(name)?.split(separator: ",").map(String.init) ?? []
  }

  static func int(_ option: Int?, _ name: String, default fallback: Int) throws -> Int {
    if let option { return option }
    guard let text = value(name) else { return fallback }
    guard let number = Int(text) else {
      throw UserError(
        .badSetting, "BELFRY_\(name) is not a number", why: "it is \"\(text)\"",
        next: ["export BELFRY_\(name)=\(fallback)"])
    }
    return number
  }
}
