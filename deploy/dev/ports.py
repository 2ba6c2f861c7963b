# SPDX-License-Identifier: Apache-2.0
"""Free ports below the ephemeral range, where a client's own port can never collide with ours."""

import random
import socket

from .console import DevError

# What this process draws from; several that share a machine can take a part each.
PORTS = range(10_000, 32_768)
_given: set[int] = set()


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def is_answering(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=0.5):
            return True
    except OSError:
        return False


def free_port() -> int:
    """A free port drawn at random, so that two runs at the same time seldom want the same one. It
    is given once: whoever has it may leave it for a while."""
    for _ in range(200):
        port = random.choice(PORTS)
        if port not in _given and is_free(port):
            _given.add(port)
            return port
    raise DevError(f"no free port between {PORTS[0]} and {PORTS[-1]}")


def preferred_port(port: int) -> int:
    """`port` if it is free, else any."""
    return port if is_free(port) else free_port()
