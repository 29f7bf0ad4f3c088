package import BelfryCore

extension MongoStore: ControlStore {
  /// Longer lists come without histories.
  private static let wholeMax = 1_000
  /// How long a write may take from its time stamp to being read by a majority, at most: so far back each
  /// poll reads again.
  private static let overlap = Duration.seconds(10)

  package func addCancel(_ job: JobID, by: String) async -> StoreProblem? {
    await perform([ControlQueries.addCancel(job, by: by), ControlQueries.makeDue(job)])
  }

  package func cancels(since mark: CancelMark?) async -> CancelNews? {
    let from = mark.map { CancelMark(time: $0.time - Self.overlap) }
    return await read("cancels", ControlQueries.cancels(since: from), batch: 1_000) {
      documents -> CancelNews in
      var news = CancelNews(mark: mark)
      for document in documents {
        guard let job = document["_id"]?.string.flatMap({ JobID($0) }),
          let at = document["at"]?.wallTime
        else { continue }
        if document["withdrawn"]?.bool == true {
          news.withdrawn.append(job)
        } else {
          news.cancelled.append(job)
        }
        if at > news.mark?.time ?? WallTime(milliseconds: 0) { news.mark = CancelMark(time: at) }
      }
      return news
    }.success
  }

  package func pauses() async -> [LanePause]? {
    await read("lanes", ControlQueries.paused, batch: 100) { documents in
      documents.compactMap { try? ControlQueries.pause($0) }.sorted { $0.lane < $1.lane }
    }.success
  }

  package func setPause(_ pause: LanePause?, of lane: Lane) async -> StoreProblem? {
    await perform([ControlQueries.setPause(pause, of: lane)])
  }

  package func search(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[Outcome], StoreProblem> {
    await read(
      "outcomes", ControlQueries.outcomes(filter), batch: limit, isSearch: true,
      options: {
        $0.document("sort") {
          $0.int(Self.order(filter), -1)
        }
        $0.int("limit", limit)
        $0.document("projection") {
          $0.int("result", 0)
          $0.int("job", 0)
          // In long lists: 10,000 histories would be hundreds of megabytes.
          if limit > Self.wholeMax {
            $0.int("history", 0)
            $0.int("error.stderr", 0)
          }
        }
      }
    ) { $0.compactMap { try? OutcomeDocument.decode($0) } }
  }

  /// By what a query can be answered in its order without reading all: ids, the index of what did not
  /// succeed, or the order in which outcomes came.
  private static func order(_ filter: OutcomeFilter) -> String {
    if !filter.ids.isEmpty || !filter.idPrefix.isEmpty { return "_id" }
    return filter.states.isEmpty || filter.states.contains(.succeeded) ? "$natural" : "finishedAt"
  }

  package func dead(_ filter: OutcomeFilter, limit: Int) async -> Result<[Outcome], StoreProblem> {
    var wanted = filter
    if wanted.states.isEmpty { wanted.states = [.failed, .expired] }
    let filter = wanted
    return await read(
      "outcomes", ControlQueries.outcomes(filter, deadOnly: true), batch: min(limit, 100),
      isSearch: true,
      options: {
        $0.document("sort") { $0.int(Self.order(filter), -1) }
        $0.int("limit", limit)
      }
    ) { $0.compactMap { try? OutcomeDocument.decode($0) } }
  }

  package func delayed(
    _ filter: OutcomeFilter, limit: Int
  ) async -> Result<[DelayedJob], StoreProblem> {
    await read(
      "later", ControlQueries.delayed(filter), batch: 1_000, isSearch: true,
      options: {
        $0.document("sort") { $0.int("due", 1) }
        $0.int("limit", OutcomeFilter.limitMax)
        $0.document("projection") { $0.int("body", 0) }
      }
    ) { documents in
      let jobs = documents.compactMap { try? OwedDocument.delayed($0) }
      return Array(jobs.filter { filter.matches($0.id, $0.kind, $0.lane, []) }.prefix(limit))
    }
  }

  func perform(_ commands: [[UInt8]]) async -> StoreProblem? {
    let result = await call { [database] client throws(MongoFailure) in
      for command in commands { _ = try client.command(database, command) }
    }
    if case .failure(let failure) = result { return self.problem(failure) }
    return nil
  }

  func read<Answer: Sendable>(
    _ collection: String, _ filter: [UInt8], batch: Int, isSearch: Bool = false,
    options: @escaping @Sendable (inout BSONWriter) -> Void = { _ in },
    _ body: @escaping @Sendable ([BSONDocument]) -> Answer
  ) async -> Result<Answer, StoreProblem> {
    await call(isSearch: isSearch) { [database] client throws(MongoFailure) in
      var documents: [BSONDocument] = []
      try client.find(
        database, collection, filter: filter,
        options: Self.readOptions(count: min(batch, 1_000)) { options(&$0) }
      ) { bytes in
        // Ours can be read.
        if let document = try? BSONDocument(bytes) { documents.append(document) }
      }
      return body(documents)
    }.mapError { self.problem($0) }
  }
}

extension Result {
  /// Where *not answered* is all that the caller needs to know.
  var success: Success? { if case .success(let value) = self { value } else { nil } }
}
