# SPDX-License-Identifier: Apache-2.0
"""The schemas and their examples agree; the codec's own test reads the same examples."""

import json

import pytest
from support.contract import SCHEMAS, check_record, is_valid_record

# What JSON Schema cannot say: one member compared with another. The codec refuses these.
BEYOND_SCHEMA = {"layout-disagrees", "layout-first-chunk-too-large", "stored-nothing",
                 "word-ends-before-start", "word-of-no-segment"}


def examples(kind):
    return sorted((SCHEMAS / "examples" / kind).glob("*.json"), key=lambda path: path.name)


@pytest.mark.parametrize("path", examples("valid"), ids=lambda path: path.stem)
def test_valid_example(path):
    check_record(json.loads(path.read_text()))


@pytest.mark.parametrize("path", examples("invalid"), ids=lambda path: path.stem)
def test_invalid_example(path):
    assert is_valid_record(json.loads(path.read_text())) == (path.stem in BEYOND_SCHEMA)


def test_every_record_has_a_valid_example():
    schemas = {path.name.removesuffix(".schema.json") for path in (SCHEMAS / "events").iterdir()}
    assert schemas - {"common"} == {path.stem for path in examples("valid")}
