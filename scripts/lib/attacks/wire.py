"""A peer that says what it likes: TLS by Python, HTTP/2 frames by hand."""

import socket
import ssl
import time

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, PRIORITY, RST, SETTINGS, PUSH, PING, GOAWAY, WINDOW, CONTINUATION = range(10)
END_STREAM, ACK, END_HEADERS, PADDED = 1, 1, 4, 8
CHECK, SUBMIT = "/grpc.health.v1.Health/Check", "/belfry.v1.Jobs/Submit"
HEALTH = "/belfry.v1.Cluster/GetHealth"


def frame(kind, flags=0, stream=0, payload=b"", length=None):
    size = len(payload) if length is None else length
    return size.to_bytes(3, "big") + bytes([kind, flags]) + stream.to_bytes(4, "big") + payload


def settings(*pairs):
    body = b"".join(i.to_bytes(2, "big") + v.to_bytes(4, "big") for i, v in pairs)
    return frame(SETTINGS, payload=body)


def window(increment, stream=0):
    return frame(WINDOW, 0, stream, increment.to_bytes(4, "big"))


def reset(stream, code=8):
    return frame(RST, 0, stream, code.to_bytes(4, "big"))


def integer(value, bits, first=0):
    """An HPACK integer with so many bits in its first byte."""
    full = (1 << bits) - 1
    if value < full:
        return bytes([first | value])
    out, value = [first | full], value - full
    while value >= 128:
        out.append(value % 128 | 128)
        value //= 128
    return bytes(out + [value])


def text(value):
    value = value.encode() if isinstance(value, str) else value
    return integer(len(value), 7) + value


def fields(*pairs):
    """Header fields as literals that no table keeps."""
    return b"".join(b"\0" + text(name) + text(value) for name, value in pairs)


def request(path=CHECK, *more, codec="application/grpc"):
    return fields(
        (":method", "POST"), (":scheme", "https"), (":path", path), (":authority", "x"),
        ("te", "trailers"), ("content-type", codec), *more)


def headers(stream, block=None, flags=END_HEADERS):
    """HEADERS; the list begins with the table of no bytes that the server's SETTINGS ask for."""
    return frame(HEADERS, flags, stream, b"\x20" + (request() if block is None else block))


def message(payload=b"", flag=0, length=None):
    size = len(payload) if length is None else length
    return bytes([flag]) + size.to_bytes(4, "big") + payload


def data(stream, payload=b"", flags=0):
    return frame(DATA, flags, stream, payload)


def call(stream, path=CHECK, payload=b"", **options):
    return headers(stream, request(path, **options)) + data(stream, message(payload), END_STREAM)


class Peer:
    """One connection. What the server does to it is in `goaway`, `resets`, `ended` and `closed`."""

    def __init__(self, target, source="127.0.0.2", identity="ops", opening=b"", ack=True, hello=True,
                 receive=None):
        self.inbox = bytearray()
        self.goaway, self.resets, self.ended, self.answers = None, {}, set(), {}
        self.closed = False
        # What the server lets us send: on a new stream, on each stream, on all of them.
        self.window, self.windows = 65_535, {0: 65_535}
        tcp = connect(target, source, receive)
        try:
            self.socket = context(target, identity).wrap_socket(tcp, server_hostname="x")
        except (OSError, ssl.SSLError):
            tcp.close()
            raise
        if hello:
            # The connection's window is wide, so that only streams are ever held back.
            self.send(PREFACE + (opening or settings()) + window(1 << 30))
            self.wait(lambda: self.has_settings, 5)
            if ack:
                self.send(frame(SETTINGS, ACK))

    has_settings = False

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        try:
            self.socket.close()
        except OSError:
            pass

    def send(self, blob, timeout=1.0):
        """False when the server does not take it, or is gone."""
        if self.closed:
            return False
        try:
            self.socket.settimeout(timeout)
            self.socket.sendall(blob)
            return True
        except TimeoutError:
            return False
        except (OSError, ssl.SSLError):
            self.pump(0.2)
            self.closed = True
            return False

    def pump(self, timeout=0.0):
        """Reads what is there; False when nothing came."""
        if self.closed:
            return False
        try:
            self.socket.settimeout(max(timeout, 1e-6))
            got = self.socket.recv(1 << 18)
        except (TimeoutError, ssl.SSLWantReadError, ssl.SSLWantWriteError):
            return False
        except (OSError, ssl.SSLError, ValueError):
            got = b""
        if not got:
            self.closed = True
            return False
        self.inbox += got
        self.parse()
        return True

    def wait(self, condition, seconds):
        """Reads until the condition holds, or the server is gone, or the time is over."""
        end = time.monotonic() + seconds
        while not condition() and not self.closed and time.monotonic() < end:
            self.pump(max(0.001, min(0.2, end - time.monotonic())))
        return bool(condition())

    def cut_within(self, seconds):
        self.wait(lambda: self.closed, seconds)
        return self.closed

    def is_over(self, stream):
        return stream in self.ended or stream in self.resets or self.closed

    def send_within_window(self, stream, body):
        """Sends DATA if the server's windows allow it; None when they do not."""
        room = min(self.windows[0], self.windows.setdefault(stream, self.window))
        if room < len(body):
            return None
        self.windows[0] -= len(body)
        self.windows[stream] -= len(body)
        return self.send(data(stream, body))

    def parse(self):
        at = 0
        while len(self.inbox) - at >= 9:
            size = int.from_bytes(self.inbox[at:at + 3], "big")
            if len(self.inbox) - at - 9 < size:
                break
            kind, flags = self.inbox[at + 3], self.inbox[at + 4]
            stream = int.from_bytes(self.inbox[at + 5:at + 9], "big")
            self.take(kind, flags, stream, bytes(self.inbox[at + 9:at + 9 + size]))
            at += 9 + size
        del self.inbox[:at]

    def take(self, kind, flags, stream, payload):
        if kind == SETTINGS and not flags & ACK:
            self.has_settings = True
            for at in range(0, len(payload), 6):
                if payload[at:at + 2] == b"\0\4":
                    self.window = int.from_bytes(payload[at + 2:at + 6], "big")
        elif kind == GOAWAY:
            self.goaway = int.from_bytes(payload[4:8], "big")
        elif kind == RST:
            self.resets[stream] = int.from_bytes(payload, "big")
        elif kind == WINDOW:
            more = int.from_bytes(payload, "big")
            self.windows[stream] = self.windows.get(stream, self.window) + more
        elif kind in (DATA, HEADERS):
            if kind == DATA:
                self.answers[stream] = self.answers.get(stream, b"") + payload
            if flags & END_STREAM:
                self.ended.add(stream)


def connect(target, source="127.0.0.2", receive=None):
    tcp = socket.socket()
    try:
        if receive:
            tcp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive)
        tcp.settimeout(10)
        tcp.bind((source, 0))
        tcp.connect(("127.0.0.1", target.port))
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return tcp
    except OSError:
        tcp.close()
        raise


_contexts = {}


def context(target, identity="ops", protocols=("h2",), newest=None):
    key = (identity, protocols, newest)
    if key not in _contexts:
        made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        made.check_hostname = False
        made.load_verify_locations(target.certs / "ops" / "ca.pem")
        if newest:
            made.maximum_version = newest
        if protocols:
            made.set_alpn_protocols(list(protocols))
        if identity:
            folder = target.certs / identity
            made.load_cert_chain(folder / "identity.pem", folder / "identity.key")
        _contexts[key] = made
    return _contexts[key]
