# SPDX-License-Identifier: Apache-2.0
"""The local speech server keeps to the shape of OpenAI's API."""

import http.client
import json
import secrets

import pytest

from dev import models, paths
from dev.recording import demo_recording
from dev.speech import LOCAL_KEY, local_api
from dev.word_errors import errors, words

MODEL = models.chosen_name()
CLIP = paths.RECORDINGS / "demo" / "0930.wav"
CLIP_TEXT = "He might even have been made amiable himself."


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    demo_recording()
    with local_api(tmp_path_factory.mktemp("speech"), MODEL) as api:
        yield api


def post(server, audio: bytes | None, key: str = LOCAL_KEY, content_length: int | None = None,
         **fields):
    """The answer's status, headers and body; `timestamp_granularities` may be a list."""
    granularities = fields.pop("timestamp_granularities", [])
    parts = [(name, value) for name, value in ({"model": MODEL} | fields).items()]
    parts += [("timestamp_granularities[]", value) for value in granularities]
    boundary = secrets.token_hex(8)
    body = b"".join(f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n'
                    f"{value}\r\n".encode() for name, value in parts)
    if audio is not None:
        body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
                 'filename="a.wav"\r\n\r\n').encode() + audio + b"\r\n"
    body += f"--{boundary}--\r\n".encode()
    connection = http.client.HTTPConnection(server.url.split("/")[2], timeout=120)
    try:
        connection.putrequest("POST", "/v1/audio/transcriptions")
        connection.putheader("Authorization", f"Bearer {key}")
        connection.putheader("Content-Type", f"multipart/form-data; boundary={boundary}")
        connection.putheader("Content-Length", str(content_length or len(body)))
        connection.endheaders(body if content_length is None else b"")
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()
    finally:
        connection.close()


def error_of(body: bytes) -> dict:
    error = json.loads(body)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return error


def test_verbose_json_has_words_and_segments(server):
    status, headers, body = post(server, CLIP.read_bytes(), response_format="verbose_json",
                                 language="en", timestamp_granularities=["word", "segment"])
    answer = json.loads(body)
    assert status == 200
    assert int(headers["openai-processing-ms"]) > 0
    assert errors(CLIP_TEXT, answer["text"]) <= 1
    assert (answer["task"], answer["language"]) == ("transcribe", "english")
    assert answer["duration"] == pytest.approx(3.29, abs=0.05)
    assert words(" ".join(word["word"] for word in answer["words"])) == words(answer["text"])
    times = [time for word in answer["words"] for time in (word["start"], word["end"])]
    assert times == sorted(times)
    assert {"id", "seek", "start", "end", "text", "tokens", "temperature", "avg_logprob",
            "compression_ratio", "no_speech_prob"} == set(answer["segments"][0])


@pytest.mark.parametrize(("response_format", "begins"), [
    ("json", b'{"text":'), ("text", b"He might"), ("srt", b"1\n00:00:0"),
    ("vtt", b"WEBVTT\n\n00:")])
def test_other_formats(server, response_format, begins):
    status, _, body = post(server, CLIP.read_bytes(), response_format=response_format,
                           language="en")
    assert status == 200
    assert body.startswith(begins)


@pytest.mark.parametrize(("fields", "status", "param"), [
    ({"model": "other"}, 404, "model"),
    ({"language": "klingon"}, 400, "language"),
    ({"temperature": "2"}, 400, "temperature"),
    ({"response_format": "xml"}, 400, "response_format"),
    ({"timestamp_granularities": ["word"]}, 400, "timestamp_granularities[]"),
    ({"response_format": "verbose_json", "timestamp_granularities": ["letter"]}, 400,
     "timestamp_granularities[]"),
])
def test_a_wrong_field_is_named(server, fields, status, param):
    found, _, body = post(server, CLIP.read_bytes(), **fields)
    assert (found, error_of(body)["param"]) == (status, param)


def test_what_is_no_audio_is_refused(server):
    status, _, body = post(server, b"This is a letter, not a song.")
    assert (status, error_of(body)["param"]) == (400, "file")


def test_a_missing_file_is_refused(server):
    status, _, body = post(server, None)
    assert (status, error_of(body)["param"]) == (400, "file")


def test_a_body_that_is_too_large_is_refused_before_it_is_sent(server):
    status, _, body = post(server, b"", content_length=26 * 1024 * 1024 + 1)
    assert status == 413
    error_of(body)


def test_a_wrong_key_is_refused(server):
    status, _, body = post(server, CLIP.read_bytes(), key="other")
    assert (status, error_of(body)["code"]) == (401, "invalid_api_key")
