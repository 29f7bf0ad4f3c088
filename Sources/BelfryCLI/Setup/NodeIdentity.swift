internal import BelfryCore
internal import BelfryIdentity
internal import BelfryNet
internal import Foundation

/// Who this node is: read from its certificate, so that name and cluster are said once.
struct NodeIdentity {
  let name: NodeName
  let cluster: String
  let tls: TLSConfiguration
  let folder: String

  init(folder: String, role: Role) throws {
    let files = IdentityFiles(folder: folder)
    let identity = try files.read()
    guard identity.id.role == role else {
      throw UserError(
        .badFile, "\(folder) is not the identity of a \(role.rawValue)",
        why: "it says \(identity.id)",
        next: ["belfry cert issue \(role.rawValue) NAME --dir DIR makes one"])
    }
    guard let name = NodeName(identity.id.name) else {
      throw UserError(
        .badName, "\(identity.id.name) is no node's name",
        why: "[a-z0-9][a-z0-9-]{0,62} is asked for")
    }
    self.name = name
    cluster = identity.id.cluster
    self.folder = folder
    tls = TLSConfiguration(
      certificateChainFile: files.certificatePath, keyFile: files.keyPath,
      caFile: files.authorityPath)
  }
}
