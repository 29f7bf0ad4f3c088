/// The port to alert episodes as all coordinators see them: who looks after one, which are held back.
/// That each is opened and closed by one caller is `OutcomeStore`'s.
///
/// *Nil*, or a problem, means that the store did not answer: nobody can know what was written.
package protocol AlertStore: Sendable {
  /// Says of the open episode that somebody looks after it. True: this call said so; false: none is
  /// open, or somebody else was first.
  func acknowledgeAlert(_ id: AlertID, _ acknowledgement: Acknowledgement) async -> Bool?

  /// Ends the holding back of the open episode. True: `releaser` has done so, in this call or in one
  /// whose answer was lost, and sends it.
  func releaseAlert(_ id: AlertID, by releaser: String) async -> Bool?

  /// Open episodes, at most 1,000, the newest first.
  func openAlerts() async -> Result<[Alert], StoreProblem>

  /// Episodes that ended then or later, the newest end first.
  func resolvedAlerts(since: WallTime, limit: Int) async -> Result<[Alert], StoreProblem>
}

extension AlertStore {
  package static var openAlertsMax: Int { 1_000 }
}
