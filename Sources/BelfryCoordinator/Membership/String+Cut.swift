extension String {
  /// At most so many unicode scalars of it, as a caller's text goes into logs, records and answers. Not
  /// characters: one of those may have millions of combining marks.
  package func cut(_ scalarsMax: Int) -> String {
    guard utf8.count > scalarsMax, unicodeScalars.count > scalarsMax else { return self }
    return String(String.UnicodeScalarView(unicodeScalars.prefix(scalarsMax))) + "…"
  }
}
