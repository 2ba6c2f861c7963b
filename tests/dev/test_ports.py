# SPDX-License-Identifier: Apache-2.0
"""Who has been given a port can leave it for a while: no other start of the same run gets it."""

import pytest

from dev import ports
from dev.console import DevError


def test_a_port_is_given_once(monkeypatch):
    monkeypatch.setattr(ports, "PORTS", ports.PORTS[:10])
    given = []
    with pytest.raises(DevError):
        while True:
            given.append(ports.free_port())

    assert len(set(given)) == len(given)
