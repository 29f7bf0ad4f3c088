// DO NOT EDIT.
// swift-format-ignore-file
//
// Written from plugin/shapes.proto by protoc-gen-belfry: `make generate` writes it anew.

internal import BelfryAPI
package import BelfryWire

extension Belfry_Shapes_Leaf: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(0)
    writer.string(self.name)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
  }
}

extension Belfry_Shapes_Everything: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(53)
    writer.bool(self.flag)
    writer.int32(self.small)
    writer.int64(self.large)
    writer.uint32(self.count)
    writer.uint64(self.total)
    writer.float(self.ratio)
    writer.double(self.precise)
    writer.int32(Int32(truncatingIfNeeded: self.colour.rawValue))
    switch self.choice {
    case nil: writer.uint32(0)
    case .number: writer.uint32(20)
    case .yes: writer.uint32(21)
    case .paint: writer.uint32(22)
    case .word: writer.uint32(23)
    case .raw: writer.uint32(24)
    case .branch: writer.uint32(25)
    case .amount: writer.uint32(26)
    }
    writer.int64(self.after)
    writer.string(self.text)
    writer.data(self.blob)
    if self.hasLeaf { writer.message(self.leaf) } else { writer.emptyPart() }
    writer.elements(self.flags) { $0.bool($1) }
    writer.elements(self.smalls) { $0.int32($1) }
    writer.elements(self.totals) { $0.uint64($1) }
    writer.elements(self.precises) { $0.double($1) }
    writer.elements(self.colours) { $0.int32(Int32(truncatingIfNeeded: $1.rawValue)) }
    writer.elements(self.texts) { $0.string($1) }
    writer.elements(self.blobs) { $0.data($1) }
    writer.elements(self.leaves) { $0.message($1) }
    switch self.choice {
    case nil: writer.emptyPart()
    case .number(let value): writer.uint32(4); writer.uint32(value)
    case .yes(let value): writer.uint32(1); writer.bool(value)
    case .paint(let value): writer.uint32(4); writer.int32(Int32(truncatingIfNeeded: value.rawValue))
    case .word(let value): writer.string(value)
    case .raw(let value): writer.data(value)
    case .branch(let value): writer.message(value)
    case .amount(let value): writer.uint32(8); writer.double(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    if try reader.bool() { self.flag = true }
    if case let value = try reader.int32(), value != 0 { self.small = value }
    if case let value = try reader.int64(), value != 0 { self.large = value }
    if case let value = try reader.uint32(), value != 0 { self.count = value }
    if case let value = try reader.uint64(), value != 0 { self.total = value }
    self.ratio = try reader.float()
    self.precise = try reader.double()
    self.colour = Belfry_Shapes_Colour(rawValue: Int(try reader.int32())) ?? Belfry_Shapes_Colour()
    let choiceMember = try reader.uint32()
    if case let value = try reader.int64(), value != 0 { self.after = value }
    reader.closeBlock()
    if try reader.hasPart() { self.text = try reader.string() }
    if try reader.hasPart() { self.blob = try reader.data() }
    if try reader.hasPart() { self.leaf = try reader.message() }
    if try reader.hasPart() { self.flags = try reader.elements(ofAtLeast: 1) { (reader: inout WireReader) throws(WireError) -> Bool in try reader.bool() } }
    if try reader.hasPart() { self.smalls = try reader.elements(ofAtLeast: 4) { (reader: inout WireReader) throws(WireError) -> Int32 in try reader.int32() } }
    if try reader.hasPart() { self.totals = try reader.elements(ofAtLeast: 8) { (reader: inout WireReader) throws(WireError) -> UInt64 in try reader.uint64() } }
    if try reader.hasPart() { self.precises = try reader.elements(ofAtLeast: 8) { (reader: inout WireReader) throws(WireError) -> Double in try reader.double() } }
    if try reader.hasPart() { self.colours = try reader.elements(ofAtLeast: 4) { (reader: inout WireReader) throws(WireError) -> Belfry_Shapes_Colour in Belfry_Shapes_Colour(rawValue: Int(try reader.int32())) ?? Belfry_Shapes_Colour() } }
    if try reader.hasPart() { self.texts = try reader.strings() }
    if try reader.hasPart() { self.blobs = try reader.datas() }
    if try reader.hasPart() { self.leaves = try reader.messages() }
    switch choiceMember {
    case 20: self.choice = .number(try reader.scalar { (reader: inout WireReader) throws(WireError) -> UInt32 in try reader.uint32() })
    case 21: self.choice = .yes(try reader.scalar { (reader: inout WireReader) throws(WireError) -> Bool in try reader.bool() })
    case 22: self.choice = .paint(try reader.scalar { (reader: inout WireReader) throws(WireError) -> Belfry_Shapes_Colour in Belfry_Shapes_Colour(rawValue: Int(try reader.int32())) ?? Belfry_Shapes_Colour() })
    case 23: self.choice = .word(try reader.string())
    case 24: self.choice = .raw(try reader.data())
    case 25: self.choice = .branch(try reader.message())
    case 26: self.choice = .amount(try reader.scalar { (reader: inout WireReader) throws(WireError) -> Double in try reader.double() })
    default: try reader.skipPart()
    }
  }
}

