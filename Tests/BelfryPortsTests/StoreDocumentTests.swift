import BelfryCore
import BelfryMongo
import Testing

/// The documents as a foreign client sees them: people and other programs read these names.
@Suite("Documents in MongoDB, read by pymongo") struct StoreDocumentTests {
  @Test("An outcome has the fields and types of the specification")
  func outcome() async throws {
    let (store, url) = try await open()
    #expect(await store.insert([Sample.full, Sample.bare]) == [.inserted, .inserted])
    let boot = "0123456789ab7def8123456789abcdef"
    let full = try await python("show(db.outcomes.find_one({'_id': 'full.one_2-3'}))", url)
    #expect(
      full == """
        {"_id": "full.one_2-3", "state": "failed", "reason": "error", "kind": "mail:send", \
        "lane": "mail", "attempt": {"$numberInt": "3"}, "tries": {"$numberInt": "2"}, \
        "losses": {"$numberInt": "1"}, "assignment": "\(boot)-18446744073709551615", \
        "worker": "w-2", "submittedAt": {"$date": {"$numberLong": "1700000000001"}}, \
        "startedAt": {"$date": {"$numberLong": "1700000000002"}}, \
        "finishedAt": {"$date": {"$numberLong": "1700000000003"}}, \
        "result": {"contentType": "text/plain", \
        "bytes": {"$binary": {"base64": "AAH/JA==", "subType": "00"}}, \
        "size": {"$numberInt": "4"}}, \
        "error": {"code": "E42", "message": "gr\\u00f6\\u00dfer\\u0000$where", "stderr": "line\\n"}, \
        "history": [{"assignment": "\(boot)-1", "attempt": {"$numberInt": "1"}, \
        "what": "failed", "worker": "w1", "boot": "\(boot)", \
        "at": {"$date": {"$numberLong": "1699999999999"}}, "code": "E41", "message": "no"}, \
        {"assignment": "\(boot)-2", "attempt": {"$numberInt": "2"}, "what": "lost", \
        "worker": "w3", "boot": "\(boot)", "started": false, "beside": true, \
        "at": {"$date": {"$numberLong": "-1"}}}], \
        "retryOf": "before", "v": {"$numberInt": "1"}}
        """)
    let names = try await python(
      "print(*db.outcomes.find_one({'_id': 'bare'}, {'finishedAt': 0}))", url)
    #expect(names == "_id state reason lane attempt tries losses v")
  }

  @Test("A document that is no outcome is unknown, with the reason; the others are found")
  func unreadable() async throws {
    let (store, url) = try await open()
    #expect(await store.insert(Sample.outcomes(1..<6)) == Array(repeating: .inserted, count: 5))
    _ = try await python(
      """
      db.outcomes.update_one({'_id': 'job-1'}, {'$set': {'state': 'dancing'}})
      db.outcomes.update_one({'_id': 'job-2'}, {'$unset': {'lane': 1}})
      db.outcomes.update_one({'_id': 'job-3'}, {'$set': {'v': 2}})
      db.outcomes.update_one({'_id': 'job-4'}, {'$set': {'history': ['x'], 'more': None}})
      db.outcomes.update_one({'_id': 'job-5'}, {'$set': {'attempt': 1.0, 'more': None}})
      """, url)
    let answers = await store.find((1..<6).map(Sample.job))
    for (answer, reason) in zip(
      answers, ["\"state\" is unreadable", "\"lane\" is missing", "newer", "history"])
    {
      guard case .unknown(let text) = answer else { Issue.record("\(answer)"); continue }
      #expect(text.contains(reason))
    }
    #expect(answers[4] == .found(Sample.outcome(5)))
  }

  @Test("An owed publish and an alert are readable, and indexed")
  func owedAndAlerts() async throws {
    let (store, url) = try await open()
    let owed = Sample.owed(7, now: WallTime(milliseconds: 1_700_000_000_000))
    #expect(await store.owe([owed]) == [.inserted])
    let boot = "0123456789ab7def8123456789abcdef"
    #expect(
      try await python("show(db.later.find_one())", url) == """
        {"_id": "\(boot)/7", "what": "job", "job": "job-7", "attempt": {"$numberInt": "2"}, \
        "due": {"$date": {"$numberLong": "1700000000000"}}, "exchange": "", \
        "key": "belfry.again.default", "properties": {"messageId": "job-7", "type": "print", \
        "contentType": "text/plain", "contentEncoding": "identity", "replyTo": "answers", \
        "correlationId": "c.1", "timestamp": {"$numberLong": "-5"}, "headers": [\
        {"name": "belfry-repeat", "type": "bool", "value": true}, \
        {"name": "$where.a", "type": "text", "value": "$$NOW"}, \
        {"name": "n", "type": "int", "value": {"$numberLong": "9223372036854775807"}}, \
        {"name": "t", "type": "timestamp", "value": {"$numberLong": "-9223372036854775808"}}, \
        {"name": "o", "type": "other", "value": "array"}]}, \
        "body": {"$binary": {"base64": "AQIA", "subType": "00"}}}
        """)
    #expect(await store.openAlert(Sample.alert()) == true)
    #expect(await store.closeAlert(Sample.resolved()) == true)
    #expect(await store.openAlert(Sample.alert()) == true)
    #expect(
      try await python("[show(a) for a in db.alerts.find({}, {'_id': 0, 'closedBy': 0})]", url)
        == """
        {"rule": "node-lost", "subject": "w1", "open": false, "state": "resolved", \
        "severity": "critical", "summary": "worker w1 lost", "why": "no heartbeat for 4 s", \
        "firedAt": {"$date": {"$numberLong": "1700000000000"}}, "jobsMoved": {"$numberInt": "3"}, \
        "v": {"$numberInt": "1"}, "resolvedAt": {"$date": {"$numberLong": "1700000060000"}}, \
        "whyResolved": "it is back"}
        {"rule": "node-lost", "subject": "w1", "open": true, "state": "firing", \
        "severity": "critical", "summary": "worker w1 lost", "why": "no heartbeat for 4 s", \
        "firedAt": {"$date": {"$numberLong": "1700000000000"}}, "jobsMoved": {"$numberInt": "3"}, \
        "v": {"$numberInt": "1"}}
        """)
    let plan = try await python(
      """
      due = {'$expr': {'$and': [{'$lte': ['$due', '$$NOW']}, {'$lte': ['$claimedUntil', '$$NOW']}]}}
      plan = db.later.find(due).sort('due', 1).limit(10).explain()['queryPlanner']['winningPlan']
      print('IXSCAN' in str(plan), 'COLLSCAN' in str(plan), db.meta.find_one({'_id': 'schema'})['v'])
      """, url)
    #expect(plan == "True False 1")
  }

  private func open() async throws -> (MongoStore, String) {
    let url = try TestMongo.url(database: TestMongo.freshName())
    let store = try MongoStore(url: url)
    if let problem = await store.check() { throw problem }
    return (store, url)
  }
}
