import BelfryCore
import Testing

/// The grammars of names: what is accepted is a promise to users, what is refused a protection.
@Suite struct NamesTests {
  @Test(
    "a job id is 1 to 64 of letters, digits, dot, underscore, dash",
    arguments: [
      ("a", true), ("A-z_0.9", true), (String(repeating: "x", count: 64), true), ("..", true),
      ("", false), (String(repeating: "x", count: 65), false), ("a b", false), ("a/b", false),
      ("ä", false), ("a\n", false), ("a:b", false),
    ])
  func jobID(text: String, isOne: Bool) {
    #expect((JobID(text) != nil) == isOne)
    if isOne { #expect(JobID(text)?.description == text) }
  }

  @Test(
    "lanes and nodes: lower case, digits and dashes, no dash in front, no dot",
    arguments: [
      ("default", true), ("0", true), ("a-b", true), ("a-", true),
      (String(repeating: "x", count: 63), true), (String(repeating: "x", count: 64), false),
      ("-a", false), ("a.high", false), ("Default", false), ("", false), ("a_b", false),
    ])
  func laneAndNode(text: String, isOne: Bool) {
    #expect((Lane(text) != nil) == isOne)
    #expect((NodeName(text) != nil) == isOne)
  }

  @Test(
    "a kind may have colons",
    arguments: [
      ("resize:v2", true), ("a.b-c_d", true), (String(repeating: "k", count: 128), true),
      (String(repeating: "k", count: 129), false), ("", false), ("a/b", false), ("a b", false),
    ])
  func kind(text: String, isOne: Bool) {
    #expect((Kind(text) != nil) == isOne)
  }

  @Test("labels are read sorted, so that equal demands are equal")
  func labels() throws {
    let list = try #require(Label.list("zone=b,gpu=a100"))
    #expect(list == Label.list("gpu=a100,zone=b"))
    #expect(list.map(\.description) == ["gpu=a100", "zone=b"])
    for wrong in ["gpu", "gpu=", "=a", "gpu=a b", "gpu=a=b"] {
      #expect(Label.list(wrong) == nil, "\(wrong)")
    }
  }

  @Test("ids are read back as they were written")
  func ids() throws {
    let boot = BootID(milliseconds: 0x0123_4567_89AB, random: (.max, .max))
    #expect(boot.description == "0123456789ab7fffbfffffffffffffff")
    #expect(BootID(boot.description) == boot)
    let id = AssignmentID(boot: boot, counter: .max)
    #expect(AssignmentID(id.description) == id)
    let owed = OwedID(boot: boot, number: 7)
    #expect(OwedID(owed.description) == owed)
  }

  @Test(
    "what is no id is refused",
    arguments: [
      "", "-1", "0123456789ab7fffbfffffffffffffff", "0123456789ab7fffbfffffffffffffff-",
      "0123456789ab7fffbffffffffffffffg-1", "0123456789ab7fffbfffffffffffffff-x",
      "0123456789ab7fffbfffffffffffffff-18446744073709551616",
      "0123456789AB7FFFBFFFFFFFFFFFFFFF-1", "0123456789ab7fffbfffffffffffffff-1-1",
    ])
  func noIDs(text: String) {
    #expect(AssignmentID(text) == nil)
  }

  @Test("a later start has the greater boot id")
  func order() {
    let earlier = BootID(milliseconds: 1_000, random: (.max, .max))
    let later = BootID(milliseconds: 1_001, random: (0, 0))
    #expect(earlier < later)
    #expect(AssignmentID(boot: earlier, counter: 9) < AssignmentID(boot: later, counter: 1))
  }
}
