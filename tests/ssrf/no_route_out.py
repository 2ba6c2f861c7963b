# SPDX-License-Identifier: Apache-2.0
"""Runs inside a network namespace of its own (test_ssrf.py), where nothing leads out: gives its
loopback addresses of each kind, among them one that is public, answers every name, listens on all
of it, and lets webhook-probe deliver to each URL on standard input. Prints, as JSON, how each
ended, which addresses were connected to, and what names were asked for."""

import ctypes
import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PUBLIC = "93.184.216.34"
PORT = 8080
ADDRESSES = [PUBLIC, "10.1.2.3", "169.254.169.254", "192.168.1.1", "100.64.0.1"]
ZONE = {
    "public.example": [PUBLIC],
    "private.example": ["10.1.2.3"],
    "metadata.example": ["169.254.169.254"],
    "loopback.example": ["127.0.0.1"],
    "mixed.example": [PUBLIC, "127.0.0.1"],
    "mapped.example": ["::ffff:127.0.0.1"],
    "loopback6.example": ["::1"],
    "nat64.example": ["64:ff9b::7f00:1"],
    # Public when it is judged, ours when it is asked for again.
    "rebinding.example": [PUBLIC],
}
REBOUND = "127.0.0.1"
SIOCSIFFLAGS, SIOCSIFADDR, IFF_UP = 0x8914, 0x8916, 1
MS_BIND = 4096


def raise_loopback() -> None:
    control = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP))
    for number, address in enumerate(ADDRESSES, 1):
        packed = struct.pack("16sHH4s8x", f"lo:{number}".encode(), socket.AF_INET, 0,
                             socket.inet_aton(address))
        fcntl.ioctl(control, SIOCSIFADDR, packed)


def use_resolver() -> None:
    """Ours alone, for whatever process of this mount namespace."""
    libc = ctypes.CDLL(None, use_errno=True)
    for target, content in (("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1\n"),
                            ("/etc/nsswitch.conf", "hosts: dns\n")):
        with tempfile.NamedTemporaryFile("w", delete=False) as file:
            file.write(content)
        os.chmod(file.name, 0o644)
        if libc.mount(file.name.encode(), os.path.realpath(target).encode(), None, MS_BIND, None):
            raise OSError(ctypes.get_errno(), f"mount over {target}")


class Resolver(threading.Thread):
    """Authority for everything; what is asked for twice gets the other answer the second time."""

    def __init__(self):
        super().__init__(daemon=True)
        self.asked: list[str] = []
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 53))

    def run(self) -> None:
        while True:
            query, client = self._socket.recvfrom(512)
            self._socket.sendto(self._answer(query), client)

    def _answer(self, query: bytes) -> bytes:
        labels, at = [], 12
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        name, kind = ".".join(labels), struct.unpack(">H", query[at + 1:at + 3])[0]
        family = {1: socket.AF_INET, 28: socket.AF_INET6}.get(kind)
        addresses = ZONE.get(name, [])
        if family == socket.AF_INET:
            if name == "rebinding.example" and name in self.asked:
                addresses = [REBOUND]
            self.asked.append(name)
        records = [socket.inet_pton(family, address) for address in addresses
                   if family and (":" in address) == (family == socket.AF_INET6)]
        answers = b"".join(b"\xc0\x0c" + struct.pack(">HHIH", kind, 1, 0, len(data)) + data
                           for data in records)
        return (query[:2] + struct.pack(">HHHHH", 0x8580, 1, len(records), 0, 0)
                + query[12:at + 5] + answers)


class Canary(BaseHTTPRequestHandler):
    hits: list[str] = []

    def do_POST(self) -> None:
        self.hits.append(self.connection.getsockname()[0])
        self.rfile.read(int(self.headers["Content-Length"]))
        moved = self.path.startswith("/redirect")
        self.send_response(302 if moved else 200)
        if moved:
            self.send_header("Location", f"http://127.0.0.1:{PORT}/")
        self.send_header("Content-Length", "0")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, format: str, *args) -> None:  # pylint: disable=redefined-builtin
        pass


class V6Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6


def main() -> None:
    probe, key_file = sys.argv[1:]
    raise_loopback()
    use_resolver()
    resolver = Resolver()
    resolver.start()
    for server in (ThreadingHTTPServer(("0.0.0.0", PORT), Canary), V6Server(("::1", PORT), Canary)):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    outcomes = []
    for url, *options in json.load(sys.stdin):
        hits, asked = len(Canary.hits), len(resolver.asked)
        # A proxy of the environment would connect where it is told to.
        done = subprocess.run([probe, key_file, url, *options], capture_output=True, text=True,
                              env={"http_proxy": f"http://127.0.0.1:{PORT}"}, check=False)
        outcomes.append({"url": url, "outcome": done.stdout.strip() or done.stderr,
                         "hits": Canary.hits[hits:], "asked": resolver.asked[asked:]})
    json.dump(outcomes, sys.stdout)


if __name__ == "__main__":
    main()
