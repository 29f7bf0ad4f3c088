import Testing

@testable import BelfryRPC

/// Who is let in when there is no room.
@Suite struct AdmissionTests {
  private func admission(connections: Int = 2, strangers: Int = 2) -> ServerAdmission {
    var limits = RPCLimits()
    limits.connectionsMax = connections
    limits.strangersPerAddressMax = strangers
    return ServerAdmission(limits)
  }

  private func isIn(_ answer: ServerAdmission.Answer) -> Bool {
    if case .place = answer { true } else { false }
  }

  @Test(
    "callers of this machine come in when the network has filled every place, and count nobody's")
  func localCallers() {
    var admission = admission(connections: 2, strangers: 9)
    for _ in 0..<2 {
      let answer = admission.began(from: "10.0.0.1")
      #expect(isIn(answer))
    }
    let full = admission.began(from: "10.0.0.2")
    #expect(!isIn(full))
    for _ in 0..<3 {
      let local = admission.began(from: "")
      #expect(isIn(local))
    }
  }

  @Test("one address fills its own places with strangers, and not another's")
  func strangers() {
    var admission = admission(connections: 9)
    var places: [ServerAdmission.Place] = []
    for _ in 0..<2 {
      if case .place(let place) = admission.began(from: "10.0.0.1") { places.append(place) }
    }
    let third = admission.began(from: "10.0.0.1")
    #expect(places.count == 2 && !isIn(third))
    let other = admission.began(from: "10.0.0.2")
    #expect(isIn(other))
    admission.established(&places[0], hasCertificate: true)
    let again = admission.began(from: "10.0.0.1")
    #expect(isIn(again), "one of the two is no stranger any more")
  }
}
