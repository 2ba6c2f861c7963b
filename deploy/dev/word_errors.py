# SPDX-License-Identifier: Apache-2.0
"""Word error rate, and where the words of a part lie in a whole. Pure."""

import re
from dataclasses import dataclass

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
    """Parts of which less than half the words are found at their place in `whole`, when the parts
    are laid out in the order given. Parts of one or two words say nothing either way."""
    owners = [index for index, part in enumerate(parts) for _ in words(part)]
    found = align(words(whole), [word for part in parts for word in words(part)]).matched
    right = [0] * len(parts)
    for position in found:
        right[owners[position]] += 1
    return [index for index in range(len(parts))
            if owners.count(index) > 2 and 2 * right[index] < owners.count(index)]
