import Testing

@testable import BelfryCLI

/// The one line that a long command writes over and over.
@Suite struct ProgressTests {
  @Test(arguments: [
    (0, 100, 0, "submit [....................] 0 of 100"),
    (40, 100, 2, "submit [########............] 40 of 100  20/s  3s left"),
    (100, 100, 5, "submit [####################] 100 of 100  20/s  0s left"),
    (1, 1_000_000, 10, "submit [....................] 1 of 1000000  0/s"),
    (0, 0, 1, "submit [####################] 0 of 0"),
  ])
  func lines(_ done: Int, _ total: Int, _ seconds: Int, _ line: String) {
    #expect(
      Progress.line("submit", done, of: total, after: .seconds(seconds), width: 100) == line)
  }

  @Test(arguments: [10, 30, 59])
  func aNarrowTerminalCutsIt(_ width: Int) {
    let line = Progress.line("submit", 40, of: 100_000, after: .seconds(2), width: width)
    #expect(DisplayWidth.of(line) <= width)
  }
}
