internal import BelfryCore
internal import BelfryNet
internal import BelfryRPC
internal import Foundation

/// The Unix socket on which operators of a coordinator's own machine call it, so that no certificate that
/// has ended and no CA that is lost locks anybody out.
enum OperatorSocket {
  static let file = "operator.sock"

  /// - Parameter state: the coordinator's state folder.
  static func listening(_ settings: Settings, state: String, cluster: String) throws -> LocalSocket?
  {
    let said = try settings.text(.socket)
    if said == "off" { return nil }
    let path = said ?? URL(fileURLWithPath: state).standardizedFileURL.path + "/" + file
    guard path.utf8.count <= LocalSocket.pathBytesMax else {
      // Nobody asked for it.
      guard said != nil else { return nil }
      throw UserError(
        .badSetting, "--socket \(path) is not accepted",
        why: "the path of a socket has at most \(LocalSocket.pathBytesMax) bytes",
        next: ["--socket /run/belfry/operator.sock", "--socket off"])
    }
    let others = try settings.texts(.socketUsers).map(user)
    let allowed = Set([0, geteuid()] + others)
    return LocalSocket(path: path, mode: others.isEmpty ? 0o600 : 0o660) { credentials in
      guard allowed.contains(credentials.user) else { return nil }
      return PeerIdentity(
        cluster: cluster, role: .operator, name: name(of: credentials.user), notAfter: .max)
    }
  }

  private static func user(_ text: String) throws -> uid_t {
    if let number = uid_t(text) { return number }
    guard let entry = getpwnam(text) else {
      throw UserError(
        .badSetting, "--socket-user \(text) is not accepted", why: "this machine has no such user",
        next: ["--socket-user NAME, or a uid"])
    }
    return entry.pointee.pw_uid
  }

  /// As the audit log has it: `uid 1000 (alice)`.
  private static func name(of user: uid_t) -> String {
    var entry = passwd()
    var found: UnsafeMutablePointer<passwd>?
    var buffer = [CChar](repeating: 0, count: 4_096)
    guard getpwuid_r(user, &entry, &buffer, buffer.count, &found) == 0, found != nil else {
      return "uid \(user)"
    }
    return "uid \(user) (\(String(cString: entry.pw_name)))"
  }

  // MARK: for commands

  /// The socket of a coordinator of this machine that this user may call; nil when there is none.
  static func found(_ settings: Settings) -> String? {
    var paths: [String] = []
    // What cannot be read says nothing of a socket.
    if let said = try? settings.text(.socket), said != "off" { paths.append(said) }
    for key in [SettingKey.state, .identity] {
      if let folder = try? settings.text(key) { paths.append(folder + "/" + file) }
    }
    let folders = (try? FileManager.default.contentsOfDirectory(atPath: StateFolder.path)) ?? []
    paths += ([""] + folders.sorted()).map { StateFolder.path + "/" + $0 + "/" + file }
    return paths.first(where: isUsable)
  }

  private static func isUsable(_ path: String) -> Bool {
    var status = stat()
    return stat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFSOCK
      && access(path, W_OK) == 0
  }
}
