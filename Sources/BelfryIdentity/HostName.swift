internal import COpenSSL

/// A DNS name or an address, checked so that it can stand in a certificate's extension.
enum HostName: Equatable {
  case dns(String)
  case address(String)

  /// Throws `badName`. What parses as an IPv4 or IPv6 address is one; a wildcard is refused, because
  /// a coordinator's certificate names that coordinator.
  init(_ text: String) throws(IdentityError) {
    if let parsed = unsafe a2i_IPADDRESS(text), Self.isAddressText(text) {
      unsafe ASN1_OCTET_STRING_free(parsed)
      self = .address(text)
    } else if Self.isDNSName(text) {
      self = .dns(text)
    } else {
      throw IdentityError(.badName, "\"\(excerpt(text))\" is neither a host name nor an address")
    }
  }

  /// In the syntax of OpenSSL's subjectAltName.
  var alternativeName: String {
    switch self {
    case .dns(let name): "DNS:\(name)"
    case .address(let address): "IP:\(address)"
    }
  }

  /// OpenSSL's parser stops at a NUL; ours must not.
  private static func isAddressText(_ text: String) -> Bool {
    text.utf8.allSatisfy { byte in
      isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte | 0x20)
        || byte == UInt8(ascii: ".") || byte == UInt8(ascii: ":")
    }
  }

  /// Letters, digits, '-' and '_' (compose files make such names) in labels of 1 to 63, 253 in all,
  /// the last not all digits: that would be a mistyped address.
  private static func isDNSName(_ text: String) -> Bool {
    let labels = text.utf8.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
    guard text.utf8.count <= 253, let last = labels.last, !last.allSatisfy(isDigit) else {
      return false
    }
    return labels.allSatisfy { label in
      (1...63).contains(label.count) && label.first != UInt8(ascii: "-")
        && label.allSatisfy { byte in
          isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
            || byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
        }
    }
  }

  private static func isDigit(_ byte: UInt8) -> Bool {
    (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
  }
}
