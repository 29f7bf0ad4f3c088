"""TLS: silence, slowness, junk, churn, and what is not TLS 1.3 with HTTP/2."""

import ctypes
import os
import random
import resource
import select
import socket
import ssl
import time

from attacks.catalogue import all_of, attack, flood
from attacks.wire import *


def sources(count, first=16):
    """Addresses of this machine from which nobody else comes."""
    return [f"127.0.{first}.{n + 1}" for n in range(count)]


def hold(target, addresses, each, say=b"", seconds=8, trickle=b""):
    """Opens connections, says little on them, and tells whether all are closed in time."""
    held = []
    for address in addresses:
        for _ in range(each):
            try:
                held.append(connect(target, address))
                held[-1].send(say) if say else None
            except OSError:
                pass
    end, position = time.monotonic() + seconds, 0
    while held and time.monotonic() < end:
        ready, _, _ = select.select(held, [], [], 0.05)
        for one in ready:
            if ended(one):
                held.remove(one)
                one.close()
        if trickle and position < len(trickle):
            for one in held:
                try:
                    one.send(trickle[position:position + 1])
                except OSError:
                    pass
            position += 1
    for one in held:
        one.close()
    return "cut" if not held else f"{len(held)} connections were not closed"


def ended(one):
    try:
        return one.recv(4_096) == b""
    except OSError:
        return True


def client_hello(target):
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context(target).wrap_bio(incoming, outgoing, server_hostname="x")
    try:
        tls.do_handshake()
    except ssl.SSLWantReadError:
        pass
    return outgoing.read()


@attack("cut", "idle TCP: 300 connections of one address", connections=1)
def tcp_idle(target):
    return hold(target, sources(1), 300)


@attack("cut", "idle TCP from many addresses: every place of a handshake is taken", connections=1)
def tcp_idle_many(target):
    return hold(target, sources(4, 17), 60, seconds=14)


@attack("cut", "handshakes a byte at a time", connections=1)
def tls_dribble(target):
    return hold(target, sources(1, 18), 50, trickle=client_hello(target))


@attack("cut", "handshakes that stop in the middle", connections=1)
def tls_half(target):
    return hold(target, sources(1, 19), 50, say=client_hello(target))


@attack("cut", "random bytes instead of TLS")
def tls_junk(target):
    end, made, cut = time.monotonic() + target.seconds, 0, 0
    while made == 0 or time.monotonic() < end:
        try:
            one = connect(target)
            made += 1
            one.sendall(random.randbytes(2_000))
        except OSError:
            cut += 1
            continue
        one.settimeout(5)
        try:
            while one.recv(4_096):
                pass
            cut += 1
        except TimeoutError:
            pass
        except OSError:
            cut += 1
        one.close()
    return "cut" if cut == made else f"{made - cut} of {made} were not cut"


@attack("served", "connections made and dropped as fast as it goes")
def tls_churn(target):
    end = time.monotonic() + target.seconds
    while time.monotonic() < end:
        try:
            Peer(target, hello=False).close()
        except OSError:
            pass
    return "served"


def refused(target, *arguments, **options):
    """True when the handshake fails, or the connection ends without a word of HTTP/2."""
    tcp = connect(target)
    tcp.settimeout(5)
    try:
        with context(target, *arguments, **options).wrap_socket(tcp, server_hostname="x") as one:
            return one.recv(100) == b""
    except (ssl.SSLError, ConnectionError):
        return True
    except TimeoutError:
        return False
    finally:
        tcp.close()


@attack("refused", "not TLS 1.3, not HTTP/2, not TLS", connections=1)
def tls_others(target):
    def plain():
        one = connect(target)
        one.settimeout(5)
        one.sendall(PREFACE + settings())
        try:
            while got := one.recv(4_096):
                assert got[:1] == b"\x15", got
        except ConnectionError:
            pass
        one.close()
        return True

    with_tls12 = {"newest": ssl.TLSVersion.TLSv1_2}
    return all_of({
        name: "refused" if good else "taken" for name, good in {
            "TLS 1.2": refused(target, **with_tls12),
            "HTTP/1.1": refused(target, protocols=("http/1.1",)),
            "no ALPN": refused(target, protocols=()), "HTTP/2 without TLS": plain(),
        }.items()}, "refused")


@attack("cut", "TLS and then silence: no preface", connections=1)
def no_preface(target):
    held = [Peer(target, hello=False) for _ in range(20)]
    results = [one.cut_within(4) for one in held]
    for one in held:
        one.close()
    return "cut" if all(results) else f"{results.count(False)} of 20 were not cut"


@attack("cut", "KeyUpdate flood")
def key_updates(target):
    """Python has no call for it, so OpenSSL is asked directly."""
    tls = ctypes.CDLL("libssl.so.3")
    for name in ("TLS_client_method", "SSL_CTX_new", "SSL_new"):
        getattr(tls, name).restype = ctypes.c_void_p
    made = ctypes.c_void_p(tls.SSL_CTX_new(ctypes.c_void_p(tls.TLS_client_method())))
    tls.SSL_CTX_set_alpn_protos(made, b"\x02h2", 3)
    tcp = connect(target)
    tcp.settimeout(None)
    one = ctypes.c_void_p(tls.SSL_new(made))
    tls.SSL_set_fd(one, tcp.fileno())
    try:
        if tls.SSL_connect(one) != 1:
            return "no handshake"
        tcp.settimeout(0)
        end, sent = time.monotonic() + target.seconds, 0
        while time.monotonic() < end:
            # The next may be asked for only when the last has been written.
            if tls.SSL_key_update(one, sent % 2) == 1 and tls.SSL_do_handshake(one) == 1:
                sent += 1
            elif select.select([tcp], [], [], 0)[0] and ended(tcp):
                break
        end = time.monotonic() + 3
        while time.monotonic() < end:
            if select.select([tcp], [], [], 0.1)[0] and ended(tcp):
                return "cut"
        return f"not cut after {sent} updates"
    finally:
        tls.SSL_free(one)
        tls.SSL_CTX_free(made)
        tcp.close()


@attack("served", "the last file descriptor is taken", connections=1, short=False)
def file_descriptors(target):
    """The server's limit is lowered to a little above what it has open, and the rest used up."""
    files = len(os.listdir(f"/proc/{target.pid}/fd"))
    soft, hard = resource.prlimit(target.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (files + 20, hard))
    try:
        began = cpu_seconds(target.pid)
        held = [connect(target, address) for address in sources(2, 20) for _ in range(40)]
        time.sleep(2)
        used = cpu_seconds(target.pid) - began
        for one in held:
            one.close()
    finally:
        resource.prlimit(target.pid, resource.RLIMIT_NOFILE, (soft, hard))
    return "served" if used < 1 else f"the server spun: {used:.1f} s of CPU in 2 s"


def cpu_seconds(pid):
    with open(f"/proc/{pid}/stat") as file:
        parts = file.read().rsplit(")", 1)[1].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")
