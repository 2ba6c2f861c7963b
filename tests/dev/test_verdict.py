# SPDX-License-Identifier: Apache-2.0
"""The demo's verdict, on a right run and on each way in which one can be wrong."""

from dataclasses import replace

import pytest

from dev.recording import known_text
from dev.verdict import Event, Known, judge

WORDS = known_text().split()
TOTAL_CHUNKS = 14
KNOWN = Known(known_text(), whole_file_errors=2)
PER_CHUNK = -(-len(WORDS) // TOTAL_CHUNKS)
TEXTS = [" ".join(WORDS[k * PER_CHUNK:(k + 1) * PER_CHUNK]) for k in range(TOTAL_CHUNKS)]


def run_of(texts: list[str]) -> list[Event]:
    """The events of a run that went right with these chunk texts."""
    events = [Event("initialized", {"total_chunks": len(texts)})]
    for index, text in enumerate(texts):
        events.append(Event("chunk_complete", {"chunk_index": index, "text": text}))
        events.append(Event("partial_transcript", {
            "delta": f" {text}", "from_chunk": index, "to_chunk": index}))
    events.append(Event("final_result", {
        "final_transcript": " ".join(texts), "success_rate": 100}))
    return events


def of_chunk(events: list[Event], event_type: str, index: int) -> int:
    key = "chunk_index" if event_type == "chunk_complete" else "to_chunk"
    return next(at for at, event in enumerate(events)
                if event.type == event_type and event.data[key] == index)


def complaints(events: list[Event]) -> str:
    return "\n".join(judge(events, TOTAL_CHUNKS, KNOWN).complaints)


def with_data(event: Event, **changes) -> Event:
    return replace(event, data={**event.data, **changes})


def test_a_right_run_is_right():
    judged = judge(run_of(TEXTS), TOTAL_CHUNKS, KNOWN)
    assert judged.complaints == []
    assert judged.is_right
    assert judged.word_errors == 0


def test_results_may_come_in_any_order():
    events = run_of(TEXTS)
    results = [event for event in events if event.type == "chunk_complete"]
    others = [event for event in events if event.type != "chunk_complete"]
    assert judge(others[:1] + results[::-1] + others[1:], TOTAL_CHUNKS, KNOWN).is_right


def test_a_run_with_unknown_text_is_judged_by_its_order():
    assert judge(run_of(TEXTS), TOTAL_CHUNKS, None).is_right


@pytest.mark.parametrize("index", [0, 6, TOTAL_CHUNKS - 1])
def test_a_withheld_result_is_wrong(index):
    events = run_of(TEXTS)
    del events[of_chunk(events, "chunk_complete", index)]
    assert f"chunk {index} has no result" in complaints(events)


@pytest.mark.parametrize("index", [0, 6, TOTAL_CHUNKS - 1])
def test_a_doubled_result_is_wrong(index):
    events = run_of(TEXTS)
    at = of_chunk(events, "chunk_complete", index)
    events.insert(at, events[at])
    assert f"chunk {index} has 2 results" in complaints(events)


@pytest.mark.parametrize("index", range(TOTAL_CHUNKS - 1))
def test_swapped_results_are_wrong(index):
    events = run_of(TEXTS)
    a = of_chunk(events, "chunk_complete", index)
    b = of_chunk(events, "chunk_complete", index + 1)
    events[a] = with_data(events[a], text=TEXTS[index + 1])
    events[b] = with_data(events[b], text=TEXTS[index])
    assert f"chunk {index}'s text is not at its place" in complaints(events)


@pytest.mark.parametrize(("one", "other"), [(0, 13), (2, 9), (4, 6)])
def test_distant_swapped_results_are_wrong(one, other):
    events = run_of(TEXTS)
    a, b = of_chunk(events, "chunk_complete", one), of_chunk(events, "chunk_complete", other)
    events[a] = with_data(events[a], text=TEXTS[other])
    events[b] = with_data(events[b], text=TEXTS[one])
    assert "not at its place" in complaints(events)


@pytest.mark.parametrize("index", range(TOTAL_CHUNKS - 1))
def test_chunks_swapped_everywhere_are_wrong(index):
    """The stream agrees with itself; only the known text shows it."""
    texts = [*TEXTS]
    texts[index], texts[index + 1] = texts[index + 1], texts[index]
    assert "not what is said there" in complaints(run_of(texts))


def test_text_that_went_back_is_wrong():
    events = run_of(TEXTS)
    a = of_chunk(events, "partial_transcript", 4)
    b = of_chunk(events, "partial_transcript", 5)
    events[a], events[b] = events[b], events[a]
    assert "went back" in complaints(events)


def test_a_lost_piece_of_ordered_text_is_wrong():
    events = run_of(TEXTS)
    del events[of_chunk(events, "partial_transcript", 4)]
    assert "differs from the final transcript" in complaints(events)


def test_a_failed_job_is_wrong():
    events = [*run_of(TEXTS)[:-1], Event("job_failed", {})]
    assert "ended with job_failed" in complaints(events)


def test_a_failed_chunk_is_wrong():
    events = run_of(TEXTS)
    events[-1] = with_data(events[-1], success_rate=92.8)
    assert "success rate 92.8" in complaints(events)


def test_an_unfinished_run_is_wrong():
    assert "no terminal event" in complaints(run_of(TEXTS)[:-1])


def with_errors(count: int) -> list[Event]:
    """Errors spread so thin that every chunk is still found at its place."""
    words = [*WORDS]
    for number in range(count):
        words[number * len(words) // count] = "wrong"
    return run_of([" ".join(words[k * PER_CHUNK:(k + 1) * PER_CHUNK]) for k in range(TOTAL_CHUNKS)])


def test_as_many_word_errors_as_allowed_are_right():
    allowed = KNOWN.whole_file_errors + 2 * (TOTAL_CHUNKS - 1)
    judged = judge(with_errors(allowed), TOTAL_CHUNKS, KNOWN)
    assert (judged.complaints, judged.word_errors) == ([], allowed)


def test_one_word_error_more_is_wrong():
    allowed = KNOWN.whole_file_errors + 2 * (TOTAL_CHUNKS - 1)
    assert f"{allowed + 1} word errors" in complaints(with_errors(allowed + 1))
