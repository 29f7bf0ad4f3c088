"""The same as grpcio_client.py, with grpclib: gRPC in pure Python, on h2.

Arguments: a folder with ca.pem, identity.pem, identity.key; the server's port.
"""
import asyncio
import ssl
import sys

from grpclib.client import Channel, StreamStreamMethod, StreamUnaryMethod, UnaryStreamMethod
from grpclib.client import UnaryUnaryMethod
from grpclib.const import Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError

folder, port = sys.argv[1:]
path = "/belfry.test.Everything/"
LIMIT = 60


class Bytes(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


def expect(condition, what, seen=""):
    if not condition:
        sys.exit(f"wrong: {what} {seen}")
    print(what)


async def error(awaitable):
    try:
        await awaitable
    except (GRPCError, asyncio.TimeoutError) as error:
        return error
    sys.exit("wrong: no error")


async def main():
    context = ssl.create_default_context(cafile=f"{folder}/ca.pem")
    context.load_cert_chain(f"{folder}/identity.pem", f"{folder}/identity.key")
    context.set_alpn_protocols(["h2"])
    async with Channel("127.0.0.1", int(port), ssl=context, codec=Bytes()) as channel:
        await unary(channel)
        await streams(channel)
        await endings(channel)


def method(kind, channel, name):
    return kind(channel, path + name, bytes, bytes)


async def unary(channel):
    echo = method(UnaryUnaryMethod, channel, "Echo")
    for size in (0, 64, 1 << 20):
        expect(await echo(b"x" * size, timeout=LIMIT) == b"x" * size, f"echo of {size} bytes")
    sent = [("text", "one"), ("text", "two"), ("bytes-bin", b"\0\1\xff")]
    with_metadata = method(UnaryUnaryMethod, channel, "Metadata")
    async with with_metadata.open(metadata=sent, timeout=LIMIT) as stream:
        await stream.send_message(b"x", end=True)
        await stream.recv_message()
        await stream.recv_trailing_metadata()
        initial, trailing = stream.initial_metadata, stream.trailing_metadata
    expect(initial["first"] == "1", "initial metadata")
    expect(trailing.getall("got-text") == ["one", "two"], "metadata in its order", trailing)
    expect(trailing["got-bytes-bin"] == b"\0\1\xff", "binary metadata", trailing)
    expect(trailing["peer"].endswith("/worker/w1"), "the certificate's name")
    text = "50 % ☂\n"
    failed = await error(method(UnaryUnaryMethod, channel, "Fail")(text.encode(), timeout=LIMIT))
    expect((failed.status, failed.message) == (Status.ABORTED, text), "status and message", failed)
    failed = await error(method(UnaryUnaryMethod, channel, "Nothing")(b"", timeout=LIMIT))
    expect(failed.status == Status.UNIMPLEMENTED, "unknown method", failed)


async def streams(channel):
    kilobytes = await method(UnaryStreamMethod, channel, "Count")(b"500", timeout=LIMIT)
    expect(kilobytes == [bytes([index % 256]) * 1024 for index in range(500)], "server stream")
    parts = [f"{index},".encode() for index in range(100)]
    joined = await method(StreamUnaryMethod, channel, "Concatenate")(parts, timeout=LIMIT)
    expect(joined == b"".join(parts), "client stream")
    chat = method(StreamStreamMethod, channel, "Chat")
    sent = [bytes([index]) * index * 10 for index in range(200)]
    echoes = []
    async with chat.open(timeout=LIMIT) as stream:
        for message in sent:
            await stream.send_message(message)
            echoes.append(await stream.recv_message())
        await stream.end()
        last = await stream.recv_message()
    expect((echoes, last) == (sent, None), "bidirectional stream")
    expect(await chat([], timeout=LIMIT) == [], "empty stream")


async def endings(channel):
    hang = method(UnaryUnaryMethod, channel, "Hang")
    failed = await error(hang(b"", timeout=0.2))
    expect(isinstance(failed, asyncio.TimeoutError) or failed.status == Status.DEADLINE_EXCEEDED,
           "deadline", failed)
    task = asyncio.create_task(hang(b""))
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.wait([task])
    expect(task.cancelled(), "cancelled")
    async with method(UnaryStreamMethod, channel, "Count").open(timeout=LIMIT) as stream:
        await stream.send_message(b"1000000", end=True)
        await stream.recv_message()
        await stream.cancel()
    expect(True, "cancelled after the first answer")
    echo = method(UnaryUnaryMethod, channel, "Echo")
    expect(await echo(b"x", timeout=LIMIT) == b"x", "still alive")


asyncio.run(main())
