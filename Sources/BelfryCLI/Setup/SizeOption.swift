internal import ArgumentParser

/// A number of bytes as people write it: `4096`, `64KiB`, `64MiB`, `1GiB`.
struct SizeOption: ExpressibleByArgument {
  let bytes: Int

  init(_ bytes: Int) { self.bytes = bytes }

  private static let units = [("GiB", 30), ("MiB", 20), ("KiB", 10)]

  init?(argument: String) {
    let unit = Self.units.first { argument.hasSuffix($0.0) }
    guard let number = Int(argument.dropLast(unit?.0.count ?? 0)), number >= 0,
      number <= Int.max >> (unit?.1 ?? 0)
    else { return nil }
    bytes = number << (unit?.1 ?? 0)
  }

  var defaultValueDescription: String {
    for (name, shift) in Self.units where bytes > 0 && bytes % (1 << shift) == 0 {
      return "\(bytes >> shift)\(name)"
    }
    return "\(bytes)"
  }
}
