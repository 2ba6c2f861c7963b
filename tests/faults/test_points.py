# SPDX-License-Identifier: Apache-2.0
"""Every fault point of every process, killed, delayed and refused there: the list is the binaries'
own. A process that was killed comes back at once, or only when the other has done its work."""

import itertools
import os
import random
import subprocess

import pytest
from conftest import SEED
from fleet import BUILD, KINDS, Load
from support.invariants import check_all

ACTIONS = ("kill", "delay", "error")
PASSAGES = (1, 2, 5)

# Points that no healthy job passes have tests of their own in test_rare_points.py.
RARE = ("produce.dead.letters", "delivery.dead.letters", "produce.jobs.control",
        "delivery.jobs.control", "claim", "purge", "migrate")


def points(kind: str) -> list[str]:
    listed = subprocess.run([BUILD / f"chunkscribe-{kind}", "--list-fault-points"], check=True,
                            capture_output=True, text=True)
    return listed.stdout.split()


def cases() -> list[tuple]:
    """All pairs of two factors, with the least number of cases: three for each point. With
    CHUNKSCRIBE_FAULTS=full, the whole product."""
    places = [(kind, point) for kind in KINDS for point in points(kind) if point not in RARE]
    if os.environ.get("CHUNKSCRIBE_FAULTS") == "full":
        return [(*place, *rest) for place in places
                for rest in itertools.product(ACTIONS, PASSAGES, (True, False))]
    draw = random.Random(SEED)
    found = []
    for place in places:
        shift, at_once = draw.randrange(3), draw.choice(((True, False, True), (False, True, False)))
        found += [(*place, action, PASSAGES[(number + shift) % 3], at_once[number])
                  for number, action in enumerate(ACTIONS)]
    return found


@pytest.mark.parametrize("kind,point,action,passage,comes_back_at_once", cases())
def test_fault(fleet, seed, kind, point, action, passage, comes_back_at_once):
    name = f"{kind}-1"
    told = fleet.faults_told(name, point, action)
    fleet.arm(name, f"{point}:{action}:{passage}")
    load = Load(fleet, seed, name if kind == "gateway" else "gateway-1")

    load.until(lambda: fleet.faults_told(name, point, action) > told, f"{point} {action}")
    if action == "kill":
        assert fleet.ending(name) == "SIGKILL"
        if comes_back_at_once:
            fleet.start(name)
    load.add()

    check_all(fleet.installation, load.jobs)
