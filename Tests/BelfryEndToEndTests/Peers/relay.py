"""A TCP relay between a worker and its coordinator: `relay.py PORT TO FOLDER`.

While FOLDER/stuck is there, whatever connections there are make no progress any more, now or later, and
nobody is told; new ones are taken and make none either. Those made after it is removed work. Datagrams
do not come this way.
"""

import os
import socket
import sys
import threading


def main():
    port, to, folder = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
    stuck = os.path.join(folder, "stuck")
    listener = socket.create_server(("127.0.0.1", port))
    print("listens", flush=True)
    while True:
        worker, _ = listener.accept()
        try:
            coordinator = socket.create_connection(("127.0.0.1", to))
        except OSError:
            worker.close()  # it is not there yet
            continue
        print("taken", flush=True)
        for ways in ((worker, coordinator), (coordinator, worker)):
            threading.Thread(target=pass_on, args=(*ways, stuck), daemon=True).start()


def pass_on(one, other, stuck):
    one.settimeout(0.05)
    while True:
        if os.path.exists(stuck):
            print("stuck", flush=True)
            # Both sockets stay open: neither end hears of it.
            threading.Event().wait()
        try:
            data = one.recv(65_536)
        except TimeoutError:
            continue
        except OSError:
            data = b""
        if not data:
            break
        try:
            other.sendall(data)
        except OSError:
            break
    for end in (one, other):
        try:
            end.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # closed already


if __name__ == "__main__":
    main()
