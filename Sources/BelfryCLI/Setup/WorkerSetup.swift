internal import Belfry
internal import BelfryCore
internal import BelfryRPC
internal import BelfryWorker
internal import Foundation

/// A worker's parts, from its settings.
struct WorkerSetup {
  private let settings: Settings
  init(_ settings: Settings) { self.settings = settings }

  /// - Parameter joined: knows where the cluster is, when nobody says it.
  func servers(_ joined: JoinedNode?) throws -> [RPCTarget] {
    var texts = try settings.texts(.serverURL)
    if texts.isEmpty { texts = joined?.coordinators ?? [] }
    guard !texts.isEmpty else { throw Settings.missing(.serverURL) }
    return try texts.map { try ServerAddress($0).target }
  }

  func slots() throws -> Int {
    try settings.number(.slots) ?? 2 * ProcessInfo.processInfo.activeProcessorCount
  }

  func resultBytesMax() throws -> Int {
    try settings.number(.resultMax) ?? Worker.Configuration.resultBytesDefault
  }

  func handlers(_ engine: CommandEngine) throws -> [Kind: JobHandler] {
    var limits = CommandSettings()
    limits.resultBytesMax = try resultBytesMax()
    var result: [Kind: JobHandler] = [:]
    for text in try settings.texts(.run) {
      let spec = try CommandSpec(parsing: text)
      guard result[spec.kind] == nil else {
        throw UserError(
          .badSetting, "kind \(spec.kind) has two handlers", why: "--run names it twice",
          next: ["give each kind one --run"])
      }
      result[spec.kind] = .command(try CommandHandler(spec, settings: limits, engine: engine))
    }
    guard !result.isEmpty else {
      throw UserError(
        .missingSetting, "the worker has nothing to run", why: "no --run was given",
        next: ["--run 'shout=tr a-z A-Z'"])
    }
    return result
  }

  func labels() throws -> [BelfryCore.Label] {
    let text = try settings.text(.labels) ?? ""
    guard let result = BelfryCore.Label.list(text) else {
      throw UserError(
        .badSetting, "\"\(text)\" are no labels", why: "key=value pairs are asked for",
        next: ["--labels gpu=a100,zone=b"])
    }
    return result
  }
}
