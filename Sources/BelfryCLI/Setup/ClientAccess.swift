internal import Belfry
internal import BelfryIdentity
internal import Foundation

/// Which cluster a command goes to, and as whom: what was said on the command line, and what stands in
/// for what was not.
struct ClientAccess: Sendable {
  var server: String?
  var identity: String?
  var context: String?
  var file: String?

  func client() async throws -> BelfryClient {
    let place = try await place()
    if ServerSocket(place.server) != nil {
      return try BelfryClient(server: place.server, identity: "")
    }
    let certificate = IdentityFiles(folder: place.identity).certificatePath
    guard access(certificate, F_OK) == 0 else {
      throw UserError(
        .fileMissing, "there is no identity in \(place.identity)",
        why: "\(certificate): \(String(cString: strerror(errno)))",
        next: ["belfry cert issue operator NAME --dir DIR makes one", "belfry context list"])
    }
    return try BelfryClient(server: place.server, identity: place.identity)
  }

  /// A coordinator's address and the folder of an identity; with a Unix socket that is empty.
  func place() async throws -> (server: String, identity: String) {
    var options: [SettingKey: [String]] = [:]
    options.note(.serverURL, server)
    options.note(.identity, identity)
    // A context that is named goes before the environment; the current one stands in for what is said
    // nowhere else.
    if let name = context ?? Places.process.context {
      let named = try ContextFile.load().required(name)
      if server == nil { options.note(.serverURL, named.server) }
      if identity == nil { options.note(.identity, named.identity) }
    }
    let settings = try await Settings.load(options: options, file: file)
    let server = try chosenServer(settings)
    if ServerSocket(server) != nil { return (server, "") }
    return try (
      server, choose(settings.find(.identity), currentContext()?.identity, .identity)
    )
  }

  /// On a coordinator's own machine nobody need say anything.
  private func chosenServer(_ settings: Settings) throws -> String {
    let said = try settings.find(.serverURL)
    if let said, said.origin.kind != .file, let text = said.texts.first { return text }
    if let socket = try settings.find(.socket), socket.origin.kind == .environment,
      let path = socket.texts.first, path != "off"
    {
      return ServerSocket.scheme + path
    }
    if said == nil, try currentContext() == nil, let path = OperatorSocket.found(settings) {
      return ServerSocket.scheme + path
    }
    return try choose(said, currentContext()?.server, .serverURL)
  }

  /// A file is for the nodes of a machine; what its user has chosen goes before it.
  private func choose(
    _ found: Settings.Found?, _ current: @autoclosure () throws -> String?, _ key: SettingKey
  ) throws -> String {
    if let found, found.origin.kind != .file, let text = found.texts.first { return text }
    guard let text = try current() ?? found?.texts.first else { throw Settings.missing(key) }
    return text
  }

  private func currentContext() throws -> ClusterContext? {
    let file = try ContextFile.load()
    return try file.current.map { try file.required($0) }
  }

  /// Runs a body with a client, which is closed after it.
  func connected<Result>(_ body: (BelfryClient) async throws -> Result) async throws -> Result {
    let client = try await client()
    do {
      let result = try await body(client)
      await client.close()
      return result
    } catch {
      await client.close()
      throw error
    }
  }
}
