/// What a certificate's holder may do in the cluster; part of its SPIFFE id.
package enum Role: String, Sendable, Hashable, CaseIterable {
  case coordinator, worker, `operator`, producer
}

/// Names one member of one cluster, as its certificate states it in its only URI SAN:
/// `spiffe://<cluster>/<role>/<name>`.
///
/// A name is `[a-z0-9][a-z0-9-]{0,62}`; a cluster (the SPIFFE trust domain) may have dots too.
/// Narrower than SPIFFE allows, so that a name is also a file name, a host label and a log field.
package struct SPIFFEID: Sendable, Hashable, CustomStringConvertible {
  package let cluster: String
  package let role: Role
  package let name: String

  /// Throws `badName` when a part breaks the grammar above.
  package init(cluster: String, role: Role, name: String) throws(IdentityError) {
    try Self.validate(cluster: cluster)
    guard Self.isName(name, dots: false) else {
      throw IdentityError(
        .badName,
        "\"\(excerpt(name))\" is no name: use 1 to 63 of a-z, 0-9 and '-', not starting with '-'")
    }
    self.cluster = cluster
    self.role = role
    self.name = name
  }

  /// Reads what `description` writes, and nothing else. Safe on a peer's text. Throws `badName`.
  package init(parsing text: String) throws(IdentityError) {
    let bad = IdentityError(
      .badName, "\"\(excerpt(text))\" is not spiffe://<cluster>/<role>/<name>")
    guard text.hasPrefix(Self.scheme) else { throw bad }
    let parts = text.dropFirst(Self.scheme.count)
      .split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false)
    guard parts.count == 3, let role = Role(rawValue: String(parts[1])) else { throw bad }
    try self.init(cluster: String(parts[0]), role: role, name: String(parts[2]))
  }

  package var description: String { "\(Self.scheme)\(cluster)/\(role.rawValue)/\(name)" }

  static let scheme = "spiffe://"

  static func validate(cluster: String) throws(IdentityError) {
    guard isName(cluster, dots: true) else {
      throw IdentityError(
        .badName,
        "\"\(excerpt(cluster))\" is no cluster name: use 1 to 63 of a-z, 0-9, '.' and '-', "
          + "starting with a letter or digit")
    }
  }

  /// Over bytes, not characters: a letter with a combining mark must not pass for the letter.
  private static func isName(_ text: String, dots: Bool) -> Bool {
    let bytes = text.utf8
    guard (1...63).contains(bytes.count), let first = bytes.first else { return false }
    let isDash = first == UInt8(ascii: "-") || first == UInt8(ascii: ".")
    return !isDash
      && bytes.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"): true
        case UInt8(ascii: "-"): true
        case UInt8(ascii: "."): dots
        default: false
        }
      }
  }
}

/// Keeps a hostile text from filling a message.
func excerpt(_ text: String) -> String {
  text.utf8.count <= 80 ? text : "\(text.prefix(60))..."
}
