# SPDX-License-Identifier: Apache-2.0
import pytest

from dev.word_errors import errors, misplaced_parts, words


@pytest.mark.parametrize(("text", "expected"), [
    ("Cold-hearted, he said.", ["cold", "hearted", "he", "said"]),
    ("Mr. Dashwood", ["mister", "dashwood"]),
    ("Don’t don't", ["don't", "don't"]),
    ("naïve 42 _", ["naïve", "42"]),
    ("", []),
])
def test_words_are_compared_without_case_and_punctuation(text, expected):
    assert words(text) == expected


@pytest.mark.parametrize(("hypothesis", "expected"), [
    ("a b c d", 0),
    ("a x c d", 1),
    ("a c d", 1),
    ("a b b c d", 1),
    ("", 4),
    ("d c b a", 4),
    ("b c d a", 2),
])
def test_errors_are_the_fewest_edits(hypothesis, expected):
    assert errors("a b c d", hypothesis) == expected


NUMBERS = [f"w{number}" for number in range(120)]
WHOLE = " ".join(NUMBERS)
PARTS = [" ".join(NUMBERS[start:start + 30]) for start in range(0, 120, 30)]


def test_parts_at_their_place_are_found_there():
    assert misplaced_parts(WHOLE, PARTS) == []


def test_words_shared_at_a_border_are_no_misplacement():
    parts = [" ".join(NUMBERS[max(0, start - 3):start + 33]) for start in range(0, 120, 30)]
    assert misplaced_parts(WHOLE, parts) == []


def test_swapped_parts_are_found():
    assert misplaced_parts(WHOLE, [PARTS[1], PARTS[0], *PARTS[2:]]) == [0, 1]


def test_a_part_said_twice_is_found():
    assert misplaced_parts(WHOLE, [PARTS[0], PARTS[0], *PARTS[2:]]) == [1]


def test_a_very_short_part_is_not_judged():
    assert misplaced_parts(WHOLE, [*PARTS, "mumble"]) == []
