/// A join token as the cluster keeps it: everything but the secret.
package struct TokenRecord: Sendable, Equatable {
  package enum State: String, Sendable {
    case valid, used, expired, revoked
  }

  package static let usesMax = 1_000
  package static let timeToLiveDefault = Duration.seconds(30 * 60)
  package static let timeToLiveMax = Duration.seconds(30 * 86_400)
  /// A join that broke off may be begun again so long after the token's end.
  package static let repeatMax = Duration.seconds(3_600)
  /// And the record is kept so long.
  package static let endedKept = Duration.seconds(30 * 86_400)

  /// One use: by which key, for which name.
  package struct Use: Sendable, Hashable {
    /// SHA-256 of the public key, in hex.
    package let key: String
    package let name: NodeName

    package init(key: String, name: NodeName) {
      self.key = key
      self.name = name
    }
  }

  package var id: String
  /// SHA-256 of the key made of the secret, in hex.
  package var secretHash: String
  /// The only name it is good for; nil: any.
  package var name: NodeName?
  package var labels: [Label]
  package var uses: Int
  package var usedBy: [Use]
  package var used: Int { usedBy.count }
  package var expires: WallTime
  package var created: WallTime
  package var createdBy: String
  package var isEphemeral: Bool
  package var isRevoked: Bool

  package init(
    id: String, secretHash: String, name: NodeName?, labels: [Label], uses: Int,
    expires: WallTime, created: WallTime, createdBy: String, isEphemeral: Bool
  ) {
    self.id = id
    self.secretHash = secretHash
    self.name = name
    self.labels = labels
    self.uses = uses
    usedBy = []
    self.expires = expires
    self.created = created
    self.createdBy = createdBy
    self.isEphemeral = isEphemeral
    isRevoked = false
  }

  /// What a person did goes before what time did.
  package func state(at now: WallTime) -> State {
    if isRevoked { return .revoked }
    if used >= uses { return .used }
    return now < expires ? .valid : .expired
  }

  /// Whether who has used it may ask once more: `holder` is what is recorded under the name. Only while
  /// that is nothing, or still holds the first certificate of that very key: after a renewal the line and
  /// an old key would be a second way in.
  package func allowsRepeat(_ use: Use, over holder: NodeRecord?, at now: WallTime) -> Bool {
    guard !isRevoked, usedBy.contains(use), now - expires <= Self.repeatMax else { return false }
    guard let holder else { return true }
    return switch holder.state {
    case .member: holder.token == id && holder.joinKey == use.key
    // Of one who had the name before: ours was not written yet.
    case .removed: holder.token != id
    case .revoked: false
    }
  }

  package func isToBePurged(at now: WallTime) -> Bool { now - expires > Self.endedKept }
}

extension TokenRecord {
  package init?(_ record: StoredRecord) {
    let fields = record.fields
    guard record.collection == .tokens, let hash = fields["secretHash"],
      let labels = Label.list(fields["labels"] ?? ""),
      let uses = fields["uses"].flatMap({ Int($0) }),
      let usedBy = Use.list(fields["usedBy"] ?? ""),
      let expires = WallTime(field: fields["expires"]),
      let created = WallTime(field: fields["created"])
    else { return nil }
    let name = fields["name"].flatMap { NodeName($0) }
    // A name that cannot be read is no permission for every name.
    guard name != nil || fields["name"] == nil else { return nil }
    self.init(
      id: record.id, secretHash: hash, name: name, labels: labels, uses: uses, expires: expires,
      created: created, createdBy: fields["createdBy"] ?? "",
      isEphemeral: fields["ephemeral"] == "yes")
    self.usedBy = usedBy
    isRevoked = fields["revoked"] == "yes"
  }

  package func stored(version: Int, at now: WallTime) -> StoredRecord {
    var fields = [
      "secretHash": secretHash, "labels": Label.text(labels), "uses": "\(uses)",
      "usedBy": Use.text(usedBy), "expires": "\(expires)", "created": "\(created)",
      "createdBy": createdBy, "ephemeral": isEphemeral ? "yes" : "no",
      "revoked": isRevoked ? "yes" : "no",
    ]
    fields["name"] = name?.text
    return StoredRecord(.tokens, id: id, version: version, writtenAt: now, fields: fields)
  }
}

extension TokenRecord.Use {
  fileprivate static func text(_ uses: [Self]) -> String {
    uses.map { "\($0.name)=\($0.key)" }.joined(separator: ",")
  }

  /// Nil when it is nothing that `text` writes: a use that cannot be read is not one less.
  fileprivate static func list(_ text: String) -> [Self]? {
    let parts = text.split(separator: ",", omittingEmptySubsequences: true)
    let uses = parts.compactMap { part -> Self? in
      let words = part.split(separator: "=")
      guard words.count == 2, let name = NodeName(String(words[0])) else { return nil }
      return Self(key: String(words[1]), name: name)
    }
    return uses.count == parts.count ? uses : nil
  }
}

extension WallTime {
  /// As `description` writes it.
  init?(field: String?) {
    guard let milliseconds = field.flatMap({ Int64($0) }) else { return nil }
    self.init(milliseconds: milliseconds)
  }
}

extension Label {
  /// As `list` reads it.
  package static func text(_ labels: [Label]) -> String {
    labels.map(\.description).joined(separator: ",")
  }
}
