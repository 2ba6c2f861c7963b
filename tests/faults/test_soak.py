# SPDX-License-Identifier: Apache-2.0
"""Random faults, one after the other, while many clients send long recordings: 200 jobs of twenty
chunks in every `./dev test faults`, and as many more as `./dev soak --seed N --minutes M` has time
for."""

import os
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

from fleet import NAMES, TAKEN_OVER_S, Load, kind_of
from support.invariants import check_all
from support.recording import Recording, wav

MINUTES = float(os.environ.get("CHUNKSCRIBE_SOAK_MINUTES", 0))
JOBS = int(os.environ.get("CHUNKSCRIBE_SOAK_JOBS", 200))
CLIENTS = 8
# Between two faults a job gets on, and some jobs meet many of them.
JOB_WITHIN_S = 300
TWENTY_CHUNKS_S = 118
SPEECH_FAULTS = (
    {"do": "status", "status": 429, "retry_after": 1},
    {"do": "status", "status": 500},
    {"do": "status", "status": 503},
    {"do": "reset"}, {"do": "cut"}, {"do": "truncate"}, {"do": "html"},
)


def long_sound(number: int) -> Recording:
    return wav(TWENTY_CHUNKS_S, first=1000 * (number % 4))


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
        time.sleep(self._draw.choice((0, 0, TAKEN_OVER_S)))
        self._fleet.revive()

    def _stand_still(self) -> None:
        name = self._draw.choice(NAMES)
        self._fleet.signal(name, signal.SIGSTOP)
        time.sleep(self._draw.uniform(0.5, TAKEN_OVER_S))
        self._fleet.signal(name, signal.SIGCONT)

    def _leave(self) -> None:
        name = self._draw.choice([n for n in NAMES if kind_of(n) != "gateway"])
        self._fleet.restart(name)

    def _speech(self) -> None:
        fault = self._draw.choice(SPEECH_FAULTS)
        # One that has met no request is over: or the last chunks would meet all of them.
        self._fleet.installation.speech.script.reset()
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


def send(load: Load, until: float) -> None:
    """One client: each recording to its end before the next."""
    while len(load.jobs) < JOBS or time.monotonic() < until:
        load.add_unsent().upload().stream.terminal(JOB_WITHIN_S)


def test_soak(forbearing, services, seed):
    fleet = forbearing
    chaos = Chaos(fleet, services, seed)
    load = Load(fleet, seed, sounds=long_sound)
    until = time.monotonic() + MINUTES * 60
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(send, load, until) for _ in range(CLIENTS)]
        while not all(client.done() for client in clients):
            chaos.strike()
            time.sleep(0.3)
    for client in clients:
        client.result()
    print(f"seed {seed}: {len(load.jobs)} jobs, "
          f"{sum(len(job.acknowledged) for job in load.jobs)} chunks, faults {chaos.counts}")
    check_all(fleet.installation, load.jobs)
