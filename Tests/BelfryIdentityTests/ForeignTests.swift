import BelfryIdentity
import Foundation
import Testing

/// Certificates of another PKI, with a CA between root and member, as SPIRE and companies have it.
@Suite struct ForeignTests {
  @Test func chainThroughAnotherAuthorityIsFollowed() throws {
    try withFolder { files in
      try FileManager.default.createDirectory(
        atPath: files.folder, withIntermediateDirectories: true)
      let folder = files.folder
      let authority = "basicConstraints=critical,CA:TRUE"
      try make("root", signedBy: nil, extensions: authority, in: folder)
      try make("between", signedBy: "root", extensions: authority, in: folder)
      try make(
        "leaf", signedBy: "between",
        extensions: "subjectAltName=URI:spiffe://corp.example/worker/w1", in: folder)
      let leaf = try String(contentsOfFile: folder + "/leaf.pem", encoding: .utf8)
      let between = try String(contentsOfFile: folder + "/between.pem", encoding: .utf8)
      let chain = folder + "/chain.pem"
      try (leaf + between).write(toFile: chain, atomically: true, encoding: .utf8)

      let read = try IdentityFiles.read(
        authority: folder + "/root.pem", certificate: chain, key: folder + "/leaf.key")
      #expect(read.id.description == "spiffe://corp.example/worker/w1")
      #expect(read.certificatePEM == leaf + between)

      let cut = #expect(throws: IdentityError.self) {
        try IdentityFiles.read(
          authority: folder + "/root.pem", certificate: folder + "/leaf.pem",
          key: folder + "/leaf.key")
      }
      #expect(cut?.code == .mismatch)
      #expect(cut?.message.contains("unable to get local issuer certificate") == true)
    }
  }

  private func make(
    _ name: String, signedBy issuer: String?, extensions: String, in folder: String
  ) throws {
    var arguments = [
      "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
      "-config", "/dev/null", "-subj", "/CN=\(name)", "-addext", extensions,
      "-keyout", "\(folder)/\(name).key", "-out", "\(folder)/\(name).pem",
    ]
    if let issuer {
      arguments += ["-CA", "\(folder)/\(issuer).pem", "-CAkey", "\(folder)/\(issuer).key"]
    }
    let made = try OpenSSLCommand.run(arguments)
    try #require(made.status == 0, "\(made.output)")
  }
}
