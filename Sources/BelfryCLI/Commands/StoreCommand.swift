internal import ArgumentParser
internal import BelfryCore
internal import BelfryMongo
internal import Foundation

struct StoreCommand: AsyncParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "store", abstract: "Look into the store.", subcommands: [Status.self])

  struct Status: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract:
        "List the collections of MongoDB, with counts, sizes and indexes; or the file of belfry dev.",
      discussion: """
        Asks MongoDB itself, no coordinator, and changes nothing. A coordinator makes the indexes when it \
        starts; a collection is there once something was written.

        Examples:

          belfry store status --store 'mongodb://db/belfry?replicaSet=rs0'
          belfry store status --data ~/.local/state/belfry/dev

        Exit status: 0 all indexes are there, 1 one is missing.
        """)

    @Option(help: "MongoDB, mongodb:// (BELFRY_STORE_URL).") var store: String?
    @Option(help: "A folder of belfry dev: its file in the place of MongoDB.") var data: String?
    @OptionGroup var files: ConfigurationOptions
    @OptionGroup var output: OutputOptions

    func report() async throws -> Report {
      if let data { return try Self.file(data) }
      var options: [SettingKey: [String]] = [:]
      options.note(.storeURL, store)
      let settings = try await files.settings(options)
      guard let url = try settings.text(.storeURL) else { throw Settings.missing(.storeURL) }
      let mongo = try MongoStore(
        url: url, password: settings.text(.storePassword), appName: "belfry store")
      switch await mongo.status() {
      case .failure(let problem):
        throw UserError(foreign: problem.message)
          ?? UserError(
            .storeUnavailable, "the store does not answer", why: problem.message,
            next: ["belfry doctor --only store"])
      case .success(let found):
        let isThere = found.contains { $0.documents != nil }
        return Report(
          found.map { Document($0) }, kind: "CollectionList",
          columns: ["name", "documents", "bytes", "indexes", "missing"],
          exit: isThere && found.contains { $0.documents != nil && !$0.missing.isEmpty } ? 1 : 0)
      }
    }

    /// Queue and store are one file, and what is not in it yet beside it.
    private static func file(_ folder: String) throws -> Report {
      let file = folder + "/belfry.sqlite"
      guard FileManager.default.fileExists(atPath: file) else {
        throw UserError(
          .fileMissing, "there is no file of belfry dev in \(folder)", why: "\(file) is not there",
          next: ["belfry dev --data \(folder) makes one"])
      }
      return Report(
        [file, file + "-wal", file + "-shm"].compactMap { path in
          let size = try? FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
          return size.map {
            Document(kind: "File", fields: [("name", .text(path)), ("bytes", .number($0))])
          }
        }, kind: "FileList", columns: ["name", "bytes"])
    }
  }
}

extension Document {
  fileprivate init(_ collection: MongoStore.CollectionStatus) {
    self.init(
      kind: "Collection",
      fields: [
        ("name", .text(collection.name)),
        ("documents", collection.documents.map { .number($0) } ?? .none),
        ("bytes", collection.documents == nil ? .none : .number(collection.bytes)),
        ("indexes", .list(collection.indexes.map { .text($0) })),
        (
          "missing",
          .list(collection.documents == nil ? [] : collection.missing.map { .text($0) })
        ),
      ])
  }
}
