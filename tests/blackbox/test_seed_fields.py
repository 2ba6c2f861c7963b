# SPDX-License-Identifier: Apache-2.0
"""Runs after all other tests, and only if all were asked for (conftest.py): what they were answered
must, taken together, have had every field of the seed with a value that is not null, empty or 0.
A field that still awaits something must have had none, so that the mark goes when it has come."""

import pytest
from support.contract import values_seen
from support.seed_fields import seed_fields


@pytest.mark.parametrize("field", seed_fields(), ids=lambda f: f"{f.place}: {f.path}")
def test_it_had_a_real_value(field):
    assert (field.path in values_seen(field.schema)) == (not field.awaits)