extension Belfry_Shapes_Nest: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    switch self.choice {
    case nil: writer.uint32(0)
    case .chosen: writer.uint32(3)
    }
    writer.uint32(self.level)
    if self.hasInner { writer.message(self.inner) } else { writer.emptyPart() }
    writer.elements(self.all) { $0.message($1) }
    switch self.choice {
    case nil: writer.emptyPart()
    case .chosen(let value): writer.message(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    let choiceMember = try reader.uint32()
    self.level = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.inner = try reader.message() }
    if try reader.hasPart() { self.all = try reader.messages() }
    switch choiceMember {
    case 3: self.choice = .chosen(try reader.message())
    default: try reader.skipPart()
    }
  }
}

extension Belfry_Shapes_Parcel: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(12)
    writer.uint32(self.attempt)
    writer.int64(self.atMs)
    writer.string(self.id)
    writer.string(self.kind)
    writer.data(self.payload)
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.attempt = try reader.uint32()
    self.atMs = try reader.int64()
    reader.closeBlock()
    if try reader.hasPart() { self.id = try reader.string() }
    if try reader.hasPart() { self.kind = try reader.string() }
    if try reader.hasPart() { self.payload = try reader.data() }
  }
}

extension Belfry_Shapes_Older: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(8)
    writer.uint32(self.first)
    switch self.choice {
    case nil: writer.uint32(0)
    case .number: writer.uint32(3)
    }
    writer.string(self.name)
    switch self.choice {
    case nil: writer.emptyPart()
    case .number(let value): writer.uint32(4); writer.uint32(value)
    }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.first = try reader.uint32()
    let choiceMember = try reader.uint32()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    switch choiceMember {
    case 3: self.choice = .number(try reader.scalar { (reader: inout WireReader) throws(WireError) -> UInt32 in try reader.uint32() })
    default: try reader.skipPart()
    }
  }
}

extension Belfry_Shapes_Newer: WireMessage {
  package func encode(into writer: inout WireWriter) {
    writer.openBlock(16)
    writer.uint32(self.first)
    switch self.choice {
    case nil: writer.uint32(0)
    case .number: writer.uint32(3)
    case .leaf: writer.uint32(5)
    }
    writer.uint64(self.second)
    writer.string(self.name)
    switch self.choice {
    case nil: writer.emptyPart()
    case .number(let value): writer.uint32(4); writer.uint32(value)
    case .leaf(let value): writer.message(value)
    }
    writer.string(self.more)
    writer.elements(self.leaves) { $0.message($1) }
  }

  package mutating func decode(from reader: inout WireReader) throws(WireError) {
    try reader.openBlock()
    self.first = try reader.uint32()
    let choiceMember = try reader.uint32()
    self.second = try reader.uint64()
    reader.closeBlock()
    if try reader.hasPart() { self.name = try reader.string() }
    switch choiceMember {
    case 3: self.choice = .number(try reader.scalar { (reader: inout WireReader) throws(WireError) -> UInt32 in try reader.uint32() })
    case 5: self.choice = .leaf(try reader.message())
    default: try reader.skipPart()
    }
    if try reader.hasPart() { self.more = try reader.string() }
    if try reader.hasPart() { self.leaves = try reader.messages() }
  }
}
