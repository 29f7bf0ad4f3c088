internal import Foundation

/// Where this machine keeps what Belfry must remember, when nobody says where.
enum StateFolder {
  static var path: String {
    if getuid() == 0 { return "/var/lib/belfry" }
    let environment = ProcessInfo.processInfo.environment
    let data = environment["XDG_DATA_HOME"] ?? (environment["HOME"] ?? ".") + "/.local/share"
    return data + "/belfry"
  }

  /// Of the node that joined here: where the service of the package looks for it.
  static var identity: String { path + "/worker" }

  /// The joined node's identity, if there is one.
  static var joinedIdentity: String? {
    FileManager.default.fileExists(atPath: identity + "/identity.pem") ? identity : nil
  }
}
