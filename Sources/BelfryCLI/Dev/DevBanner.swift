internal import BelfryCore
internal import Foundation

/// What `belfry dev` prints once it serves: where everything is, and three commands that work when pasted.
struct DevBanner {
  let folder: DevFolder
  let port: Int
  let workers: Int
  let slots: Int
  let kinds: [Kind]
  let time: Duration
  /// What commands must say to find it, with a space before it; empty for nothing.
  let access: String

  /// The same for programs.
  var document: Document {
    Document(
      kind: "DevCluster",
      fields: [
        ("name", .text("dev")), ("server", .text("https://127.0.0.1:\(port)")),
        ("identity", .text("\(folder.certificates)/me")),
        ("data", folder.isTemporary ? .none : .text(folder.file)),
        ("workers", .number(workers)), ("slots", .number(slots)),
        ("kinds", .list(kinds.map { .text($0.text) })), ("pid", .number(Int(getpid()))),
      ])
  }

  var text: String {
    let belfry = Self.program
    let kind = kinds.first?.text ?? "echo"
    let data =
      folder.isTemporary
      ? "in memory: gone when it ends" : "\(folder.file), on disk: a kill -9 loses nothing"
    let team =
      workers == 0
      ? "none in this process: belfry cert issue worker w9 --dir \(folder.certificates)"
      : "\((1...max(1, workers)).map { "w\($0)" }.joined(separator: ", ")), \(slots) slots each: "
        + kinds.map(\.text).joined(separator: ", ")
    return """
      belfry dev is ready after \(time.formattedSeconds) s
        server   https://127.0.0.1:\(port) (mutual TLS)
        identity \(folder.certificates)/me
        data     \(data)
        workers  \(team)

      next, in another terminal:
        \(belfry) submit\(access) --kind \(kind) --payload hello --wait
        \(belfry) job list\(access)
        \(belfry) health\(access) --watch

      Ctrl-C stops it.
      """
  }

  /// As it was called: what is pasted must find it too.
  static var program: String {
    let called = CommandLine.arguments.first ?? "belfry"
    return called.contains("/") ? called : "belfry"
  }
}

extension Duration {
  /// Seconds with two decimals.
  var formattedSeconds: String { String(format: "%.2f", self / .seconds(1)) }
}

/// What `belfry dev` and `belfry demo` have to say to people, on standard error: standard output is for
/// documents.
enum DevRemark {
  static func say(_ text: String) { FileHandle.standardError.write(Data((text + "\n").utf8)) }
}
