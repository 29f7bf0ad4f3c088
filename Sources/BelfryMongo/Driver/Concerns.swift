/// The promises, as they stand in every command: explicit, whatever a server's defaults are.
extension BSONWriter {
  mutating func writeConcern() {
    document("writeConcern") {
      $0.string("w", "majority")
      $0.bool("j", true)
      $0.int64("wtimeout", MongoURI.writeConcernMilliseconds)
    }
  }

  mutating func readConcern() {
    document("readConcern") { $0.string("level", "majority") }
  }
}
