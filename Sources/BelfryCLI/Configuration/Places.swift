internal import Foundation

/// Where files of a user's and of the system's are (XDG base directories).
struct Places {
  let environment: [String: String]

  static let process = Places(environment: ProcessInfo.processInfo.environment)

  private var home: String { environment["HOME"] ?? NSHomeDirectory() }

  /// `~/.config/belfry`
  var configuration: String { base("XDG_CONFIG_HOME", ".config") + "/belfry" }

  var contexts: String { configuration + "/contexts.yaml" }

  /// The context that BELFRY_CONTEXT names.
  var context: String? { environment["BELFRY_CONTEXT"].flatMap { $0.isEmpty ? nil : $0 } }

  /// Read in this order: what stands in the first goes before what stands in the second.
  var configurationFiles: [String] {
    [configuration + "/config.yaml", "/etc/belfry/belfry.yaml"]
  }

  /// Of systemd (`LoadCredential=`), then of Docker and Kubernetes.
  var credentials: [String] {
    [environment["CREDENTIALS_DIRECTORY"], "/run/secrets"].compactMap { $0 }.filter { !$0.isEmpty }
  }

  private func base(_ name: String, _ folder: String) -> String {
    // The specification: what is not absolute is to be ignored.
    if let named = environment[name], named.hasPrefix("/") { return named }
    return home + "/" + folder
  }
}
