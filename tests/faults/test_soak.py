# SPDX-License-Identifier: Apache-2.0
"""Random faults, one after the other, under a steady load: `./dev soak --seed N --minutes M`, and
for a minute in every `./dev test faults`."""

import os
import random
import signal
import time

from fleet import NAMES, Load, kind_of, sound
from support.invariants import check_all
from support.recording import Recording, wav

MINUTES = float(os.environ.get("CHUNKSCRIBE_SOAK_MINUTES", 0.75))
SPEECH_FAULTS = (
    {"do": "status", "status": 429, "retry_after": 1},
    {"do": "status", "status": 500},
    {"do": "status", "status": 503},
    {"do": "reset"}, {"do": "cut"}, {"do": "truncate"}, {"do": "html"},
)


# Every eighth recording has twenty chunks.
LONG_EVERY = 8
LONG_S = 118


def sound_of_any_length(number: int) -> Recording:
    if number % LONG_EVERY:
        return sound(number)
    return wav(LONG_S, first=1000 * (number // LONG_EVERY % 4))


class Chaos:
    """Draws a fault, lets it happen, and mends what it broke."""

    def __init__(self, fleet, services, seed: int):
        self._fleet = fleet
        self._services = services
        self._draw = random.Random(seed)
        self.counts: dict[str, int] = {}

    def strike(self) -> None:
        name = self._draw.choices(("kill", "stand_still", "leave", "speech", "kafka_connections",
                                   "broker", "postgres"), (8, 4, 4, 8, 3, 1, 2))[0]
        self.counts[name] = self.counts.get(name, 0) + 1
        getattr(self, "_" + name)()

    def _kill(self) -> None:
        for name in self._draw.sample(NAMES, self._draw.choice((1, 1, 2))):
            self._fleet.kill(name)
        time.sleep(self._draw.choice((0, 0, 2)))
        self._fleet.revive()

    def _stand_still(self) -> None:
        name = self._draw.choice(NAMES)
        self._fleet.signal(name, signal.SIGSTOP)
        time.sleep(self._draw.uniform(0.5, 4))
        self._fleet.signal(name, signal.SIGCONT)

    def _leave(self) -> None:
        name = self._draw.choice([n for n in NAMES if kind_of(n) != "gateway"])
        self._fleet.restart(name)

    def _speech(self) -> None:
        fault = self._draw.choice(SPEECH_FAULTS)
        self._fleet.installation.speech.script.add([{**fault, "times": self._draw.randint(1, 2)}])

    def _kafka_connections(self) -> None:
        proxy = self._services.kafka_proxy
        getattr(proxy, self._draw.choice(("cut", "reset", "stall", "refuse")))()
        time.sleep(self._draw.uniform(0.2, 2))
        proxy.flow()

    def _broker(self) -> None:
        self._services.table.kill("kafka")
        self._services.kafka.start()

    def _postgres(self) -> None:
        self._services.postgres.stop_at_once()
        self._services.postgres.start()


def test_soak(forbearing, services, seed):
    fleet = forbearing
    chaos = Chaos(fleet, services, seed)
    load = Load(fleet, seed, sounds=sound_of_any_length)
    until = time.monotonic() + MINUTES * 60
    with load.going_on():
        while time.monotonic() < until:
            chaos.strike()
            time.sleep(0.3)
    print(f"seed {seed}: {len(load.jobs)} jobs, "
          f"{sum(len(job.acknowledged) for job in load.jobs)} chunks, faults {chaos.counts}")
    check_all(fleet.installation, load.jobs)
