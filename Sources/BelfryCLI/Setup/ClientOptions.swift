internal import ArgumentParser
internal import Belfry
internal import Foundation

/// Which cluster, and as whom.
struct ClientOptions: ParsableArguments {
  @Option(help: "A coordinator, https://host:port (BELFRY_SERVER). [default: the last belfry dev]")
  var server: String?

  @Option(
    help:
      "Folder with ca.pem, identity.pem and identity.key, role operator or producer (BELFRY_IDENTITY)."
  )
  var identity: String?

  @Option(help: "How long to wait for an answer.")
  var timeout = DurationOption(.seconds(30))

  func client() throws -> BelfryClient {
    if server == nil, identity == nil, Environment.value("SERVER") == nil,
      Environment.value("IDENTITY") == nil, let dev = DevAddress.last()
    {
      return try BelfryClient(server: dev.server, identity: dev.identity)
    }
    return try BelfryClient(
      server: Environment.required(server, "--server", "SERVER", "https://localhost:7443"),
      identity: Environment.required(identity, "--identity", "IDENTITY", "certs/me"))
  }
}
