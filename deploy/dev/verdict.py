# SPDX-License-Identifier: Apache-2.0
"""Whether a run of the demo was right, judged from nothing but the events it received. Pure."""

from collections import Counter
from dataclasses import dataclass

from . import word_errors

ERRORS_ALLOWED_PER_SEAM = 2
TERMINAL_EVENTS = ("final_result", "job_failed", "cancelled", "expired")


@dataclass(frozen=True)
class Event:
    """A durable event of the job's stream, as it came."""

    type: str
    data: dict
    id: int | None = None


@dataclass(frozen=True)
class Known:
    """What is known of the recording from elsewhere."""

    text: str
    whole_file_errors: int


@dataclass(frozen=True)
class Verdict:
    complaints: list[str]
    transcript: str
    word_errors: int | None = None

    @property
    def is_right(self) -> bool:
        return not self.complaints


def judge(events: list[Event], total_chunks: int, known: Known | None) -> Verdict:
    """Right is: every chunk done exactly once, the ordered text growing in order into the final
    text, every chunk's words at its place in it, and few enough word errors."""
    final = [event for event in events if event.type == "final_result"]
    transcript = final[0].data.get("final_transcript", "") if final else ""
    complaints = _end_complaints(events, final) + _chunk_complaints(events, total_chunks)
    complaints += _delta_complaints(events, transcript)
    texts = _chunk_texts(events, total_chunks)
    complaints += [f"chunk {index}'s text is not at its place in the transcript"
                   for index in word_errors.misplaced_parts(transcript, texts)]
    if known is None:
        return Verdict(complaints, transcript)
    complaints += [f"chunk {index}'s text is not what is said there"
                   for index in word_errors.misplaced_parts(known.text, texts)]
    errors = word_errors.errors(known.text, transcript)
    allowed = known.whole_file_errors + ERRORS_ALLOWED_PER_SEAM * (total_chunks - 1)
    if errors > allowed:
        complaints.append(f"{errors} word errors, more than the {allowed} allowed")
    return Verdict(complaints, transcript, errors)


def _end_complaints(events: list[Event], final: list[Event]) -> list[str]:
    ends = [event.type for event in events if event.type in TERMINAL_EVENTS]
    if ends != ["final_result"]:
        return [f"the run ended with {', '.join(ends) or 'no terminal event'}"]
    if events[-1].type != "final_result":
        return [f"{events[-1].type} came after the final result"]
    rate = final[0].data.get("success_rate")
    return [] if rate == 100 else [f"success rate {rate} %"]


def _chunk_complaints(events: list[Event], total_chunks: int) -> list[str]:
    done = Counter(event.data["chunk_index"] for event in events if event.type == "chunk_complete")
    complaints = [f"chunk {index} has no result" for index in range(total_chunks)
                  if done[index] == 0]
    complaints += [f"chunk {index} has {count} results" for index, count in sorted(done.items())
                   if count > 1]
    return complaints + [f"there is no chunk {index}" for index in sorted(done)
                         if not 0 <= index < total_chunks]


def _chunk_texts(events: list[Event], total_chunks: int) -> list[str]:
    texts = [""] * total_chunks
    for event in events:
        if event.type == "chunk_complete" and 0 <= event.data["chunk_index"] < total_chunks:
            texts[event.data["chunk_index"]] = event.data["text"]
    return texts


def _delta_complaints(events: list[Event], transcript: str) -> list[str]:
    deltas = [event.data for event in events if event.type == "partial_transcript"]
    complaints = []
    for earlier, later in zip(deltas, deltas[1:]):
        if later["from_chunk"] < earlier["from_chunk"] or later["to_chunk"] < earlier["to_chunk"]:
            complaints.append(f"ordered text went back from chunk {earlier['to_chunk']} to "
                              f"{later['from_chunk']}")
    if "".join(delta["delta"] for delta in deltas).split() != transcript.split():
        complaints.append("the ordered text that was sent differs from the final transcript")
    return complaints
