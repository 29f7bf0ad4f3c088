/// The files of an identity under a process that runs: they are replaced by its own renewal, or by whoever made
/// them (`belfry cert issue --force`, SPIRE, cert-manager, step-ca), and it goes on with what is there.
package struct IdentityWatch: Sendable {
  package let files: IdentityFiles
  /// Nil: whatever is there next.
  package private(set) var used: Identity?

  /// - Parameter used: what the process began with.
  package init(_ files: IdentityFiles, using used: Identity?) {
    self.files = files
    self.used = used
  }

  /// What is to be used from now on; nil: what is used already. Throws what `IdentityFiles.read` throws, `mismatch`
  /// and `badValidity`, while what is there cannot take the place of what is used: key and certificate may be
  /// replaced one after the other, so the next look is as good.
  package func next() throws(IdentityError) -> Identity? {
    let read = try files.read()
    guard let used else { return read }
    guard
      read.certificatePEM != used.certificatePEM || read.keyPEM != used.keyPEM
        || read.authorityPEM != used.authorityPEM
    else { return nil }
    guard read.id == used.id else {
      throw IdentityError(.mismatch, "\(files.certificatePath) is for \(read.id), not \(used.id)")
    }
    let validity = try CertificateInfo(pem: read.certificatePEM).validity
    guard validity.contains(epochSeconds: Validity.nowEpochSeconds()) else {
      throw IdentityError(.badValidity, "\(files.certificatePath) is not valid now")
    }
    return read
  }

  package mutating func uses(_ identity: Identity) { used = identity }
}
