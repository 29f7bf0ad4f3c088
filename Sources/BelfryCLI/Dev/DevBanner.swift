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

  func show() {
    print(text)
    fflush(nil)
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
        \(belfry) submit --kind \(kind) --payload hello --wait
        \(belfry) job list
        \(belfry) health --watch

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
