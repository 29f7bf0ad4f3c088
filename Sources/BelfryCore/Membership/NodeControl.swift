/// What operators have set of a worker: a cordon, labels. Kept under its name, whether it is here or not,
/// so that neither its restart nor a coordinator's forgets it.
package struct NodeControl: Sendable, Equatable {
  /// It gets no new jobs; its session stays, and what it runs goes on.
  package struct Cordon: Sendable, Equatable {
    /// The certificate's name of who did it.
    package var by: String
    package var reason: String
    package var since: WallTime

    package init(by: String, reason: String, since: WallTime) {
      self.by = by
      self.reason = reason
      self.since = since
    }

    /// For people.
    package var text: String { "cordoned by \(by)" + (reason.isEmpty ? "" : ": \(reason)") }
  }

  package var name: NodeName
  package var cordon: Cordon?
  /// Beside those that the worker brings; where both have a key, these count. Sorted.
  package var labels: [Label] = []

  package init(name: NodeName, cordon: Cordon? = nil, labels: [Label] = []) {
    self.name = name
    self.cordon = cordon
    self.labels = labels.sorted()
  }

  /// Nothing is set: then nothing is kept.
  package var isEmpty: Bool { cordon == nil && labels.isEmpty }

  /// All labels of a worker that brings these. Sorted.
  package func labels(beside own: [Label]) -> [Label] {
    let keys = Set(labels.map(\.key))
    return (own.filter { !keys.contains($0.key) } + labels).sorted()
  }
}

extension NodeControl {
  /// A record that cannot be read is taken for a cordon: no job must go where somebody may have forbidden
  /// it.
  package init?(_ record: StoredRecord) {
    guard record.collection == .controls, let name = NodeName(record.id) else { return nil }
    self.init(name: name, labels: Label.list(record.fields["labels"] ?? "") ?? [])
    if let by = record.fields["cordonedBy"], let since = WallTime(field: record.fields["cordoned"])
    {
      cordon = Cordon(by: by, reason: record.fields["cordonReason"] ?? "", since: since)
    } else if labels.isEmpty || record.fields["cordonedBy"] != nil
      || record.fields["cordoned"] != nil
    {
      cordon = Cordon(
        by: "nobody knows whom", reason: "what is recorded of it cannot be read",
        since: record.writtenAt)
    }
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    var fields: [String: String] = [:]
    if !labels.isEmpty { fields["labels"] = Label.text(labels) }
    if let cordon {
      fields["cordonedBy"] = cordon.by
      fields["cordoned"] = "\(cordon.since)"
      fields["cordonReason"] = cordon.reason
    }
    return StoredRecord(.controls, id: name.text, version: version, writtenAt: now, fields: fields)
  }
}
