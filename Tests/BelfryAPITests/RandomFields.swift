import Foundation
import SwiftProtobuf

/// Fills any message with random contents: it is handed to the message as if it decoded some
/// format, and answers every question of the generated code with a random field or value. So no
/// test needs to know the fields of a message, and a new field is covered as soon as it exists.
struct RandomFields: Decoder {
  private var random: SplitMix
  private var depth: Int
  private var left: Int
  private var oneofs = 0

  private init(_ random: SplitMix, depth: Int) {
    self.random = random
    self.depth = depth
    self.left = depth < 4 ? self.random.pick(40) : 0
  }

  /// A message of the given type; the same for the same seed.
  static func message<M: Message>(_: M.Type = M.self, seed: UInt64) throws -> M {
    var message = M()
    var fields = RandomFields(SplitMix(state: seed), depth: 0)
    try message.decodeMessage(decoder: &fields)
    return message
  }

  mutating func nextFieldNumber() throws -> Int? {
    guard left > 0 else { return nil }
    left -= 1
    return 1 + random.pick(32)
  }

  mutating func handleConflictingOneOf() throws {}

  // MARK: Values

  private mutating func integer<T: FixedWidthInteger>() -> T {
    switch random.pick(4) {
    case 0: 0
    case 1: T(truncatingIfNeeded: random.pick(300))
    case 2: random.pick(2) == 0 ? .max : .min
    default: T(truncatingIfNeeded: random.next())
    }
  }

  private mutating func float() -> Float { Float(random.pick(1_000)) / 8 - 20 }
  private mutating func double() -> Double { Double(random.pick(1_000)) / 8 - 20 }
  private mutating func bool() -> Bool { random.pick(2) == 1 }

  private mutating func string() -> String {
    let alphabet = Array("abcXYZ019 ._-/\n\0éß☂漢🐦")
    return String((0..<random.pick(24)).map { _ in alphabet[random.pick(alphabet.count)] })
  }

  private mutating func data() -> Data {
    Data((0..<random.pick(40)).map { _ in UInt8(random.pick(256)) })
  }

  private mutating func list<T>(_ value: (inout Self) -> T) -> [T] {
    (0..<random.pick(5)).map { _ in value(&self) }
  }

  private mutating func inner<M: Message>() throws -> M {
    var fields = RandomFields(random, depth: depth + 1)
    var message = M()
    try message.decodeMessage(decoder: &fields)
    random = fields.random
    return message
  }

  private mutating func enumeration<E: Enum>() -> E where E.RawValue == Int {
    E(rawValue: Int(random.pick(6)) - 1) ?? E()
  }

  // MARK: What generated code asks for

  mutating func decodeSingularFloatField(value: inout Float) throws { value = float() }
  mutating func decodeSingularFloatField(value: inout Float?) throws { value = float() }
  mutating func decodeRepeatedFloatField(value: inout [Float]) throws {
    value = list { $0.float() }
  }

  mutating func decodeSingularDoubleField(value: inout Double) throws { value = double() }
  mutating func decodeSingularDoubleField(value: inout Double?) throws { value = double() }
  mutating func decodeRepeatedDoubleField(value: inout [Double]) throws {
    value = list { $0.double() }
  }

