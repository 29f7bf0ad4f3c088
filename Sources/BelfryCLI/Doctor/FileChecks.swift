internal import BelfryCore
internal import BelfryIdentity
internal import BelfryMongo
internal import BelfryNet
internal import BelfryRabbitMQ
internal import Foundation

/// Libraries, configuration and identity: all that can be seen without a network.
struct FileChecks {
  /// Nil: what is configured cannot be read.
  let settings: Settings?
  let problem: UserError?
  let role: Role?

  func all() -> [DoctorCheck] {
    libraries + [
      configuration, secretsInEnvironment, passwordsInAddresses, modesOfFiles, contexts,
      stateFolder,
    ] + identity()
  }

  // MARK: libraries

  private var libraries: [DoctorCheck] {
    [
      library("OpenSSL", OpenSSLVersion.text, isKnown: OpenSSLVersion.major >= 3, "3.0"),
      library("nghttp2", NGHTTP2Version.text, atLeast: [1, 40]),
      library("rabbitmq-c", BrokerProbe.libraryVersion, atLeast: [0, 11]),
      library("libmongoc", MongoLibrary.version, atLeast: [1, 20]),
    ]
  }

  private func library(_ name: String, _ version: String, atLeast minimum: [Int]) -> DoctorCheck {
    let numbers = version.split { !$0.isNumber }.prefix(2).compactMap { Int($0) }
    let isKnown = !numbers.lexicographicallyPrecedes(minimum)
    return library(
      name, version, isKnown: isKnown, minimum.map(String.init).joined(separator: "."))
  }

  private func library(
    _ name: String, _ version: String, isKnown: Bool, _ minimum: String
  ) -> DoctorCheck {
    .good(
      isKnown, .libraries, name, version,
      fix: "apt-get install --only-upgrade its package: \(minimum) or newer is asked for")
  }

  // MARK: configuration

  private var configuration: DoctorCheck {
    if let problem {
      return .error(
        .config, "settings", "\(problem.what): \(problem.why)",
        fix: problem.next.first ?? "belfry config validate FILE")
    }
    let files = settings?.files ?? []
    return .ok(
      .config, "settings",
      files.isEmpty
        ? "no file is there; options and environment count" : files.joined(separator: ", "))
  }

  private var secretsInEnvironment: DoctorCheck {
    let environment = ProcessInfo.processInfo.environment
    let names = SettingKey.allCases.map(\.setting).filter(\.isSecret).map(\.variable)
    let set = names.filter { !(environment[$0] ?? "").isEmpty }
    return .good(
      set.isEmpty, .config, "secrets in the environment",
      set.isEmpty ? "none" : set.joined(separator: ", "),
      fix: "give them as files: LoadCredential= of systemd, or /run/secrets, see belfry config path"
    )
  }

  private var passwordsInAddresses: DoctorCheck {
    let keys = [SettingKey.queueURL, .storeURL].filter { key in
      // What cannot be read was told above.
      let text = (try? settings?.find(key))?.flatMap(\.texts.first)
      return Masked.hasPassword(text ?? "")
    }
    return .good(
      keys.isEmpty, .config, "passwords in addresses",
      keys.isEmpty ? "none" : keys.map(\.rawValue).joined(separator: ", "),
      fix:
        "take the password out of the address, and give queue.password or store.password as a file")
  }

  private var modesOfFiles: DoctorCheck {
    let files = settings?.files ?? []
    let open = files.filter { path in
      guard let mode = FileMode.read(path), mode & 0o077 != 0,
        let data = FileManager.default.contents(atPath: path)
      else { return false }
      let text = String(decoding: data, as: UTF8.self)
      return text.contains("password")
        || text.split(separator: "\n").contains {
          Masked.hasPassword(String($0))
        }
    }
    return .good(
      open.isEmpty, .config, "modes of files",
      open.isEmpty ? "no file with a secret can be read by others" : open.joined(separator: ", "),
      fix: "chmod 600 \(open.joined(separator: " "))")
  }

