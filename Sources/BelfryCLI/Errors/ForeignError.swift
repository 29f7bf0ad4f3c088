/// What RabbitMQ, MongoDB and OpenSSL say, in terms of what to do. Known by the texts that they keep
/// from release to release; what is not known is passed on as it is.
struct ForeignError {
  let code: ErrorCode
  let what: String

  private static let rows: [(parts: [String], code: ErrorCode, what: String)] = [
    (["inequivalent arg"], .brokerDiffers, "a queue of that name is there with other arguments"),
    (["transient_nonexcl_queues"], .brokerFeatureOff, "RabbitMQ does not permit such a queue"),
    (["NOT_ALLOWED", "vhost"], .brokerNoVirtualHost, "RabbitMQ has no such virtual host"),
    (["ACCESS_REFUSED"], .brokerRefused, "RabbitMQ refused the user"),
    (["access refused for"], .brokerRefused, "RabbitMQ refused the user"),
    (["Login was refused"], .brokerRefused, "RabbitMQ refused the user"),
    (["access to vhost", "refused"], .brokerRefused, "the user may not use that virtual host"),
    (["low on memory"], .brokerBlocked, "RabbitMQ has raised its memory alarm"),
    (["low on disk"], .brokerBlocked, "RabbitMQ has raised its disk alarm"),
    (["connection.blocked"], .brokerBlocked, "RabbitMQ takes no messages at present"),
    (["Authentication failed"], .storeRefused, "MongoDB did not accept the user"),
    (["did not accept the user"], .storeRefused, "MongoDB did not accept the user"),
    (["not authorized on"], .storeRefused, "MongoDB forbids it to this user"),
    (["requires authentication"], .storeRefused, "MongoDB wants a user"),
    (["E11000"], .storeDuplicate, "MongoDB has such a document already"),
    (["no primary"], .storeNoPrimary, "the replica set has no primary"),
    (["not primary"], .storeNoPrimary, "the replica set has another primary now"),
    (["No suitable servers"], .storeUnavailable, "no MongoDB answered"),
    (["no MongoDB that takes writes"], .storeUnavailable, "no MongoDB that takes writes answered"),
    (["certificate is not yet valid"], .certificateTime, "a certificate is not valid yet"),
    (["certificate has expired"], .certificateTime, "a certificate has expired"),
    (["self-signed certificate"], .foreignAuthority, "a certificate is not of the CA we trust"),
    (["self signed certificate"], .foreignAuthority, "a certificate is not of the CA we trust"),
    (
      ["unable to get local issuer certificate"], .foreignAuthority,
      "a certificate is not of the CA we trust"
    ),
    (["not of our CA"], .foreignAuthority, "a certificate is not of the CA we trust"),
    (["not signed by a CA that we trust"], .foreignAuthority, "a certificate is of another CA"),
    (["the certificate of", "does not name"], .wrongHost, "a certificate is for other names"),
    (["TLS: wrong version number"], .notOurProtocol, "what answers there does not speak TLS"),
    (["TLS: ", "ALPN"], .notOurProtocol, "what answers there does not speak HTTP/2"),
    (["hostname mismatch"], .wrongHost, "a certificate is for other names"),
    (["hostname verification failed"], .wrongHost, "a certificate is for other names"),
    (["IP address mismatch"], .wrongHost, "a certificate is for other addresses"),
  ]

  /// Nil when the text is of nothing known.
  init?(in text: String) {
    guard let row = Self.rows.first(where: { $0.parts.allSatisfy(text.contains) }) else {
      return nil
    }
    code = row.code
    what = row.what
  }
}

extension UserError {
  /// A text of another program's; nil when it is of nothing known.
  init?(foreign text: String) {
    guard let known = ForeignError(in: text) else { return nil }
    self.init(known.code, known.what, why: text, next: ErrorEntry(known.code).next)
  }
}
