internal import BelfryCore
internal import BelfryEmbedded
internal import BelfryIdentity
internal import Foundation

/// What `belfry dev` keeps: the file with queue and store, the cluster's CA and who it has issued.
///
///     belfry.sqlite    queue and store
///     certs/           as `belfry cert` has it: the CA, c1, w1 and so on, me
struct DevFolder {
  let path: String
  let isTemporary: Bool

  /// - Parameter path: nil: the user's own.
  init(_ path: String?) throws {
    self.path = path.map(Self.absolute) ?? StateHome.path + "/belfry/dev"
    isTemporary = false
    do {
      try FileManager.default.createDirectory(
        atPath: self.path, withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw UserError(
        .badFile, "cannot make the folder \(self.path)", why: error.localizedDescription,
        next: ["belfry dev --data DIR uses another folder"])
    }
  }

  private init(temporary path: String) {
    self.path = path
    isTemporary = true
  }

  /// One that goes with the process; only keys are in it.
  static func temporary() throws -> DevFolder {
    let path = FileManager.default.temporaryDirectory
      .appendingPathComponent("belfry-dev-\(UUID().uuidString)").path
    try FileManager.default.createDirectory(
      atPath: path, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    return DevFolder(temporary: path)
  }

  func removeIfTemporary() {
    // What is left is in the folder for temporary files.
    if isTemporary { try? FileManager.default.removeItem(atPath: path) }
  }

  var file: String { path + "/belfry.sqlite" }
  var certificates: String { path + "/certs" }
  var place: EmbeddedEngine.Place { isTemporary ? .memory : .file(file) }

  /// The identity of that name; made, or made anew, where there is none that lasts another month.
  func identity(_ role: Role, _ name: String) throws -> IdentityFiles {
    let authority = try authority()
    let files = AuthorityFiles(folder: certificates).identity(named: name)
    if let identity = try? files.read(), identity.authorityPEM == authority.certificatePEM,
      try CertificateInfo(pem: identity.certificatePEM).validity.contains(
        epochSeconds: Validity.nowEpochSeconds() + 30 * 86_400)
    {
      return files
    }
    let hosts = role == .coordinator ? ["127.0.0.1", "localhost"] : []
    try files.write(
      try authority.issue(role, name, hosts: hosts, validFor: .seconds(365 * 86_400)),
      replacing: true)
    return files
  }

  private func authority() throws -> CertificateAuthority {
    let files = AuthorityFiles(folder: certificates)
    guard !FileManager.default.fileExists(atPath: files.certificatePath) else {
      return try files.read()
    }
    let made = try CertificateAuthority.create(
      cluster: "dev", validFor: .seconds(3_650 * 86_400))
    try files.write(made)
    return made
  }

  private static func absolute(_ path: String) -> String {
    URL(fileURLWithPath: path).standardizedFileURL.path
  }
}

/// Where a user's programs keep their state: `$XDG_STATE_HOME`, else `~/.local/state`.
enum StateHome {
  static var path: String {
    let named = ProcessInfo.processInfo.environment["XDG_STATE_HOME"] ?? ""
    // A relative one is to be ignored, says the XDG specification.
    return named.hasPrefix("/") ? named : NSHomeDirectory() + "/.local/state"
  }
}

/// Where a dev cluster serves, and as whom its user goes there: left as the context `dev`.
struct DevAddress: Sendable {
  static let context = "dev"

  let server: String
  let identity: String

  /// Leaves it for all other commands; what they must say to find it: nothing, when they would.
  func leave() throws -> String {
    var file = try ContextFile.load()
    file.put(
      ClusterContext(name: Self.context, server: server, identity: identity))
    try file.write()
    let environment = ProcessInfo.processInfo.environment
    let isElsewhere = ["BELFRY_SERVER", "BELFRY_IDENTITY", "BELFRY_CONTEXT"].contains {
      !(environment[$0] ?? "").isEmpty
    }
    return file.current == Self.context && !isElsewhere ? "" : " --context \(Self.context)"
  }
}
