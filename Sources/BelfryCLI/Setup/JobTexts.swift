internal import BelfryCore
internal import Foundation

/// Labels as people write them: `gpu=a100,zone=b`.
enum LabelText {
  static func parse(_ text: String?) throws -> [Label] {
    guard let text else { return [] }
    guard let labels = Label.list(text) else {
      throw UserError(
        .badSetting, "\"\(text)\" are no labels", why: "key=value pairs are asked for",
        next: ["--requires gpu=a100,zone=b"])
    }
    return labels
  }
}

/// A payload from an option, a file, or standard input.
enum PayloadText {
  static func bytes(_ text: String?, file: String?) throws -> [UInt8] {
    if let text { return Array(text.utf8) }
    guard let file else { return [] }
    if file == "-" { return [UInt8](FileHandle.standardInput.readDataToEndOfFile()) }
    guard let data = FileManager.default.contents(atPath: file) else {
      throw UserError(
        access(file, F_OK) == 0 ? .badFile : .fileMissing, "cannot read \(file)",
        why: String(cString: strerror(errno)),
        next: ["check the path; - is standard input"])
    }
    return [UInt8](data)
  }
}

/// Lanes as people write them.
enum LaneText {
  static func parse(_ texts: [String]) throws -> [Lane] {
    try texts.map { text in
      guard let lane = Lane(text) else {
        throw UserError(
          .badName, "\"\(text)\" is no lane", why: "[a-z0-9][a-z0-9-]{0,62} is asked for",
          next: ["--lanes default,reports"])
      }
      return lane
    }
  }
}
