import Foundation

/// The repository as these tests see it: the files that are committed or could be, as text.
struct Tree {
  /// The repository this test was compiled in.
  static let repository = Tree(
    root: URL(filePath: #filePath).deletingLastPathComponent()
      .deletingLastPathComponent().deletingLastPathComponent())

  struct File {
    /// From the root, with slashes: `Sources/BelfryCore/ClusterCore.swift`.
    let path: String
    let url: URL

    var name: String { url.lastPathComponent }
    var text: String { (try? String(contentsOf: url, encoding: .utf8)) ?? "" }
    var lines: [Substring] { text.split(separator: "\n", omittingEmptySubsequences: false) }
    var isSwift: Bool { url.pathExtension == "swift" }

    /// Written by a program, which the first lines say: no person keeps its style.
    var isGenerated: Bool { lines.prefix(3).contains { $0.contains("DO NOT EDIT") } }
  }

  let root: URL
  let files: [File]

  init(root: URL) {
    self.root = root
    let paths = Self.pathsFromGit(root) ?? Self.pathsFromFolder(root)
    files = paths.sorted().map { File(path: $0, url: root.appending(path: $0)) }
  }

  /// The files under `folder`, which ends in a slash.
  func files(in folder: String) -> [File] { files.filter { $0.path.hasPrefix(folder) } }

  /// Swift sources by hand of one target.
  func sources(of target: String) -> [File] {
    files(in: "Sources/\(target)/").filter { $0.isSwift && !$0.isGenerated }
  }

  func exists(_ path: String) -> Bool {
    FileManager.default.fileExists(atPath: root.appending(path: path).path)
  }

  /// What git knows, and what it does not ignore; nil without git or outside a clone.
  private static func pathsFromGit(_ root: URL) -> [String]? {
    let git = Process()
    let output = Pipe()
    git.executableURL = URL(filePath: "/usr/bin/env")
    git.arguments = [
      "git", "-C", root.path, "ls-files", "-z", "--cached", "--others", "--exclude-standard",
    ]
    git.standardOutput = output
    git.standardError = FileHandle.nullDevice
    do { try git.run() } catch { return nil }
    let data = output.fileHandleForReading.readDataToEndOfFile()
    git.waitUntilExit()
    guard git.terminationStatus == 0 else { return nil }
    let paths = data.split(separator: 0).map { String(decoding: $0, as: UTF8.self) }
    // A file deleted, but not yet so in the index, is listed.
    return paths.filter {
      FileManager.default.fileExists(atPath: root.appending(path: $0).path)
    }
  }

  /// For a copy without git: all files outside the folders of builds.
  private static func pathsFromFolder(_ root: URL) -> [String] {
    let all = FileManager.default.enumerator(atPath: root.path)
    return (all?.compactMap { $0 as? String } ?? []).filter { path in
      var isFolder: ObjCBool = false
      let parts = path.split(separator: "/")
      return !parts.contains { $0.hasPrefix(".build") || $0 == ".git" || $0 == ".swiftpm" }
        && FileManager.default.fileExists(
          atPath: root.appending(path: path).path, isDirectory: &isFolder)
        && !isFolder.boolValue
    }
  }
}

extension Tree.File {
  /// Lines that match, as `path:line: text`: what a failing test shows.
  func matches(_ pattern: some RegexComponent, in lines: [Substring]? = nil) -> [String] {
    (lines ?? self.lines).enumerated().compactMap { index, line in
      line.contains(pattern)
        ? "\(path):\(index + 1): \(self.lines[index].trimmingCharacters(in: .whitespaces))" : nil
    }
  }

  /// The lines with comments and the insides of string literals blanked out.
  var code: [Substring] {
    var isInText = false
    return lines.map { line in
      if line.contains("\"\"\"") {
        isInText.toggle()
        return ""
      }
      if isInText { return "" }
      guard line.utf8.contains(UInt8(ascii: "\"")) || line.utf8.contains(UInt8(ascii: "/")) else {
        return line  // most lines; the searches below are slow without optimisation
      }
      let noStrings = line.replacing(/"(\\.|[^"\\])*"/, with: "\"\"")
      guard let comment = noStrings.firstRange(of: "//") else { return noStrings }
      return noStrings[..<comment.lowerBound]
    }
  }
}
