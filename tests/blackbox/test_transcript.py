# SPDX-License-Identifier: Apache-2.0
"""GET /chunked-transcript: the text in every format, of whole, broken and running jobs; captions
are read by parsers that nobody here wrote."""

import io

import srt
import webvtt
from support import large_job, recording, tone_speech
from support.flow import final_result, init, upload_all

REJECTED = {"do": "status", "status": 400}
UNKNOWN = "00000000-0000-4000-8000-000000000000"
FORMATS = ("txt", "json", "verbose_json", "srt", "vtt")


def path(job, **query) -> str:
    more = "".join(f"&{name}={value}" for name, value in query.items())
    return f"/chunked-transcript?parent_job_id={job['parent_job_id']}{more}"


def transcript(gateway, job, headers=None, **query):
    answer = gateway.request("GET", path(job, **query), headers=headers)
    assert answer.status == 200, answer.body
    return answer


def run(installation, sound, **more) -> tuple[dict, dict]:
    job = init(installation.gateway, sound, **more)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    return job, final_result(stream)


def spoken(seconds) -> list[dict]:
    return tone_speech.spoken(seconds)


def cues(answer) -> list[tuple[float, float, str]]:
    """Of either caption format, in seconds."""
    text = answer.body.decode()
    if answer.headers["content-type"].startswith("text/vtt"):
        return [(cue.start_in_seconds, cue.end_in_seconds, cue.text)
                for cue in webvtt.from_buffer(io.StringIO(text), strict=True)]
    return [(cue.start.total_seconds(), cue.end.total_seconds(), cue.content)
            for cue in srt.parse(text, ignore_errors=False)]


def check_cues(found, characters=42, lines=2, longest_s=7.0) -> None:
    for (_, end, _), (start, _, _) in zip(found, found[1:], strict=False):
        assert end <= start
    for start, end, text in found:
        assert 0 < end - start <= longest_s + 0.001
        assert len(text.split("\n")) <= lines
        assert all(0 < len(line) <= characters for line in text.split("\n")), text


def test_every_format_says_the_same(standing):
    sound = recording.wav(60)
    job, result = run(standing, sound)
    gateway = standing.gateway

    txt = transcript(gateway, job)
    assert txt.body.decode() == result["final_transcript"] + "\n" == sound.text + "\n"
    assert txt.headers["x-transcript-complete"] == "true"
    assert "recording.txt" in txt.headers["content-disposition"]

    document = transcript(gateway, job, format="json").json()
    assert document["text"] == sound.text and document["gaps"] == []
    assert document["is_complete"] and document["status"] == "done"
    assert abs(document["duration_ms"] - 60000) < 10

    verbose = transcript(gateway, job, format="verbose_json").json()
    assert verbose["text"] == sound.text and abs(verbose["duration"] - 60) < 0.01
    assert " ".join(word["word"] for word in verbose["words"]) == sound.text
    assert " ".join(segment["text"] for segment in verbose["segments"]) == sound.text
    for word, truth in zip(verbose["words"], spoken(60), strict=True):
        assert abs(word["start"] - truth["start"]) <= 0.15 >= abs(word["end"] - truth["end"])

    for form in ("srt", "vtt"):
        found = cues(transcript(gateway, job, format=form))
        assert " ".join(text.replace("\n", " ") for _, _, text in found) == sound.text
        check_cues(found)
        # A sentence of eight words takes four seconds: each is a caption, shown when it is said.
        sentences = spoken(60)[::tone_speech.SENTENCE]
        for (start, _, _), truth in zip(found, sentences, strict=True):
            assert abs(start - truth["start"]) <= 0.15


def test_caption_rules_are_parameters(standing):
    sound = recording.wav(30)
    job, _ = run(standing, sound)

    found = cues(transcript(standing.gateway, job, format="srt", line_characters=20, lines=1,
                            max_duration_ms=2000))

    check_cues(found, characters=20, lines=1, longest_s=2.0)
    assert " ".join(text for _, _, text in found) == sound.text


def test_paragraphs_begin_at_pauses(standing):
    sound = recording.wav(30)
    job, _ = run(standing, sound)

    # Between two words of the tones there are 0.2 s.
    every = transcript(standing.gateway, job, paragraph_pause_ms=100).body.decode()
    none = transcript(standing.gateway, job, paragraph_pause_ms=1000).body.decode()

    assert every.split("\n\n") == (sound.text + "\n").replace(" ", "\n\n").split("\n\n")
    assert none == sound.text + "\n"


def test_a_gap_is_a_marker_an_object_and_nothing(installation):
    installation.start()
    sound = recording.wav(60)
    installation.speech.script.add([{**REJECTED, "word": 60}])
    job, result = run(installation, sound)
    gateway = installation.gateway
    status = gateway.status(job)
    failed = [c["chunk_index"] for c in status["sub_jobs"] if c["status"] == "failed"]

    txt = transcript(gateway, job).body.decode()
    document = transcript(gateway, job, format="json").json()
    found = cues(transcript(gateway, job, format="vtt"))

    assert txt == result["final_transcript"] + "\n" and "[gap 00:00:" in txt
    assert [gap["chunk_index"] for gap in document["gaps"]] == failed
    for gap in document["gaps"]:
        assert 0 < gap["end_ms"] - gap["start_ms"] < 7000 and gap["reason"] == "speech_rejected"
    assert not any("gap" in text for _, _, text in found)
    # Nothing is shown where nothing was heard, but for a caption that is still being read.
    gap = document["gaps"][0]
    assert not any(gap["start_ms"] < start * 1000 < gap["end_ms"] for start, _, _ in found)


