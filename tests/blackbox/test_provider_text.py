# SPDX-License-Identifier: Apache-2.0
"""Whatever the speech service says, nothing but the chunk it says it of has that text."""

import json

import pytest
from support import recording
from support.flow import final_result, init, transcribe, upload_all
from support.tone_speech import number_of

# As bytes in the JSON of an answer: escapes that JSON allows and PostgreSQL or UTF-8 do not, and
# bytes that are no UTF-8.
UNFIT = {
    "NUL": rb"\u0000",
    "a high surrogate": rb"\ud83d",
    "a low surrogate": rb"\udc00",
    "surrogates in the wrong order": rb"\udc00\ud83d",
    "no UTF-8": b"\xff\xfe",
    "an overlong form": b"\xc0\x80",
    "a surrogate in UTF-8": b"\xed\xa0\x80",
    "half a character": b"\xe2\x82",
    "beyond Unicode": b"\xf4\x90\x80\x80",
}
REPLACED = "\N{REPLACEMENT CHARACTER}"


def answer_with(unfit: bytes) -> bytes:
    words = ["fair", "fo?ul", "good"]
    places = [{"word": word, "start": 1 + n, "end": 1.5 + n} for n, word in enumerate(words)]
    text = " ".join(words)
    reply = {"task": "transcribe", "language": "english", "duration": 5, "text": text,
             "segments": [{"id": 0, "start": 1, "end": 4, "text": " " + text}], "words": places}
    return json.dumps(reply).encode().replace(b"?", unfit)


@pytest.mark.parametrize("unfit", UNFIT.values(), ids=UNFIT)
def test_unfit_characters_are_replaced(standing, unfit):
    """What is beside them stays, and so do other jobs in the same transactions."""
    standing.speech.script.add([{"do": "raw", "body": answer_with(unfit).decode("latin-1"),
                                 "word": 61004, "times": 1}])
    sounds = [recording.wav(5, first=61000), recording.wav(11, first=61100)]
    jobs = [init(standing.gateway, sound) for sound in sounds]
    streams = [standing.gateway.stream(job) for job in jobs]
    for job, sound in zip(jobs, sounds):
        upload_all(standing.gateway, job, sound)

    unclean, clean = [final_result(stream)["final_transcript"] for stream in streams]

    head, _, tail = unclean.partition(REPLACED)
    assert head == "fair fo" and tail.lstrip(REPLACED) == "ul good", unclean
    assert clean == sounds[1].text
    assert standing.gateway.status(jobs[0])["final_transcript"] == unclean


def test_another_chunks_text_stays_in_its_chunk(installation):
    """Nobody can tell that it is another's; that is all it does. (Chunks of 2 MiB: those of 1 MiB
    last less than the seconds that both neighbours read of them, who may know all of their words.)
    """
    installation.start()
    sound = recording.wav(40, first=62000)
    installation.speech.script.add([{"do": "other", "by": 1000, "word": 62040, "times": 1}])

    result = transcribe(installation.gateway, sound, chunk_size_mb=2)

    numbers = [number_of(word) for word in result["final_transcript"].split()]
    foreign = [number for number in numbers if number >= 63000]
    own = [number for number in numbers if number < 63000]
    assert foreign and foreign == list(range(foreign[0], foreign[-1] + 1))
    assert own == [*range(62000, foreign[0] - 1000), *range(foreign[-1] - 999, 62080)]
    again = transcribe(installation.gateway, sound, chunk_size_mb=2)
    assert again["final_transcript"] == sound.text
