import Foundation

/// The other end of sd_notify: a datagram socket as systemd has it, and what came in.
final class NotifySocket {
  /// As it stands in NOTIFY_SOCKET.
  let name: String
  private let socket: Int32
  private(set) var datagrams: [String] = []

  /// - Parameter name: a path, or `@` and an abstract name.
  init(_ name: String) throws {
    self.name = name
    socket = Foundation.socket(
      AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_NONBLOCK.rawValue | SOCK_CLOEXEC.rawValue), 0)
    var address = sockaddr_un()
    address.sun_family = sa_family_t(AF_UNIX)
    let isAbstract = name.hasPrefix("@")
    let bytes = isAbstract ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8) + [0]
    withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
    let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
    let status = withUnsafePointer(to: &address) { pointer in
      pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(socket, $0, length) }
    }
    guard socket >= 0, status == 0 else {
      throw Services.Missing(description: "bind \(name): \(String(cString: strerror(errno)))")
    }
  }

  deinit { close(socket) }

  /// All lines so far, in order.
  func lines() -> [String] {
    var bytes = [UInt8](repeating: 0, count: 4_096)
    while case let count = recv(socket, &bytes, bytes.count, 0), count > 0 {
      datagrams.append(String(decoding: bytes[..<count], as: UTF8.self))
    }
    return datagrams.flatMap { $0.split(separator: "\n").map(String.init) }
  }

  func count(_ line: String) -> Int { lines().count { $0 == line } }
  func has(_ line: String) -> Bool { lines().contains(line) }
  func has(status part: String) -> Bool {
    lines().contains { $0.hasPrefix("STATUS=") && $0.contains(part) }
  }
}