def test_a_running_job_gives_what_it_has_and_says_so(installation):
    installation.start()
    sound = recording.wav(40)
    job = init(installation.gateway, sound)
    gateway = installation.gateway
    nothing = {form: transcript(gateway, job, format=form) for form in FORMATS}

    for index in (0, 1, 3):
        gateway.upload(job, sound.data, index)
    gateway.wait_status(job, lambda status: status["completed_chunks"] == 3)
    some = {form: transcript(gateway, job, format=form) for form in FORMATS}

    total = job["chunk_info"]["total_chunks"]
    for form in FORMATS:
        assert nothing[form].headers["x-transcript-complete"] == "false"
        assert ".unfinished." in some[form].headers["content-disposition"]
    assert nothing["txt"].body.decode() == f"[unfinished: the text of 0 of {total} chunks]\n"
    assert nothing["json"].json()["text"] == "" and not nothing["json"].json()["is_complete"]
    assert nothing["srt"].body == b"" and "NOTE unfinished" in nothing["vtt"].body.decode()
    assert cues(nothing["vtt"]) == []
    text, _, mark = some["txt"].body.decode().partition("\n")
    assert mark == f"[unfinished: the text of 2 of {total} chunks]\n"
    assert sound.text.startswith(text) and len(text.split()) > 10
    assert some["json"].json()["text"] == text
    assert [w["word"] for w in some["verbose_json"].json()["words"]] == text.split()
    assert " ".join(t.replace("\n", " ") for _, _, t in cues(some["srt"])) == text
    upload_all(gateway, job, sound)


def test_an_unchanged_transcript_is_not_sent_again(standing):
    sound = recording.wav(25)
    job, _ = run(standing, sound)
    gateway = standing.gateway

    first = transcript(gateway, job, format="vtt")
    again = gateway.request("GET", path(job, format="vtt"),
                            headers={"If-None-Match": first.headers["etag"]})
    other = transcript(gateway, job, {"If-None-Match": first.headers["etag"]}, format="vtt",
                       lines=1)
    head = gateway.request("HEAD", path(job, format="vtt"))

    assert again.status == 304 and again.body == b""
    assert again.headers["etag"] == first.headers["etag"] != other.headers["etag"]
    assert head.status == 200 and head.body == b"" and head.headers["etag"] == first.headers["etag"]


def test_a_retried_gap_changes_the_transcript_and_its_tag(installation):
    installation.start()
    sound = recording.wav(25)
    installation.speech.script.add([{**REJECTED, "word": 20}])
    job, _ = run(installation, sound)
    gateway = installation.gateway
    before = transcript(gateway, job)
    installation.speech.script.reset()

    assert gateway.retry(job).status == 200
    gateway.wait_status(job, lambda status: status["failed_chunks"] == 0
                        and status["status"] == "done")
    after = transcript(gateway, job, {"If-None-Match": before.headers["etag"]})

    assert "[gap" in before.body.decode()
    assert after.body.decode() == sound.text + "\n"


def test_what_is_wrong_is_named(standing):
    gateway = standing.gateway
    job = init(gateway, recording.wav(25))

    unknown = gateway.request("GET", path({"parent_job_id": UNKNOWN}))
    bad_format = gateway.request("GET", path(job, format="docx"))
    bad_rule = gateway.request("GET", path(job, format="srt", lines=0))
    missing = gateway.request("GET", "/chunked-transcript")

    assert unknown.status == 404 and unknown.json()["type"] == "/problems/job-not-found"
    assert bad_format.status == 422
    assert bad_format.json()["allowed"] == list(FORMATS)
    assert bad_rule.status == 422 and bad_rule.json()["field"] == "lines"
    assert (bad_rule.json()["minimum"], bad_rule.json()["maximum"]) == (1, 10)
    assert missing.status == 422 and missing.json()["field"] == "parent_job_id"


def test_ten_thousand_chunks_take_the_memory_of_a_few(standing):
    job = large_job.insert(standing)
    words = large_job.CHUNKS * large_job.WORDS
    memory = "process_resident_memory_bytes"
    text = transcript(standing.gateway, job).body.decode()
    before = standing.metric("gateway-1", memory)

    verbose = transcript(standing.gateway, job, format="verbose_json")
    captions = transcript(standing.gateway, job, format="vtt")
    grown = standing.metric("gateway-1", memory) - before

    assert len(text.split()) == words == len(verbose.json()["words"])
    assert verbose.json()["words"][-1]["end"] == 99999.937
    shown = [line for line in captions.body.decode().split("\n") if line.startswith("word")]
    assert " ".join(shown) + "\n" == text
    assert len(verbose.body) > 30 << 20 and grown < 16 << 20, (len(verbose.body), grown)
