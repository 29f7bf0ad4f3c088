internal import CMongoC

/// What libmongoc or the server said instead of doing a call.
struct MongoFailure: Error, Equatable {
  enum Cause: Equatable {
    /// No server that takes writes was found in time.
    case unreachable
    /// The connection broke, or the answer did not come in time.
    case network
    /// User or password are wrong.
    case authentication
    /// The user may not do this.
    case unauthorized
    case other
  }

  let cause: Cause
  /// The server's code, 0 when it did not come from a server.
  let code: Int
  let message: String

  init(cause: Cause, code: Int = 0, message: String) {
    self.cause = cause
    self.code = code
    self.message = message
  }

  init(_ error: bson_error_t) {
    var error = error
    let message = unsafe withUnsafeBytes(of: &error.message) { bytes in
      unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }
    self.init(domain: error.domain, code: error.code, message: message)
  }

  private init(domain: UInt32, code: UInt32, message: String) {
    switch mongoc_error_domain_t(rawValue: domain) {
    case MONGOC_ERROR_SERVER_SELECTION:
      self.init(cause: .unreachable, message: Self.reason(in: message))
    case MONGOC_ERROR_STREAM, MONGOC_ERROR_PROTOCOL:
      self.init(cause: .network, message: message)
    case MONGOC_ERROR_SASL, MONGOC_ERROR_SCRAM:
      self.init(cause: .authentication, message: message)
    case MONGOC_ERROR_CLIENT where code == MONGOC_ERROR_CLIENT_AUTHENTICATE.rawValue:
      self.init(cause: .authentication, message: message)
    case MONGOC_ERROR_SERVER, MONGOC_ERROR_COMMAND, MONGOC_ERROR_QUERY, MONGOC_ERROR_WRITE_CONCERN:
      self.init(cause: Self.cause(ofCode: Int(code)), code: Int(code), message: message)
    default:
      self.init(cause: .other, message: message)
    }
  }

  /// A command that the server answered with `ok: 0`, or in part.
  init(serverCode code: Int, message: String) {
    self.init(cause: Self.cause(ofCode: code), code: code, message: message)
  }

  /// `No suitable servers found (how it looked): [why]`: the second is what people need.
  private static func reason(in message: String) -> String {
    guard let start = message.firstIndex(of: "["), let end = message.lastIndex(of: "]"),
      message.index(after: start) < end
    else { return message }
    return String(message[message.index(after: start)..<end])
  }

  private static func cause(ofCode code: Int) -> Cause {
    switch code {
    case 13: .unauthorized
    case 18: .authentication
    default: .other
    }
  }
}
