internal import BelfryCoordinator
internal import BelfryCore

/// `hello=print,id=message-id,lane=default`.
struct Attachment {
  let text: String
  init(_ text: String) { self.text = text }

  func parsed(lanes: [Lane]) throws -> JobDoor.Attachment {
    var parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let pair = parts.removeFirst().split(separator: "=", maxSplits: 1)
    guard pair.count == 2, let kind = Kind(String(pair[1])) else {
      throw wrong("it must begin with QUEUE=KIND")
    }
    var lane = lanes.first ?? .default
    var usesMessageID = false
    for part in parts {
      switch part.split(separator: "=", maxSplits: 1).map(String.init) {
      case ["id", "message-id"]: usesMessageID = true
      case let words where words.count == 2 && words[0] == "lane":
        guard let named = Lane(words[1]), lanes.contains(named) else {
          throw wrong("lane \(words[1]) is none of those served (--lanes)")
        }
        lane = named
      default: throw wrong("\"\(part)\" is not known")
      }
    }
    return JobDoor.Attachment(
      queue: String(pair[0]), kind: kind, lane: lane, usesMessageID: usesMessageID)
  }

  private func wrong(_ why: String) -> UserError {
    UserError(
      .badSetting, "--attach \(text) is not understood", why: why,
      next: ["--attach 'hello=print,id=message-id,lane=default'"])
  }
}

extension Substring {
  func trimming(_ isEdge: (Character) -> Bool) -> Substring {
    var result = self
    while let first = result.first, isEdge(first) { result = result.dropFirst() }
    while let last = result.last, isEdge(last) { result = result.dropLast() }
    return result
  }
}
