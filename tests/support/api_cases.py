# SPDX-License-Identifier: Apache-2.0
"""Hooks of schemathesis (blackbox/schemathesis.toml): what it cannot invent, and without which no
case would get further than "there is no such job". A valid case meets a job in the state that the
operation asks for, with a token, an upload URL or digests that are true; an invalid one stays as it
is."""

import base64
import hashlib
import os
import uuid
from urllib.parse import parse_qsl

import schemathesis
from support.client import Gateway

gateway = Gateway(os.environ["GATEWAY_URL"])
FINISHED = {"parent_job_id": os.environ["FINISHED_JOB"]}
WEBHOOK_URL = os.environ["WEBHOOK_URL"]
NO_RECORDING = b"This is no WAV file."

_token = gateway.post(f"/jobs/{FINISHED['parent_job_id']}/share", {}).json()["token"]


@schemathesis.hook
def before_call(_context, case, _kwargs):
    """Called before each request."""
    if not case.meta.generation.mode.is_positive:
        return
    PREPARE.get(case.operation.definition.raw["operationId"], lambda case: None)(case)
    if "Idempotency-Key" in (case.headers or {}):
        case.headers["Idempotency-Key"] = str(uuid.uuid4())
    if "token" in (case.query or {}):
        case.query["token"] = _token


def _new_job(size: int = len(NO_RECORDING), **more) -> dict:
    return gateway.init("recording.wav", size, **more)


def _stored_job() -> dict:
    """Its only chunk is stored and not reported."""
    job = _new_job()
    assert gateway.request("PUT", job["upload_urls"][0]["upload_url"], NO_RECORDING).status == 200
    return job


def _failed_job() -> dict:
    job = _stored_job()
    assert gateway.complete(job, 0).status == 200
    gateway.wait_status(job, lambda status: status["status"] == "failed")
    return job


def _told_job() -> tuple[dict, str]:
    """A job and the delivery of its webhook, which was received."""
    job = _new_job(webhook_url=WEBHOOK_URL)
    assert gateway.cancel(job).status == 200
    while True:
        deliveries = gateway.webhooks(job)["deliveries"]
        if deliveries and deliveries[0]["state"] == "delivered":
            return job, deliveries[0]["delivery_id"]


# --- a function for each operation ------------------------------------------------------------
# JSON Schema has no lengths in bytes, no limits that are an option of the server, and OpenAPI no
# bounds of a parameter that depend on another: those are kept here.


def _create_upload(case) -> None:
    for name, limit in (("filename", 255), ("prompt", 1024)):
        if case.body.get(name) and len(case.body[name].encode()) > limit:
            case.body[name] = "x" * (limit - 4) + ".wav"
    if case.body.get("terms"):
        case.body |= {"terms": ["Ada Lovelace"], "prompt": "A talk."}
    case.body["total_size"] = min(case.body["total_size"], 1 << 30)
    if case.body.get("webhook_url") is not None:
        case.body["webhook_url"] = WEBHOOK_URL


def _put_chunk(case) -> None:
    body = case.body if isinstance(case.body, bytes) and case.body else NO_RECORDING
    job = _new_job(len(body))
    path, _, query = job["upload_urls"][0]["upload_url"].partition("?")
    _, _, case.path_parameters["id"], case.path_parameters["object"] = path.split("/")
    case.query = dict(parse_qsl(query))
    case.body = body
    for header, digest in (("Content-MD5", hashlib.md5), ("x-amz-checksum-sha256", hashlib.sha256)):
        if header in (case.headers or {}):
            case.headers[header] = base64.b64encode(digest(body).digest()).decode()


def _complete_chunk(case) -> None:
    case.body |= {"parent_job_id": _stored_job()["parent_job_id"], "chunk_index": 0,
                  "actual_size": len(NO_RECORDING)}


def _retry_upload(case) -> None:
    case.body["parent_job_id"] = _failed_job()["parent_job_id"]
    if case.body.get("chunk_indices"):
        case.body["chunk_indices"] = [0]


def _new_job_in_body(case) -> None:
    case.body["parent_job_id"] = _new_job()["parent_job_id"]


def _replay_webhook(case) -> None:
    job, delivery = _told_job()
    case.path_parameters["id"] = job["parent_job_id"]
    case.body["delivery_id"] = delivery


def _finished_job_in_query(case) -> None:
    case.query["parent_job_id"] = FINISHED["parent_job_id"]


def _get_transcript(case) -> None:
    _finished_job_in_query(case)
    durations = ("min_duration_ms", "max_duration_ms")
    if all(name in case.query for name in durations):
        case.query |= zip(durations, sorted(int(case.query[name]) for name in durations))


def _list_jobs(case) -> None:
    if "transcripts" in case.query.get("include", []):
        case.query["limit"] = min(int(case.query.get("limit", 10)), 10)


def _share_job(case) -> None:
    _finished_job_in_path(case)
    if case.body.get("expires_in_s"):
        case.body["expires_in_s"] = min(case.body["expires_in_s"], 60 * 60)


def _finished_job_in_path(case) -> None:
    case.path_parameters["id"] = FINISHED["parent_job_id"]


def _get_page_file(case) -> None:
    case.path_parameters["name"] = "app.js"


PREPARE = {
    "createUpload": _create_upload,
    "putChunk": _put_chunk,
    "completeChunk": _complete_chunk,
    "resumeUpload": _new_job_in_body,
    "retryUpload": _retry_upload,
    "cancelUpload": _new_job_in_body,
    "getStatus": _finished_job_in_query,
    "getSeams": _finished_job_in_query,
    "getTranscript": _get_transcript,
    "getRecording": _finished_job_in_query,
    "getJob": _finished_job_in_path,
    "listJobs": _list_jobs,
    "shareJob": _share_job,
    "listWebhooks": _finished_job_in_path,
    "replayWebhook": _replay_webhook,
    "followJob": _finished_job_in_path,
    "getPageFile": _get_page_file,
}
