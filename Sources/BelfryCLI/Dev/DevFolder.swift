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

/// Where the last `belfry dev` of this user serves: commands go there when neither an option nor the
/// environment names a cluster. A file of two variables, mode 0600.
struct DevAddress: Equatable {
  let server: String
  let identity: String

  static var file: String { StateHome.path + "/belfry/dev.env" }

  init(server: String, identity: String) {
    self.server = server
    self.identity = identity
  }

  /// Nil: there never was one.
  static func last() -> DevAddress? {
    // Not there, or not readable: then there is none.
    guard let text = try? String(contentsOfFile: file, encoding: .utf8) else { return nil }
    var values: [String: String] = [:]
    for line in text.split(separator: "\n") {
      let pair = line.split(separator: "=", maxSplits: 1).map(String.init)
      if pair.count == 2 { values[pair[0]] = pair[1] }
    }
    guard let server = values["BELFRY_SERVER"], let identity = values["BELFRY_IDENTITY"]
    else { return nil }
    return DevAddress(server: server, identity: identity)
  }

  func write() throws {
    let folder = (Self.file as NSString).deletingLastPathComponent
    try FileManager.default.createDirectory(
      atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    let staged = Self.file + ".\(getpid())"
    let text = """
      # Where the last belfry dev serves; written by it.
      BELFRY_SERVER=\(server)
      BELFRY_IDENTITY=\(identity)

      """
    guard
      FileManager.default.createFile(
        atPath: staged, contents: Data(text.utf8), attributes: [.posixPermissions: 0o600]),
      rename(staged, Self.file) == 0
    else {
      throw UserError(
        .badFile, "cannot write \(Self.file)", why: String(cString: strerror(errno)),
        next: ["look at its folder: ls -ld \(folder)"])
    }
  }
}
