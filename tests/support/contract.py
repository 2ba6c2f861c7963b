# SPDX-License-Identifier: Apache-2.0
"""Validates what goes over the wire against schemas/: every answer, stream event and record of a
test passes through here."""

import json
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"


@cache
def _registry() -> Registry:
    resources = [Resource.from_contents(json.loads(path.read_text()))
                 for path in sorted(SCHEMAS.glob("*/*.schema.json"))]
    return Registry().with_resources((resource.id(), resource) for resource in resources)


@cache
def _validator(kind: str, name: str) -> Draft202012Validator:
    path = SCHEMAS / kind / f"{name}.schema.json"
    assert path.exists(), f"{kind} {name!r} has no schema: schemas/{kind}/{path.name} is missing"
    schema = json.loads(path.read_text())
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, registry=_registry())


def _check(kind: str, name: str, document) -> None:
    errors = [f"{'/'.join(map(str, error.absolute_path)) or '(root)'}: {error.message[:300]}"
              for error in _validator(kind, name).iter_errors(document)]
    assert not errors, f"{kind} {name} breaks its schema: {'; '.join(errors)}"


def check_answer(name: str, document) -> None:
    """An HTTP answer's JSON, by the name of its schema in schemas/http."""
    _check("http", name, document)


def check_stream_event(event_type: str, document) -> None:
    """The data of one event of a stream (schemas/sse)."""
    _check("sse", event_type, document)


def check_record(document) -> None:
    """A record of Kafka (schemas/events), which names its own schema."""
    _check("events", document["schema"].partition("/")[0], document)


def is_valid_record(document) -> bool:
    name = document.get("schema", "").partition("/")[0] if isinstance(document, dict) else ""
    if not (SCHEMAS / "events" / f"{name}.schema.json").exists():
        return False
    return _validator("events", name).is_valid(document)
