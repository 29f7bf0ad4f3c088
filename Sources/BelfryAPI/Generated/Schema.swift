// DO NOT EDIT. Written by scripts/generate: `make generate` writes it anew.

/// Which schema the code in this folder was generated from.
package enum Schema {
  /// SHA-256 of the files of proto/belfry/v1, one after the other in the order of their names.
  package static let sha256 = "deb7c0b250b79d8428bbca10683737090d93782feee4fd6e6cb675f986505f58"
}
