internal import CMongoC

/// The parts of a store's URL, as text. What they mean libmongoc decides.
struct URLText {
  let scheme: Substring
  /// User and password with the `@` behind them, or nothing.
  let user: Substring
  var hosts: String
  /// The slash and the database.
  let path: String
  /// `name=value`, in order.
  var options: [String]

  init?(_ text: String) {
    let halves = text.split(separator: "://", maxSplits: 1, omittingEmptySubsequences: false)
    guard halves.count == 2 else { return nil }
    scheme = halves[0]
    let rest = halves[1]
    let authority = rest.prefix { $0 != "/" && $0 != "?" }
    let userEnd = authority.lastIndex(of: "@").map { authority.index(after: $0) }
    user = authority[..<(userEnd ?? authority.startIndex)]
    hosts = String(authority[(userEnd ?? authority.startIndex)...])
    let tail = rest[authority.endIndex...]
    let path = tail.prefix { $0 != "?" }
    self.path = path.isEmpty ? "/" : String(path)
    options = tail[path.endIndex...].dropFirst().split { $0 == "&" || $0 == ";" }.map(String.init)
  }

  var text: String { "\(scheme)://\(user)\(hosts)\(path)?\(options.joined(separator: "&"))" }

  /// Options that libmongoc does not know. It only warns of them, but a misspelt one is no option.
  var unknownOptions: [String] {
    options.filter { option in
      let name = Self.name(ofOption: option)
      return !Self.special.contains(name) && !Self.isKnown(name)
    }.map { String($0.prefix { $0 != "=" }) }
  }

  private static func isKnown(_ name: String) -> Bool {
    unsafe mongoc_uri_option_is_utf8(name) || mongoc_uri_option_is_int32(name)
      || mongoc_uri_option_is_int64(name) || mongoc_uri_option_is_bool(name)
  }

  static func name(ofOption option: String) -> String { option.prefix { $0 != "=" }.lowercased() }

  /// Those that libmongoc reads in its own ways.
  private static let special: Set<String> = [
    "authmechanism", "authmechanismproperties", "authsource", "compressors", "readconcernlevel",
    "readpreference", "readpreferencetags", "w",
  ]
}
