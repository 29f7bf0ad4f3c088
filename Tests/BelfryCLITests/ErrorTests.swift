import BelfryRPC
import Foundation
import Testing

@testable import BelfryCLI

/// Codes are stable: each has an entry, and its text is kept as a file. To write the files anew, run
/// with BELFRY_WRITE_GOLDEN=1, then read what has changed.
@Suite struct ErrorTests {
  @Test(arguments: ErrorCode.allCases)
  func everyCodeHasItsEntryAndGoldenText(_ code: ErrorCode) throws {
    let entry = ErrorEntry(code)
    #expect(entry.title != "nothing more is known", "\(code) has no entry")
    #expect(!entry.next.isEmpty)
    let sample = UserError(code, entry.title, why: entry.why, next: entry.next)
    try Golden.check("\(code.rawValue).txt", sample.description)
    #expect(sample.description.split(separator: "\n").count <= 8, "a person reads it at a glance")
  }

  @Test func entriesAreOfTheirOwnCode() {
    let titles = ErrorCode.allCases.map { ErrorEntry($0).title }
    #expect(Set(titles).count == titles.count, "two codes share an entry")
  }

  /// No code stands in the sources that the one place does not know.
  @Test func noCodeIsMadeElsewhere() throws {
    let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Sources")
    let files = try #require(
      FileManager.default.enumerator(at: root, includingPropertiesForKeys: nil))
    let known = Set(ErrorCode.allCases.map(\.rawValue))
    var seen: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      seen.formUnion(text.matches(of: /\bBF[0-9]{4}\b/).map { String($0.0) })
    }
    #expect(seen == known)
  }

  /// Where each stands in the table of exit statuses, one example each.
  @Test(arguments: [
    (ErrorCode.usage, 64), (.notConfirmed, 64), (.badJob, 65), (.ambiguousID, 65),
    (.jobNotFound, 66), (.fileMissing, 66), (.unavailable, 69), (.brokerUnavailable, 69),
    (.storeUnavailable, 69), (.bug, 70), (.timeout, 75), (.brokerBlocked, 75),
    (.notOurProtocol, 76), (.foreignAuthority, 76), (.refused, 77), (.unknownSetting, 78),
    (.badSetting, 78),
  ])
  func statuses(_ code: ErrorCode, _ status: Int) {
    #expect(Int(code.exit.rawValue) == status)
  }

  @Test func whatNobodyKnowsIsABugOfOurs() {
    struct Odd: Error {}
    let shown = UserError(translating: Odd())
    #expect(shown.code.exit.rawValue == 70)
    #expect(shown.description.contains("belfry support bundle"), "\(shown)")
  }

  @Test func aStreamThatBreaksIsNoBug() {
    let shown = UserError(translating: RPCStatus(.unavailable, "connection lost"))
    #expect(shown.code == .unavailable)
  }

  @Test func jsonHasTheSameParts() throws {
    let error = UserError(.refused, "what \"it\" was", why: "because", next: ["do", "that"])
    let value = try JSONSerialization.jsonObject(with: Data(error.json.utf8)) as? [String: Any]
    #expect(value?["kind"] as? String == "Error")
    #expect(value?["apiVersion"] as? String == "belfry/v1")
    #expect(value?["code"] as? String == "BF0302")
    #expect(value?["what"] as? String == "what \"it\" was")
    #expect(value?["why"] as? String == "because")
    #expect(value?["next"] as? [String] == ["do", "that"])
    #expect(value?["exit"] as? Int == 77)
  }

  /// As the servers write them: RabbitMQ 3.10, MongoDB 6, OpenSSL 3.
  @Test(arguments: [
    (
      "PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'hello' in vhost '/': received"
        + " the value 'quorum' of type 'longstr' but current is none", ErrorCode.brokerDiffers
    ),
    (
      "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.", .brokerFeatureOff
    ),
    (
      "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the"
        + " broker logfile.", .brokerRefused
    ),
    (
      "ACCESS_REFUSED - access to queue 'belfry.lane.default' in vhost '/' refused for user 'x'",
      .brokerRefused
    ),
    ("NOT_ALLOWED - vhost nowhere not found", .brokerNoVirtualHost),
    ("low on memory", .brokerBlocked), ("low on disk", .brokerBlocked),
    ("MongoDB at db:27017: Authentication failed. (code 18)", .storeRefused),
    (
      "not authorized on belfry to execute command { insert: \"outcomes\" } (code 13)",
      .storeRefused
    ),
    ("E11000 duplicate key error collection: belfry.outcomes index: _id_", .storeDuplicate),
    ("No suitable servers found: `serverSelectionTimeoutMS` expired", .storeUnavailable),
    ("no primary found at db:27017: connection refused", .storeNoPrimary),
    ("certificate of spiffe://x/worker/w1: certificate is not yet valid", .certificateTime),
    ("certificate has expired", .certificateTime),
    ("self-signed certificate in certificate chain", .foreignAuthority),
    ("self-signed certificate", .foreignAuthority),
    ("unable to get local issuer certificate (it is not of our CA)", .foreignAuthority),
    ("SSL hostname verification failed", .wrongHost), ("hostname mismatch", .wrongHost),
  ])
  func foreignErrorsAreTranslated(_ text: String, _ code: ErrorCode) {
    let error = UserError(foreign: text)
    #expect(error?.code == code)
    #expect(error?.why == text, "what the other program said is kept")
    #expect(error?.next.isEmpty == false)
  }

  @Test func whatIsNotKnownIsNotGuessed() {
    #expect(UserError(foreign: "something else went wrong") == nil)
  }
}

enum Golden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Errors")

  static func check(
    _ name: String, _ text: String, sourceLocation: SourceLocation = #_sourceLocation
  ) throws {
    let file = folder.appending(path: name)
    if ProcessInfo.processInfo.environment["BELFRY_WRITE_GOLDEN"] != nil {
      try Data((text + "\n").utf8).write(to: file)
    }
    let kept = (try? String(contentsOf: file, encoding: .utf8)) ?? ""
    #expect(text + "\n" == kept, "\(name)", sourceLocation: sourceLocation)
  }
}
