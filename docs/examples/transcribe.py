#!/usr/bin/env python3
"""Transcribes a recording while it is uploaded: transcribe.py FILE [GATEWAY_URL]"""
import json
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.request import Request, urlopen

path, base = Path(sys.argv[1]), (sys.argv[2:] or ["http://127.0.0.1:8080"])[0]

def post(url, **fields):
    body = json.dumps(fields).encode()
    return json.load(urlopen(Request(base + url, body, {"Content-Type": "application/json"})))

def send(target):
    index, size = target["chunk_index"], target["expected_size"]
    with path.open("rb") as file:
        file.seek(target["chunk_range"][0])
        urlopen(Request(base + target["upload_url"], file.read(size), method="PUT"))
    post("/chunk-upload-complete", parent_job_id=job["parent_job_id"], chunk_index=index,
         actual_size=size)

def listen():
    event = None
    for line in urlopen(base + job["stream_url"] + "?partial=delta"):
        name, _, value = line.decode().rstrip("\n").partition(": ")
        event = value if name == "event" else event
        if name == "data" and event == "partial_transcript":
            print(json.loads(value)["delta"], end="", flush=True)

job = post("/chunked-upload-stream", filename=path.name, total_size=path.stat().st_size,
           chunk_size_mb=1, ramp=True)
listener = threading.Thread(target=listen, daemon=True)
listener.start()
with ThreadPoolExecutor(job["chunk_info"]["max_concurrent_uploads"]) as pool:
    list(pool.map(send, job["upload_urls"]))  # list(): an upload that fails ends the program
listener.join()
