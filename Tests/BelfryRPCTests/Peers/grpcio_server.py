"""Serves belfry.test.Everything with grpcio: prints its port, serves until SIGTERM.

Arguments: a folder with ca.pem, identity.pem, identity.key; how soon a PING of a silent client may
follow another, in ms (300000 is grpcio's own).
"""
import signal
import sys
import time
from concurrent import futures

import grpc

folder, ping_interval = sys.argv[1:]
# In all threads, so that it waits for `sigwait`; whatever else our starter has blocked is free again.
signal.pthread_sigmask(signal.SIG_SETMASK, [signal.SIGTERM])


def read(name):
    with open(f"{folder}/{name}", "rb") as file:
        return file.read()


def fail(request, context):
    context.abort(grpc.StatusCode.ABORTED, request.decode())


def hang(request, context):
    for _ in range(600):
        if not context.is_active():
            break
        time.sleep(0.1)
    return request


def metadata(request, context):
    context.send_initial_metadata((("first", "1"),))
    context.set_trailing_metadata(
        tuple(("got-" + key, value) for key, value in context.invocation_metadata()))
    return request


def packed(request, context):
    context.set_compression(grpc.Compression.Gzip)
    return request


def count(request, context):
    for index in range(int(request)):
        yield bytes([index % 256]) * 1024


UNARY = {"Echo": lambda request, context: request, "Fail": fail, "Hang": hang,
         "Metadata": metadata, "Packed": packed}
handlers = {name: grpc.unary_unary_rpc_method_handler(body) for name, body in UNARY.items()}
handlers["Count"] = grpc.unary_stream_rpc_method_handler(count)
handlers["Concatenate"] = grpc.stream_unary_rpc_method_handler(
    lambda requests, context: b"".join(requests))
handlers["Chat"] = grpc.stream_stream_rpc_method_handler(lambda requests, context: requests)

MAX = 8 << 20
server = grpc.server(
    futures.ThreadPoolExecutor(max_workers=16),
    options=[("grpc.max_receive_message_length", MAX), ("grpc.max_send_message_length", MAX),
             ("grpc.http2.min_ping_interval_without_data_ms", int(ping_interval))])
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler("belfry.test.Everything", handlers),))
credentials = grpc.ssl_server_credentials(
    [(read("identity.key"), read("identity.pem"))], read("ca.pem"), require_client_auth=True)
print(server.add_secure_port("127.0.0.1:0", credentials), flush=True)
server.start()
signal.sigwait([signal.SIGTERM])
server.stop(grace=30).wait()
