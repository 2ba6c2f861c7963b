# SPDX-License-Identifier: Apache-2.0
"""A real, headless Chromium, driven over the W3C WebDriver protocol."""

import http.client
import json
import os
import subprocess
import time
from pathlib import Path

from dev.ports import free_port

# Nothing but the page itself is to be fetched.
ARGUMENTS = ["--headless", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--autoplay-policy=no-user-gesture-required"]
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"  # the protocol's name for a reference


class Browser:
    def __init__(self, folder: Path):
        port = free_port()
        with (folder / "chromedriver.log").open("wb") as log:
            self._driver = subprocess.Popen(["chromedriver", f"--port={port}"], stdout=log,
                                            stderr=log, stdin=subprocess.DEVNULL)
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._wait_driver()
        arguments = ARGUMENTS + [f"--user-data-dir={folder / 'profile'}"]
        if os.geteuid() == 0:
            arguments.append("--no-sandbox")
        options = {"goog:chromeOptions": {"args": arguments},
                   "goog:loggingPrefs": {"browser": "ALL"}}
        session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": options}})
        self._session = f"/session/{session['sessionId']}"

    def close(self) -> None:
        try:
            self._call("DELETE", self._session)
        finally:
            self._driver.terminate()
            self._driver.wait(10)

    def open(self, url: str) -> None:
        self._call("POST", f"{self._session}/url", {"url": url})

    def send_keys(self, selector: str, text: str) -> None:
        """Also how a file is chosen."""
        element = self._find(selector)
        self._call("POST", f"{self._session}/element/{element}/value", {"text": text})

    def click(self, selector: str) -> None:
        self._call("POST", f"{self._session}/element/{self._find(selector)}/click", {})

    def evaluate(self, expression: str):
        return self._call("POST", f"{self._session}/execute/sync",
                          {"script": f"return {expression}", "args": []})

    def wait_for(self, expression: str, timeout_s: float = 60):
        """Waits until the JavaScript expression is true and gives its value."""
        deadline = time.monotonic() + timeout_s
        while not (value := self.evaluate(expression)):
            assert time.monotonic() < deadline, f"{expression} did not come true: {self.text()}"
            time.sleep(0.05)
        return value

    def text(self) -> str:
        return self.evaluate("document.body.innerText")

    def complaints(self) -> list[str]:
        """What the page wrote to its console as an error or a warning."""
        entries = self._call("POST", f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def _find(self, selector: str) -> str:
        found = self._call("POST", f"{self._session}/element",
                           {"using": "css selector", "value": selector})
        return found[ELEMENT]

    def _wait_driver(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                self._call("GET", "/status")
                return
            except OSError:
                self._connection.close()
                assert time.monotonic() < deadline, "chromedriver does not answer"
                time.sleep(0.05)

    def _call(self, method: str, path: str, body: dict | None = None):
        self._connection.request(method, path, None if body is None else json.dumps(body),
                                 {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        value = json.loads(answer.read())["value"]
        assert answer.status == 200, f"{method} {path}: {value}"
        return value
