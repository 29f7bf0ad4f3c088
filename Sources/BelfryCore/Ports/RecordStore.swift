/// The port to what a cluster knows of its members: tokens, nodes, coordinators, and who did what. Few, small and
/// changed by people, so one shape serves all: named texts under an id, and a version by which a change
/// is made only to what was read. Each decision is thereby one atomic write.
///
/// *Nil*, or a problem, means that the store did not answer: nobody can know what was written.
package protocol RecordStore: Sendable {
  /// Writes a new record, majority and journaled. False: there is one of that id.
  func create(_ record: StoredRecord) async -> Bool?

  /// Writes a record in the place of the one whose version is one less. False: there is none such, as
  /// somebody was quicker.
  func replace(_ record: StoredRecord) async -> Bool?

  /// Removes a record of just this version, majority and journaled. False: there is none such.
  func remove(_ record: StoredRecord) async -> Bool?

  /// Read with read concern majority. One that is there and cannot be read comes without
  /// fields, never as nil.
  func record(
    _ collection: StoredRecord.Collection, _ id: String
  ) async -> Result<StoredRecord?, StoreProblem>

  /// Those whose `writtenAt` is not before `since`, and whose id is less than `before`, by id, the
  /// greatest first. One that cannot be read comes without fields: nobody may take it for absent.
  func records(
    _ collection: StoredRecord.Collection, since: WallTime?, before: String?, limit: Int
  ) async -> Result<[StoredRecord], StoreProblem>
}

extension RecordStore {
  /// All of them, however many there are, in portions that each are read at once.
  package func allRecords(
    _ collection: StoredRecord.Collection, since: WallTime? = nil, portion: Int = 1_000
  ) async -> Result<[StoredRecord], StoreProblem> {
    var all: [StoredRecord] = []
    while true {
      switch await records(collection, since: since, before: all.last?.id, limit: portion) {
      case .failure(let problem): return .failure(problem)
      case .success(let read):
        all += read
        if read.count < portion { return .success(all) }
      }
    }
  }
}

package struct StoredRecord: Sendable, Equatable {
  package enum Collection: String, Sendable, CaseIterable {
    case tokens, nodes, audit, silences, coordinators, controls, purges, attachments
  }

  package var collection: Collection
  /// `[A-Za-z0-9._-]`, 1 to 64.
  package var id: String
  /// From 1; one more with each change.
  package var version: Int
  /// By the clock of who wrote it.
  package var writtenAt: WallTime
  /// Names are Belfry's own words, never a user's.
  package var fields: [String: String]

  package init(
    _ collection: Collection, id: String, version: Int = 1, writtenAt: WallTime,
    fields: [String: String]
  ) {
    self.collection = collection
    self.id = id
    self.version = version
    self.writtenAt = writtenAt
    self.fields = fields
  }
}
