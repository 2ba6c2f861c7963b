# SPDX-License-Identifier: Apache-2.0
"""schemas/openapi.yaml is valid OpenAPI 3.1, and has exactly the routes of the gateway and the
events of its streams."""

import re
from pathlib import Path

import jsonschema
import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from support.openapi import SCHEMAS, bundled, document, operations, stream_events

ROUTES = (Path(__file__).resolve().parents[2] / "gateway" / "api_routes.c").read_text()
ROUTE = re.compile(r'\{HTTP_METHOD_(\w+),\s*"([^"]+)"')


def test_it_is_valid():
    OpenAPIV31SpecValidator(bundled()).validate()


def test_it_has_every_route_and_no_other():
    routes = {(method, path.replace("*}", "}")) for method, path in ROUTE.findall(ROUTES)}

    assert len(routes) > 10
    assert operations() == routes


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
