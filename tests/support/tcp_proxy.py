# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that does to connections what networks do: cuts them, resets them, lets nothing
through for a while, or refuses new ones."""

import socket
import struct
import threading
from contextlib import suppress

from dev.ports import free_port

PIECE = 1 << 16
Pair = tuple[socket.socket, socket.socket]


def _shut(end: socket.socket, how: int) -> None:
    with suppress(OSError):  # the other side was first
        end.shutdown(how)


def _will_reset(end: socket.socket) -> None:
    """Its close sends RST and not FIN."""
    with suppress(OSError):
        end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


class TcpProxy:
    """Listens on `port` of the loopback for one target, until close(). Each direction of a
    connection has a thread that sleeps until something comes: heartbeats pass here, and looking
    around again and again would take the time that they need."""

    def __init__(self, target_port: int, port: int | None = None):
        self.port = port or free_port()
        self.target_port = target_port
        self._lock = threading.Lock()
        self._pairs: set[Pair] = set()
        self._flowing = threading.Event()
        self._flowing.set()
        self._is_refusing = False
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        _shut(self._listener, socket.SHUT_RDWR)
        self._listener.close()
        self._flowing.set()
        self.cut()

    def cut(self) -> int:
        """Ends every connection as a process that dies does (FIN). How many there were."""
        pairs = self._take_pairs()
        for end in (end for pair in pairs for end in pair):
            _shut(end, socket.SHUT_RDWR)
        return len(pairs)

    def reset(self) -> int:
        """Ends every connection as a machine that has forgotten it does (RST)."""
        pairs = self._take_pairs()
        for client, server in pairs:
            _will_reset(client)
            _will_reset(server)
            _shut(client, socket.SHUT_RD)  # tells nobody but the thread that reads
        return len(pairs)

    def stall(self) -> None:
        """Nothing passes, in no direction, and no connection ends, until flow()."""
        self._flowing.clear()

    def refuse(self) -> None:
        """New connections are reset at once, and the open ones cut, until flow()."""
        self._is_refusing = True
        self.cut()

    def flow(self) -> None:
        self._is_refusing = False
        self._flowing.set()

    def _take_pairs(self) -> set[Pair]:
        with self._lock:
            pairs, self._pairs = self._pairs, set()
        return pairs

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        server = None if self._is_refusing else self._connect()
        if not server:
            _will_reset(client)
            client.close()
            return
        pair = (client, server)
        for end in pair:
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._pairs.add(pair)
        back = threading.Thread(target=self._copy, args=(pair, server, client), daemon=True)
        back.start()
        self._copy(pair, client, server)
        back.join()
        client.close()
        server.close()

    def _connect(self) -> socket.socket | None:
        try:
            return socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            return None

    def _copy(self, pair: Pair, source: socket.socket, sink: socket.socket) -> None:
        with suppress(OSError):  # cut, here or there
            while pair in self._pairs and (data := source.recv(PIECE)):
                self._flowing.wait()
                sink.sendall(data)
        self._flowing.wait()
        with self._lock:
            self._pairs.discard(pair)
        for end in pair:
            _shut(end, socket.SHUT_RD)
