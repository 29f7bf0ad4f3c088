internal import BelfryIdentity
internal import BelfryNet
internal import Logging

/// Keeps the certificate of a coordinator young: a new one, with a new key, at two thirds of its life, or at the
/// start when that has passed; by the CA that it has, or from a coordinator that has it. And shows what is on the
/// disk, whoever has put it there. Sessions go on; who connects from then on is shown the new one.
struct OwnCertificate: Sendable {
  let files: IdentityFiles
  let issuer: CertificateIssuer?
  let elsewhere: RenewalElsewhere
  let logger: Logger
  /// The files are looked at so often, and the wall clock: the machine may have slept.
  var lookEvery = Duration.seconds(5)

  /// Before calls are served: whose certificate has ended is reached by nobody. What fails is tried again later.
  func renewIfDue() {
    guard let issuer else { return }
    do {
      let old = try read()
      if try Self.isDue(old, random: 0) { try keep(issuer.renewed(old)) }
    } catch {
      logger.error(Self.notRenewed, metadata: ["why": "\(error)"])
    }
  }

  /// - Parameter use: shows what is on the disk to whoever connects.
  func run(_ use: (TLSConfiguration) throws -> Void) async throws {
    let random = Double.random(in: 0...1)
    // The server has read them a moment ago: what it shows then is not known here.
    var watch = IdentityWatch(files, using: nil)
    var tries = RenewalTries()
    var (renewing, using) = ("", "")
    while true {
      do {
        // Not what somebody has put there by mistake: it would be signed anew, whoever's it is.
        let old = try watch.used ?? read()
        if try await renewIfDue(old, &tries, random) { renewing = "" }
      } catch let error as CancellationError {
        throw error
      } catch {
        log(Self.notRenewed, error, &renewing)
      }
      do {
        if let new = try watch.next() {
          try use(
            TLSConfiguration(
              certificateChainFile: files.certificatePath, keyFile: files.keyPath,
              caFile: files.authorityPath))
          if watch.used != nil {
            let info = try CertificateInfo(pem: new.certificatePEM)
            logger.notice(
              "the certificate on the disk is shown from now on",
              metadata: ["serial": "\(info.serial)"])
          }
          watch.uses(new)
        }
        using = ""
      } catch {
        log(Self.notUsed, error, &using)
      }
      try await Task.sleep(for: lookEvery)
    }
  }

  /// False: it is due, and not tried now. Why not has been said.
  private func renewIfDue(
    _ old: Identity, _ tries: inout RenewalTries, _ random: Double
  ) async throws -> Bool {
    guard try Self.isDue(old, random: random) else {
      tries = RenewalTries()
      return true
    }
    guard tries.isTime(at: .now) else { return false }
    do {
      try await tries.renew(old) { old in
        try files.checkIsWritable()
        return if let issuer { try issuer.renewed(old) } else { try await elsewhere.renewed(old) }
      } keep: {
        try keep($0)
      }
      return true
    } catch {
      let isHopeless = (error as? RenewalElsewhere.Refused)?.isHopeless ?? false
      tries.failed(at: .now, isHopeless: isHopeless, random: .random(in: 0...1))
      throw error
    }
  }

  private func read() throws -> Identity {
    let identity = try files.read()
    guard identity.id.role == .coordinator else {
      throw IdentityError(
        .mismatch, "\(files.certificatePath) is for \(identity.id), no coordinator")
    }
    return identity
  }

  private static func isDue(_ identity: Identity, random: Double) throws -> Bool {
    let validity = try CertificateInfo(pem: identity.certificatePEM).validity
    return validity.renewalDue(random: random) <= Validity.nowEpochSeconds()
  }

  private func keep(_ new: Identity) throws {
    try files.replace(with: new)
    let info = try CertificateInfo(pem: new.certificatePEM)
    logger.notice(
      "this coordinator's certificate was renewed", metadata: ["serial": "\(info.serial)"])
  }

  /// Says each reason once.
  private func log(_ what: Logger.Message, _ error: any Error, _ said: inout String) {
    if said != "\(error)" { logger.error(what, metadata: ["why": "\(error)"]) }
    said = "\(error)"
  }

  private static let notRenewed: Logger.Message =
    "this coordinator's certificate could not be renewed; it is tried again"
  private static let notUsed: Logger.Message =
    "this coordinator's certificate on the disk cannot be used, and the old one is shown still; it is tried again"
}
