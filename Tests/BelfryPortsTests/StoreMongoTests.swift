import BelfryCore
import BelfryMongo
import BelfryTestKit
import Foundation
import Testing

/// What only a real server can show: refusals at the start, and trouble in mid-work.
@Suite("Store on MongoDB", .timeLimit(.minutes(2))) struct StoreMongoTests {
  @Test("kill -9 makes calls unknown within the limits; the same object works again afterwards")
  func outlivesServer() async throws {
    try await PrivateMongo.with { mongo in
      let store = try MongoStore(url: mongo.url())
      #expect(await store.check() == nil)
      #expect(await store.insert([Sample.outcome(0)]) == [.inserted])
      let time = try #require(await store.time())
      #expect(abs(Double(time.milliseconds) / 1_000 - Date().timeIntervalSince1970) < 5)
      try await mongo.kill()
      let start = ContinuousClock.now
      async let inserted = store.insert(Sample.outcomes(1..<1_001))
      async let found = store.find([Sample.job(0)])
      async let claimed = store.claimOwed(limit: 10, claimant: "a")
      async let opened = store.openAlert(Sample.alert())
      #expect(await store.time() == nil)
      let isUnknown = await inserted.allSatisfy { if case .unknown = $0 { true } else { false } }
      #expect(isUnknown)
      guard case .unknown(let text) = await found[0] else {
        Issue.record("found while dead"); return
      }
      #expect(text.contains("127.0.0.1:\(mongo.port)"))
      #expect(await claimed == [])
      #expect(await opened == nil)
      #expect(ContinuousClock.now - start < .seconds(15))
      let problem = try #require(await store.check())
      #expect(!problem.isPermanent)
      #expect(problem.message.contains("127.0.0.1:\(mongo.port)"))
      #expect(problem.message.lowercased().contains("connection refused"))

      try await mongo.start()
      let both = [Sample.outcome(0), Sample.outcome(1)]
      let worksAgain = await eventually(within: .seconds(30)) {
        _ = await store.insert([both[1]])
        return await store.find(both.map(\.id)) == both.map { .found($0) }
      }
      #expect(worksAgain)
      #expect(try await answer { await store.openAlert(Sample.alert()) } == true)
    }
  }

  @Test("A hung server makes an insert unknown, and it may be there later")
  func unknownMayBeThere() async throws {
    try await PrivateMongo.with { mongo in
      let store = try MongoStore(url: mongo.url("socketTimeoutMS=700"))
      #expect(await store.check() == nil)
      #expect(await store.insert([Sample.outcome(0)]) == [.inserted])
      try await mongo.freeze()
      let answers = await store.insert([Sample.outcome(1)])
      let opened = await store.openAlert(Sample.alert())
      try mongo.thaw()
      guard case .unknown = answers[0] else { Issue.record("\(answers)"); return }
      #expect(opened == nil)
      let isThere = await eventually(within: .seconds(30)) {
        await store.find([Sample.job(1)]) == [.found(Sample.outcome(1))]
      }
      #expect(isThere)
      let second = try await answer {
        let answer = await store.insert([Sample.outcome(1)])[0]
        if case .unknown = answer { return InsertAnswer?.none }
        return answer
      }
      #expect(second == .duplicate)
    }
  }

  @Test("An alert whose answer was lost is opened and closed by one, all the same")
  func lostAlertAnswer() async throws {
    try await PrivateMongo.with { mongo in
      let url = mongo.url("socketTimeoutMS=700")
      let store = try MongoStore(url: url)
      let other = try MongoStore(url: url)
      #expect(await store.check() == nil)
      var lostOnesThatCounted = [0, 0]
      for round in 0..<10 where lostOnesThatCounted.contains(0) {
        for (index, alert) in [Sample.alert(firedAt: Int64(round)), Sample.resolved()].enumerated()
        {
          func change(_ store: MongoStore) async -> Bool? {
            index == 0 ? await store.openAlert(alert) : await store.closeAlert(alert)
          }
          try await mongo.freeze()
          #expect(await change(store) == nil)
          try mongo.thaw()
          // What was under way may be applied now or never; in both cases one of the two did it.
          let othersAnswer = try await answer { await change(other) }
          #expect(try await answer { await change(store) } == !othersAnswer)
          #expect(try await answer { await change(store) } == false)
          if !othersAnswer { lostOnesThatCounted[index] += 1 }
        }
      }
      #expect(!lostOnesThatCounted.contains(0), "each kind was lost and applied at least once")
    }
  }

  @Test(
    "A standalone server is refused with the sentence that explains it", arguments: [true, false])
  func refusesStandalone(namesSet: Bool) async throws {
    try await PrivateMongo.with(standalone: true) { mongo in
      let url =
        namesSet ? mongo.url("serverSelectionTimeoutMS=1000") : "mongodb://127.0.0.1:\(mongo.port)"
      let problem = try #require(await MongoStore(url: url).check())
      #expect(problem.isPermanent)
      #expect(
        problem.message == """
          MongoDB at 127.0.0.1:\(mongo.port) is a standalone server: Belfry needs a replica set, \
          because only there a write can be confirmed by a majority. Start mongod with --replSet \
          rs0 and run rs.initiate() once.
          """)
    }
  }

  @Test("A server that is not there, or refuses the user, is named")
  func namesTrouble() async throws {
    let limit = "serverSelectionTimeoutMS=300"
    let nobody = try MongoStore(url: "mongodb://127.0.0.1:1/?\(limit)")
    let refused = try #require(await nobody.check())
    #expect(!refused.isPermanent)
    #expect(refused.message.contains("127.0.0.1:1"))
    #expect(refused.message.lowercased().contains("connection refused"))

    let url = try TestMongo.url(database: "x").replacing("://", with: "://someone@")
    let stranger = try MongoStore(url: url, password: "secret")
    let unauthenticated = try #require(await stranger.check())
    #expect(unauthenticated.isPermanent)
    #expect(unauthenticated.message.contains("did not accept the user"))
    #expect(!unauthenticated.message.contains("secret"))

    let wrongSet = try TestMongo.url(database: "x", options: [limit])
      .replacing("replicaSet=rs0", with: "replicaSet=other")
    let misnamed = try #require(await MongoStore(url: wrongSet).check())
    #expect(misnamed.message.contains("replica set rs0"))
  }

  @Test(
    "A text that is no URL of MongoDB's is refused at once",
    arguments: [
      "", "http://x", "mongodb://", "mongodb://a/?socketTimeoutMS=soon",
      "mongodb://a/?replicaSett=rs0",
    ])
  func refusesURL(_ url: String) {
    #expect(throws: StoreProblem.self) { try MongoStore(url: url) }
  }

  @Test("A database made by a newer release is refused")
  func refusesNewerSchema() async throws {
    let name = TestMongo.freshName()
    let url = try TestMongo.url(database: name)
    _ = try await python("db.meta.insert_one({'_id': 'schema', 'v': 2})", url)
    let problem = try #require(await MongoStore(url: url).check())
    #expect(problem.isPermanent)
    #expect(problem.message.contains("newer"))
    #expect(try await MongoStore(url: url, use: .outcomesOnly).check() == nil)
  }

  @Test("A damaged record is there all the same, and is none of those that can be read")
  func damagedRecord() async throws {
    let url = try TestMongo.url(database: TestMongo.freshName())
    let store = try MongoStore(url: url)
    #expect(await store.check() == nil)
    _ = try await python(
      "db.nodes.insert_one({'_id': 'w1', 'version': 'two', 'state': 'member'})", url)
    let damaged = StoredRecord(
      .nodes, id: "w1", version: 0, writtenAt: WallTime(milliseconds: 0), fields: [:])
    #expect(try await store.record(.nodes, "w1").get() == damaged)
    #expect(try await store.allRecords(.nodes).get() == [damaged])
    #expect(NodeRecord(damaged) == nil)
    #expect(await store.create(damaged) == false)
    await store.close()
  }

  @Test("Every option that MongoDB's URLs have is taken")
  func takesOptions() throws {
    let url = """
      mongodb://u:p@a:1,b/db?replicaSet=rs0&tls=true&authSource=admin&w=1&journal=false\
      &wTimeoutMS=1&readConcernLevel=local&readPreference=secondary&readPreferenceTags=dc:a\
      &authMechanism=SCRAM-SHA-256&compressors=zlib&maxPoolSize=3&appName=x&retryWrites=true
      """
    #expect(try MongoStore(url: url).address == "a:1, b:27017")
    #expect(try MongoStore(url: url).database == "db")
    #expect(try MongoStore(url: "mongodb://a").database == "belfry")
  }

  @Test("A closed store answers unknown, and closes once")
  func closes() async throws {
    let store = try MongoStore(url: TestMongo.url(database: TestMongo.freshName()))
    #expect(await store.insert([Sample.outcome(1)]) == [.inserted])
    await store.close()
    await store.close()
    guard case .unknown = await store.insert([Sample.outcome(2)])[0]
    else { Issue.record("inserted after the end"); return }
  }
}

/// Asks until there is an answer, as everyone must who gets none.
func answer<Answer>(_ ask: () async throws -> Answer?) async throws -> Answer {
  var answer: Answer?
  _ = try await eventually(within: .seconds(30)) {
    answer = try await ask()
    return answer != nil
  }
  return try #require(answer)
}

/// Runs statements in a foreign client, pymongo; `db` is the URL's database.
func python(_ statements: String, _ url: String) async throws -> String {
  let program = """
    import sys
    from bson.json_util import dumps, CANONICAL_JSON_OPTIONS
    from pymongo import MongoClient
    db = MongoClient(sys.argv[1]).get_default_database()
    show = lambda value: print(dumps(value, json_options=CANONICAL_JSON_OPTIONS))
    \(statements)
    """
  return try await runProgram(TestMongo.variable("BELFRY_TEST_PYTHON"), ["-c", program, url])
}
