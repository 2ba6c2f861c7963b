# SPDX-License-Identifier: Apache-2.0
"""The commands about the installation in .dev/: demo, up, down, status, logs, clean, build."""

import shlex
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from . import demo as demonstration
from . import llm, models, paths, setup, speech
from .console import DevError, heading, say, step
from .recording import Recording, demo_recording, wav_seconds
from .stack import Stack

# A line on which the recording takes about as long as the local model needs for it, so that text
# is seen to come while the upload runs.
DEMO_UPLINK_MBIT = 4.0


def demo(args) -> int:
    own_file = _own_file(args.file)
    stays = not args.once and sys.stdin.isatty()
    stack = Stack(args.folder)
    try:
        parts = setup.LLM_PARTS if args.llm else setup.PARTS
        setup.set_up(parts)
        recording = own_file or demo_recording()
        gateway_url, api = _start(stack, parts, args.port)
        uplink = args.uplink if args.uplink is not None else (0 if own_file else DEMO_UPLINK_MBIT)
        is_right = demonstration.run(gateway_url, api, recording, uplink)
        if stays:
            _wait_for_interrupt(gateway_url)
        return 0 if is_right else 1
    finally:
        _stop(stack)


def up(args) -> None:
    wanted = setup.LLM_PARTS if args.llm else setup.PARTS
    parts = args.parts.split(",") if args.parts else wanted
    unknown = set(parts) - set(setup.LLM_PARTS)
    if unknown:
        raise DevError(f"unknown part {', '.join(unknown)}; parts are {', '.join(setup.LLM_PARTS)}")
    setup.set_up(parts)
    stack = Stack(args.folder)
    _start(stack, parts, args.port)
    say(f"\n{stack.env_file}:\n{stack.env_file.read_text().rstrip()}")


def down(args) -> None:
    _stop(Stack(args.folder))


def status(args) -> int:
    """0 if something runs and nothing that was started has ended."""
    records = Stack(args.folder).table.all()
    if not records:
        say("nothing is running")
        return 1
    for record in records:
        state = "running" if record.is_running() else "ended  "
        facts = "  ".join(f"{key} {value}" for key, value in record.facts.items())
        say(f"{record.name:<12} {state}  pid {record.pid:<8} {facts:<28} "
            f"{record.log}")
    return 0 if all(record.is_running() for record in records) else 1


def logs(args) -> int:
    log_dir = Stack(args.folder).table.log_dir
    wanted = [log_dir / f"{name}.log" for name in args.names] or sorted(log_dir.glob("*.log"))
    missing = [path.stem for path in wanted if not path.exists()]
    if missing or not wanted:
        known = ", ".join(sorted(path.stem for path in log_dir.glob("*.log"))) or "none yet"
        raise DevError(f"no log of {', '.join(missing) or 'anything'}; there are: {known}")
    follow = ["-f"] if sys.stdout.isatty() else []
    return subprocess.run(["tail", "-n", "50", *follow, *map(str, wanted)],
                          check=False).returncode


def clean(_args) -> None:
    if not paths.DEV.exists():
        return
    # The tests' installations too, should one have been left by a test run that was killed.
    for run_dir in [paths.DEV / "run", *paths.DEV.glob("*/run")]:
        _stop(Stack(run_dir.parent))
    with step("remove .dev/"):
        shutil.rmtree(paths.DEV)


def build(_args) -> None:
    setup.set_up(("daemons",))


def _own_file(name: str | None) -> Recording | None:
    if name is None:
        return None
    path = Path(name)
    if not path.is_file():
        raise DevError(f"{name} is not a file")
    return Recording(path, None, wav_seconds(path))


def _start(stack: Stack, parts, gateway_port: int | None):
    """Starts what isn't running. Returns the gateway's URL and the speech API (None without
    them), and writes the env file."""
    heading("Start")
    api, gateway_url = speech.external(), None
    if "postgres" in parts:
        stack.start_postgres()
    if "kafka" in parts:
        stack.start_kafka()
    if "speech" in parts and not api:
        stack.start_speech(models.chosen_name())
        api = stack.speech.api()
    if "llm" in parts and not llm.external():
        stack.start_llm()
    if "daemons" in parts:
        gateway_url = stack.start_daemons(api or stack.speech.api(), gateway_port)
    _write_env(stack, api, gateway_url)
    return gateway_url, api


def _write_env(stack: Stack, api, gateway_url: str | None) -> None:
    values = {
        "GATEWAY_URL": gateway_url,
        "KAFKA_BROKERS": stack.kafka.brokers() if stack.table.find("kafka") else None,
        "DATABASE_URL": stack.postgres.url() if stack.table.find("postgres") else None,
        "SPEECH_URL": api.url if api else None,
    }
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in values.items() if value]
    stack.env_file.write_text("".join(lines))


def _stop(stack: Stack) -> None:
    """A second Ctrl-C must not leave half of it running."""
    previous = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        if stack.table.all():
            heading("Stop")
            stack.stop()
        stack.env_file.unlink(missing_ok=True)
    finally:
        signal.signal(signal.SIGINT, previous)


def _wait_for_interrupt(gateway_url: str) -> None:
    say(f"\nEverything is running. Try your own files: {gateway_url}/   (Ctrl-C stops it)")
    try:
        signal.pause()
    except KeyboardInterrupt:
        say()
