/// The port to where alerts go. A sink never delays a job: it takes the alert and returns.
package protocol AlertSink: Sendable {
  func send(_ alert: Alert) async
}
