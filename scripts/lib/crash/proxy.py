"""A TCP proxy that stands on one link of the cluster and breaks something at message k.

`arm(k, fault)` counts messages from then on, both directions together. Message k is held back while
the fault strikes, so it is exact: what came before has been passed on, k has not. A fault says
whether k still goes through; where it does not, nothing more of that connection does.
"""

import socket
import struct
import threading
import time

UP, DOWN = "up", "down"  # towards the server, towards the client
RESET = struct.pack("ii", 1, 0)


class Proxy:
    def __init__(self, target, protocol, messages):
        """`target`: (host, port). `messages`: makes the reader that cuts a stream into messages."""
        self.target, self.protocol, self.messages = target, protocol, messages
        self.lock = threading.RLock()
        self.opened = threading.Condition(self.lock)
        self.silent, self.connections = set(), set()
        self.count, self.strike_at, self.fault, self.struck = 0, None, None, None
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    # --- Faults ---

    def arm(self, at, fault):
        """From now on message number `at` (from 1; None: only count) meets `fault`."""
        with self.lock:
            self.count, self.strike_at, self.fault, self.struck = 0, at, fault, None

    def silence(self, *directions):
        """Passes on nothing more in these directions, on connections there are and on new ones."""
        with self.lock:
            self.silent.update(directions)

    def heal(self):
        """What was held back arrives late, as TCP has it."""
        with self.lock:
            self.silent.clear()
            self.opened.notify_all()

    def reset(self):
        """Ends every connection at once, with RST to both ends."""
        with self.lock:
            for connection in list(self.connections):
                connection.reset()

    def close(self):
        self.heal()
        self.listener.close()
        self.reset()

    # --- Passing on ---

    def accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self.connect, args=(client,), daemon=True).start()

    def connect(self, client):
        try:
            server = socket.create_connection(self.target, timeout=5)
        except OSError:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            client.close()
            return
        server.settimeout(None)
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = Connection(client, server)
        with self.lock:
            self.connections.add(connection)
        for source, sink, way in ((client, server, UP), (server, client, DOWN)):
            threading.Thread(target=self.pump, args=(connection, source, sink, way),
                             daemon=True).start()

    def pump(self, connection, source, sink, way):
        messages = self.messages(self.protocol)
        try:
            while data := source.recv(1 << 16):
                for message in messages.feed(data):
                    if not self.passes(connection, message, way):
                        connection.reset()
                        return
                    sink.sendall(message)
            self.await_open(way)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            self.await_open(way)
            connection.reset()
        finally:
            if connection.ended():
                with self.lock:
                    self.connections.discard(connection)

    def passes(self, connection, message, way):
        with self.lock:
            self.count += 1
            if self.count == self.strike_at:
                self.struck = f"{self.protocol.name(message)} {way}"
                fault, self.fault = self.fault, None
                if not fault(self, way):
                    return False
        self.await_open(way)
        return not connection.is_reset

    def await_open(self, way):
        with self.lock:
            while way in self.silent:
                self.opened.wait()


class Connection:
    def __init__(self, client, server):
        self.ends, self.is_reset, self.ways = (client, server), False, 2

    def reset(self):
        self.is_reset = True
        for end in self.ends:
            try:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
                end.close()
            except OSError:
                pass  # closed already

    def ended(self):
        """One direction has ended; true when it was the last, and then both sockets are closed."""
        self.ways -= 1
        if self.ways == 0:
            for end in self.ends:
                end.close()
        return self.ways == 0


def await_struck(proxy, done, seconds):
    """Waits until the fault has struck; false when `done` says that the run ended before."""
    deadline = time.monotonic() + seconds
    while proxy.struck is None and time.monotonic() < deadline:
        if done():
            return proxy.struck is not None
        time.sleep(0.005)
    return proxy.struck is not None
