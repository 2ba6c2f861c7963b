# SPDX-License-Identifier: Apache-2.0
"""Validates what goes over the wire against schemas/: every answer, stream event and record of a
test passes through here."""

import json
from collections import defaultdict
from functools import cache
from pathlib import Path

from jsonschema import Draft202012Validator
from referencing import Registry, Resource

from support import openapi

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"

# By schema, what came with a real value in this run.
_values: defaultdict[str, set[str]] = defaultdict(set)


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
    _note_values(_values[f"http/{name}"], "", document)


def check_http(method: str, path: str, answer) -> None:
    """Any answer of a gateway by schemas/openapi.yaml; `path` without its query. What is no
    operation must have been refused."""
    content_type = answer.headers.get("content-type", "")
    if content_type == "application/problem+json" and answer.body:
        assert answer.json()["status"] == answer.status
        check_answer("problem", answer.json())
    if openapi.operation(method, path) is None:
        is_options = method == "OPTIONS" and answer.status == 204
        assert is_options or content_type == "application/problem+json", (method, path, answer)
        return
    schema = openapi.answer_schema(method, path, answer.status, content_type)
    if schema and "$ref" in schema and answer.body:
        check_answer(schema["$ref"].split("/")[-1].removesuffix(".schema.json"), answer.json())


def check_stream_event(event_type: str, document) -> None:
    """The data of one event of a stream (schemas/sse)."""
    assert event_type.removesuffix("-delta") in openapi.stream_events(), event_type
    _check("sse", event_type, document)
    _note_values(_values[f"sse/{event_type}"], "", document)


def check_record(document) -> None:
    """A record of Kafka (schemas/events), which names its own schema."""
    _check("events", document["schema"].partition("/")[0], document)


def resolve(schema: dict) -> dict:
    """What a schema's $ref to another file, if it has one, refers to; refers to files itself."""
    if "$ref" not in schema:
        return schema
    name, _, pointer = schema["$ref"].removeprefix("../").partition("#")
    found = json.loads((SCHEMAS / name).read_text())
    for step in pointer.split("/")[1:]:
        found = found[step]
    return json.loads(json.dumps(found).replace('"#/', f'"../{name}#/'))


def values_seen(schema: str) -> set[str]:
    """The members, as "sub_jobs[].error", that some answer or event of this run had with a value
    that is not null, empty, false or 0; `schema` as "http/job"."""
    return _values[schema]


def _note_values(seen: set[str], path: str, value) -> None:
    if not value:
        return
    seen.add(path)
    if isinstance(value, dict):
        for name, member in value.items():
            _note_values(seen, f"{path}.{name}" if path else name, member)
    elif isinstance(value, list):
        for item in value:
            _note_values(seen, f"{path}[]", item)


def is_valid_record(document) -> bool:
    name = document.get("schema", "").partition("/")[0] if isinstance(document, dict) else ""
    if not (SCHEMAS / "events" / f"{name}.schema.json").exists():
        return False
    return _validator("events", name).is_valid(document)
