internal import BelfryCore

/// A message of the schema that decodes but makes no sense: the peer's fault, scope of the message.
package struct MappingError: Error, Sendable, Equatable, CustomStringConvertible {
  package let field: String
  package let value: String

  package init(_ field: String, _ value: some CustomStringConvertible) {
    self.field = field
    self.value = String(value.description.prefix(80))
  }

  package var description: String { "\(field) is not valid: \(value.debugDescription)" }
}

/// Reads names and ids out of the schema's strings.
enum Field {
  static func job(_ text: String) throws(MappingError) -> JobID {
    guard let id = JobID(text) else { throw MappingError("job", text) }
    return id
  }

  static func assignment(_ text: String) throws(MappingError) -> AssignmentID {
    guard let id = AssignmentID(text) else { throw MappingError("assignment", text) }
    return id
  }

  static func boot(_ text: String) throws(MappingError) -> BootID {
    guard let id = BootID(text) else { throw MappingError("boot", text) }
    return id
  }

  static func node(_ text: String, _ field: String = "worker") throws(MappingError) -> NodeName {
    guard let name = NodeName(text) else { throw MappingError(field, text) }
    return name
  }

  static func kind(_ text: String) throws(MappingError) -> Kind {
    guard let kind = Kind(text) else { throw MappingError("kind", text) }
    return kind
  }

  static func lane(_ text: String) throws(MappingError) -> Lane {
    guard let lane = Lane(text) else { throw MappingError("lane", text) }
    return lane
  }

  static func label(_ label: Belfry_V1_Label) throws(MappingError) -> BelfryCore.Label {
    guard let result = BelfryCore.Label(key: label.key, value: label.value) else {
      throw MappingError("label", "\(label.key)=\(label.value)")
    }
    return result
  }

  /// Sorted.
  static func labels(_ labels: [Belfry_V1_Label]) throws(MappingError) -> [BelfryCore.Label] {
    var result: [BelfryCore.Label] = []
    for label in labels { result.append(try self.label(label)) }
    return result.sorted()
  }

  /// Zero is *none* in the schema.
  static func time(_ milliseconds: Int64) -> WallTime? {
    milliseconds == 0 ? nil : WallTime(milliseconds: milliseconds)
  }

  static func duration(_ milliseconds: UInt64) -> Duration? {
    milliseconds == 0 ? nil : .milliseconds(Int64(clamping: milliseconds))
  }
}

extension Optional where Wrapped == WallTime {
  var wireMilliseconds: Int64 { self?.milliseconds ?? 0 }
}

extension Duration {
  /// At least 1: zero means *none* in the schema.
  var wireMilliseconds: UInt64 { UInt64(max(1, millisecondsClamped)) }
}
