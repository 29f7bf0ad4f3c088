internal import COpenSSL

/// The library that is loaded, which may be another than the one this was built with.
package enum OpenSSLVersion {
  /// `OpenSSL 3.0.17 1 Jul 2025`.
  package static var text: String { unsafe String(cString: OpenSSL_version(OPENSSL_VERSION)) }
  package static var major: Int { Int(OPENSSL_version_major()) }
}
