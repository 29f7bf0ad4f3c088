"""Serves belfry.test.Everything with grpclib: prints its port, serves until SIGTERM.

Arguments: a folder with ca.pem, identity.pem, identity.key; an interval, which it does not need.
"""
import asyncio
import signal
import ssl
import sys

from grpclib.const import Cardinality, Handler, Status
from grpclib.encoding.base import CodecBase
from grpclib.exceptions import GRPCError
from grpclib.server import Server

folder = sys.argv[1]
# Whoever started us may block signals.
signal.pthread_sigmask(signal.SIG_SETMASK, [])


class Bytes(CodecBase):
    __content_subtype__ = "proto"

    def encode(self, message, message_type):
        return message

    def decode(self, data, message_type):
        return data


class Everything:
    async def echo(self, stream):
        await stream.send_message(await stream.recv_message())

    async def fail(self, stream):
        raise GRPCError(Status.ABORTED, (await stream.recv_message()).decode())

    async def hang(self, stream):
        request = await stream.recv_message()
        await asyncio.sleep(60)
        await stream.send_message(request)

    async def metadata(self, stream):
        request = await stream.recv_message()
        await stream.send_initial_metadata(metadata={"first": "1"})
        await stream.send_message(request)
        await stream.send_trailing_metadata(
            metadata=[("got-" + key, value) for key, value in stream.metadata.items()])

    async def count(self, stream):
        for index in range(int(await stream.recv_message())):
            await stream.send_message(bytes([index % 256]) * 1024)

    async def concatenate(self, stream):
        parts = [message async for message in stream]
        await stream.send_message(b"".join(parts))

    async def chat(self, stream):
        async for message in stream:
            await stream.send_message(message)

    def __mapping__(self):
        kinds = {"Count": Cardinality.UNARY_STREAM, "Concatenate": Cardinality.STREAM_UNARY,
                 "Chat": Cardinality.STREAM_STREAM}
        names = ["Echo", "Fail", "Hang", "Metadata", *kinds]
        return {
            "/belfry.test.Everything/" + name: Handler(
                getattr(self, name.lower()), kinds.get(name, Cardinality.UNARY_UNARY), bytes, bytes)
            for name in names}


async def main():
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(f"{folder}/identity.pem", f"{folder}/identity.key")
    context.load_verify_locations(f"{folder}/ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    context.set_alpn_protocols(["h2"])
    server = Server([Everything()], codec=Bytes())
    ending = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ending.set)
    await server.start("127.0.0.1", 0, ssl=context)
    print(server._server.sockets[0].getsockname()[1], flush=True)
    await ending.wait()
    server.close()
    await server.wait_closed()


asyncio.run(main())
