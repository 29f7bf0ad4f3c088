import BelfryIdentity
import BelfryNet
import Foundation
import Logging
import NIOPosix
import Synchronization
import Testing

@testable import BelfryCoordinator

/// A coordinator's certificate that could not be shown is shown as soon as it can be, and is not renewed again
/// for it; and so is one that somebody else has put in its place.
@Suite(.timeLimit(.minutes(1))) struct UnusedCertificateTests {
  private struct Unusable: Error {}

  private final class Lines: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func add(_ line: String) { lines.withLock { $0.append(line) } }
  }

  private struct Keeping: LogHandler {
    let lines: Lines
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.debug
    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
      get { metadata[key] }
      set { metadata[key] = newValue }
    }
    func log(event: LogEvent) { lines.add(event.message.description) }
  }

  @Test func isShownWithoutAnotherRenewal() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "belfry-own-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let authority = try CertificateAuthority.create(cluster: "test", validFor: .seconds(86_400))
    let now = Validity.nowEpochSeconds()
    let files = IdentityFiles(folder: folder)
    // An hour of three is left: it is due.
    try files.write(
      authority.issue(
        .coordinator, "c1",
        validity: Validity(
          notBeforeEpochSeconds: now - 7_200, notAfterEpochSeconds: now + 3_600 - 60)))
    let lines = Lines()
    let handler = Keeping(lines: lines)
    let logger = Logger(label: "t") { _ in handler }
    var own = OwnCertificate(
      files: files, issuer: CertificateIssuer(authority: authority),
      elsewhere: RenewalElsewhere(files: files, group: .singletonMultiThreadedEventLoopGroup) {
        []
      }, logger: logger)
    own.lookEvery = .milliseconds(1)

    let tries = AsyncStream.makeStream(of: String.self)
    let keeping = Task { [own] in
      var count = 0
      try await own.run { tls in
        count += 1
        tries.continuation.yield(try CertificateInfo(pem: files.read().certificatePEM).serial)
        if count < 3 { throw Unusable() }
        tries.continuation.finish()
      }
    }
    var serials: [String] = []
    // Ends at the time limit, too.
    for await serial in tries.stream { serials.append(serial) }
    keeping.cancel()
    _ = await keeping.result
    #expect(serials.count == 3 && Set(serials).count == 1, "\(serials)")
    let renewed = lines.all.filter { $0.contains("was renewed") && !$0.contains("shown still") }
    #expect(renewed.count == 1, "\(lines.all)")
    #expect(lines.all.filter { $0.contains("the old one is shown still") }.count == 1)
    #expect(!lines.all.contains { $0.contains("could not be renewed") })
  }

  /// Key first, certificate later, as others may write them: what does not match is not shown, and said once.
  @Test func whatIsPutInItsPlaceIsShown() async throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "belfry-own-\(UUID())").path
    defer { try? FileManager.default.removeItem(atPath: folder) }
    let authority = try CertificateAuthority.create(cluster: "test", validFor: .seconds(86_400))
    let files = IdentityFiles(folder: folder)
    let first = try authority.issue(.coordinator, "c1", validFor: .seconds(3_600))
    let second = try authority.issue(.coordinator, "c1", validFor: .seconds(3_600))
    try files.write(first)
    let lines = Lines()
    let handler = Keeping(lines: lines)
    var own = OwnCertificate(
      files: files, issuer: nil,
      elsewhere: RenewalElsewhere(files: files, group: .singletonMultiThreadedEventLoopGroup) {
        []
      }, logger: Logger(label: "t") { _ in handler })
    own.lookEvery = .milliseconds(1)
    let shown = AsyncStream.makeStream(of: String.self)
    let keeping = Task { [own] in
      try await own.run { _ in shown.continuation.yield(try files.read().certificatePEM) }
    }
    var seen = shown.stream.makeAsyncIterator()
    #expect(await seen.next() == first.certificatePEM)
    try second.keyPEM.write(toFile: files.keyPath, atomically: true, encoding: .utf8)
    // Ends at the time limit, too.
    while !lines.all.contains(where: { $0.contains("cannot be used") }) { await Task.yield() }
    try second.certificatePEM.write(
      toFile: files.certificatePath, atomically: true, encoding: .utf8)
    #expect(await seen.next() == second.certificatePEM)
    keeping.cancel()
    _ = await keeping.result
    #expect(lines.all.filter { $0.contains("cannot be used") }.count == 1, "\(lines.all)")
    #expect(!lines.all.contains { $0.contains("was renewed") })
  }
}
