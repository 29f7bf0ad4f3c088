internal import BelfryIdentity
internal import BelfryNet
internal import Logging

/// Keeps the certificate of a coordinator young: a new one, with a new key, at two thirds of its life, or at the
/// start when that has passed; by the CA that it has, or from a coordinator that has it. Sessions go on; who
/// connects from then on is shown the new one.
struct OwnCertificate: Sendable {
  /// The wall clock is looked at so often: the machine may have slept.
  private static let lookEvery = Duration.seconds(30)

  let files: IdentityFiles
  let issuer: CertificateIssuer?
  let elsewhere: RenewalElsewhere
  let logger: Logger
  var tryAgain = Duration.seconds(5)

  /// Before calls are served: whose certificate has ended is reached by nobody. What fails is tried again later.
  func renewIfDue() {
    guard let issuer else { return }
    do {
      if try due(random: 0) <= Validity.nowEpochSeconds() { try take(issuer.renewed(files.read())) }
    } catch {
      logger.error(Self.notRenewed, metadata: ["why": "\(error)"])
    }
  }

  /// - Parameter use: shows the new one to whoever connects.
  func run(_ use: (TLSConfiguration) throws -> Void) async throws {
    let random = Double.random(in: 0...1)
    var said = ""
    var isUnused = false
    // Asked for once, however often it cannot be written.
    var new: Identity?
    while true {
      do {
        if isUnused {
          try use(
            TLSConfiguration(
              certificateChainFile: files.certificatePath, keyFile: files.keyPath,
              caFile: files.authorityPath))
          isUnused = false
        }
        let left = Duration.seconds(try due(random: random) - Validity.nowEpochSeconds())
        if left > .zero {
          try await Task.sleep(for: min(left, Self.lookEvery))
          continue
        }
        if new == nil {
          let old = try files.read()
          if let issuer {
            new = try issuer.renewed(old)
          } else {
            new = try await elsewhere.renewed(old)
          }
        }
        if let new { try take(new) }
        new = nil
        said = ""
        isUnused = true
      } catch let error as CancellationError {
        throw error
      } catch {
        if said != "\(error)" {
          logger.error(isUnused ? Self.notUsed : Self.notRenewed, metadata: ["why": "\(error)"])
        }
        said = "\(error)"
        try await Task.sleep(for: issuer == nil ? Self.lookEvery : tryAgain)
      }
    }
  }

  private func due(random: Double) throws -> Int64 {
    try CertificateInfo(pem: files.read().certificatePEM).validity.renewalDue(random: random)
  }

  private func take(_ new: Identity) throws {
    try files.replace(with: new)
    let info = try CertificateInfo(pem: new.certificatePEM)
    logger.notice(
      "this coordinator's certificate was renewed", metadata: ["serial": "\(info.serial)"])
  }

  private static let notRenewed: Logger.Message =
    "this coordinator's certificate could not be renewed; it is tried again"
  private static let notUsed: Logger.Message =
    "this coordinator's certificate was renewed, and the old one is shown still; it is tried again"
}
