/// The name of a method on the wire: `/package.Service/Method`.
package struct MethodDescriptor: Sendable, Hashable, CustomStringConvertible {
  /// With its package, as in `belfry.v1.Jobs`.
  package let service: String
  package let method: String
  package let path: String

  package init(service: String, method: String) {
    self.service = service
    self.method = method
    path = "/\(service)/\(method)"
  }

  package var description: String { path }
}
