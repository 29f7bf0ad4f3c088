import BelfryCore
import Testing

@testable import BelfryMongo

/// The bytes of documents, against bsonspec.org, and against bytes that are cut or changed.
@Suite("BSON") struct StoreBSONTests {
  @Test("The specification's examples come out byte by byte")
  func goldenBytes() {
    #expect(
      BSONWriter.document { $0.string("hello", "world") }
        == Array("\u{16}\0\0\0\u{2}hello\0\u{6}\0\0\0world\0\0".utf8))
    let awesome = BSONWriter.document {
      $0.values("BSON", 0..<3) { writer, key, index in
        switch index {
        case 0: writer.string(key, "awesome")
        case 1: writer.date(key, milliseconds: 5)
        default: writer.int(key, 1986)
        }
      }
    }
    let expected: [UInt8] =
      [0x31, 0, 0, 0, 0x04] + Array("BSON\0".utf8) + [0x26, 0, 0, 0]
      + [0x02, 0x30, 0, 8, 0, 0, 0] + Array("awesome\0".utf8)
      + [0x09, 0x31, 0, 5, 0, 0, 0, 0, 0, 0, 0]
      + [0x10, 0x32, 0, 0xC2, 0x07, 0, 0, 0, 0]
    #expect(awesome == expected)
  }

  @Test("Every prefix of a document is refused, and no changed byte is fatal")
  func cutAndChanged() throws {
    let bytes = OutcomeDocument.encode(Sample.full)
    #expect(try OutcomeDocument.decode(BSONDocument(bytes)) == Sample.full)
    for count in 0..<bytes.count {
      #expect(throws: BSONError.self) { try BSONDocument(Array(bytes[..<count])) }
    }
    for index in bytes.indices {
      for change: UInt8 in [0x01, 0x80, 0xFF] {
        var changed = bytes
        changed[index] ^= change
        // It may still be a document, of other contents: only that it ends well counts.
        _ = try? OutcomeDocument.decode(BSONDocument(changed))
      }
    }
  }

  @Test("Updates and deletes are majority and journaled")
  func writeConcerns() throws {
    let commands = [
      OwedQueries.mark(["a"], token: "b", duration: .seconds(10)), OwedQueries.delete(["a"]),
      AlertDocument.closing(Sample.resolved(), token: "a"),
      AlertDocument.acknowledging(
        Sample.alert().id, Acknowledgement(by: "me", at: WallTime(milliseconds: 1), note: "")),
      AlertDocument.releasing(Sample.alert().id, by: "c1"),
    ]
    for command in commands {
      let concern = try #require(try BSONDocument(command).document("writeConcern"))
      #expect(concern["w"]?.string == "majority")
      #expect(concern["j"]?.bool == true)
      #expect(concern["wtimeout"]?.int == 10_000)
    }
  }

  @Test("A direct URL keeps the user and the options, and asks one host")
  func directURL() {
    #expect(
      DirectURL.url("mongodb://u:p%40@a:1,b:2/db?replicaSet=rs0&tls=true", to: "b:2")
        == "mongodb://u:p%40@b:2/db?directConnection=true&tls=true")
    #expect(
      DirectURL.url("mongodb://a", to: "a:27017") == "mongodb://a:27017/?directConnection=true")
    #expect(DirectURL.url("mongodb+srv://a/x", to: "a:27017") == nil)
  }
}
