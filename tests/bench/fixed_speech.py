# SPDX-License-Identifier: Apache-2.0
"""A speech service that answers every request alike after a fixed time, and knows how long it
really took: what is left of a measured time without it is chunkscribe's own."""

import asyncio
import json
import threading
import time

REPLY = json.dumps({
    "task": "transcribe", "language": "english", "duration": 5.9, "text": "It was measured.",
    "segments": [{"id": 0, "start": 0.5, "end": 2.0, "text": " It was measured.",
                  "avg_logprob": -0.2, "no_speech_prob": 0.01, "compression_ratio": 1.0}],
    "words": [{"word": "It", "start": 0.5, "end": 0.8}, {"word": "was", "start": 0.9, "end": 1.2},
              {"word": "measured", "start": 1.3, "end": 2.0}]}).encode()


class FixedSpeech:
    """Serves in a thread of its own; `took_s` has the duration of each answer."""

    def __init__(self, delay_s: float):
        self._delay_s = delay_s
        self.took_s: list[float] = []
        self.port = 0
        self._loop = asyncio.new_event_loop()
        started = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(started,), daemon=True)
        self._thread.start()
        started.wait()

    def close(self) -> None:
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _run(self, started: threading.Event) -> None:
        asyncio.set_event_loop(self._loop)
        server = self._loop.run_until_complete(
            asyncio.start_server(self._serve, "127.0.0.1", 0, limit=1 << 22))
        self.port = server.sockets[0].getsockname()[1]
        started.set()
        self._loop.run_forever()

    async def _serve(self, reader, writer) -> None:
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
                if "expect: 100-continue" in head:
                    writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
                length = next((int(line.split(":")[1]) for line in head.split("\r\n")
                               if line.startswith("content-length:")), 0)
                await reader.readexactly(length)
                began = time.perf_counter()
                await asyncio.sleep(self._delay_s)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                             b"Content-Length: %d\r\n\r\n" % len(REPLY) + REPLY)
                await writer.drain()
                self.took_s.append(time.perf_counter() - began)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()
