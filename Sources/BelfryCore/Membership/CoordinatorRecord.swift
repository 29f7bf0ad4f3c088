/// What a coordinator writes of itself into the store, for the other coordinators: every second,
/// best effort. No job's way rests on it.
package struct CoordinatorRecord: Sendable, Equatable {
  package enum State: String, Sendable {
    case up, draining
    /// Planned: its process has ended, or is about to.
    case left
  }

  package var name: NodeName
  package var boot: BootID
  package var state: State
  /// Since when it is in that state, by the store's clock.
  package var since: WallTime
  /// Where workers and people reach it, `https://host:port`; empty: nobody has said it.
  package var addresses: [String] = []
  package var lanes: [Lane] = []
  package var software = ""
  /// What is wrong with its broker or store, in words; empty: nothing.
  package var trouble = ""
  package var certificateExpires: WallTime?
  /// The broker has its queue `QueueTopology.presence`: that it has not any more says something.
  package var isPresent = false

  package init(name: NodeName, boot: BootID, state: State, since: WallTime) {
    self.name = name
    self.boot = boot
    self.state = state
    self.since = since
  }
}

extension CoordinatorRecord {
  package init?(_ record: StoredRecord) {
    let fields = record.fields
    guard record.collection == .coordinators, let name = NodeName(record.id),
      let boot = fields["boot"].flatMap({ BootID($0) }),
      let state = fields["state"].flatMap(State.init), let since = WallTime(field: fields["since"])
    else { return nil }
    self.init(name: name, boot: boot, state: state, since: since)
    addresses = Self.list(fields["addresses"])
    lanes = Self.list(fields["lanes"]).compactMap { Lane($0) }
    software = fields["software"] ?? ""
    trouble = fields["trouble"] ?? ""
    certificateExpires = WallTime(field: fields["certificateExpires"])
    isPresent = fields["present"] == "true"
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    var fields = [
      "boot": "\(boot)", "state": state.rawValue, "since": "\(since)",
      "addresses": addresses.joined(separator: " "),
      "lanes": lanes.map(\.text).joined(separator: " "), "software": software, "trouble": trouble,
    ].filter { !$0.value.isEmpty }
    fields["certificateExpires"] = certificateExpires?.description
    if isPresent { fields["present"] = "true" }
    return StoredRecord(
      .coordinators, id: name.text, version: version, writtenAt: now, fields: fields)
  }

  /// Nobody has written it for so long that it is forgotten.
  package static func isToBePurged(_ record: StoredRecord, at now: WallTime) -> Bool {
    record.collection == .coordinators
      && now - record.writtenAt >= CoordinatorRoster.forgetAfter
  }

  private static func list(_ text: String?) -> [String] {
    (text ?? "").split(separator: " ").map(String.init)
  }
}
