# SPDX-License-Identifier: Apache-2.0
"""A TCP proxy that does to connections what networks do: cuts them, resets them, lets nothing
through for a while, or refuses new ones."""

import select
import socket
import struct
import threading
import time

from dev.ports import free_port

PIECE = 1 << 16
LOOK_S = 0.05


class TcpProxy:
    """Listens on `port` of the loopback for one target, until close()."""

    def __init__(self, target_port: int, port: int | None = None):
        self.port = port or free_port()
        self.target_port = target_port
        self._lock = threading.Lock()
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._flowing = threading.Event()
        self._flowing.set()
        self._is_refusing = False
        self._is_closed = False
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self) -> None:
        self._is_closed = True
        self._listener.close()
        self._flowing.set()
        self.cut()

    def cut(self) -> int:
        """Ends every connection as a process that dies does (FIN). How many there were."""
        return self._end(socket.SHUT_RDWR)

    def reset(self) -> int:
        """Ends every connection as a machine that has forgotten it does (RST)."""
        return self._end(None)

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

    def _end(self, how) -> int:
        with self._lock:
            pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for end in pair:
                self._close(end, how)
        return len(pairs)

    @staticmethod
    def _close(end: socket.socket, how) -> None:
        try:
            if how is None:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            end.shutdown(socket.SHUT_RDWR if how is None else how)
        except OSError:
            pass  # the other side was first
        if how is None:
            end.close()

    def _accept(self) -> None:
        while not self._is_closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        if self._is_refusing:
            self._close(client, None)
            return
        try:
            server = socket.create_connection(("127.0.0.1", self.target_port))
        except OSError:
            self._close(client, None)
            return
        for end in (client, server):
            end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        pair = (client, server)
        with self._lock:
            self._pairs.append(pair)
        try:
            self._copy(client, server)
        except (OSError, ValueError):
            pass  # cut, here or there
        with self._lock:
            if pair in self._pairs:
                self._pairs.remove(pair)
        client.close()
        server.close()

    def _copy(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._is_closed:
            if not self._flowing.is_set():
                time.sleep(LOOK_S)
                continue
            for end in select.select([client, server], [], [], LOOK_S)[0]:
                data = end.recv(PIECE)
                if not data:
                    return
                other[end].sendall(data)
