# SPDX-License-Identifier: Apache-2.0
"""What ./dev fetches into .dev/: Python environments, Kafka's jars, llhttp's sources.

Each part is complete or absent: it is built beside its place and renamed, and a stamp with the
digest of what it was made from says that nothing needs to be done.
"""

import hashlib
import os
import shutil
import tarfile
from contextlib import contextmanager
from pathlib import Path

from . import command, paths
from .console import DevError, step

LLHTTP_PACKAGE = "httptools==0.9.0"
LLHTTP_ARCHIVE = "httptools-0.9.0.tar.gz"
LLHTTP_SHA256 = "d484ebb7e3a3f3597b0f645fbd1b85633674ca808c1f5ba11c2caf7c66f5c8b6"
LLHTTP_FILES = ("include/llhttp.h", "src/api.c", "src/http.c", "src/llhttp.c", "LICENSE")

ASYNCAPI = paths.ROOT / "tests" / "asyncapi"
KAFKA_POM = Path(__file__).parent / "kafka" / "pom.xml"


def tools_venv() -> None:
    _venv("tools", "Python tools", [paths.ROOT / "deploy/dev/requirements.txt"])


def test_venv() -> None:
    """The tests' packages join the tools' environment."""
    _venv("tools", "Python test tools", [paths.ROOT / "deploy/dev/requirements.txt",
                                         paths.ROOT / "tests/requirements.txt"], "tests")


def speech_venv() -> None:
    _venv("speech", "speech server's Python packages (≈ 150 MB)",
          [paths.ROOT / "deploy/speech/requirements.txt"])


def llm_venv() -> None:
    _venv("llm", "language model server's Python package (34 MB)",
          [paths.ROOT / "deploy/llm/requirements.txt"])


def kafka_jars() -> None:
    place = paths.DEPS / "kafka"
    digest = _digest([KAFKA_POM])
    if is_stamped(place, digest):
        return
    with step("Kafka 4.4.0 (46 jars, 43 MB)") as shown, complete(place, digest) as fresh:
        command.run(["mvn", "-B", "-ntp", "-f", KAFKA_POM, "dependency:copy-dependencies",
                     f"-DoutputDirectory={fresh / 'libs'}", "-DincludeScope=runtime"], shown)


def asyncapi_parser() -> None:
    """With the npm of the tools' environment; nothing of a package runs when it is installed."""
    place = paths.DEPS / "asyncapi"
    files = [ASYNCAPI / name for name in ("package.json", "package-lock.json")]
    digest = _digest(files)
    if is_stamped(place, digest):
        return
    with step("AsyncAPI's parser (npm, 54 MB)") as shown, complete(place, digest) as fresh:
        for file in files:
            shutil.copy(file, fresh)
        tools = paths.TOOLS_PYTHON.parent
        command.run([tools / "npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], shown,
                    cwd=fresh,
                    env={**os.environ, "PATH": f"{tools}:{os.environ['PATH']}"})


def llhttp() -> None:
    place = paths.DEPS / "llhttp"
    if is_stamped(place, LLHTTP_SHA256):
        return
    with step("llhttp 9.4.3 sources") as shown, complete(place, LLHTTP_SHA256) as fresh:
        archive = source_archive(LLHTTP_PACKAGE, LLHTTP_ARCHIVE, LLHTTP_SHA256, fresh, shown)
        top = f"{LLHTTP_ARCHIVE.removesuffix('.tar.gz')}/vendor/llhttp/"
        extract(archive, {top + name: fresh / name for name in LLHTTP_FILES})
        archive.unlink()


def source_archive(package: str, archive: str, sha256: str, folder: Path, shown) -> Path:
    """Downloads the pinned source archive of a PyPI package, and checks it."""
    name = package.split("==", maxsplit=1)[0]
    _pip(["download", "--no-deps", "--no-binary", name, "-d", folder, package], shown)
    return checked(folder / archive, sha256)


def wheel(package: str, folder: Path, shown, platform: str | None = None) -> Path:
    """Downloads the wheel of a pinned PyPI package without installing it."""
    before = set(folder.glob("*.whl"))
    argv = ["download", "--no-deps", "--only-binary", ":all:", "-d", folder]
    if platform:
        argv += ["--platform", platform]
    _pip([*argv, package], shown)
    fresh = set(folder.glob("*.whl")) - before
    if len(fresh) != 1:
        raise DevError(f"{package} did not come as one wheel")
    return fresh.pop()


def checked(path: Path, sha256: str) -> Path:
    found = file_sha256(path)
    if found != sha256:
        raise DevError(f"{path.name} has sha256 {found}, expected {sha256}: not used")
    return path


def file_sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def extract(archive: Path, wanted: dict[str, Path]) -> None:
    """Writes the archive's members named in `wanted` to the given paths."""
    with tarfile.open(archive) as source:
        for member, place in wanted.items():
            place.parent.mkdir(parents=True, exist_ok=True)
            with source.extractfile(member) as content:
                place.write_bytes(content.read())


@contextmanager
def complete(place: Path, digest: str):
    """Yields an empty folder that takes the place of `place` only if the block succeeds."""
    fresh = place.with_name(place.name + ".part")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    yield fresh
    (fresh / ".stamp").write_text(digest)
    if place.is_symlink():
        place.unlink()
    shutil.rmtree(place, ignore_errors=True)
    os.rename(fresh, place)


def is_stamped(place: Path, digest: str, stamp: str = ".stamp") -> bool:
    try:
        return (place / stamp).read_text() == digest
    except OSError:
        return False


def _digest(files: list[Path]) -> str:
    return hashlib.sha256(b"".join(path.read_bytes() for path in files)).hexdigest()


def _venv(name: str, title: str, requirements: list[Path], stamp: str = "base") -> None:
    place = paths.VENVS / name
    digest = _digest(requirements)
    if is_stamped(place, digest, f".stamp-{stamp}"):
        return
    with step(title) as shown:
        if not (place / "bin" / "pip").exists():
            shutil.rmtree(place, ignore_errors=True)
            command.run([paths.SYSTEM_PYTHON, "-m", "venv", place], shown)
        argv = [place / "bin" / "pip", "install", "--progress-bar=off"]
        for path in requirements:
            argv += ["-r", path]
        command.run(argv, shown)
    (place / f".stamp-{stamp}").write_text(digest)


def _pip(argv: list, shown) -> None:
    command.run([paths.VENVS / "tools" / "bin" / "pip", *argv, "--progress-bar=off"], shown)
