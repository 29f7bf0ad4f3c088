import Foundation
import Testing

/// What a coordinator answers to a stock gRPC client: its own services in protobuf, and the two that
/// gRPC's tools expect.
@Suite(.serialized)
struct GRPCServiceTests {
  @Test func jobsInProtobuf() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator("--payload-max", "1000")
    try await cluster.startWorker("w1", run: ["echo=cat"])
    try await cluster.untilUp("w1")
    let ended = try await cluster.grpc(
      """
      jobs = '/belfry.v1.Jobs/'
      submit = call('unary_unary', jobs + 'Submit', jobs_pb2.SubmitRequest, jobs_pb2.SubmitReply)
      many = call(
          'unary_unary', jobs + 'SubmitMany', jobs_pb2.SubmitManyRequest, jobs_pb2.SubmitManyReply)
      get = call('unary_unary', jobs + 'Get', jobs_pb2.GetRequest, jobs_pb2.JobView)
      wait = call('unary_unary', jobs + 'Await', jobs_pb2.GetRequest, jobs_pb2.JobView)
      def job(id, kind='echo', lane=lane, payload=b'\\x00\\xff'):
          return jobs_pb2.JobSpec(id=id, kind=kind, lane=lane, payload=payload)
      metadata = (('x-trace', 'a b'), ('x-trace-bin', b'\\x00\\x01\\xff'))
      reply = submit(jobs_pb2.SubmitRequest(job=job('one')), metadata=metadata, timeout=30)
      print(reply.id)
      view = wait(jobs_pb2.GetRequest(id='one'), timeout=30)
      print(view.state, view.worker, view.outcome.result)
      print(get(jobs_pb2.GetRequest(id='one')).outcome.id)
      verdicts = many(jobs_pb2.SubmitManyRequest(jobs=[
          job('two'), job('bad id'), job('three', lane='nowhere'), job('four', payload=b'x' * 1001)
      ])).verdicts
      print([v.status for v in verdicts])
      print(code_of(lambda: submit(jobs_pb2.SubmitRequest(job=job('bad id')))))
      print(code_of(lambda: get(jobs_pb2.GetRequest(id='never-heard-of'))))
      submit(jobs_pb2.SubmitRequest(job=job('waits', kind='nobody-runs-this')))
      print(code_of(lambda: wait(jobs_pb2.GetRequest(id='waits'), timeout=0.5)))
      print(code_of(lambda: call(
          'unary_unary', jobs + 'Nothing', jobs_pb2.GetRequest, jobs_pb2.JobView)(
              jobs_pb2.GetRequest())))
      print(code_of(lambda: channel.unary_unary(jobs + 'Get')(b'\\xff\\xff\\xff')))
      health = call('unary_unary', '/belfry.v1.Cluster/GetHealth', cluster_pb2.WatchHealthRequest,
                    cluster_pb2.HealthUpdate)
      print([node.name for node in health(cluster_pb2.WatchHealthRequest()).nodes])
      """)
    #expect(
      ended.out == """
        one
        succeeded w1 b'\\x00\\xff'
        one
        [0, 3, 5, 8]
        INVALID_ARGUMENT
        NOT_FOUND
        DEADLINE_EXCEEDED
        UNIMPLEMENTED
        INVALID_ARGUMENT
        ['c1', 'w1']

        """, "\(ended)")
  }

  @Test func health() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let ended = try await cluster.grpc(
      """
      Request, Reply = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
      here = stranger()
      path = '/grpc.health.v1.Health/'
      check = call('unary_unary', path + 'Check', Request, Reply, here)
      state = lambda reply: Reply.ServingStatus.Name(reply.status)
      print(here.unary_unary(path + 'Check')(b''))
      print(state(check(Request(service='belfry.v1.Jobs'))))
      print(code_of(lambda: check(Request(service='nobody.Knows'))))
      services = call('unary_unary', path + 'List', health_pb2.HealthListRequest,
                      health_pb2.HealthListResponse, here)(health_pb2.HealthListRequest()).statuses
      print(sorted(services), {state(s) for s in services.values()})
      print(state(call('unary_unary', path + 'Check', Request, Reply)(Request())), 'for members too')

      # A stranger may ask for this and for nothing else.
      for name in ('belfry.v1.Cluster/GetHealth', 'belfry.v1.Jobs/Get', 'belfry.v1.Session/Connect',
                   'grpc.reflection.v1.ServerReflection/ServerReflectionInfo'):
          print(code_of(lambda: here.unary_unary('/' + name)(b'')))
      """)
    #expect(
      ended.out == """
        b'\\x08\\x01'
        SERVING
        NOT_FOUND
        ['', 'belfry.v1.Cluster', 'belfry.v1.Jobs', 'belfry.v1.Membership', \
        'belfry.v1.Schedules', 'belfry.v1.Session', \
        'grpc.health.v1.Health', 'grpc.reflection.v1.ServerReflection', \
        'grpc.reflection.v1alpha.ServerReflection'] {'SERVING'}
        SERVING for members too
        UNAUTHENTICATED
        UNAUTHENTICATED
        UNAUTHENTICATED
        UNAUTHENTICATED

        """, "\(ended)")
  }

  /// A probe that watches hears of the end before it comes.
  @Test func healthIsWatchedToTheEnd() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let pid = try #require(cluster.pid("c1"))
    let ended = try await cluster.grpc(
      """
      import os, signal
      Request, Reply = health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse
      watch = call('unary_stream', '/grpc.health.v1.Health/Watch', Request, Reply, stranger())
      state = lambda reply: Reply.ServingStatus.Name(reply.status)
      known, unknown = watch(Request()), watch(Request(service='nobody.Knows'))
      print(state(next(known)), state(next(unknown)), unknown.is_active())
      os.kill(\(pid), signal.SIGTERM)
      def rest(call):
          heard = []
          try:
              for reply in call:
                  heard.append(state(reply))
          except grpc.RpcError as error:
              heard.append(error.code().name)
          return heard
      print(rest(known), rest(unknown))
      """)
    #expect(
      ended.out == """
        SERVING SERVICE_UNKNOWN True
        ['NOT_SERVING', 'UNAVAILABLE'] ['UNAVAILABLE']

        """, "\(ended)")
    #expect(try await cluster.status(of: "c1") == 0)
  }

  /// A client without a copy of the schema asks for it, and calls with what it was given.
  @Test func reflection() async throws {
    let cluster = try await TestCluster()
    defer { cluster.stop() }
    try await cluster.makeMessages()
    try cluster.startCoordinator()
    try await until("the coordinator answers") { try await cluster.health() != nil }
    let ended = try await cluster.grpc(
      """
      from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
      Request = reflection_pb2.ServerReflectionRequest
      def ask(*requests, version='v1'):
          path = f'/grpc.reflection.{version}.ServerReflection/ServerReflectionInfo'
          return list(call('stream_stream', path, Request, reflection_pb2.ServerReflectionResponse)(
              iter(requests), timeout=30))
      def error(**request):
          reply = ask(Request(**request))[0]
          return reply.error_response.error_code, reply.error_response.error_message
      listed = ask(Request(list_services='', host='h'))[0]
      print([s.name for s in listed.list_services_response.service], listed.valid_host)

      pool = descriptor_pool.DescriptorPool()
      def add(reply):
          for text in reply.file_descriptor_response.file_descriptor_proto:
              file = descriptor_pb2.FileDescriptorProto.FromString(text)
              for needed in file.dependency:
                  add(ask(Request(file_by_filename=needed))[0])
              pool.Add(file)
      first, second = ask(Request(file_containing_symbol='belfry.v1.Cluster'),
                          Request(file_containing_symbol='grpc.health.v1.Health'))
      add(first)
      add(second)
      for service, name in (('belfry.v1.Cluster', 'GetHealth'), ('grpc.health.v1.Health', 'List')):
          method = pool.FindMethodByName(f'{service}.{name}')
          classes = [message_factory.GetMessageClass(t)
                     for t in (method.input_type, method.output_type)]
          reply = call('unary_unary', f'/{service}/{name}', *classes)(classes[0]())
          print(reply.cluster if name == 'GetHealth' else reply.statuses['belfry.v1.Jobs'].status)

      for symbol in ('belfry.v1.Jobs.Submit', 'belfry.v1.Outcome',
                     'grpc.health.v1.HealthCheckResponse.ServingStatus'):
          for version in ('v1', 'v1alpha'):
              reply = ask(Request(file_containing_symbol=symbol), version=version)[0]
              file = descriptor_pb2.FileDescriptorProto.FromString(
                  reply.file_descriptor_response.file_descriptor_proto[0])
              print(symbol, file.name)
      print(error(file_containing_symbol='belfry.v1.Nothing'))
      print(error(file_by_filename='/etc/passwd'))
      print(error(file_containing_extension={'containing_type': 'a.B', 'extension_number': 7}))
      print(error(all_extension_numbers_of_type='a.B'), error()[0])
      reply = ask(Request(all_extension_numbers_of_type='belfry.v1.Outcome'))[0]
      print(reply.all_extension_numbers_response)
      """)
    #expect(
      ended.out == """
        ['belfry.v1.Cluster', 'belfry.v1.Jobs', 'belfry.v1.Membership', \
        'belfry.v1.Schedules', 'belfry.v1.Session', \
        'grpc.health.v1.Health', \
        'grpc.reflection.v1.ServerReflection'] h
        test
        1
        belfry.v1.Jobs.Submit belfry/v1/jobs.proto
        belfry.v1.Jobs.Submit belfry/v1/jobs.proto
        belfry.v1.Outcome belfry/v1/jobs.proto
        belfry.v1.Outcome belfry/v1/jobs.proto
        grpc.health.v1.HealthCheckResponse.ServingStatus grpc/health/v1/health.proto
        grpc.health.v1.HealthCheckResponse.ServingStatus grpc/health/v1/health.proto
        (5, 'not in the schema: belfry.v1.Nothing')
        (5, 'not in the schema: /etc/passwd')
        (5, 'not in the schema: extension 7 of a.B')
        (5, 'not in the schema: a.B') 3
        base_type_name: "belfry.v1.Outcome"


        """, "\(ended)")
  }
}
