# SPDX-License-Identifier: Apache-2.0
"""schemas/openapi.yaml is valid OpenAPI 3.1, and has exactly the routes of the gateway and the
events of its streams."""

import json
import re
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.openapi import SCHEMAS, bundled, document, operations, stream_events

GATEWAY = Path(__file__).resolve().parents[2] / "gateway"
ROUTES = (GATEWAY / "api_routes.c").read_text()
ROUTE = re.compile(r'\{HTTP_METHOD_(\w+),\s*"([^"]+)"')


def test_it_is_valid():
    OpenAPIV31SpecValidator(bundled()).validate()


def test_it_has_every_route_and_no_other():
    routes = {(method, path.replace("{path*}", "{id}/{object}"))
              for method, path in ROUTE.findall(ROUTES)}

    assert len(routes) > 10
    assert operations() == routes


REQUESTS = {
    "api_cancel": "cancel-request",
    "api_resume": "resume-request",
    "api_webhooks": "webhook-replay-request",
    "complete_request": "complete-request",
    "init_request": "init-request",
    "retry_request": "retry-request",
    "share_request": "share-request",
}


def strings_of(array: str, source: Path) -> list[str]:
    initialiser = re.search(array + r"\[\] = \{(.*?)NULL\}", source.read_text(), re.DOTALL)
    return re.findall(r'"(\w+)"', initialiser[1])


def request_properties(name: str) -> dict:
    return json.loads((SCHEMAS / "http" / f"{name}.schema.json").read_text())["properties"]


def test_every_request_is_compared():
    assert set(REQUESTS) == {source.stem for source in GATEWAY.glob("*.c")
                             if "request_fields_parse(body" in source.read_text()}


@pytest.mark.parametrize("source", sorted(REQUESTS))
def test_a_request_has_every_field_and_no_other(source):
    assert set(strings_of("FIELDS", GATEWAY / f"{source}.c")) == \
        set(request_properties(REQUESTS[source]))


def test_every_format_is_a_filename():
    supported = strings_of("SUPPORTED", GATEWAY / "media_formats.c")
    filename = re.compile(request_properties("init-request")["filename"]["pattern"])

    assert "wav" in supported
    for extension in supported:
        for written in (extension, extension.upper(), extension.title()):
            assert filename.fullmatch(f"a.b.{written}"), written
    for other in ("wave", "mp5", "m4", "ogx", "aiff", "mkw"):
        assert not filename.fullmatch(f"a.{other}"), other


def test_it_has_every_event_and_no_other():
    events = {path.name.removesuffix(".schema.json").removesuffix("-delta")
              for path in (SCHEMAS / "sse").iterdir()}

    assert stream_events() == events - {"common"}


def test_every_schema_of_http_is_used():
    text = (SCHEMAS / "openapi.yaml").read_text() + "".join(
        path.read_text() for path in (SCHEMAS / "http").iterdir())

    for path in (SCHEMAS / "http").iterdir():
        assert f"http/{path.name}" in text.replace("../", ""), path.name


def test_every_component_is_used():
    text = (SCHEMAS / "openapi.yaml").read_text()

    for kind, components in document()["components"].items():
        for name in components:
            assert text.count(f"#/components/{kind}/{name}\"") > 0, f"{kind}/{name}"


@pytest.mark.parametrize("name", sorted(bundled()["components"]["schemas"]))
def test_bundled_schemas_are_valid(name):
    jsonschema.Draft202012Validator.check_schema(bundled()["components"]["schemas"][name])
