package import BelfryRPC

package enum Belfry_V1_Jobs {
  package static let submit = MethodDescriptor(service: "belfry.v1.Jobs", method: "Submit")
  package static let submitMany = MethodDescriptor(service: "belfry.v1.Jobs", method: "SubmitMany")
  package static let get = MethodDescriptor(service: "belfry.v1.Jobs", method: "Get")
  package static let await = MethodDescriptor(service: "belfry.v1.Jobs", method: "Await")
}
package enum Belfry_V1_Session {
  package static let connect = MethodDescriptor(service: "belfry.v1.Session", method: "Connect")
}
package enum Belfry_V1_Cluster {
  package static let watchHealth = MethodDescriptor(
    service: "belfry.v1.Cluster", method: "WatchHealth")
  package static let getHealth = MethodDescriptor(service: "belfry.v1.Cluster", method: "GetHealth")
}
