import Foundation

// belfry-fuzz --target=NAME [ARGUMENT OF libFuzzer...]: feeds one target until something breaks. Built
// by scripts/fuzz only, with the coverage counters that libFuzzer steers by; it ignores what begins
// with two dashes, and hands it on where it starts itself again.

/// libFuzzer's own main loop; it returns when the time is up.
@_silgen_name("LLVMFuzzerRunDriver")
private func runFuzzer(
  _ count: UnsafeMutablePointer<Int32>,
  _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?>,
  _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> Int32
) -> Int32

nonisolated(unsafe) private var target = FuzzTarget.wire

private func take(_ start: UnsafePointer<UInt8>?, _ count: Int) -> Int32 {
  do {
    try target.run(Array(UnsafeBufferPointer(start: start, count: count)))
  } catch {
    fatalError("\(target.rawValue): \(error)")
  }
  return 0
}

let option = "--target="
let named = CommandLine.arguments.first { $0.hasPrefix(option) }?.dropFirst(option.count)
guard let chosen = named.flatMap({ FuzzTarget(rawValue: String($0)) }) else {
  print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(64)
}
target = chosen
var count = CommandLine.argc
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv
exit(runFuzzer(&count, &arguments, { take($0, $1) }))
