# SPDX-License-Identifier: Apache-2.0
"""A gateway dies with a thousand readers: each goes on at the other, without a gap, a double or a
change of order."""

import asyncio
import json
import random
from urllib.parse import urlsplit

from fleet import Load
from support.flow import TERMINAL
from support.invariants import check_all
from support.recording import wav

READERS = 1000
PATIENCE_S = 120


class Reader:
    """An EventSource in a few lines, so that a thousand of them fit."""

    def __init__(self, urls: list[str], path: str):
        self.ids: list[int] = []
        self.types: list[str] = []
        self.connections = 0
        self._urls = urls
        self._path = path

    async def run(self) -> None:
        while not set(self.types) & set(TERMINAL):
            url = self._urls[self.connections % len(self._urls)]
            self.connections += 1
            try:
                await self._read(url)
            except OSError:
                await asyncio.sleep(random.uniform(0.05, 0.5))

    async def _read(self, url: str) -> None:
        address = urlsplit(url)
        reader, writer = await asyncio.open_connection(address.hostname, address.port)
        last = f"Last-Event-ID: {self.ids[-1]}\r\n" if self.ids else ""
        writer.write(f"GET {self._path} HTTP/1.1\r\nHost: {address.netloc}\r\n{last}\r\n".encode())
        try:
            status = (await reader.readline()).split()
            assert not status or status[1] == b"200", status
            await self._read_events(reader)
        finally:
            writer.close()

    async def _read_events(self, reader: asyncio.StreamReader) -> None:
        event_type = ""
        while line := await reader.readline():
            name, _, value = line.decode().strip().partition(": ")
            if name == "event":
                event_type = value
            elif name == "id":
                self.ids.append(int(value))
            elif name == "data":
                json.loads(value)
                self.types.append(event_type)


async def read_all(readers: list[Reader], meanwhile) -> None:
    tasks = [asyncio.create_task(reader.run()) for reader in readers]
    while sum(1 for reader in readers if reader.ids) < len(readers):
        await asyncio.sleep(0.05)
        assert not any(task.done() and task.exception() for task in tasks)
    await asyncio.to_thread(meanwhile)
    await asyncio.wait_for(asyncio.gather(*tasks), PATIENCE_S)


def test_a_gateway_dies_with_a_thousand_readers(fleet, seed):
    fleet.options["gateway-1"] = fleet.options["gateway-2"] = {"http-address-connections": "0"}
    for name in ("gateway-1", "gateway-2"):
        fleet.restart(name)
    load = Load(fleet, seed)
    job = load.add_unsent_recording(wav(22, first=50000))
    readers = [Reader(fleet.urls(), job.facts["stream_url"]) for _ in range(READERS)]

    def upload_and_kill() -> None:
        job.upload_chunk(0)
        fleet.kill("gateway-1")
        for index in range(1, 4):
            job.upload_chunk(index)
        fleet.start("gateway-1")

    asyncio.run(read_all(readers, upload_and_kill))

    check_all(fleet.installation, [*load.jobs, job])
    assert all(reader.ids == job.stream.ids for reader in readers)
    assert sum(reader.connections > 1 for reader in readers) == READERS
    fleet.options["gateway-1"] = fleet.options["gateway-2"] = {}
