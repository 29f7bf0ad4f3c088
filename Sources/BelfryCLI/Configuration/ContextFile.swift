internal import Foundation
internal import Yams

/// A cluster that this user has given a name to: where it is, and as whom to go there.
struct ClusterContext: Equatable {
  var name: String
  /// A coordinator, `https://host:port`.
  var server: String
  /// The folder of an identity, absolute.
  var identity: String
}

/// The clusters of this user, `~/.config/belfry/contexts.yaml`, mode 0600. The one place that reads and
/// writes it; `belfry dev` and `join` leave theirs here too.
struct ContextFile: Equatable {
  var current: String?
  private(set) var contexts: [ClusterContext] = []

  static func load(_ path: String = Places.process.contexts) throws -> ContextFile {
    guard FileManager.default.fileExists(atPath: path) else { return ContextFile() }
    guard let data = FileManager.default.contents(atPath: path) else {
      throw UserError(
        .badFile, "cannot read \(path)", why: String(cString: strerror(errno)),
        next: ["look at its owner and mode: ls -l \(path)"])
    }
    do {
      return try ContextFile(yaml: String(decoding: data, as: UTF8.self))
    } catch let problem as Unreadable {
      throw UserError(
        .badFile, "\(path) is not understood", why: problem.why,
        next: ["mend it, or remove it and add the contexts anew: belfry context add"])
    }
  }

  private struct Unreadable: Error { let why: String }

  init() {}

  private init(yaml text: String) throws {
    let root: Node?
    do { root = try Yams.compose(yaml: text) } catch { throw Unreadable(why: "\(error)") }
    guard let root, root.null == nil else { return }
    guard let mapping = root.mapping else { throw Unreadable(why: "it is no mapping") }
    current = mapping["current"]?.scalar?.string
    for (key, value) in mapping["contexts"]?.mapping ?? [:] {
      guard let name = key.scalar?.string, let server = value["server"]?.scalar?.string,
        let identity = value["identity"]?.scalar?.string
      else {
        let line = value.mark.map { "line \($0.line): " } ?? ""
        throw Unreadable(why: "\(line)a context has a name, a server and an identity")
      }
      contexts.append(ClusterContext(name: name, server: server, identity: identity))
    }
  }

  subscript(name: String) -> ClusterContext? { contexts.first { $0.name == name } }

  /// The one of that name, or an error that lists those there are.
  func required(_ name: String) throws -> ClusterContext {
    guard let context = self[name] else {
      let names = contexts.map(\.name).joined(separator: ", ")
      throw UserError(
        .noSuchContext, "no context \"\(name)\"",
        why: contexts.isEmpty ? "there is none yet" : "there are: \(names)",
        next: ["belfry context add \(name) --server https://host:7443 --identity DIR"])
    }
    return context
  }

  /// Adds it, or replaces the one of its name. The first becomes the current one.
  mutating func put(_ context: ClusterContext, use: Bool = false) {
    if let index = contexts.firstIndex(where: { $0.name == context.name }) {
      contexts[index] = context
    } else {
      contexts.append(context)
    }
    if use || current == nil { current = context.name }
  }

  mutating func remove(_ name: String) {
    contexts.removeAll { $0.name == name }
    if current == name { current = nil }
  }

  /// Replaces the file as a whole: whoever reads meanwhile sees the old one or the new one.
  func write(_ path: String = Places.process.contexts) throws {
    let folder = (path as NSString).deletingLastPathComponent
    do {
      try FileManager.default.createDirectory(
        atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
    } catch {
      throw UserError(.badFile, "cannot make \(folder)", why: error.localizedDescription)
    }
    let staged = path + ".new-\(getpid())"
    let descriptor = open(staged, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o600)
    let bytes = Array(yaml.utf8)
    // The mode holds whatever the umask was, and also where the file was there.
    let isWritten =
      descriptor >= 0 && fchmod(descriptor, 0o600) == 0
      && Foundation.write(descriptor, bytes, bytes.count) == bytes.count && fsync(descriptor) == 0
    let why = String(cString: strerror(errno))
    if descriptor >= 0 { close(descriptor) }
    guard isWritten, rename(staged, path) == 0 else {
      unlink(staged)
      throw UserError(
        .badFile, "cannot write \(path)", why: why, next: ["look at its folder: ls -ld \(folder)"])
    }
  }

  private var yaml: String {
    Document.Value.object([
      ("current", current.map { .text($0) } ?? .none),
      (
        "contexts",
        .object(
          contexts.map { context in
            (
              context.name,
              .object([
                ("server", .text(context.server)), ("identity", .text(context.identity)),
              ])
            )
          })
      ),
    ]).yaml(indent: 0).joined(separator: "\n") + "\n"
  }
}
