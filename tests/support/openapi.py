# SPDX-License-Identifier: Apache-2.0
"""schemas/openapi.yaml, read: which operation a request is, what its answer must look like, and
the whole as one document without references to other files."""

import json
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote

import yaml

SCHEMAS = Path(__file__).resolve().parents[2] / "schemas"
METHODS = ("get", "post", "put", "delete", "patch")
FILE_REFERENCE = re.compile(r"^(?:\.\./)?(?:(http|sse|events)/)?([\w.-]+)\.schema\.json(?:#(.*))?$")


@cache
def document(name: str = "openapi") -> dict:
    return yaml.safe_load((SCHEMAS / f"{name}.yaml").read_text())


def operations() -> set[tuple[str, str]]:
    """(method, path) of each."""
    return {(method.upper(), path) for path, item in document()["paths"].items()
            for method in METHODS if method in item}


@cache
def _patterns() -> list[tuple[re.Pattern, str]]:
    """Literal paths before those with a parameter, as the gateway finds them."""
    paths = sorted(document()["paths"], key=lambda path: (path.count("{"), -len(path)))
    return [(re.compile(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$"), path)
            for path in paths]


def operation(method: str, path: str) -> tuple[str, dict] | None:
    """The operation's path and description; HEAD is GET. None: there is none."""
    name = {"HEAD": "get"}.get(method, method.lower())
    if {".", ".."} & set(unquote(path).split("/")):
        return None
    for pattern, template in _patterns():
        if pattern.match(path) and name in document()["paths"][template]:
            return template, document()["paths"][template][name]
    return None


def answer_schema(method: str, path: str, status: int, content_type: str) -> dict | None:
    """The schema of an answer's content, which must be documented; None: it has no content."""
    found = operation(method, path)
    assert found, f"{method} {path} is no operation of openapi.yaml"
    answer = _resolved(found[1]["responses"].get(str(status)))
    assert answer, f"{method} {found[0]} has no answer {status} in openapi.yaml"
    if not content_type:
        assert "content" not in answer or status == 304 or method == "HEAD", \
            f"{method} {path}: {status} without a content type"
        return None
    assert content_type in answer.get("content", {}), \
        f"{method} {found[0]}, {status}: {content_type} is not in openapi.yaml"
    return answer["content"][content_type]["schema"]


def stream_events() -> set[str]:
    stream = document()["paths"]["/chunked-stream/{id}"]["get"]["responses"]["200"]
    events = stream["content"]["text/event-stream"]["schema"]["oneOf"]
    return {event["properties"]["event"]["const"] for event in events}


def _resolved(node: dict | None) -> dict | None:
    if node and "$ref" in node:
        kind, name = node["$ref"].removeprefix("#/components/").split("/")
        return document()["components"][kind][name]
    return node


def bundled(name: str = "openapi") -> dict:
    """For tools that read one file: each schema file becomes a component."""
    schemas: dict[str, dict] = {}
    whole = _inlined(document(name), schemas, None)
    whole.setdefault("components", {}).setdefault("schemas", {}).update(schemas)
    return whole


def _inlined(node, schemas: dict, own: str | None):
    """`own` is the component that local references are of; None: the document itself."""
    if isinstance(node, list):
        return [_inlined(item, schemas, own) for item in node]
    if not isinstance(node, dict):
        return node
    copy = {key: _inlined(value, schemas, own) for key, value in node.items()
            if own is None or key not in ("$schema", "$id")}
    reference = node.get("$ref")
    if isinstance(reference, str):
        copy["$ref"] = _internal(reference, schemas, own)
    return copy


def _internal(reference: str, schemas: dict, own: str | None) -> str:
    if reference.startswith("#"):
        return reference if own is None else f"#/components/schemas/{own}{reference[1:]}"
    kind, name, pointer = FILE_REFERENCE.match(reference).groups()
    kind = kind or own.partition("_")[0]  # a file beside it
    component = f"{kind}_{name}".replace("-", "_").replace(".", "_")
    if component not in schemas:
        schemas[component] = {}  # it may refer to itself
        text = (SCHEMAS / kind / f"{name}.schema.json").read_text()
        schemas[component] = _inlined(json.loads(text), schemas, component)
    return f"#/components/schemas/{component}{pointer or ''}"
