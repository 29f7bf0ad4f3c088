/// What the cluster has written down of a node: its certificates, and whether it may come at all.
///
/// A node whose certificate was made by hand (`belfry cert issue`) has no record until it renews or is
/// revoked, and is believed by its certificate alone.
package struct NodeRecord: Sendable, Equatable {
  package enum State: String, Sendable {
    case member
    /// Never again under this name, until it is removed and joins anew.
    case revoked
    /// Its name is free.
    case removed
  }

  package enum Verdict: Sendable, Equatable {
    case welcome
    case revoked(by: String, at: WallTime, reason: String)
    case removed
    /// The certificate is none of those issued to it last.
    case replaced
  }

  package var name: NodeName
  package var role: String
  package var state = State.member
  /// Of the last certificate issued, in upper case hex.
  package var serial: String
  /// Of the one before, until the last has opened a session: a reply that was lost on its way must not
  /// lock a node out.
  package var previousSerial = ""
  package var certificateExpires: WallTime
  /// When the last of all its certificates that are known ends; nil: nobody knows.
  package var lastEnd: WallTime?
  /// SHA-256 of the public key with which it joined, in hex, until it is renewed: by it a repeated
  /// request is known.
  package var joinKey = ""
  package var token = ""
  package var joined: WallTime
  package var labels: [Label] = []
  package var isEphemeral = false
  /// When a coordinator last wrote that it has the node in session: of ephemeral ones only.
  package var seen: WallTime?
  package var software = ""
  package var reason = ""
  package var revokedBy = ""
  package var revoked: WallTime?

  package init(
    name: NodeName, role: String, serial: String, certificateExpires: WallTime, joined: WallTime
  ) {
    self.name = name
    self.role = role
    self.serial = serial
    self.certificateExpires = certificateExpires
    self.joined = joined
  }

  /// Whether who shows the certificate of this role and serial may come. Who is revoked is so in every
  /// role; else a record says nothing of those who have its name and another role.
  package func verdict(on serial: String, role: String) -> Verdict {
    switch state {
    case .revoked:
      .revoked(by: revokedBy, at: revoked ?? WallTime(milliseconds: 0), reason: reason)
    case _ where role != self.role: .welcome
    case .removed: .removed
    case .member:
      serial == self.serial || (serial == previousSerial && !serial.isEmpty)
        ? .welcome : .replaced
    }
  }

  /// A new certificate was made for who showed the one with `shown`, which ends at `shownEnd`.
  package mutating func renewed(
    shown: String, shownEnd: WallTime, serial: String, expires: WallTime
  ) {
    previousSerial = shown
    self.serial = serial
    certificateExpires = expires
    lastEnd = max(lastEnd ?? expires, shownEnd, expires)
    joinKey = ""
  }
}

/// Ephemeral nodes, and records that have had their time.
extension NodeRecord {
  /// An ephemeral node is forgotten so long after it was last in session with any coordinator.
  package static let awayMax = Duration.seconds(600)
  /// So often is written that it is in session: well within `awayMax`, for clocks that differ.
  package static let seenEvery = Duration.seconds(120)
  /// A removed node's record is kept so long after its last certificate has ended.
  package static let removedKept = Duration.seconds(86_400)

  /// Joining counts as being seen.
  private var lastSeen: WallTime { max(seen ?? joined, joined) }

  package func isAway(at now: WallTime) -> Bool {
    isEphemeral && state == .member && now - lastSeen > Self.awayMax
  }

  /// Whether it is time to write that the node is in session.
  package func isSeenToBeWritten(at now: WallTime) -> Bool {
    isEphemeral && state == .member && now - lastSeen >= Self.seenEvery
  }

  /// Removed, and none of its certificates is good any more: the record protects from nothing.
  package func hasEnded(at now: WallTime) -> Bool {
    guard state == .removed, let lastEnd else { return false }
    return now > lastEnd
  }

  package func isToBePurged(at now: WallTime) -> Bool { hasEnded(at: now - Self.removedKept) }
}

extension NodeRecord {
  package init?(_ record: StoredRecord) {
    let fields = record.fields
    guard record.collection == .nodes, let name = NodeName(record.id),
      let state = fields["state"].flatMap(State.init), let serial = fields["serial"],
      let expires = WallTime(field: fields["certificateExpires"]),
      let joined = WallTime(field: fields["joined"]),
      let labels = Label.list(fields["labels"] ?? "")
    else { return nil }
    self.init(
      name: name, role: fields["role"] ?? "", serial: serial, certificateExpires: expires,
      joined: joined)
    self.state = state
    self.labels = labels
    previousSerial = fields["previousSerial"] ?? ""
    joinKey = fields["joinKey"] ?? ""
    token = fields["token"] ?? ""
    lastEnd = WallTime(field: fields["lastEnd"])
    seen = WallTime(field: fields["seen"])
    isEphemeral = fields["ephemeral"] == "yes"
    software = fields["software"] ?? ""
    reason = fields["reason"] ?? ""
    revokedBy = fields["revokedBy"] ?? ""
    revoked = WallTime(field: fields["revoked"])
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    var fields = [
      "role": role, "state": state.rawValue, "serial": serial,
      "previousSerial": previousSerial, "certificateExpires": "\(certificateExpires)",
      "joinKey": joinKey, "token": token, "joined": "\(joined)", "labels": Label.text(labels),
      "ephemeral": isEphemeral ? "yes" : "no", "software": software, "reason": reason,
      "revokedBy": revokedBy,
    ].filter { !$0.value.isEmpty }
    fields["serial"] = serial
    fields["revoked"] = revoked?.description
    fields["lastEnd"] = lastEnd?.description
    fields["seen"] = seen?.description
    return StoredRecord(.nodes, id: name.text, version: version, writtenAt: now, fields: fields)
  }
}
