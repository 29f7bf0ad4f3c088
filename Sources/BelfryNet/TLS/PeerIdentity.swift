/// Who a peer is, as its verified certificate says: URI SAN `spiffe://<cluster>/<role>/<name>`.
///
/// Nothing else in a certificate is believed; the common name is ignored.
package struct PeerIdentity: Sendable, Hashable, CustomStringConvertible {
  package enum Role: String, Sendable, Hashable, CaseIterable {
    case coordinator, worker, `operator`, producer
  }

  package let cluster: String
  package let role: Role
  package let name: String
  /// End of the certificate's validity, in seconds since 1970 (UTC).
  package let notAfter: Int64
  /// Its beginning; 0: unknown.
  package var notBefore: Int64 = 0
  /// The certificate's serial number in upper case hex; empty where there is no certificate.
  package let serial: String

  package init(cluster: String, role: Role, name: String, notAfter: Int64, serial: String = "") {
    self.cluster = cluster
    self.role = role
    self.name = name
    self.notAfter = notAfter
    self.serial = serial
  }

  /// Reads the URI; nil when it is not of our form. Cluster and name are `[A-Za-z0-9._-]`, 1 to 253.
  package init?(uri: String, notAfter: Int64, serial: String = "") {
    let scheme = "spiffe://"
    guard uri.utf8.count <= 1_024, uri.hasPrefix(scheme) else { return nil }
    let parts = uri.dropFirst(scheme.count).split(separator: "/", omittingEmptySubsequences: false)
    guard parts.count == 3, let role = Role(rawValue: String(parts[1])),
      Self.isName(parts[0]), Self.isName(parts[2])
    else { return nil }
    self.init(
      cluster: String(parts[0]), role: role, name: String(parts[2]), notAfter: notAfter,
      serial: serial)
  }

  package var description: String { "spiffe://\(cluster)/\(role.rawValue)/\(name)" }

  private static func isName(_ text: Substring) -> Bool {
    (1...253).contains(text.utf8.count)
      && text.utf8.allSatisfy { byte in
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
          UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"),
          UInt8(ascii: "-"):
          return true
        default: return false
        }
      }
  }
}
