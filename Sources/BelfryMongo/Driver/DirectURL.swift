internal import BelfryCore
internal import CMongoC

/// Asks single servers of a URL what they are, when together they have no primary.
///
/// libmongoc then says only that no suitable server was found, and drops those that do not fit.
struct DirectURL: Sendable {
  /// Never shown: it may hold a password.
  private let url: String
  private let password: String?
  private let hosts: [String]

  /// Of a long list only the first are asked: each may take up to its time limit.
  private static let hostsMax = 3

  init(url: String, password: String?, hosts: [String]) {
    self.url = url
    self.password = password
    self.hosts = hosts
  }

  /// Sends `hello` to one server after the other; blocks.
  func hello() -> [(host: String, answer: Result<BSONDocument, MongoFailure>)] {
    hosts.prefix(Self.hostsMax).map { host in (host, hello(host)) }
  }

  private func hello(_ host: String) -> Result<BSONDocument, MongoFailure> {
    guard let text = Self.url(url, to: host) else {
      return .failure(MongoFailure(cause: .unreachable, message: "it was not asked directly"))
    }
    do {
      let uri = try MongoURI(text, password: password, appName: "belfry")
      var error = bson_error_t()
      guard let client = unsafe mongoc_client_new_from_uri_with_error(uri.pointer, &error) else {
        return .failure(MongoFailure(error))
      }
      defer { unsafe mongoc_client_destroy(client) }
      unsafe mongoc_client_set_error_api(client, MONGOC_ERROR_API_VERSION_2)
      return Result { () throws(MongoFailure) in
        try unsafe MongoClient(borrowing: client).command("admin", ServerHello.command)
      }
    } catch {
      return .failure(MongoFailure(cause: .other, message: error.message))
    }
  }

  /// The URL with one host, asked directly, of whatever replica set. Nil for `mongodb+srv`.
  static func url(_ text: String, to host: String) -> String? {
    guard var url = URLText(text), url.scheme == "mongodb" else { return nil }
    url.hosts = host
    url.options.removeAll { option in
      ["replicaset", "directconnection"].contains(URLText.name(ofOption: option))
    }
    url.options.insert("directConnection=true", at: 0)
    return url.text
  }
}
