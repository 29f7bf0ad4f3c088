internal import BelfryAPI
internal import BelfryRPC
internal import SwiftProtobuf

/// Jobs that are there already: find, read results, retry, forget.
extension BelfryClient {
  /// Jobs that match, without their results: first those that the coordinator holds, then delayed ones, then
  /// outcomes, the newest first. Jobs that still wait in RabbitMQ are not found: a queue cannot be browsed.
  public func find(_ query: JobQuery, within timeout: Duration = .seconds(30)) -> JobStream {
    JobStream(replies: jobViews(query.request, within: timeout))
  }

  /// The result of a job that has succeeded, however large it is.
  ///
  /// Throws `notFound` when the job has no outcome (yet), `notPossible` when its outcome has no result.
  ///
  /// ```swift
  /// let result = try await client.result(of: "photo-17")
  /// for try await part in result { file.append(part) }
  /// ```
  /// - Parameter timeout: for all of it.
  public func result(
    of id: String, within timeout: Duration = .seconds(300)
  ) async throws -> JobResultStream {
    try await JobResultStream(resultParts(id, within: timeout))
  }

  /// Submits dead jobs (failed, expired) that match anew, as new jobs. Each dead job has one retry, however
  /// often it is asked for. Needs role operator. Throws `notFound` when none matches.
  /// - Parameter isDryRun: only says which it would be.
  public func retry(
    _ query: JobQuery, isDryRun: Bool = false, within timeout: Duration = .seconds(60)
  ) async throws -> [RetryVerdict] {
    let request = Belfry_V1_RetryRequest.with {
      $0.filter = query.request
      $0.dryRun = isDryRun
    }
    return try await retry(request, within: timeout).jobs.map { job in
      job.problem.isEmpty
        ? .retried(id: job.id, newID: job.newID) : .refused(id: job.id, why: job.problem)
    }
  }

  /// Removes outcomes that match before their time, with their results. Such an id could run again. Needs
  /// role operator. Throws `notFound` when none matches.
  /// - Returns: the ids of the jobs that were forgotten.
  @discardableResult
  public func forget(
    _ query: JobQuery, isDryRun: Bool = false, within timeout: Duration = .seconds(60)
  ) async throws -> [String] {
    let request = Belfry_V1_ForgetRequest.with {
      $0.filter = query.request
      $0.dryRun = isDryRun
    }
    return try await forget(request, within: timeout).ids
  }
}
