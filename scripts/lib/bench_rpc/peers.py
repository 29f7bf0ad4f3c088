"""The servers and callers that are measured, and the loads that each understands."""

from . import machine
from .machine import BIN, ROOT, Server, free_port

GRPC_SWIFT = ROOT / ".build-peers" / "release" / "grpc-swift-peer"
GRPC_CPP = ROOT / ".build" / "bench-peers" / "grpc-cpp"


class Peers:
    """Starts each server once, when it is first asked for."""

    def __init__(self, folder):
        self.certificates = machine.make_certificates(folder)
        self.identity = self.certificates / "c1"
        self.caller = self.certificates / "me"
        self.folder = folder
        (folder / "file").write_bytes(b"x" * 64)
        (folder / "message").write_bytes(b"\0\0\0\0\x40" + b"x" * 64)
        self.servers = {}

    def stop(self):
        for server in self.servers.values():
            server.stop()

    def server(self, name):
        if name not in self.servers:
            self.servers[name] = self.start(name)
        return self.servers[name]

    def start(self, name):
        port = free_port()
        command = {
            "Belfry": [BIN / "belfry-bench", "rpc-server", self.identity, port],
            "nghttpd": ["nghttpd", "--trailer", "grpc-status: 0", "-d", self.folder, port,
                        self.identity / "identity.key", self.identity / "identity.pem"],
            "gRPC C++": [GRPC_CPP, "server", self.identity, port],
            # h2load has no certificate to show.
            "grpc-swift-2": [GRPC_SWIFT, "server-for-strangers", self.identity, port],
        }[name]
        return Server(name, command, port)

    def has(self, name):
        return {"gRPC C++": GRPC_CPP, "grpc-swift-2": GRPC_SWIFT}.get(name, BIN).exists()

    def arguments(self, name, method="Synchronous", posts=True):
        """What h2load sends to a server."""
        port = self.server(name).port
        body = ["-d", self.folder / "message"]
        if name == "nghttpd":
            return (body if posts else []) + [f"https://127.0.0.1:{port}/file"]
        kind = "application/grpc+belfry" if name == "Belfry" else "application/grpc"
        return body + ["-H", f"content-type: {kind}", "-H", "te: trailers",
                       f"https://127.0.0.1:{port}/bench.Echo/{method}"]

    def load(self, kind, name, seconds):
        """The load of a peer's own caller on its own server; grpc-swift-2's is called by ours."""
        port = self.server(name).port
        program = [GRPC_CPP] if name == "gRPC C++" else [BIN / "belfry-bench", "rpc-load"]
        output = machine.on_load_core(
            [*program, kind, self.caller, port, "--seconds", seconds])
        return machine.figures(output)
