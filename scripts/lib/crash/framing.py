"""Where one message ends and the next begins, in the three protocols that Belfry speaks.

A cell is driven by the number of a message, so the proxy must see messages, not pieces of a stream.
AMQP and MongoDB are read in clear; of TLS only the records can be told apart, which is enough.
"""

# Method frames of AMQP 0-9-1 that matter here, by class and method.
METHODS = {
    (10, 10): "connection.start", (10, 11): "connection.start-ok", (10, 40): "connection.open",
    (10, 50): "connection.close", (20, 10): "channel.open", (20, 40): "channel.close",
    (40, 10): "exchange.declare", (50, 10): "queue.declare", (50, 11): "queue.declare-ok",
    (50, 20): "queue.bind", (60, 10): "basic.qos", (60, 20): "basic.consume",
    (60, 30): "basic.cancel", (60, 40): "basic.publish", (60, 60): "basic.deliver",
    (60, 80): "basic.ack", (60, 120): "basic.nack", (85, 10): "confirm.select",
}
FRAMES = {2: "header", 3: "body", 8: "heartbeat"}


class Amqp:
    """Frames: type, channel, length, payload, 0xCE; the client's first bytes are a header of 8."""

    @staticmethod
    def length(data):
        if data[:4] == b"AMQP":
            return 8
        return 8 + int.from_bytes(data[3:7], "big") if len(data) >= 7 else None

    @staticmethod
    def name(message):
        if message[:4] == b"AMQP":
            return "protocol header"
        if message[0] != 1:
            return FRAMES.get(message[0], f"frame {message[0]}")
        method = (int.from_bytes(message[7:9], "big"), int.from_bytes(message[9:11], "big"))
        return METHODS.get(method, "{}.{}".format(*method))


class Mongo:
    """Messages: length, request id, answers to, opcode; a command's name is its first key."""

    OP_MSG = 2013

    @staticmethod
    def length(data):
        return int.from_bytes(data[:4], "little") if len(data) >= 4 else None

    @classmethod
    def name(cls, message):
        if int.from_bytes(message[12:16], "little") != cls.OP_MSG:
            return "hello"
        key = message[26:].split(b"\0", 1)[0].decode(errors="replace")
        return f"answer {key}" if message[8:12] != b"\0\0\0\0" else key


class Tls:
    """Records: type, version, length; what is in them nobody sees."""

    @staticmethod
    def length(data):
        return 5 + int.from_bytes(data[3:5], "big") if len(data) >= 5 else None

    @staticmethod
    def name(message):
        kind = {20: "change cipher", 21: "alert", 22: "handshake", 23: "data"}.get(message[0], "?")
        return f"record {kind} of {len(message) - 5}"


class Messages:
    """Cuts a stream into whole messages."""

    def __init__(self, protocol):
        self.protocol, self.rest = protocol, b""

    def feed(self, data):
        self.rest += data
        while (length := self.protocol.length(self.rest)) and len(self.rest) >= length:
            message, self.rest = self.rest[:length], self.rest[length:]
            yield message
