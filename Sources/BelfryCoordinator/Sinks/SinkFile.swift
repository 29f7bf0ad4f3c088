internal import Foundation

/// Where alerts go, one sink a line: `NAME KIND ADDRESS`, `#` begins a comment.
///
///     # name       kind           address
///     pager        webhook        https://pager.example/belfry secret-file=/etc/belfry/pager-secret
///     issues       sentry         https://public@sentry.example/42
///     search       elasticsearch  https://user:password@es.example:9200/logs-belfry-default
///     shipper      logstash       tcp://logstash.example:5044
///     am           alertmanager   http://127.0.0.1:9093
///     chat         slack          https://hooks.example/services/T0/B0/xyz
///     script       command        /usr/local/bin/on-alert --quiet
///
/// A file, not options: addresses hold secrets, which `ps` would show.
package struct SinkSettings: Sendable, Equatable {
  package enum Kind: String, Sendable, CaseIterable {
    case webhook, sentry, elasticsearch, logstash, alertmanager, slack, command
  }

  package let name: String
  package let kind: Kind
  /// A URL, or for a command its words.
  package let address: [String]
  package var secret: String?
  package var caFile: String?

  /// `why` repeats no word of the line but a sink's name and a file's: any other may be a secret, or
  /// be what stands behind a blank in one.
  package struct Problem: Error, Equatable, CustomStringConvertible {
    package let line: Int
    package let why: String
    package var description: String { "line \(line): \(why)" }
  }

  /// - Parameter read: the contents of a secret's file.
  package static func parse(
    _ text: String, read: (String) throws -> String
  ) throws(Problem) -> [SinkSettings] {
    var all: [SinkSettings] = []
    for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated()
    {
      let words = line.split(whereSeparator: \.isWhitespace).map(String.init)
      guard let first = words.first, !first.hasPrefix("#") else { continue }
      let number = index + 1
      let sink = try parse(words, line: number, read: read)
      guard !all.contains(where: { $0.name == sink.name }) else {
        throw Problem(line: number, why: "there is a sink \(sink.name) already")
      }
      all.append(sink)
    }
    return all
  }

  private static func parse(
    _ words: [String], line: Int, read: (String) throws -> String
  ) throws(Problem) -> SinkSettings {
    guard words.count >= 3 else {
      throw Problem(line: line, why: "NAME KIND ADDRESS is asked for")
    }
    let (name, kindText) = (words[0], words[1])
    guard name.utf8.count <= 64,
      name.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
    else {
      throw Problem(
        line: line, why: "the first word is no name: letters, digits and '-', at most 64")
    }
    guard let kind = Kind(rawValue: kindText) else {
      let known = Kind.allCases.map(\.rawValue).joined(separator: ", ")
      throw Problem(line: line, why: "the second word is no kind of sink; there are \(known)")
    }
    if kind == .command {
      guard words[2].hasPrefix("/") else {
        throw Problem(line: line, why: "the command is no absolute path")
      }
      return SinkSettings(name: name, kind: kind, address: Array(words[2...]))
    }
    var sink = SinkSettings(name: name, kind: kind, address: [words[2]])
    for option in words[3...] { try sink.set(option, line: line, read: read) }
    if let why = sink.addressProblem { throw Problem(line: line, why: why) }
    return sink
  }

  private mutating func set(
    _ option: String, line: Int, read: (String) throws -> String
  ) throws(Problem) {
    let pair = option.split(separator: "=", maxSplits: 1).map(String.init)
    switch pair.first {
    case "secret-file" where pair.count == 2 && kind == .webhook:
      do {
        secret = try read(pair[1]).trimmingCharacters(in: .whitespacesAndNewlines)
      } catch {
        throw Problem(line: line, why: "\(pair[1]) cannot be read: \(error.localizedDescription)")
      }
      if secret == "" { throw Problem(line: line, why: "\(pair[1]) is empty") }
    case "ca-file" where pair.count == 2: caFile = pair[1]
    default:
      let known = kind == .webhook ? "secret-file=, ca-file=" : "ca-file="
      throw Problem(
        line: line, why: "what follows the address is not known for \(kind.rawValue): \(known)")
    }
  }

  private var addressProblem: String? {
    // A # that is not encoded would make a part of a password the host.
    guard let url = URLComponents(string: address[0]), let host = url.host, !host.isEmpty,
      url.fragment == nil
    else {
      return "the address is none; in a password, # / ? @ are written %23 %2F %3F %40"
    }
    let schemes = kind == .logstash ? ["tcp", "tls"] : ["http", "https"]
    guard schemes.contains(url.scheme ?? "") else {
      return "\(kind.rawValue) wants \(schemes.map { $0 + "://" }.joined(separator: " or "))"
    }
    switch kind {
    case .logstash where url.port == nil: return "logstash wants a port: tcp://host:5044"
    case .sentry
    where SentryFormat(dsnPath: url.path, publicKey: url.user ?? "", release: "") == nil:
      return "no DSN: https://PUBLIC-KEY@HOST/PROJECT is asked for"
    case .elasticsearch where url.path.count < 2:
      return "elasticsearch wants a data stream: https://host:9200/logs-belfry-default"
    default: return nil
    }
  }
}
