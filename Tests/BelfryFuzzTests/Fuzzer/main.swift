import Foundation

// belfry-fuzz TARGET [ARGUMENT OF libFuzzer...]: feeds one target until something breaks. Built by
// scripts/fuzz only, with the coverage counters that libFuzzer steers by.

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

guard CommandLine.arguments.count > 1,
  let chosen = FuzzTarget(rawValue: CommandLine.arguments[1])
else {
  print(FuzzTarget.allCases.map(\.rawValue).joined(separator: "\n"))
  exit(64)
}
target = chosen
var count = CommandLine.argc - 1
// The name of the target stands where libFuzzer expects its own.
var arguments: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>? = CommandLine.unsafeArgv + 1
exit(runFuzzer(&count, &arguments, { take($0, $1) }))