  private var contexts: DoctorCheck {
    let path = Places.process.contexts
    guard let mode = FileMode.read(path) else { return .ok(.config, "contexts", "there are none") }
    do { _ = try ContextFile.load() } catch {
      return .error(.config, "contexts", "\(path): \(error)", fix: "mend or remove \(path)")
    }
    return .good(
      mode & 0o077 == 0, .config, "contexts", "\(path), mode \(String(mode, radix: 8))",
      fix: "chmod 600 \(path)")
  }

  private var stateFolder: DoctorCheck {
    guard let folder = try? settings?.text(.state) ?? settings?.text(.identity) else {
      return .skipped(.config, "state folder", "neither state nor identity is set")
    }
    guard FileManager.default.fileExists(atPath: folder) else {
      return .error(.config, "state folder", "\(folder) is not there", fix: "mkdir -p \(folder)")
    }
    return access(folder, W_OK) == 0
      ? .ok(.config, "state folder", folder)
      : .error(
        .config, "state folder", "\(folder) cannot be written by this user",
        fix: "chown \(NSUserName()) \(folder)")
  }

  // MARK: identity

  private func identity() -> [DoctorCheck] {
    let names = ["files", "key's mode", "issuer", "validity", "role"]
    guard let folder = try? settings?.text(.identity) ?? current() else {
      return names.map { .skipped(.identity, $0, "no identity is set: --identity") }
    }
    let files = IdentityFiles(folder: folder)
    let read: Identity
    let info: CertificateInfo
    do {
      // Reading it looks whether key, certificate and CA belong together.
      read = try files.read()
      info = try CertificateInfo(pem: read.certificatePEM)
    } catch {
      let fix = "belfry cert issue ROLE NAME --dir DIR makes one"
      return [.error(.identity, "files", "\(error)", fix: fix)]
        + names.dropFirst().map { .skipped(.identity, $0, "the identity cannot be read") }
    }
    return [
      .ok(.identity, "files", "\(folder): \(read.id)"), mode(files.keyPath),
      .ok(.identity, "issuer", "key, certificate and CA belong together"), validity(info),
      roleCheck(read.id.role),
    ]
  }

  private func current() -> String? {
    // A broken file was told above.
    guard let file = try? ContextFile.load(), let name = file.current else { return nil }
    return file[name]?.identity
  }

  private func mode(_ path: String) -> DoctorCheck {
    guard let mode = FileMode.read(path) else {
      return .skipped(.identity, "key's mode", "\(path) cannot be looked at")
    }
    return mode & 0o077 == 0
      ? .ok(.identity, "key's mode", String(mode, radix: 8))
      : .error(
        .identity, "key's mode", "\(path) can be read by others (\(String(mode, radix: 8)))",
        fix: "chmod 600 \(path)")
  }

  private func validity(_ info: CertificateInfo) -> DoctorCheck {
    let now = Int64(Date().timeIntervalSince1970)
    let begins = info.validity.notBeforeEpochSeconds
    let days = (info.validity.notAfterEpochSeconds - now) / 86_400
    let renew = "belfry cert issue ROLE NAME --dir DIR --force"
    if now < begins {
      return .error(
        .identity, "validity", "it begins \(begins - now) s from now",
        fix: "look at this machine's clock: date -u; then \(renew)")
    }
    if now > info.validity.notAfterEpochSeconds {
      return .error(.identity, "validity", "it has expired", fix: renew)
    }
    return .good(days >= 14, .identity, "validity", "\(days) days left", fix: renew)
  }

  private func roleCheck(_ found: Role) -> DoctorCheck {
    guard let role else { return .ok(.identity, "role", found.rawValue) }
    return found == role
      ? .ok(.identity, "role", found.rawValue)
      : .error(
        .identity, "role", "\(found.rawValue), and \(role.rawValue) is asked for",
        fix: "belfry cert issue \(role.rawValue) NAME --dir DIR makes the right one")
  }
}

enum FileMode {
  /// The permission bits; nil when there is no such file.
  static func read(_ path: String) -> mode_t? {
    var status = stat()
    return stat(path, &status) == 0 ? status.st_mode & 0o7777 : nil
  }
}
