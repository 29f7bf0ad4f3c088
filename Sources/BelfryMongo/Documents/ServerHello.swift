/// What a server says it is.
struct ServerHello {
  static let command = BSONWriter.document { $0.int("hello", 1) }

  /// 5.0, the oldest on which an index serves a condition on the server's own time.
  private static let wireVersionMin = 13

  let setName: String?
  let isPrimary: Bool
  /// Started with --replSet, and never told who belongs to it, or just starting.
  let isUninitiated: Bool
  /// A router of a sharded cluster: its shards are replica sets.
  let isRouter: Bool
  let isTooOld: Bool

  init(_ reply: BSONDocument) {
    setName = reply["setName"]?.string
    isPrimary = reply["isWritablePrimary"]?.bool ?? false
    isUninitiated = reply["isreplicaset"]?.bool ?? false
    isRouter = reply["msg"]?.string == "isdbgrid"
    isTooOld = (reply["maxWireVersion"]?.int ?? 0) < Self.wireVersionMin
  }
}
