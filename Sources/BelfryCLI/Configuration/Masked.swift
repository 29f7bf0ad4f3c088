/// Values as they may be shown: a secret never, an address without the password in it.
enum Masked {
  static let hidden = "••••••"

  static func text(_ text: String, of setting: Setting) -> String {
    setting.isSecret ? hidden : url(text)
  }

  /// `amqp://user:password@host` with the password hidden; other texts as they are.
  static func url(_ text: String) -> String {
    guard let password = range(in: text) else { return text }
    return String(text[..<password.lowerBound]) + hidden + String(text[password.upperBound...])
  }

  static func hasPassword(_ text: String) -> Bool { range(in: text) != nil }

  /// The password in an address.
  static func password(in text: String) -> String? { range(in: text).map { String(text[$0]) } }

  private static func range(in text: String) -> Range<String.Index>? {
    guard let scheme = text.firstRange(of: "://") else { return nil }
    let rest = text[scheme.upperBound...]
    let authority = rest.prefix { $0 != "/" && $0 != "?" && $0 != "#" }
    // A password may hold an @ that somebody forgot to encode: the last one ends it.
    guard let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":")
    else { return nil }
    return authority.index(after: colon)..<at
  }
}
