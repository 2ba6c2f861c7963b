# SPDX-License-Identifier: Apache-2.0
"""What happens to processes, servers and connections from outside, under load."""

import random
import signal
import time

import psycopg
import pytest
from fleet import KINDS, NAMES, TAKEN_OVER_S, Load, kind_of
from support.duplicator import Duplicator
from support.invariants import check_all
from support.tcp_proxy import TcpProxy


@pytest.mark.parametrize("kind", KINDS)
def test_killed_at_random(forbearing, seed, kind):
    fleet = forbearing
    draw = random.Random(seed)
    load = Load(fleet, seed)
    with load.going_on():
        for _ in range(6):
            time.sleep(draw.uniform(0.1, 0.8))  # when it dies is the fault itself
            name = f"{kind}-{draw.choice((1, 2))}"
            fleet.kill(name)
            time.sleep(draw.choice((0, TAKEN_OVER_S)))
            fleet.start(name)
    check_all(fleet.installation, load.jobs)


@pytest.mark.parametrize("kind", KINDS)
def test_stands_still(fleet, seed, kind):
    load = Load(fleet, seed, "gateway-2")
    with load.going_on():
        fleet.signal(f"{kind}-1", signal.SIGSTOP)
        time.sleep(TAKEN_OVER_S)
        fleet.signal(f"{kind}-1", signal.SIGCONT)
    check_all(fleet.installation, load.jobs)


def test_an_assembler_stands_still_inside_a_transaction(fleet, seed):
    """The test holds a job's row, so that the transaction waits in its middle; the process is
    stopped there and its backend let on: now that holds locks which nobody will ever release."""
    installation = fleet.installation
    load = Load(fleet, seed)
    job = load.add_unsent()
    with psycopg.connect(installation.database_url) as holder:
        holder.execute("SELECT 1 FROM jobs WHERE id = %s FOR UPDATE", (job.id,))
        job.upload()
        stopped = fleet.name_of_client(_wait_for_waiting_port(installation))
        fleet.signal(stopped, signal.SIGSTOP)
        holder.rollback()
    try:
        load.add(2)
        check_all(installation, load.jobs)
    finally:
        fleet.signal(stopped, signal.SIGCONT)
    load.add(2)
    check_all(installation, load.jobs)


def _wait_for_waiting_port(installation) -> int:
    """The client's port of a transaction of an assembler that waits for a lock."""
    deadline = time.monotonic() + 30
    while not (found := installation.query(
            "SELECT client_port FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = 'chunkscribe-assembler' AND wait_event_type = 'Lock'")):
        assert time.monotonic() < deadline, "no transaction waits"
        time.sleep(0.02)
    return found[0][0]


def test_rebalance_storm(fleet, seed):
    load = Load(fleet, seed)
    with load.going_on():
        for turn in range(8):
            for name in ("worker-2", "assembler-2"):
                if fleet.is_running(name):
                    (fleet.kill if turn % 4 == 2 else fleet.stop)(name)
                else:
                    fleet.start(name)
            time.sleep(0.5)
    fleet.revive()
    check_all(fleet.installation, load.jobs)


# Servers


@pytest.mark.parametrize("how", ["kill", "stop", "stand still"])
def test_the_broker_is_away(fleet, services, seed, how):
    load = Load(fleet, seed)
    with load.going_on():
        if how == "stand still":
            services.table.signal("kafka", signal.SIGSTOP)
            time.sleep(TAKEN_OVER_S)
            services.table.signal("kafka", signal.SIGCONT)
        else:
            services.table.kill("kafka") if how == "kill" else services.kafka.stop()
            services.kafka.start()
    check_all(fleet.installation, load.jobs)


@pytest.mark.parametrize("times", [1, 3])
def test_postgres_is_ended_at_once(fleet, services, seed, times):
    load = Load(fleet, seed)
    with load.going_on():
        for _ in range(times):
            services.postgres.stop_at_once()
            services.postgres.start()
    check_all(fleet.installation, load.jobs)


# Connections

MISCHIEF = ("cut", "reset", "stall", "refuse")


def trouble(proxies: list[TcpProxy], how: str) -> None:
    for _ in range(3):
        for proxy in proxies:
            getattr(proxy, how)()
        time.sleep(1)
        for proxy in proxies:
            proxy.flow()
        time.sleep(0.5)


@pytest.mark.parametrize("how", MISCHIEF)
def test_connections_to_kafka(fleet, services, seed, how):
    load = Load(fleet, seed)
    with load.going_on():
        trouble([services.kafka_proxy], how)
    check_all(fleet.installation, load.jobs)


@pytest.fixture
def rewired(fleet, services):
    """Everybody's connections to PostgreSQL and to the speech service lead through proxies."""
    installation = fleet.installation
    postgres_port = int(installation.database_url.rpartition(":")[2].partition("/")[0])
    proxies = {"postgres": TcpProxy(postgres_port),
               "speech": TcpProxy(installation.speech.server_port)}
    url = installation.database_url.replace(f":{postgres_port}/", f":{proxies['postgres'].port}/")
    speech = f"http://127.0.0.1:{proxies['speech'].port}/v1"
    for name in NAMES:
        is_worker = kind_of(name) == "worker"
        fleet.options[name] = {"speech-url": speech} if is_worker else {"database-url": url}
        fleet.restart(name)
    yield proxies
    for name in NAMES:
        fleet.options[name] = {}
        fleet.restart(name)
    for proxy in proxies.values():
        proxy.close()


@pytest.mark.parametrize("which", ["postgres", "speech"])
def test_connections(fleet, rewired, seed, which):
    load = Load(fleet, seed)
    with load.going_on():
        for how in MISCHIEF:
            trouble([rewired[which]], how)
    check_all(fleet.installation, load.jobs)


# Delivery


def test_records_are_doubled_and_out_of_order(fleet, seed):
    """Everything that is written is written again, once, somewhat later and in another order; what
    the workers were at is delivered again as well."""
    load = Load(fleet, seed)
    with Duplicator(fleet.installation, seed), load.going_on():
        for name in ("worker-1", "worker-2") * 2:
            time.sleep(1.5)
            fleet.kill(name)
            fleet.start(name)
    check_all(fleet.installation, load.jobs)


# The speech service

PROVIDER_FAULTS = {
    "limited": {"do": "status", "status": 429, "retry_after": 1, "times": 3},
    "overloaded": {"do": "status", "status": 503, "times": 4},
    "broken": {"do": "status", "status": 500, "times": 2},
    "unauthorized": {"do": "status", "status": 401, "times": 3},
    "hang": {"do": "hang", "times": 2},
    "reset": {"do": "reset", "times": 3},
    "half a body": {"do": "cut", "times": 2},
    "half a document": {"do": "truncate", "times": 2},
    "a page": {"do": "html", "times": 2},
    "huge": {"do": "huge", "bytes": 64 << 20, "times": 2},
}


@pytest.mark.parametrize("name", PROVIDER_FAULTS)
def test_the_speech_service_fails(fleet, seed, name):
    fleet.installation.speech.script.add([PROVIDER_FAULTS[name]])
    load = Load(fleet, seed).add(4)
    check_all(fleet.installation, load.jobs)
    assert any(entry["fault"] == PROVIDER_FAULTS[name]["do"]
               for entry in fleet.installation.speech.script.log())
