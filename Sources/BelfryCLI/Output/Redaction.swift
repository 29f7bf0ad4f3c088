internal import Foundation

/// Takes secrets out of texts that are to be given away: those that are known by their value, and
/// whatever looks like one.
struct Redaction {
  /// Longest first: one may be a part of another.
  private let known: [String]

  /// - Parameter known: the values of settings that are secret.
  init(known: [String]) {
    self.known = known.filter { $0.count >= 4 }.sorted { $0.count > $1.count }
  }

  /// What is configured as a secret, whether it is used or not, and the passwords of addresses.
  init(_ settings: Settings?) {
    var known: [String] = []
    for key in SettingKey.allCases {
      // A value that cannot be read is not given away.
      let texts = (try? settings?.find(key))?.flatMap(\.texts) ?? []
      known += key.setting.isSecret ? texts : texts.compactMap(Masked.password(in:))
    }
    for (name, value) in ProcessInfo.processInfo.environment where Self.isSecret(name: name) {
      known.append(value)
    }
    self.init(known: known)
  }

  static func isSecret(name: String) -> Bool {
    let name = name.lowercased()
    return [
      "password", "passwd", "secret", "token", "credential", "private_key", "api_key", "apikey",
    ]
    .contains(where: name.contains)
  }

  func apply(to text: String) -> String {
    var text = text
    for secret in known { text = text.replacing(secret, with: Masked.hidden) }
    text = text.replacing(Self.privateKey) { _ in "[a private key was here]" }
    text = text.replacing(Self.address) { match in "\(match.1)\(Masked.hidden)@" }
    text = text.replacing(Self.joinToken, with: "BFT1-\(Masked.hidden)")
    text = text.replacing(Self.bearer) { match in "\(match.1) \(Masked.hidden)" }
    return text.replacing(Self.pair) { match in "\(match.1)\(match.2)\(Masked.hidden)" }
  }

  private nonisolated(unsafe) static let privateKey =
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(-----END [A-Z ]*PRIVATE KEY-----|$)/
  private nonisolated(unsafe) static let address =
    /([A-Za-z][A-Za-z0-9+.\-]*:\/\/[^\s:\/@?#"']*:)[^\s\/?#"']*@/
  /// Damaged ones too: what is wrong with one may be a single character.
  private nonisolated(unsafe) static let joinToken = /BFT1-[A-Z0-9\-]+/.ignoresCase()
  private nonisolated(unsafe) static let bearer = /(Bearer|Basic)\s+[A-Za-z0-9+\/=._~\-]+/
  private nonisolated(unsafe) static let pair =
    /([A-Za-z0-9_.\-]*(?:password|passwd|secret|token|api_?key)[A-Za-z0-9_.\-]*["']?)(\s*[=:]\s*["']?)[^\s"',;}&]+/
    .ignoresCase()
}
