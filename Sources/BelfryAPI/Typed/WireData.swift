package import BelfryWire

#if canImport(FoundationEssentials)
  package import FoundationEssentials
#else
  package import Foundation
#endif

/// The codec's byte fields as swift-protobuf's messages hold them.
extension WireWriter {
  package mutating func data(_ value: Data) {
    value.withUnsafeBytes { part($0) }
  }
}

extension WireReader {
  package mutating func data() throws(WireError) -> Data {
    try part().withUnsafeBytes { bytes in
      // Not from a sequence of bytes: that goes through three more layers of Data.
      bytes.baseAddress.map { Data(bytes: $0, count: bytes.count) } ?? Data()
    }
  }

  package mutating func datas() throws(WireError) -> [Data] {
    try elements(ofAtLeast: 4) { (reader: inout WireReader) throws(WireError) -> Data in
      guard reader.left >= 4 else { throw WireError(.truncated, at: reader.offset) }
      return try reader.data()
    }
  }
}
