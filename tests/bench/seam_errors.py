# SPDX-License-Identifier: Apache-2.0
"""Word errors near a seam, against the words that are known to be there. Pure."""

from bench.known_speech import RATE, Word
from dev import word_errors

# Words this far beyond what is near are aligned but not counted: one a little out of place is no
# error.
MARGIN_S = 3.0


def tokens(words: list[list]) -> list[Word]:
    """The joiner's words, each [text, start, end] in samples, as they are compared."""
    return [Word(token, (start + end) / 2 / RATE) for text, start, end in words
            for token in word_errors.words(text)]


def _around(words: list[Word], seam_s: float, reach_s: float) -> list[Word]:
    return [word for word in words if abs(word.middle - seam_s) <= reach_s]


def near(known: list[Word], heard: list[Word], seam_s: float, near_s: float) -> tuple[int, int]:
    """(errors, words) within `near_s` seconds of the seam."""
    reach = near_s + MARGIN_S
    expected, found = _around(known, seam_s, reach), _around(heard, seam_s, reach)
    counts = [abs(word.middle - seam_s) <= near_s for word in expected]
    errors = 0
    for place, is_insertion in _errors([w.text for w in expected], [w.text for w in found]):
        # An insertion stands before `place`.
        sides = (place - 1, place) if is_insertion else (place,)
        errors += any(0 <= side < len(counts) and counts[side] for side in sides)
    return errors, sum(counts)


def _errors(expected: list[str], found: list[str]):
    """(index in `expected`, is an insertion before it) of each edit of the cheapest alignment."""
    rows = [list(range(len(found) + 1))]
    for i, one in enumerate(expected, start=1):
        above, row = rows[-1], [i]
        for j, other in enumerate(found, start=1):
            row.append(min(above[j - 1] + (one != other), above[j] + 1, row[j - 1] + 1))
        rows.append(row)
    i, j = len(expected), len(found)
    while i > 0 or j > 0:
        if i > 0 and j > 0 and rows[i][j] == rows[i - 1][j - 1] + (expected[i - 1] != found[j - 1]):
            i, j = i - 1, j - 1
            if expected[i] != found[j]:
                yield i, False
        elif i > 0 and rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
            yield i, False
        else:
            j -= 1
            yield i, True
