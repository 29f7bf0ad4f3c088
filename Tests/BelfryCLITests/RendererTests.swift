import Foundation
import Testing

@testable import BelfryCLI

/// One value in every format; what people read fits their screen, what programs read parses.
@Suite struct RendererTests {
  static let jobs = [
    Document(
      kind: "Job",
      fields: [
        ("id", .text("photo-1")), ("state", .text("failed")), ("attempt", .number(3)),
        ("note", .text("a, \"b\"\nc")), ("labels", .list([.text("gpu=a100"), .text("zone=b")])),
      ]),
    Document(
      kind: "Job", fields: [("id", .text("写真-2")), ("state", .text("up")), ("more", .flag(true))]),
  ]
  static let list = Report(jobs, kind: "JobList", columns: ["id", "state", "reason"])

  private func text(
    _ format: OutputFormat = .table, columns: [String]? = nil, report: Report = list,
    screen: Screen = .plain
  ) -> String {
    Renderer(OutputStyle(format: format, columns: columns)).text(report, screen)
  }

  @Test func tableAlignsWideCharacters() throws {
    #expect(text() == "ID       STATE\nphoto-1  failed\n写真-2   up")
  }

  @Test func wideShowsEveryField() throws {
    let lines = text(.wide).split(separator: "\n")
    #expect(lines.first == "ID       STATE   ATTEMPT  NOTE      LABELS            MORE")
    #expect(lines.count == 3)
  }

  @Test func jsonIsOneDocument() throws {
    let text = text(.json)
    let value = try JSONSerialization.jsonObject(with: Data(text.utf8)) as? [String: Any]
    #expect(value?["kind"] as? String == "JobList")
    #expect(value?["apiVersion"] as? String == "belfry/v1")
    #expect((value?["items"] as? [[String: Any]])?.count == 2)
    #expect(!text.contains("\n"))
  }

  @Test func ndjsonIsADocumentALine() throws {
    let lines = text(.ndjson).split(separator: "\n")
    #expect(lines.count == 2)
    for line in lines {
      let value = try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: Any]
      #expect(value?["apiVersion"] as? String == "belfry/v1")
    }
  }

  @Test func yamlIsBlocks() throws {
    let expected = #"""
      kind: "JobList"
      apiVersion: "belfry/v1"
      items:
      - kind: "Job"
        id: "photo-1"
        state: "failed"
        attempt: 3
        note: "a, \"b\"\u000ac"
        labels:
        - "gpu=a100"
        - "zone=b"
      - kind: "Job"
        id: "写真-2"
        state: "up"
        more: true
      """#
    #expect(text(.yaml) == expected)
  }

  @Test func csvQuotes() throws {
    #expect(
      text(.csv, columns: ["id", "note"])
        == "id,note\r\nphoto-1,\"a, \"\"b\"\"\nc\"\r\n写真-2,")
    #expect(
      text(.csv, columns: ["id"], screen: headless)
        == "photo-1\r\n写真-2")
  }

  private var headless: Screen {
    Screen(
      isTerminal: false, terminalWidth: 0, environment: [:], noColor: false, noHeaders: true)
  }

  @Test func nameIsWhatOtherCommandsTake() throws {
    #expect(text(.name) == "photo-1\n写真-2")
    let page = Report(Document(kind: "JobIDs", fields: []), names: ["a", "b"]) { _ in "page" }
    #expect(text(.name, report: page) == "a\nb")
    #expect(text(report: page) == "page")
  }

  @Test func oneDocumentIsTwoColumns() throws {
    #expect(
      text(report: Report(Self.jobs[1])) == "id     写真-2\nstate  up\nmore   yes")
  }

  @Test func aNarrowScreenCutsTheWidestColumn() throws {
    let rows = [
      Document(
        kind: "X",
        fields: [("id", .text("a")), ("why", .text(String(repeating: "長", count: 40)))])
    ]
    let report = Report(rows, kind: "XList", columns: ["id", "why"])
    let text = text(report: report, screen: Screen(width: 40, hasColor: false))
    #expect(text.split(separator: "\n").allSatisfy { DisplayWidth.of(String($0)) <= 40 })
    #expect(text.contains("長…"))
    let piped = self.text(report: report)
    #expect(piped.contains(String(repeating: "長", count: 40)), "a pipe gets all of it")
  }

  @Test func aScreenTooNarrowForATableGetsRecords() throws {
    let names = (1...9).map { "column\($0)" }
    let row = Document(kind: "X", fields: names.map { ($0, .text("value of \($0)")) })
    let report = Report([row, row], kind: "XList", columns: names)
    let lines = text(report: report, screen: Screen(width: 40, hasColor: false))
      .split(separator: "\n", omittingEmptySubsequences: false)
    #expect(lines.first == "COLUMN1  value of column1")
    #expect(lines.count == 19, "nine lines each, an empty one between")
  }

  @Test(arguments: [
    ("terminal", true, [:], true), ("pipe", false, [:], false),
    ("NO_COLOR", true, ["NO_COLOR": "1"], false), ("empty NO_COLOR", true, ["NO_COLOR": ""], true),
    ("dumb", true, ["TERM": "dumb"], false), ("FORCE_COLOR", false, ["FORCE_COLOR": "1"], true),
    ("both", false, ["FORCE_COLOR": "1", "NO_COLOR": "1"], false),
  ])
  func colours(_ name: String, isTerminal: Bool, environment: [String: String], hasColor: Bool) {
    let screen = Screen(
      isTerminal: isTerminal, terminalWidth: 80, environment: environment, noColor: false,
      noHeaders: false)
    #expect(screen.hasColor == hasColor)
    #expect((screen.width == 80) == isTerminal)
  }

  @Test func colourIsOnlyOnStates() throws {
    let text = text(screen: Screen(width: 80, hasColor: true))
    #expect(text.contains("\u{1B}[31mfailed\u{1B}[0m"))
    #expect(!text.contains("mphoto"))
  }

  @Test func whatOthersWroteCannotActOnTheTerminal() throws {
    let evil = Document(
      kind: "Job",
      fields: [("id", .text("x\u{1B}[2Jy\u{9B}31m\u{202E}z")), ("state", .text("a\nb"))])
    for format in OutputFormat.allCases where format != .csv {
      for report in [Report(evil), Report([evil], kind: "L", columns: ["id", "state"])] {
        let text = text(format, report: report)
        let isHarmless = !text.unicodeScalars.contains { $0.value == 0x1B || $0.value == 0x9B }
        #expect(isHarmless, "\(format)")
      }
    }
  }

  @Test(arguments: [
    ("", 0), ("abc", 3), ("写真", 4), ("é", 1), ("e\u{301}", 1), ("한글", 4), ("ｱ", 1), ("Ａ", 2),
    ("👩‍👩‍👧", 2), ("🚀", 2), ("☎", 1), ("☎\u{FE0F}", 2), ("—", 1), ("\u{200B}", 0), ("🇩🇪", 2),
  ])
  func widths(_ text: String, _ cells: Int) {
    #expect(DisplayWidth.of(text) == cells)
  }

  @Test func fittingKeepsTheCells() {
    #expect(DisplayWidth.fit("写真", to: 3) == "写…")
    #expect(DisplayWidth.fit("写真帳", to: 4) == "写… ")
    #expect(DisplayWidth.fit("ab", to: 4) == "ab  ")
    #expect(DisplayWidth.fit("abc", to: 0) == "")
  }
}
