# SPDX-License-Identifier: Apache-2.0
"""The patches of tests/mutants fit the tree and name tests that exist; what they do to them is the
matter of `./dev test mutants`."""

import sys
from pathlib import Path

import pytest

from dev import mutants, paths
from dev.console import DevError

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))
import check_guarantees  # noqa: E402

ALL = mutants.all_of_them()


@pytest.mark.parametrize("mutant", ALL, ids=lambda mutant: mutant.name)
def test_each_fits_and_names_its_tests(mutant):
    mutants.apply(mutant, paths.ROOT, "--check")
    for test in mutant.caught_by:
        name, _, function = test.partition("::")
        if name.startswith("unit/"):
            folder, _, program = name.removeprefix("unit/").partition("-")
            assert (paths.ROOT / "tests" / "unit" / folder / f"{program}.c").exists(), test
        else:
            path = paths.ROOT / name
            assert path.exists(), test
            assert not function or check_guarantees.is_defined(path, function), test


@pytest.mark.parametrize("text", ["", "Removes: x\n", "Caught by: unit/a-test_b\n"])
def test_a_patch_without_its_facts_is_refused(tmp_path, text):
    path = tmp_path / "m.patch"
    path.write_text(f"{text}\n--- a/x\n+++ b/x\n")
    with pytest.raises(DevError, match="does not say"):
        mutants.read(path)
