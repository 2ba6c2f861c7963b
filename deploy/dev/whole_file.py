# SPDX-License-Identifier: Apache-2.0
"""Sends one whole file to a speech API: what the demo is compared with."""

import http.client
import json
import secrets
from pathlib import Path
from urllib.parse import urlsplit

from .console import DevError
from .speech import SpeechApi

TIMEOUT_S = 600


def transcribe(path: Path, speech: SpeechApi) -> str:
    boundary = secrets.token_hex(16)
    fields = {"model": speech.model, "response_format": "json", "temperature": "0"}
    body = b"".join(
        f'--{boundary}\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()
        for name, value in fields.items()
    )
    body += (f'--{boundary}\r\nContent-Disposition: form-data; name="file"; '
             f'filename="{path.name}"\r\nContent-Type: application/octet-stream\r\n\r\n').encode()
    body += path.read_bytes() + f"\r\n--{boundary}--\r\n".encode()

    url = urlsplit(speech.url)
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    connection = kind(url.netloc, timeout=TIMEOUT_S)
    try:
        connection.request("POST", f"{url.path}/audio/transcriptions", body, {
            "Authorization": f"Bearer {speech.key}",
            "Content-Type": f"multipart/form-data; boundary={boundary}"})
        answer = connection.getresponse()
        content = answer.read()
    finally:
        connection.close()
    if answer.status != 200:
        raise DevError(f"the speech API answered {answer.status}: {content[:300].decode()}")
    return json.loads(content)["text"]
