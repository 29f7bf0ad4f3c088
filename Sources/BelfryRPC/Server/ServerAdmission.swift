/// Who may connect: counts connections, handshakes under way, and strangers of each address.
///
/// A connection is a stranger until it has shown a certificate. Pure; its server holds the lock.
struct ServerAdmission {
  /// What one connection takes up.
  struct Place {
    let address: String
    fileprivate(set) var isHandshaking = true
    fileprivate(set) var isStranger = true
  }

  private let connectionsMax: Int
  private let strangersPerAddressMax: Int
  private var connections = 0
  private(set) var handshaking = 0
  private var strangers: [String: Int] = [:]

  init(_ limits: RPCLimits) {
    connectionsMax = limits.connectionsMax
    strangersPerAddressMax = limits.strangersPerAddressMax
  }

  enum Answer {
    case place(Place)
    case refused(ServerRefusals.Reason)
  }

  mutating func began(from address: String) -> Answer {
    var place = Place(address: address)
    // A connection within the process or of this machine's operators has no address: it is no stranger,
    // and others do not fill its place.
    place.isStranger = !address.isEmpty
    guard connections < connectionsMax || !place.isStranger else { return .refused(.connections) }
    if place.isStranger {
      guard strangers[address, default: 0] < strangersPerAddressMax else {
        return .refused(.address)
      }
      strangers[address, default: 0] += 1
    }
    connections += 1
    handshaking += 1
    return .place(place)
  }

  mutating func established(_ place: inout Place, hasCertificate: Bool) {
    endHandshake(&place)
    if hasCertificate { forgetStranger(&place) }
  }

  /// The connection is closed; its handlers may still run.
  mutating func closed(_ place: inout Place) {
    endHandshake(&place)
    forgetStranger(&place)
  }

  /// Its handlers have ended too.
  mutating func ended() { connections -= 1 }

  private mutating func endHandshake(_ place: inout Place) {
    guard place.isHandshaking else { return }
    place.isHandshaking = false
    handshaking -= 1
  }

  private mutating func forgetStranger(_ place: inout Place) {
    guard place.isStranger else { return }
    place.isStranger = false
    let left = strangers[place.address, default: 1] - 1
    strangers[place.address] = left > 0 ? left : nil
  }
}
