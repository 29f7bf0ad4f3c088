/// Where a broker is and who we are there, read from `amqp://user:password@host:port/vhost`.
///
/// `amqps://` takes TLS. User, password and virtual host are percent-decoded; without a path (or with
/// `/` alone) the virtual host is `/`. Options after `?`: `cacertfile`, `certfile`, `keyfile`, and
/// `auth_mechanism=external` (the client certificate says who we are), named as RabbitMQ's own
/// clients have them. Source: RabbitMQ's URI specification.
package struct RabbitMQAddress: Sendable, Equatable {
  package var isTLS = false
  package var host: String
  package var port: Int
  package var user = "guest"
  package var password = "guest"
  package var virtualHost = "/"
  /// PEM files. Without `caFile` the system's certificates are trusted.
  package var caFile: String?
  package var certificateFile: String?
  package var keyFile: String?
  package var isExternal = false

  /// Throws what is wrong with the text; the message never repeats the password.
  package init(_ url: String) throws(RabbitMQError) {
    func wrong(_ why: String) -> RabbitMQError {
      RabbitMQError(
        "the queue's address is wrong: \(why); example: amqp://user@host:5672/", scope: .call)
    }
    guard let (scheme, rest) = Self.split(url, at: "://") else {
      throw wrong("no amqp:// in front")
    }
    switch scheme {
    case "amqp": isTLS = false
    case "amqps": isTLS = true
    default: throw wrong("it begins with \(scheme)://, not with amqp:// or amqps://")
    }
    let (beforeQuery, query) = Self.split(rest, at: "?") ?? (rest, "")
    let (authority, path) = Self.split(beforeQuery, at: "/") ?? (beforeQuery, "")
    let at = authority.lastIndex(of: "@")
    let place = at.map { String(authority[authority.index(after: $0)...]) } ?? authority
    (host, port) = try Self.hostAndPort(place, isTLS ? 5671 : 5672, wrong)
    if let at { try readUser(String(authority[..<at]), wrong) }
    if !path.isEmpty {
      guard let decoded = Self.percentDecoded(path), !path.contains("/") else {
        throw wrong("the virtual host (write / in it as %2F)")
      }
      virtualHost = decoded
    }
    try readOptions(query, wrong)
  }

  /// For people: never with the password.
  package var place: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

  private mutating func readUser(
    _ text: String, _ wrong: (String) -> RabbitMQError
  ) throws(RabbitMQError) {
    let (name, secret) = Self.split(text, at: ":") ?? (text, nil)
    guard let name = Self.percentDecoded(name) else { throw wrong("% in the user name") }
    user = name
    password = ""
    if let secret {
      guard let secret = Self.percentDecoded(secret) else { throw wrong("% in the password") }
      password = secret
    }
  }

  private mutating func readOptions(
    _ query: String, _ wrong: (String) -> RabbitMQError
  ) throws(RabbitMQError) {
    for option in query.split(separator: "&") {
      let (name, raw) = Self.split(String(option), at: "=") ?? (String(option), "")
      guard let value = Self.percentDecoded(raw) else { throw wrong("% in option \(name)") }
      switch name {
      case "cacertfile": caFile = value
      case "certfile": certificateFile = value
      case "keyfile": keyFile = value
      case "auth_mechanism" where value.lowercased() == "external": isExternal = true
      case "auth_mechanism" where value.lowercased() == "plain": isExternal = false
      default: throw wrong("option \(name)=\(value) is not known")
      }
    }
    guard (certificateFile == nil) == (keyFile == nil) else {
      throw wrong("certfile and keyfile belong together")
    }
    guard !isExternal || (isTLS && certificateFile != nil) else {
      throw wrong("auth_mechanism=external needs amqps://, certfile and keyfile")
    }
  }

  private static func hostAndPort(
    _ text: String, _ standard: Int, _ wrong: (String) -> RabbitMQError
  ) throws(RabbitMQError) -> (String, Int) {
    var host = text
    var digits: String?
    if text.first == "[", let end = text.firstIndex(of: "]") {
      host = String(text[text.index(after: text.startIndex)..<end])
      let rest = text[text.index(after: end)...]
      guard rest.isEmpty || rest.first == ":" else { throw wrong("after the host's ]") }
      digits = rest.isEmpty ? nil : String(rest.dropFirst())
    } else if let (name, port) = split(text, at: ":") {
      (host, digits) = (name, port)
    }
    guard let digits else { return (host.isEmpty ? "localhost" : host, standard) }
    guard let port = Int(digits), (1...65_535).contains(port) else {
      throw wrong("port \(digits) is no number from 1 to 65535")
    }
    return (host.isEmpty ? "localhost" : host, port)
  }

  /// What stands before and after the first `separator`; nil when it is not there.
  private static func split(_ text: String, at separator: String) -> (String, String)? {
    let bytes = Array(text.utf8)
    let wanted = Array(separator.utf8)
    guard bytes.count >= wanted.count else { return nil }
    for start in 0...(bytes.count - wanted.count)
    where bytes[start..<(start + wanted.count)].elementsEqual(wanted) {
      return (
        String(decoding: bytes[..<start], as: UTF8.self),
        String(decoding: bytes[(start + wanted.count)...], as: UTF8.self)
      )
    }
    return nil
  }

  private static func percentDecoded(_ text: String) -> String? {
    var bytes: [UInt8] = []
    var rest = text.utf8[...]
    while let byte = rest.popFirst() {
      guard byte == UInt8(ascii: "%") else {
        bytes.append(byte)
        continue
      }
      guard rest.count >= 2, let value = UInt8(String(rest.prefix(2)) ?? "", radix: 16) else {
        return nil
      }
      bytes.append(value)
      rest = rest.dropFirst(2)
    }
    // A zero byte would cut a C string.
    return bytes.contains(0) ? nil : String(validating: bytes, as: UTF8.self)
  }
}
