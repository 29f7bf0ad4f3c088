import BelfryAPI
import Foundation
import Testing

/// The generated code belongs to the schema that lies beside it.
@Suite struct SchemaTests {
  @Test func theGeneratedCodeIsOfThisSchema() throws {
    let proto = Repository.root.appending(path: "proto")
    let files = try ["belfry", "grpc"].flatMap { folder in
      try FileManager.default.subpathsOfDirectory(atPath: proto.appending(path: folder).path)
        .filter { $0.hasSuffix(".proto") }.map { "\(folder)/\($0)" }
    }.sorted()
    #expect(files.count >= 5)
    var schema = Data()
    for file in files { schema += try Data(contentsOf: proto.appending(path: file)) }
    let hash = SHA256.hex(schema)
    #expect(
      hash == Schema.sha256,
      "proto/ was changed and Sources/BelfryAPI/Generated was not: run `make generate`")
  }

  /// The three examples of FIPS 180, so that the comparison above means something.
  @Test(arguments: [
    ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
    ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
    (
      "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
      "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
    ),
  ])
  func hashes(text: String, hash: String) {
    #expect(SHA256.hex(Data(text.utf8)) == hash)
  }
}

/// FIPS 180-4, for this test: nothing else in these targets needs a hash.
enum SHA256 {
  private static let start: [UInt32] = fractions(of: primes(8)) { $0.squareRoot() }
  private static let rounds: [UInt32] = fractions(of: primes(64)) { cbrt($0) }

  static func hex(_ data: Data) -> String {
    var message = [UInt8](data)
    let bits = UInt64(message.count) * 8
    message.append(0x80)
    while message.count % 64 != 56 { message.append(0) }
    message += (0..<8).map { UInt8(truncatingIfNeeded: bits >> (56 - $0 * 8)) }
    var hash = start
    for chunk in stride(from: 0, to: message.count, by: 64) {
      hash = zip(hash, compress(hash, message[chunk..<chunk + 64])).map { $0 &+ $1 }
    }
    return hash.map { String(format: "%08x", $0) }.joined()
  }

  private static func compress(_ hash: [UInt32], _ chunk: ArraySlice<UInt8>) -> [UInt32] {
    var words = stride(from: chunk.startIndex, to: chunk.endIndex, by: 4).map { index in
      chunk[index..<index + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
    }
    for index in 16..<64 {
      let (a, b) = (words[index - 15], words[index - 2])
      let first = rotate(a, 7) ^ rotate(a, 18) ^ (a >> 3)
      let second = rotate(b, 17) ^ rotate(b, 19) ^ (b >> 10)
      words.append(words[index - 16] &+ first &+ words[index - 7] &+ second)
    }
    var s = hash
    for index in 0..<64 {
      let sum = rotate(s[4], 6) ^ rotate(s[4], 11) ^ rotate(s[4], 25)
      let choice = (s[4] & s[5]) ^ (~s[4] & s[6])
      let first = s[7] &+ sum &+ choice &+ rounds[index] &+ words[index]
      let other = rotate(s[0], 2) ^ rotate(s[0], 13) ^ rotate(s[0], 22)
      let majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2])
      s = [first &+ other &+ majority, s[0], s[1], s[2], s[3] &+ first, s[4], s[5], s[6]]
    }
    return s
  }

  private static func rotate(_ value: UInt32, _ by: UInt32) -> UInt32 {
    value >> by | value << (32 - by)
  }

  private static func primes(_ count: Int) -> [Double] {
    var found: [Int] = []
    var next = 2
    while found.count < count {
      if !found.contains(where: { next % $0 == 0 }) { found.append(next) }
      next += 1
    }
    return found.map(Double.init)
  }

  private static func fractions(of primes: [Double], _ root: (Double) -> Double) -> [UInt32] {
    primes.map { UInt32((root($0).truncatingRemainder(dividingBy: 1)) * 4_294_967_296) }
  }
}
