# SPDX-License-Identifier: Apache-2.0
"""Word error rate, and where the words of a part lie in a whole. Pure."""

import re
from dataclasses import dataclass

# How far a part may lie from where the lengths of those before it put it.
SLACK_WORDS = 12

SPELLINGS = {"mr": "mister", "mrs": "missis"}


def words(text: str) -> list[str]:
    """Words as they are compared: lower case, no punctuation, "cold-hearted" is two."""
    found = re.findall(r"[^\W_]+(?:'[^\W_]+)?", text.lower().replace("’", "'"))
    return [SPELLINGS.get(word, word) for word in found]


@dataclass(frozen=True)
class Alignment:
    errors: int
    matched: frozenset[int]  # indexes of the hypothesis's words that are right


def align(reference: list[str], hypothesis: list[str]) -> Alignment:
    """The cheapest edit of `reference` into `hypothesis` (substitution, insertion and deletion
    cost 1 each)."""
    rows = [list(range(len(hypothesis) + 1))]
    for i, expected in enumerate(reference, start=1):
        above = rows[-1]
        row = [i]
        for j, found in enumerate(hypothesis, start=1):
            row.append(min(above[j - 1] + (expected != found), above[j] + 1, row[j - 1] + 1))
        rows.append(row)
    return Alignment(rows[-1][-1], frozenset(_matches(rows, reference, hypothesis)))


def _matches(rows, reference, hypothesis):
    i, j = len(reference), len(hypothesis)
    while i > 0 and j > 0:
        is_same = reference[i - 1] == hypothesis[j - 1]
        if is_same and rows[i][j] == rows[i - 1][j - 1]:
            yield j - 1
        if rows[i][j] == rows[i - 1][j - 1] + (not is_same):
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1


def errors(reference: str, hypothesis: str) -> int:
    return align(words(reference), words(hypothesis)).errors


def misplaced_parts(whole: str, parts: list[str]) -> list[int]:
    """Parts that are not where they should be in `whole`, the parts being its pieces in order.

    A part is misplaced if less than half its words are found around its place, or if it and the
    next one fit better the other way round (text that repeats itself would pass the first test).
    One or two words say nothing either way.
    """
    expected, pieces = words(whole), [words(part) for part in parts]
    places = _places(len(expected), [len(piece) for piece in pieces])

    def around(first: int, last: int) -> list[str]:
        return expected[max(0, places[first] - SLACK_WORDS):places[last + 1] + SLACK_WORDS]

    lost = [index for index, piece in enumerate(pieces) if len(piece) > 2
            and 2 * len(align(around(index, index), piece).matched) < len(piece)]
    swapped = [index for index, (one, next_one) in enumerate(zip(pieces, pieces[1:]))
               if min(len(one), len(next_one)) > 2
               and align(around(index, index + 1), next_one + one).errors
               < align(around(index, index + 1), one + next_one).errors]
    return sorted({*lost, *swapped})


def _places(whole: int, pieces: list[int]) -> list[int]:
    """Where each piece begins in the whole, and the end, if all have gained or lost words alike."""
    total = max(1, sum(pieces))
    return [sum(pieces[:index]) * whole // total for index in range(len(pieces) + 1)]
