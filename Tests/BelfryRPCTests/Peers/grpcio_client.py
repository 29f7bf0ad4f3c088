"""Calls each method of belfry.test.Everything with grpcio; prints a line for each thing that was right.

Arguments: a folder with ca.pem, identity.pem, identity.key; the server's port.
"""
import sys
import threading

import grpc

folder, port = sys.argv[1:]


def read(name):
    with open(f"{folder}/{name}", "rb") as file:
        return file.read()


def expect(condition, what, seen=""):
    if not condition:
        sys.exit(f"wrong: {what} {seen}")
    print(what)


def error(function):
    try:
        function()
    except grpc.RpcError as error:
        return error
    sys.exit("wrong: no error")


MAX = 8 << 20
channel = grpc.secure_channel(
    f"127.0.0.1:{port}",
    grpc.ssl_channel_credentials(read("ca.pem"), read("identity.key"), read("identity.pem")),
    options=[("grpc.max_receive_message_length", MAX), ("grpc.max_send_message_length", MAX)])
path = "/belfry.test.Everything/"
LIMIT = 60

echo = channel.unary_unary(path + "Echo")
for size in (0, 64, 1 << 20):
    expect(echo(b"x" * size, timeout=LIMIT) == b"x" * size, f"echo of {size} bytes")
sent = (("text", "one"), ("text", "two"), ("bytes-bin", b"\0\1\xff"))
reply, call = channel.unary_unary(path + "Metadata").with_call(b"x", metadata=sent, timeout=LIMIT)
trailing = list(call.trailing_metadata())
expect(("first", "1") in call.initial_metadata(), "initial metadata")
expect([v for k, v in trailing if k == "got-text"] == ["one", "two"], "metadata in its order",
       trailing)
expect(("got-bytes-bin", b"\0\1\xff") in trailing, "binary metadata", trailing)
expect(dict(trailing)["peer"].endswith("/worker/w1"), "the certificate's name")
text = "50 % ☂\n"
failed = error(lambda: channel.unary_unary(path + "Fail")(text.encode(), timeout=LIMIT))
expect((failed.code(), failed.details()) == (grpc.StatusCode.ABORTED, text), "status and message",
       failed)
failed = error(lambda: channel.unary_unary(path + "Nothing")(b"", timeout=LIMIT))
expect(failed.code() == grpc.StatusCode.UNIMPLEMENTED, "unknown method", failed)

kilobytes = list(channel.unary_stream(path + "Count")(b"500", timeout=LIMIT))
expect(kilobytes == [bytes([index % 256]) * 1024 for index in range(500)], "server stream")
parts = [f"{index},".encode() for index in range(100)]
expect(channel.stream_unary(path + "Concatenate")(iter(parts), timeout=LIMIT) == b"".join(parts),
       "client stream")
chat = channel.stream_stream(path + "Chat")
sent = [bytes([index]) * index * 10 for index in range(200)]
expect(list(chat(iter(sent), timeout=LIMIT)) == sent, "bidirectional stream")
expect(list(chat(iter([]), timeout=LIMIT)) == [], "empty stream")

hang = channel.unary_unary(path + "Hang")
failed = error(lambda: hang(b"", timeout=0.2))
expect(failed.code() == grpc.StatusCode.DEADLINE_EXCEEDED, "deadline", failed)
call = hang.future(b"")
call.cancel()
expect(call.cancelled() and call.code() == grpc.StatusCode.CANCELLED, "cancelled")
replies = chat(iter([b"a"]), timeout=LIMIT)
replies = channel.unary_stream(path + "Count")(b"1000000", timeout=LIMIT)
next(replies)
replies.cancel()
failed = error(lambda: list(replies))
expect(failed.code() == grpc.StatusCode.CANCELLED, "cancelled after the first answer", failed)

message = b"x" * (1 << 20)
expect(echo(message, compression=grpc.Compression.Gzip, timeout=LIMIT) == message, "gzip")
failed = error(lambda: echo(message, compression=grpc.Compression.Deflate, timeout=LIMIT))
expect(failed.code() == grpc.StatusCode.UNIMPLEMENTED, "unknown coding", failed)
failed = error(lambda: echo(b"x" * (6 << 20), timeout=LIMIT))
expect(failed.code() == grpc.StatusCode.RESOURCE_EXHAUSTED, "too large a message", failed)
expect(echo(b"x", timeout=LIMIT) == b"x", "still alive")
