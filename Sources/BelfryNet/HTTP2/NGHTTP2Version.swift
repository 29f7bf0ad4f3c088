internal import CNghttp2

/// The library that is loaded, which may be another than the one this was built with.
package enum NGHTTP2Version {
  /// `1.52.0`.
  package static var text: String {
    guard let info = unsafe nghttp2_version(0), let text = unsafe info.pointee.version_str else {
      return "unknown"
    }
    return unsafe String(cString: text)
  }
}
