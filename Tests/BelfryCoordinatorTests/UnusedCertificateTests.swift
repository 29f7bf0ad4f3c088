import BelfryIdentity
import BelfryNet
import Foundation
import Logging
import NIOPosix
import Synchronization
import Testing

@testable import BelfryCoordinator

/// A coordinator's certificate that was renewed and could not be shown is shown as soon as it can be, and
/// is not renewed again for it.
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
    own.tryAgain = .milliseconds(1)

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
}
