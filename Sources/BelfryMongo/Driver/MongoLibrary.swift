internal import CMongoC

/// The driver that is loaded, which may be another than the one this was built with.
package enum MongoLibrary {
  /// `1.23.1`.
  package static var version: String { unsafe String(cString: mongoc_get_version()) }
}
