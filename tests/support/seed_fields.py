# SPDX-License-Identifier: Apache-2.0
"""The fields that clients of the first hour know (tests/contract/seed_fields.json)."""

import json
from dataclasses import dataclass
from pathlib import Path

FILE = Path(__file__).resolve().parents[1] / "contract" / "seed_fields.json"


@dataclass(frozen=True)
class SeedField:
    place: str   # "sub-job"
    schema: str  # "http/job"
    path: str    # "sub_jobs[].error"
    type: str    # of JSON Schema
    awaits: str  # why it can have no value yet; "": it has


def seed_fields() -> list[SeedField]:
    return [SeedField(place, group["schema"],
                      f"{group['within']}.{name}" if "within" in group else name, field["type"],
                      field.get("awaits", ""))
            for place, group in json.loads(FILE.read_text()).items()
            for name, field in group["fields"].items()]
