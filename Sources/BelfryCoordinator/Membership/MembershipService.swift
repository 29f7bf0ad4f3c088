internal import BelfryAPI
internal import BelfryCore
internal import BelfryIdentity
internal import BelfryRPC
internal import Logging
internal import SwiftProtobuf

/// `belfry.v1.Membership`: how machines come in, stay, and are thrown out. What strangers ask is in
/// `MembershipService+Enroll`, what operators ask in `…+Tokens` and `…+Nodes`.
final class MembershipService: Sendable {
  let store: any RecordStore
  let shell: CoreShell
  let issuer: CertificateIssuer?
  let cluster: String
  let coordinator: NodeName
  let software: String
  let logger: Logger
  let changes: NodeChanges
  let guesses = GuessGate()
  private let lines = LineLimit(burst: 50, perSecond: 5)

  init(
    store: any RecordStore, shell: CoreShell, directory: NodeDirectory, issuer: CertificateIssuer?,
    cluster: String, coordinator: NodeName, software: String, logger: Logger
  ) {
    self.store = store
    self.shell = shell
    changes = NodeChanges(store: store, directory: directory)
    self.issuer = issuer
    self.cluster = cluster
    self.coordinator = coordinator
    self.software = software
    self.logger = logger
  }

  func greet() -> Belfry_V1_GreetReply {
    .with {
      $0.timeMs = ProcessClock.now().wall.milliseconds
      $0.cluster = cluster
      $0.coordinator = coordinator.text
      $0.software = software
      $0.issues = issuer != nil
    }
  }

  /// Where machines reach the cluster: this coordinator first, then the others that are known. Empty when
  /// this one does not know its own address: then it is where they reached it.
  func addresses() async -> [String] {
    let all = await shell.coordinatorAddresses
    return all.first?.name == coordinator ? all.flatMap(\.addresses) : []
  }

  // MARK: the store, with its silence as an error

  static let silence = RPCStatus(
    .unavailable, "the store did not answer: nobody can know what was written; ask again")

  func read(
    _ collection: StoredRecord.Collection, _ id: String
  ) async throws(RPCStatus) -> StoredRecord? {
    switch await store.record(collection, id) {
    case .success(let record): return record
    case .failure(let problem):
      throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
    }
  }

  /// - Parameters:
  ///   - id: only those before it, in the order of the store: the last of what was read before.
  ///   - limit: nil: all there are.
  func list(
    _ collection: StoredRecord.Collection, before id: String? = nil, limit: Int? = nil
  ) async throws(RPCStatus) -> [StoredRecord] {
    let answer =
      if let limit {
        await store.records(collection, since: nil, before: id, limit: limit)
      } else {
        await store.allRecords(collection)
      }
    switch answer {
    case .success(let records): return records
    case .failure(let problem):
      throw RPCStatus(.unavailable, "the store does not answer: \(problem.message)")
    }
  }

  /// Who floods us with requests does not flood the log.
  func logRefusal(_ what: Logger.Message, _ metadata: Logger.Metadata) {
    guard let suppressed = lines.take() else { return }
    var metadata = metadata
    if suppressed > 0 { metadata["suppressed"] = "\(suppressed)" }
    logger.warning(what, metadata: metadata)
  }

  func requireIssuer() throws(RPCStatus) -> CertificateIssuer {
    guard let issuer else {
      throw RPCStatus(
        .failedPrecondition,
        "coordinator \(coordinator) has no CA to issue certificates with; start it with --authority, "
          + "or ask one that has it")
    }
    return issuer
  }
}
