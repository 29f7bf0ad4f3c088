internal import BelfryNet
internal import Foundation
internal import Logging
internal import NIOCore

/// How a batch gets to one sink. Throws what is worth trying again.
protocol SinkTransport: Sendable {
  var batchMax: Int { get }
  func deliver(_ alerts: [SinkAlert]) async throws -> SinkVerdict
}

struct HTTPTransport: SinkTransport {
  let format: any SinkFormat
  let poster: HTTPPoster

  var batchMax: Int { format.batchMax }

  /// A batch that is refused as a whole is halved, until the one is found that the receiver will not
  /// take: it takes none of the others with it.
  func deliver(_ alerts: [SinkAlert]) async throws -> SinkVerdict {
    let answer = try await poster.post(format.request(for: alerts))
    let verdict = format.verdict(on: answer, to: alerts)
    guard case .refused = verdict, alerts.count > 1 else { return verdict }
    let half = alerts.count / 2
    // Throws where nothing was delivered: all of it comes again.
    let first = try await deliver(Array(alerts[..<half]))
    let second: SinkVerdict
    let (_, waits, why, after) = first.parts(of: 0..<half)
    if waits.isEmpty {
      do {
        second = try await deliver(Array(alerts[half...]))
      } catch {
        second = .again(why: "\(error)", after: nil)
      }
    } else {
      second = .again(why: why, after: after)
    }
    return first.followed(by: second, half, alerts.count - half)
  }
}

extension SinkSettings {
  /// - Parameter firingEndsAfter: when Alertmanager ends an alert by itself.
  /// - Throws: `TLSError` for a CA file that cannot be used.
  func transport(
    release: String, group: any EventLoopGroup,
    firingEndsAfter: Duration = AlertmanagerFormat.endsAfter
  ) throws -> any SinkTransport {
    if kind == .command { return CommandTransport(words: address, group: group) }
    guard let url = URLComponents(string: address[0]), let host = url.host else {
      preconditionFailure("the address of \(name) was checked")
    }
    let isSecure = url.scheme == "https" || url.scheme == "tls"
    let bare = host.hasPrefix("[") ? String(host.dropFirst().dropLast()) : host
    let poster = HTTPPoster(
      host: bare, port: url.port ?? (isSecure ? 443 : 80),
      tls: isSecure ? try TLSContext.web(caFile: caFile) : nil, group: group)
    if kind == .logstash { return LineTransport(poster) }
    return HTTPTransport(
      format: format(url, release: release, firingEndsAfter: firingEndsAfter), poster: poster)
  }

  private func format(
    _ url: URLComponents, release: String, firingEndsAfter: Duration
  ) -> any SinkFormat {
    let query = url.percentEncodedQuery.map { "?" + $0 } ?? ""
    let path = url.percentEncodedPath
    let folder = path.hasSuffix("/") ? String(path.dropLast()) : path
    switch kind {
    case .webhook:
      return WebhookFormat(path: (path.isEmpty ? "/" : path) + query, sink: name, secret: secret) {
        Int64(Date().timeIntervalSince1970)
      }
    case .sentry:
      guard
        let format = SentryFormat(dsnPath: url.path, publicKey: url.user ?? "", release: release)
      else { preconditionFailure("the DSN of \(name) was checked") }
      return format
    case .elasticsearch:
      let credentials = url.user.map { "\($0):\(url.password ?? "")" }
      return ElasticFormat(
        path: folder + "/_bulk",
        credentials: credentials.map { Data($0.utf8).base64EncodedString() })
    case .alertmanager:
      return AlertmanagerFormat(basePath: folder, firingEndsAfter: firingEndsAfter)
    case .slack: return SlackFormat(path: (path.isEmpty ? "/" : path) + query)
    case .logstash, .command: preconditionFailure("\(kind) is not spoken over HTTP")
    }
  }
}
