internal import BelfryCoordinator
internal import BelfryCore

/// A foreign queue and what its messages become, as people write it: `hello=print,id=message-id,lane=default`.
struct Attachment {
  static let example = "hello=print,id=message-id,lane=default"

  let text: String
  let code: ErrorCode

  /// - Parameter code: of what is wrong with it: it is a setting, or a command's argument.
  init(_ text: String, code: ErrorCode = .badSetting) {
    self.text = text
    self.code = code
  }

  /// - Parameter lanes: those that are served; nil: the coordinator knows.
  func parsed(lanes: [Lane]?) throws -> QueueAttachment {
    var parts = text.split(separator: ",", omittingEmptySubsequences: false)
    let pair = parts.removeFirst().split(separator: "=", maxSplits: 1)
    guard pair.count == 2, let kind = Kind(String(pair[1])) else {
      throw wrong("it must begin with QUEUE=KIND")
    }
    if let complaint = QueueAttachment.complaint(ofName: String(pair[0])) { throw wrong(complaint) }
    var lane = lanes?.first ?? .default
    var usesMessageID = false
    for part in parts {
      switch part.split(separator: "=", maxSplits: 1).map(String.init) {
      case ["id", "message-id"]: usesMessageID = true
      case let words where words.count == 2 && words[0] == "lane":
        guard let named = Lane(words[1]) else { throw wrong("\(words[1]) is no lane's name") }
        guard lanes?.contains(named) != false else {
          throw wrong("lane \(words[1]) is none of those served (--lanes)")
        }
        lane = named
      default: throw wrong("\"\(part)\" is not known")
      }
    }
    return QueueAttachment(
      queue: String(pair[0]), kind: kind, lane: lane, usesMessageID: usesMessageID)
  }

  private func wrong(_ why: String) -> UserError {
    UserError(
      code, "\(text) does not say what to attach, and as what", why: why,
      next: ["write it as '\(Self.example)'; only QUEUE=KIND is needed"])
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
