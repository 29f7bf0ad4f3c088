package import BelfryRPC

/// A coordinator's Unix socket on this machine, as people write it: `unix:/path`.
package struct ServerSocket: Sendable {
  package static let scheme = "unix:"
  package let path: String

  /// Nil for what is none.
  package init?(_ text: String) {
    guard text.hasPrefix(Self.scheme + "/") else { return nil }
    path = String(text.dropFirst(Self.scheme.count))
  }
}

/// A coordinator's address as people write it: `https://host:port`, `host:port` or `host`.
package struct ServerAddress: Sendable {
  package static let defaultPort = 7_443
  package let target: RPCTarget

  /// Throws `BelfryError` when the text is no address.
  package init(_ text: String) throws {
    var rest = text[...]
    if rest.hasPrefix("https://") {
      rest = rest.dropFirst(8)
    } else if rest.contains("://") {
      throw BelfryError(.badArgument, "the server's address \(text) must begin with https://")
    }
    if rest.hasSuffix("/") { rest = rest.dropLast() }
    var host = rest
    var port = Self.defaultPort
    let colons = rest.count { $0 == ":" }
    if rest.hasPrefix("["), let end = rest.firstIndex(of: "]") {
      host = rest[rest.index(after: rest.startIndex)..<end]
      let tail = rest[rest.index(after: end)...]
      if !tail.isEmpty { port = try Self.port(tail.dropFirst(), of: text) }
    } else if colons == 1, let colon = rest.firstIndex(of: ":") {
      host = rest[..<colon]
      port = try Self.port(rest[rest.index(after: colon)...], of: text)
    }
    guard !host.isEmpty, !host.contains("/"), !host.contains(" ") else {
      throw BelfryError(.badArgument, "\(text) is no address; example: https://coord:7443")
    }
    target = RPCTarget(host: String(host), port: port)
  }

  private static func port(_ digits: Substring, of text: String) throws -> Int {
    guard let port = Int(digits), (1...65_535).contains(port) else {
      throw BelfryError(.badArgument, "\(text) has no valid port; example: https://coord:7443")
    }
    return port
  }
}
