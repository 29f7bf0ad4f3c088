import BelfryCore
import BelfryMongo
import Testing

/// The documents as a foreign client sees them: people and other programs read these names.
@Suite("Documents in MongoDB, read by pymongo", .timeLimit(.minutes(2))) struct StoreDocumentTests {
  @Test("An outcome has the fields and types of the specification")
  func outcome() async throws {
    let (store, url) = try await open()
    #expect(await store.insert([Sample.full, Sample.bare]) == [.inserted, .inserted])
    let boot = "0123456789ab7def8123456789abcdef"
    let full = try await python(
      "show(db.outcomes.find_one({'_id': 'full.one_2-3'}, {'recordedAt': 0}))", url)
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
        "retryOf": "before", "requires": ["gpu=a100", "zone=b"], "v": {"$numberInt": "1"}}
        """)
    let names = try await python(
      "print(*db.outcomes.find_one({'_id': 'bare'}, {'finishedAt': 0}))", url)
    #expect(names == "_id state reason lane attempt tries losses recordedAt v")
  }

  @Test("A result in chunks is put together as the documentation says")
  func chunks() async throws {
    let (store, url) = try await open()
    let assignment = AssignmentID(boot: BootID(high: 7 << 16, low: 0), counter: 1)
    var outcome = Sample.outcome(1)
    outcome.assignment = assignment
    outcome.result = JobResult(
      contentType: "text/plain", chunks: ResultChunks(count: 12, size: 36))
    let chunks = (0..<12).map { index in
      ResultChunk(
        id: ChunkID(job: outcome.id, assignment: assignment, number: index),
        bytes: Payload(Array("\(index % 10),\n".utf8)))
    }
    #expect(await store.insertChunks(chunks).allSatisfy { $0 == .inserted })
    #expect(await store.insert([outcome]) == [.inserted])
    let text = try await python(
      """
      outcome = db.outcomes.find_one({'_id': 'job-1'})
      print(outcome['result'])
      parts = [db.results.find_one({'_id': {'job': outcome['_id'], 'assignment': outcome['assignment'],
          'n': n}})['bytes'] for n in range(outcome['result']['chunks'])]
      print(b''.join(parts).decode().replace('\\n', ''))
      print(*db.results.find_one(), type(db.results.find_one()['at']).__name__)
      """, url)
    #expect(
      text == """
        {'contentType': 'text/plain', 'chunks': 12, 'size': 36}
        0,1,2,3,4,5,6,7,8,9,0,1,
        _id at bytes Timestamp
        """)
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

  @Test("Status counts, and names the indexes that are missing; it makes nothing")
  func status() async throws {
    let url = try TestMongo.url(database: TestMongo.freshName())
    let store = try MongoStore(url: url)
    func status(_ name: String) async throws -> MongoStore.CollectionStatus? {
      try await store.status().get().first { $0.name == name }
    }
    #expect(try await status("later")?.documents == nil)
    #expect(try await python("print(db.list_collection_names())", url) == "[]")
    #expect(await store.check() == nil)
    #expect(await store.insert([Sample.outcome(1)]) == [.inserted])
    let outcomes = try #require(await status("outcomes"))
    #expect(outcomes.documents == 1 && outcomes.bytes > 0 && outcomes.missing == [])
    _ = try await python("db.later.drop_index('job')", url)
    #expect(try await status("later")?.missing == ["job"])
  }

  @Test("Every write is majority and journaled, every read majority, whatever the URL says")
  func promises() async throws {
    // The profiler shows updates and deletes without their concern: `StoreBSONTests` looks at those.
    let weak = ["w=1", "journal=false", "readConcernLevel=local", "readPreference=secondary"]
    let url = try TestMongo.url(database: TestMongo.freshName(), options: weak)
    let store = try MongoStore(url: url)
    _ = try await python("db.command('profile', 2)", url)
    #expect(await store.check() == nil)
    #expect(await store.insert([Sample.outcome(1)]) == [.inserted])
    #expect(await store.find([Sample.job(1)]) == [.found(Sample.outcome(1))])
    let owed = Sample.owed(1, now: WallTime(milliseconds: 0))
    #expect(await store.owe([owed]) == [.inserted])
    #expect(await store.claimOwed(limit: 1, claimant: "a") == [owed])
    await store.settleOwed([owed.id])
    #expect(await store.openAlert(Sample.alert()) == true)
    #expect(await store.closeAlert(Sample.resolved()) == true)
    let seen = try await python(
      """
      db = MongoClient(sys.argv[1].split('?')[0] + '?replicaSet=rs0').get_default_database()
      db.command('profile', 0)
      write = {'w': 'majority', 'j': True, 'wtimeout': 10000}
      for entry in db.system.profile.find({'ns': {'$not': {'$regex': 'system'}}}).sort('ts', 1):
          command = entry['command']
          name = next(iter(command))
          if name in ('insert', 'update', 'delete', 'createIndexes'):
              print(name, command[name], command.get('writeConcern') == write)
          elif name == 'find':
              print(name, command[name], command.get('readConcern') == {'level': 'majority'})
      """, url)
    #expect(
      seen == """
        find outcomes True
        find meta True
        insert meta True
        createIndexes later True
        createIndexes later True
        createIndexes cancels True
        createIndexes nodes True
        createIndexes results True
        createIndexes outcomes True
        createIndexes alerts True
        createIndexes alerts True
        insert outcomes True
        find outcomes True
        insert later True
        find later True
        find later True
        insert alerts True
        """)
  }

  private func open() async throws -> (MongoStore, String) {
    let url = try TestMongo.url(database: TestMongo.freshName())
    let store = try MongoStore(url: url)
    if let problem = await store.check() { throw problem }
    return (store, url)
  }
}