  mutating func decodeSingularInt32Field(value: inout Int32) throws { value = integer() }
  mutating func decodeSingularInt32Field(value: inout Int32?) throws { value = integer() }
  mutating func decodeRepeatedInt32Field(value: inout [Int32]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularInt64Field(value: inout Int64) throws { value = integer() }
  mutating func decodeSingularInt64Field(value: inout Int64?) throws { value = integer() }
  mutating func decodeRepeatedInt64Field(value: inout [Int64]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularUInt32Field(value: inout UInt32) throws { value = integer() }
  mutating func decodeSingularUInt32Field(value: inout UInt32?) throws { value = integer() }
  mutating func decodeRepeatedUInt32Field(value: inout [UInt32]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularUInt64Field(value: inout UInt64) throws { value = integer() }
  mutating func decodeSingularUInt64Field(value: inout UInt64?) throws { value = integer() }
  mutating func decodeRepeatedUInt64Field(value: inout [UInt64]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularSInt32Field(value: inout Int32) throws { value = integer() }
  mutating func decodeSingularSInt32Field(value: inout Int32?) throws { value = integer() }
  mutating func decodeRepeatedSInt32Field(value: inout [Int32]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularSInt64Field(value: inout Int64) throws { value = integer() }
  mutating func decodeSingularSInt64Field(value: inout Int64?) throws { value = integer() }
  mutating func decodeRepeatedSInt64Field(value: inout [Int64]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularFixed32Field(value: inout UInt32) throws { value = integer() }
  mutating func decodeSingularFixed32Field(value: inout UInt32?) throws { value = integer() }
  mutating func decodeRepeatedFixed32Field(value: inout [UInt32]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularFixed64Field(value: inout UInt64) throws { value = integer() }
  mutating func decodeSingularFixed64Field(value: inout UInt64?) throws { value = integer() }
  mutating func decodeRepeatedFixed64Field(value: inout [UInt64]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularSFixed32Field(value: inout Int32) throws { value = integer() }
  mutating func decodeSingularSFixed32Field(value: inout Int32?) throws { value = integer() }
  mutating func decodeRepeatedSFixed32Field(value: inout [Int32]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularSFixed64Field(value: inout Int64) throws { value = integer() }
  mutating func decodeSingularSFixed64Field(value: inout Int64?) throws { value = integer() }
  mutating func decodeRepeatedSFixed64Field(value: inout [Int64]) throws {
    value = list { $0.integer() }
  }

  mutating func decodeSingularBoolField(value: inout Bool) throws { value = bool() }
  mutating func decodeSingularBoolField(value: inout Bool?) throws { value = bool() }
  mutating func decodeRepeatedBoolField(value: inout [Bool]) throws { value = list { $0.bool() } }

  mutating func decodeSingularStringField(value: inout String) throws { value = string() }
  mutating func decodeSingularStringField(value: inout String?) throws { value = string() }
  mutating func decodeRepeatedStringField(value: inout [String]) throws {
    value = list { $0.string() }
  }

  mutating func decodeSingularBytesField(value: inout Data) throws { value = data() }
  mutating func decodeSingularBytesField(value: inout Data?) throws { value = data() }
  mutating func decodeRepeatedBytesField(value: inout [Data]) throws { value = list { $0.data() } }

  mutating func decodeSingularEnumField<E: Enum>(value: inout E) throws where E.RawValue == Int {
    value = enumeration()
  }

  mutating func decodeSingularEnumField<E: Enum>(value: inout E?) throws where E.RawValue == Int {
    value = enumeration()
  }

  mutating func decodeRepeatedEnumField<E: Enum>(value: inout [E]) throws where E.RawValue == Int {
    value = list { $0.enumeration() }
  }

  mutating func decodeSingularMessageField<M: Message>(value: inout M?) throws {
    value = try inner()
  }

  mutating func decodeRepeatedMessageField<M: Message>(value: inout [M]) throws {
    value = try (0..<random.pick(4)).map { _ in try inner() }
  }

  // The schema has none of these.
  mutating func decodeSingularGroupField<G: Message>(value: inout G?) throws {}
  mutating func decodeRepeatedGroupField<G: Message>(value: inout [G]) throws {}
  mutating func decodeMapField<K, V: MapValueType>(
    fieldType: _ProtobufMap<K, V>.Type, value: inout _ProtobufMap<K, V>.BaseType
  ) throws {}
  mutating func decodeMapField<K, V>(
    fieldType: _ProtobufEnumMap<K, V>.Type, value: inout _ProtobufEnumMap<K, V>.BaseType
  ) throws where V.RawValue == Int {}
  mutating func decodeMapField<K, V>(
    fieldType: _ProtobufMessageMap<K, V>.Type, value: inout _ProtobufMessageMap<K, V>.BaseType
  ) throws {}
  mutating func decodeExtensionField(
    values: inout ExtensionFieldValueSet, messageType: any Message.Type, fieldNumber: Int
  ) throws {}
}
