/// Why an identity could not be made, read or written, in words for the person who asked for it.
package struct IdentityError: Error, Equatable, CustomStringConvertible {
  package enum Code: String, Sendable, CaseIterable {
    /// A cluster, node or host name, or a whole SPIFFE id, that breaks its grammar.
    case badName
    /// Dates that make no certificate: reversed, out of range, or beyond the CA's own end.
    case badValidity
    /// PEM or DER that is not the certificate it should be.
    case badCertificate
    /// PEM that is not a private key of a kind that is accepted, or is one with a password.
    case badKey
    /// A signing request that does not parse, or is not signed by the key it carries.
    case badRequest
    /// Text that is no join token, or one with a typing error in it.
    case badToken
    /// Parts that do not belong together: key and certificate, certificate and CA, two clusters.
    case mismatch
    /// A file is there already and replacing it was not asked for.
    case alreadyExists
    case notFound
    /// The file system refused; the message carries its reason.
    case fileSystem
    /// OpenSSL refused something that should always work.
    case crypto
  }

  package let code: Code
  package let message: String

  package init(_ code: Code, _ message: String) {
    self.code = code
    self.message = message
  }

  package var description: String { message }
}
