# SPDX-License-Identifier: Apache-2.0
"""chunkscribe-assembler --dead-letters list|show, on letters from each reader that writes them."""

import json
import subprocess
import uuid

from conftest import BUILD

EXIT_USAGE, EXIT_DEPENDENCY = 2, 3


def read(installation, *arguments, brokers=None, prefix=None) -> subprocess.CompletedProcess:
    return subprocess.run(
        [BUILD / "chunkscribe-assembler", f"--database-url={installation.database_url}",
         f"--kafka-brokers={brokers or installation.brokers}",
         f"--topic-prefix={prefix or installation.prefix}", *arguments],
        check=False, capture_output=True, timeout=60)


def table(listed: subprocess.CompletedProcess) -> list[list[str]]:
    assert listed.returncode == 0, listed.stderr
    return [line.split("\t") for line in listed.stdout.decode().splitlines()]


def test_letters_are_listed_and_shown(installation):
    installation.expect_error("record_unreadable")
    installation.start()
    assert table(read(installation, "--dead-letters=list")) == []
    unknown = json.dumps({"schema": "chunk.started/9", "job_id": str(uuid.uuid4())}).encode()
    planted = {"chunks.results": b"{\"not\tJSON\n\xff", "jobs.commands": unknown,
               "chunks.uploaded": b"\x00", "jobs.tasks": b"[]"}
    for topic, value in planted.items():
        installation.plant(topic, value, 1)
    installation.wait_for(lambda: len(installation.records("dead.letters")) == 4)

    letters = table(read(installation, "--dead-letters", "list"))

    assert {row[2] for row in letters} == set(planted)
    for place, written, topic, partition, offset, key, reason in letters:
        assert written.endswith("Z") and (partition, offset, key) == ("1", "0", "planted:0")
        shown = read(installation, "--dead-letters=show", f"--dead-letter={place}")
        head, _, value = shown.stdout.partition(b"\n\n")
        assert shown.returncode == 0 and value == planted[topic] + b"\n"
        assert head.decode().splitlines() == [
            f"place: {place}", f"written: {written}", f"topic: {topic}", "partition: 1",
            "offset: 0", f"reason: {reason}", "key: planted:0"]


def test_what_is_not_there_is_said(installation):
    for place in ("0:99", "99:0"):
        missing = read(installation, "--dead-letters=show", f"--dead-letter={place}")
        assert missing.returncode == EXIT_USAGE and missing.stdout == b""
        assert b"dead_letter_not_shown" in missing.stderr
    for arguments in ((), ("--dead-letter=x",)):
        wrong = read(installation, "--dead-letters=show", *arguments)
        assert wrong.returncode == EXIT_USAGE and b"partition:offset" in wrong.stderr
    assert b"list" in read(installation, "--dead-letters=burn").stderr
    elsewhere = read(installation, "--dead-letters=list", prefix="nowhere.")
    assert elsewhere.returncode == EXIT_DEPENDENCY
    assert b"nowhere.dead.letters does not exist" in elsewhere.stderr
    away = read(installation, "--dead-letters=list", brokers="127.0.0.1:1")
    assert away.returncode == EXIT_DEPENDENCY and away.stdout == b""
