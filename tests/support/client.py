# SPDX-License-Identifier: Apache-2.0
"""A client of the gateway for tests: plain http.client, every answer validated."""

import gzip
import http.client
import json
import time
from urllib.parse import urlencode, urlsplit

from support.contract import check_http
from support.sse import Stream


class Answer:
    def __init__(self, status: int, headers: dict[str, str], body: bytes):
        self.status = status
        self.headers = {name.lower(): value for name, value in headers.items()}
        self.raw_body = body
        self.body = gzip.decompress(body) \
            if body and self.headers.get("content-encoding") == "gzip" else body

    def json(self):
        return json.loads(self.body)


class Gateway:
    def __init__(self, base_url: str):
        self.base_url = base_url

    def request(self, method: str, path: str, body: bytes | None = None,
                headers: dict | None = None, timeout_s: float = 30) -> Answer:
        connection = http.client.HTTPConnection(urlsplit(self.base_url).netloc, timeout=timeout_s)
        try:
            connection.request(method, path, body=body, headers=headers or {})
            raw = connection.getresponse()
            answer = Answer(raw.status, dict(raw.getheaders()), raw.read())
        finally:
            connection.close()
        check_http(method, path.partition("?")[0], answer)
        return answer

    def post(self, path: str, document, headers: dict | None = None) -> Answer:
        return self.request("POST", path, json.dumps(document).encode(),
                            {"Content-Type": "application/json", **(headers or {})})

    def init(self, filename: str, total_size: int, **more) -> dict:
        answer = self.post("/chunked-upload-stream",
                           {"filename": filename, "total_size": total_size, **more})
        assert answer.status == 201, answer.body
        return answer.json()

    def put(self, upload: dict, recording: bytes) -> Answer:
        chunk = recording[slice(*upload["chunk_range"])]
        assert len(chunk) == upload["expected_size"]
        return self.request("PUT", upload["upload_url"], chunk)

    def complete(self, job: dict, chunk_index: int, headers: dict | None = None,
                 **more) -> Answer:
        body = {"parent_job_id": job["parent_job_id"], "chunk_index": chunk_index,
                "actual_size": job["upload_urls"][chunk_index]["expected_size"], **more}
        return self.post("/chunk-upload-complete", body, headers)

    def upload(self, job: dict, recording: bytes, chunk_index: int) -> None:
        """PUT and completion of one chunk, both of which must succeed."""
        stored = self.put(job["upload_urls"][chunk_index], recording)
        assert stored.status == 200, stored.body
        completed = self.complete(job, chunk_index)
        assert completed.status == 200, completed.body

    def cancel(self, job: dict) -> Answer:
        return self.post("/chunked-upload-cancel", {"parent_job_id": job["parent_job_id"]})

    def retry(self, job: dict, **more) -> Answer:
        return self.post("/chunked-upload-retry", {"parent_job_id": job["parent_job_id"], **more})

    def status(self, job: dict) -> dict:
        answer = self.request("GET", f"/chunked-upload-status?parent_job_id={job['parent_job_id']}")
        assert answer.status == 200, answer.body
        return answer.json()

    def job(self, job_id: str, query: str = "") -> dict:
        answer = self.request("GET", f"/jobs/{job_id}{query}")
        assert answer.status == 200, answer.body
        return answer.json()

    def jobs(self, **query) -> dict:
        answer = self.request("GET", f"/jobs?{urlencode(query)}")
        assert answer.status == 200, answer.body
        return answer.json()

    def all_jobs(self, **query) -> list[dict]:
        """Of every page, one after the other."""
        found, cursor = [], {}
        while True:
            page = self.jobs(**query, **cursor)
            found += page["jobs"]
            if page["next_cursor"] is None:
                return found
            assert len(page["jobs"]) == page["limit"]
            cursor = {"cursor": page["next_cursor"]}

    def webhooks(self, job: dict) -> dict:
        answer = self.request("GET", f"/jobs/{job['parent_job_id']}/webhooks")
        assert answer.status == 200, answer.body
        return answer.json()

    def wait_status(self, job: dict, condition, timeout_s: float = 60) -> dict:
        """Asks for the status until `condition(status)` holds: for what no stream event tells."""
        deadline = time.monotonic() + timeout_s
        while True:
            status = self.status(job)
            if condition(status):
                return status
            assert time.monotonic() < deadline, f"time is up; status {status}"
            time.sleep(0.05)

    def wait_answer(self, path: str, status: int, timeout_s: float = 30) -> Answer:
        """Asks until the answer has this status."""
        deadline = time.monotonic() + timeout_s
        while True:
            answer = self.request("GET", path)
            if answer.status == status:
                return answer
            assert time.monotonic() < deadline, f"{path} still answers {answer.status}"
            time.sleep(0.05)

    def stream(self, job: dict, query: str = "", last_event_id: str | None = None) -> Stream:
        return Stream(self.base_url, job["stream_url"] + query, last_event_id)
