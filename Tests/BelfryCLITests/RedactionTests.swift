import Testing

@testable import BelfryCLI

/// What is taken out of texts that are given away, and what stays.
@Suite struct RedactionTests {
  private let redaction = Redaction(known: ["known-secret", "abc"])

  @Test(arguments: [
    ("it said known-secret twice: known-secret", "it said •••••• twice: ••••••"),
    ("too short to be known: abc", "too short to be known: abc"),
    ("mongodb://u:p@h/db", "mongodb://u:••••••@h/db"),
    ("https://host:7443/x", "https://host:7443/x"),
    ("password: hunter2, next", "password: ••••••, next"),
    ("\"api_key\":\"k\"", "\"api_key\":\"••••••\""),
    (
      "worker join URL --token BFT1-ab2-cd7-ef --name w7",
      "worker join URL --token BFT1-•••••• --name w7"
    ),
    ("belfry://host:7443?t=bft1-AB2-cd7", "belfry://host:7443?t=BFT1-••••••"),
    ("Authorization: Bearer a.b-c", "Authorization: Bearer ••••••"),
    ("STORE_PASSWORD=x y", "STORE_PASSWORD=•••••• y"), ("nothing here", "nothing here"),
    (
      "a\n-----BEGIN PRIVATE KEY-----\nAAAA\nBBBB\n-----END PRIVATE KEY-----\nz",
      "a\n[a private key was here]\nz"
    ),
    ("-----BEGIN EC PRIVATE KEY-----\nAAAA and it is cut", "[a private key was here]"),
  ])
  func texts(_ text: String, _ shown: String) {
    #expect(redaction.apply(to: text) == shown)
  }
}
