import BelfryCore
import Testing

/// What records say: who may come, who may ask once more, who is forgotten, what has had its time.
@Suite struct MembershipRecordTests {
  private func at(_ seconds: Int64) -> WallTime { WallTime(milliseconds: seconds * 1_000) }

  private func node(
    _ state: NodeRecord.State = .member, _ change: (inout NodeRecord) -> Void = { _ in }
  ) throws -> NodeRecord {
    var node = NodeRecord(
      name: try #require(NodeName("w1")), role: "worker", serial: "B",
      certificateExpires: at(1_000), joined: at(0))
    node.state = state
    node.lastEnd = at(1_000)
    change(&node)
    return node
  }

  @Test func aRecordSpeaksOfItsOwnRole() throws {
    let member = try node { $0.previousSerial = "A" }
    #expect(member.verdict(on: "B", role: "worker") == .welcome)
    #expect(member.verdict(on: "A", role: "worker") == .welcome)
    #expect(member.verdict(on: "C", role: "worker") == .replaced)
    #expect(member.verdict(on: "C", role: "operator") == .welcome)
    let removed = try node(.removed)
    #expect(removed.verdict(on: "B", role: "worker") == .removed)
    #expect(removed.verdict(on: "C", role: "operator") == .welcome)
    let revoked = try node(.revoked) { $0.revoked = at(5) }
    for role in ["worker", "operator", "producer", "coordinator"] {
      let verdict = revoked.verdict(on: "C", role: role)
      #expect(verdict == .revoked(by: "", at: at(5), reason: ""))
    }
  }

  @Test func anEmptySerialIsNoPreviousOne() throws {
    #expect(try node().verdict(on: "", role: "worker") == .replaced)
  }

  @Test func aRenewalEndsRepeatsAndTheCertificateBefore() throws {
    var node = try node { ($0.previousSerial, $0.joinKey) = ("A", "key") }
    node.renewed(shown: "B", shownEnd: at(1_000), serial: "C", expires: at(900))
    #expect(node.joinKey.isEmpty)
    #expect(node.verdict(on: "A", role: "worker") == .replaced)
    #expect(node.verdict(on: "B", role: "worker") == .welcome, "until C has been used")
    #expect(node.lastEnd == at(1_000), "the one before ends later")
  }

  @Test func anEphemeralNodeIsForgottenTenMinutesAfterItWasSeen() throws {
    func isAway(_ now: Int64, _ change: (inout NodeRecord) -> Void) throws -> Bool {
      try node(.member, change).isAway(at: at(now))
    }
    #expect(try !isAway(600) { $0.isEphemeral = true }, "joining counts as being seen")
    #expect(try isAway(601) { $0.isEphemeral = true })
    #expect(try !isAway(601) { ($0.isEphemeral, $0.seen) = (true, at(100)) })
    #expect(try isAway(701) { ($0.isEphemeral, $0.seen) = (true, at(100)) })
    #expect(try !isAway(9_999) { _ in }, "others stay")
    #expect(try !isAway(9_999) { ($0.isEphemeral, $0.state) = (true, .revoked) })
    // Who joined anew was not seen before that.
    #expect(try !isAway(1_500) { ($0.isEphemeral, $0.seen, $0.joined) = (true, at(1), at(1_000)) })
    let seen = try node { ($0.isEphemeral, $0.seen) = (true, at(100)) }
    #expect(!seen.isSeenToBeWritten(at: at(219)) && seen.isSeenToBeWritten(at: at(220)))
    #expect(try !node { $0.seen = at(0) }.isSeenToBeWritten(at: at(9_999)))
  }

  @Test func aRemovedNodesRecordGoesADayAfterItsLastCertificate() throws {
    let removed = try node(.removed)
    #expect(!removed.hasEnded(at: at(1_000)) && removed.hasEnded(at: at(1_001)))
    #expect(!removed.isToBePurged(at: at(87_400)) && removed.isToBePurged(at: at(87_401)))
    #expect(try !node(.revoked).isToBePurged(at: at(1_000_000)), "who is revoked stays so")
    #expect(try !node(.member).isToBePurged(at: at(1_000_000)))
    let unknown = try node(.removed) { $0.lastEnd = nil }
    #expect(!unknown.isToBePurged(at: at(1_000_000)), "its certificate may still be good")
  }

  private func token(_ uses: [TokenRecord.Use] = [], of count: Int = 1) -> TokenRecord {
    var token = TokenRecord(
      id: "t", secretHash: "00", name: nil, labels: [], uses: count, expires: at(1_000),
      created: at(0), createdBy: "me", isEphemeral: false)
    token.usedBy = uses
    return token
  }

  private func use(_ key: String, _ name: String = "w1") throws -> TokenRecord.Use {
    TokenRecord.Use(key: key, name: try #require(NodeName(name)))
  }

  @Test func aRepeatIsOfOneKeyOneNameAndOneHour() throws {
    let used = try token([use("k")])
    #expect(used.state(at: at(1)) == .used)
    func allows(_ use: TokenRecord.Use, _ holder: NodeRecord?, _ now: Int64 = 1) -> Bool {
      used.allowsRepeat(use, over: holder, at: at(now))
    }
    let mine = try node { ($0.joinKey, $0.token) = ("k", "t") }
    #expect(try allows(use("k"), nil), "it was used, and the node was not written")
    #expect(try allows(use("k"), mine))
    #expect(try !allows(use("other"), nil))
    #expect(try !allows(use("k", "w2"), nil), "one use is for one name")
    #expect(try allows(use("k"), mine, 4_600) && !allows(use("k"), mine, 4_601))
    var renewed = mine
    renewed.renewed(shown: "B", shownEnd: at(9), serial: "C", expires: at(9))
    #expect(try !allows(use("k"), renewed))
    #expect(try !allows(use("k"), node { ($0.joinKey, $0.token) = ("k", "other") }))
    #expect(try !allows(use("k"), node(.removed) { $0.token = "t" }), "it was thrown out since")
    #expect(try allows(use("k"), node(.removed) { $0.token = "before" }))
    #expect(try !allows(use("k"), node(.revoked) { $0.joinKey = "k" }))
    var revoked = used
    revoked.isRevoked = true
    #expect(try !revoked.allowsRepeat(use("k"), over: nil, at: at(1)))
  }

  @Test func recordsAreReadAsTheyWereWritten() throws {
    let token = try token([use("k"), use("l", "w2")], of: 3)
    #expect(TokenRecord(token.stored(version: 1, at: at(0))) == token)
    #expect(TokenRecord(self.token().stored(version: 1, at: at(0))) == self.token())
    var damaged = token.stored(version: 1, at: at(0))
    damaged.fields["usedBy"] = "w1"
    #expect(TokenRecord(damaged) == nil, "a use that cannot be read is not one less")
    let node = try node { ($0.seen, $0.isEphemeral, $0.joinKey) = (at(7), true, "k") }
    #expect(NodeRecord(node.stored(version: 1, at: at(0))) == node)
    #expect(!token.isToBePurged(at: at(2_593_000)) && token.isToBePurged(at: at(2_593_001)))
  }
}
