# SPDX-License-Identifier: Apache-2.0
"""Every field of the seed is in the schemas with its type. That each carries a real value, too, is
tests/blackbox/test_seed_fields.py."""

import pytest
from support.contract import resolve
from support.seed_fields import seed_fields


def member(schema: dict, path: str) -> dict:
    """The schema of a member such as "sub_jobs[].error"."""
    for step in path.split("."):
        name = step.removesuffix("[]")
        assert name in schema["properties"], f"{name} is missing"
        schema = resolve(schema["properties"][name])
        if step.endswith("[]"):
            schema = resolve(schema["items"])
    return schema


def types(schema: dict) -> set[str]:
    schema = resolve(schema)
    if "type" in schema:
        return {schema["type"]} if isinstance(schema["type"], str) else set(schema["type"])
    names = {str: "string", bool: "boolean", int: "integer", type(None): "null"}
    values = schema.get("enum", [schema["const"]] if "const" in schema else [])
    alternatives = schema.get("oneOf", [])
    return {names[type(value)] for value in values} | {t for s in alternatives for t in types(s)}


@pytest.mark.parametrize("field", seed_fields(), ids=lambda f: f"{f.place}: {f.path}")
def test_the_schemas_have_it(field):
    kind, name = field.schema.split("/")

    assert field.type in types(member(resolve({"$ref": f"../{kind}/{name}.schema.json"}),
                                      field.path))
