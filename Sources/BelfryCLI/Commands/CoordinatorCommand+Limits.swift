internal import ArgumentParser
internal import BelfryRPC

extension CoordinatorCommand {
  struct Limits: ReportingCommand {
    static let configuration = CommandConfiguration(
      abstract: "List the limits of connections and calls, with unit and reason.",
      discussion: """
        They hold by default. One is changed with: belfry coordinator run … --limit idle-time=600000
        """)

    @OptionGroup var output: OutputOptions

    func report() -> Report {
      let limits = RPCLimits()
      return Report(
        RPCLimits.settings.map { setting in
          Document(
            kind: "Limit",
            fields: [
              ("name", .text(setting.name)), ("value", .number(setting.value(limits))),
              ("unit", .text(setting.unit.rawValue)), ("reason", .text(setting.reason)),
            ])
        }, kind: "LimitList", columns: ["name", "value", "unit", "reason"])
    }
  }
}
