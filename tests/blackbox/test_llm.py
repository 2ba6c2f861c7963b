# SPDX-License-Identifier: Apache-2.0
"""Texts corrected by a language model, each chunk by itself: what it mends, and that whatever else
it does leaves the text as it was heard, with a word why."""

import pytest
from support import recording
from support.fake_llm import corrected, uncorrected
from support.flow import final_result, init, upload_all

CHUNK_S = 5.9  # of a MiB of recording.wav()

# What the model does, and the reason that the events and the status give.
REJECTED = [
    ({"do": "adds"}, "additions"),
    ({"do": "drops"}, "losses"),
    ({"do": "refuses"}, "refused"),
    ({"do": "loops"}, "loops"),
    ({"do": "russian"}, "other_language"),
    ({"do": "rewrites"}, "rewritten"),
    ({"do": "empty"}, "empty"),
    ({"do": "cut_off"}, "truncated"),
    ({"do": "html"}, "unreadable"),
    ({"do": "huge", "bytes": 10_000_000}, "too_large"),
    ({"do": "hang"}, "timed_out"),
    ({"do": "status", "status": 400}, "request_refused"),
    ({"do": "status", "status": 500}, "unavailable"),
    ({"do": "status", "status": 429, "retry_after": 3000}, "limited"),
]


def transcribe(installation, sound, **more):
    job = init(installation.gateway, sound, use_llm=True, **more)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    return job, stream, final_result(stream)


def test_one_chunk_is_corrected_whole(llm_standing):
    sound = recording.wav(5)

    job, stream, result = transcribe(llm_standing, sound, llm_mode="per_chunk")

    assert result["raw_transcript"] == sound.text
    assert result["final_transcript"] == result["corrected_transcript"] == corrected(sound.text)
    assert "correction_rejected" not in result
    complete = stream.wait_for_type("chunk_complete").data
    assert complete["raw_text"] == sound.text
    assert complete["text"] == complete["corrected_text"] == corrected(sound.text)
    partial = stream.of_type("partial_transcript")[-1].data
    assert partial["partial_transcript"] == corrected(sound.text)
    status = llm_standing.gateway.status(job)
    assert status["use_llm"] is True and status["llm_mode"] == "per_chunk"
    for part in (status, status["sub_jobs"][0]):
        assert part["raw_transcript"] == sound.text
        assert part["final_transcript"] == part["corrected_transcript"] == corrected(sound.text)
        assert part["correction_rejected"] is None
    asked = llm_standing.llm.script.log()[-1]
    assert asked["key"] == "Bearer llm-key" and asked["model"] == "fake"
    assert asked["text"] == sound.text


def test_near_seams_the_text_stays_as_it_was_heard(llm_installation):
    """Every word once, whatever the readings' corrections say, and corrected where no other reading
    could have a say. 1 s of overlap, so that something lies between the seams of 6 s."""
    sound = recording.wav(40)
    installation = llm_installation.start(worker_options={"overlap": "1s"},
                                          assembler_options={"hold-back": "1s"})

    _, stream, result = transcribe(installation, sound)

    assert result["raw_transcript"] == sound.text
    assert uncorrected(result["final_transcript"]) == sound.text
    words = list(zip(sound.text.split(), result["final_transcript"].split(), strict=True))
    raised = [index for index, (raw, final) in enumerate(words) if raw != final]
    small = [index for index, (raw, final) in enumerate(words)
             if raw == final and raw[0].islower()]
    seams_s = [CHUNK_S * number for number in range(1, sound.chunk_count())]
    distance = [min(abs(index / 2 + 0.25 - seam) for seam in seams_s) for index in range(80)]
    assert raised and all(distance[index] > 0.7 for index in raised)
    assert small and all(distance[index] < 1.5 for index in small)
    texts = [event.data["partial_transcript"] for event in stream.of_type("partial_transcript")]
    assert all(later.startswith(earlier) for earlier, later in zip(texts, texts[1:]))
    assert texts[-1] == result["final_transcript"]


@pytest.mark.parametrize("fault,reason", REJECTED, ids=[reason for _, reason in REJECTED])
def test_what_is_no_correction_is_discarded(llm_installation, fault, reason):
    sound = recording.wav(10, first=100)
    installation = llm_installation.start(worker_options={"llm-timeout": "1s"})
    installation.llm.script.add([fault])

    job, stream, result = transcribe(installation, sound)

    assert result["final_transcript"] == result["raw_transcript"] == sound.text
    assert result["success_rate"] == 100
    assert result["correction_rejected"] == {"reason": reason, "rejected": 2, "pieces": 2}
    for event in stream.of_type("chunk_complete"):
        assert event.data["text"] == event.data["raw_text"]
        assert event.data["correction_rejected"]["reason"] == reason
    status = installation.gateway.status(job)
    assert status["correction_rejected"]["reason"] == reason
    assert status["sub_jobs"][1]["correction_rejected"]["reason"] == reason
    log = (installation.table.log_dir / "worker-1.log").read_text()
    assert "correction_rejected" in log and f"reason={reason}" in log
    assert installation.metric("worker-1", "chunkscribe_worker_llm_pieces_total"
                                           f'{{result="{reason}"}}') == 2


def test_one_bad_answer_is_one_chunks(llm_standing):
    sound = recording.wav(10, first=200)
    llm_standing.llm.script.add([{"do": "refuses", "times": 1}])

    _, stream, result = transcribe(llm_standing, sound)

    assert result["correction_rejected"] == {"reason": "refused", "rejected": 1, "pieces": 2}
    assert sorted("correction_rejected" in event.data
                  for event in stream.of_type("chunk_complete")) == [False, True]


def test_a_job_that_wants_none_has_none(llm_standing):
    sound = recording.wav(5, first=300)
    asked = len(llm_standing.llm.script.log())
    job = init(llm_standing.gateway, sound)
    stream = llm_standing.gateway.stream(job)
    upload_all(llm_standing.gateway, job, sound)

    assert final_result(stream)["final_transcript"] == sound.text
    assert len(llm_standing.llm.script.log()) == asked


def test_workers_without_a_model_say_so(llm_installation):
    """The gateway's option promises what this worker cannot keep."""
    sound = recording.wav(5)
    installation = llm_installation.start(worker_options={"llm-url": None})

    _, _, result = transcribe(installation, sound)

    assert result["final_transcript"] == sound.text
    assert result["correction_rejected"]["reason"] == "not_configured"


def test_a_cancelled_job_leaves_the_model(llm_standing):
    sound = recording.wav(5, first=400)
    llm_standing.llm.script.add([{"do": "hold", "times": 1}])
    job = init(llm_standing.gateway, sound, use_llm=True)
    upload_all(llm_standing.gateway, job, sound)
    llm_standing.wait_for(lambda: llm_standing.llm.script.log()[-1]["fault"] == "hold")

    assert llm_standing.gateway.post("/chunked-upload-cancel",
                                     {"parent_job_id": job["parent_job_id"]}).status == 200

    llm_standing.wait_for(lambda: llm_standing.metric(
        "worker-1", 'chunkscribe_worker_tasks_total{result="dropped"}') == 1)
    llm_standing.llm.script.release()
    assert llm_standing.gateway.status(job)["status"] == "cancelled"


def test_a_worker_killed_while_it_corrects_costs_an_attempt_alone(llm_installation):
    sound = recording.wav(5, first=500)
    installation = llm_installation.start(assembler_options={"lost-after": "1s"})
    installation.llm.script.add([{"do": "hold", "times": 1}])
    job = init(installation.gateway, sound, use_llm=True)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    installation.wait_for(lambda: installation.llm.script.log())

    installation.kill("worker-1")
    installation.fleet.start_worker("worker-1")

    assert final_result(stream)["final_transcript"] == corrected(sound.text)


# --- the whole text at the end ------------------------------------------------------------------

def post_process(installation, sound, **more):
    return transcribe(installation, sound, llm_mode="post_process", **more)


def test_the_whole_text_is_corrected_once_it_is_in_order(llm_standing):
    sound = recording.wav(40, first=600)

    job, stream, result = post_process(llm_standing, sound)

    # Over the seams too, of which the stream, before, knew nothing.
    assert result["raw_transcript"] == sound.text
    assert result["final_transcript"] == result["corrected_transcript"] == corrected(sound.text)
    assert stream.of_type("partial_transcript")[-1].data["partial_transcript"] == sound.text
    assert all(event.data["text"] == event.data["raw_text"]
               for event in stream.of_type("chunk_complete"))
    status = llm_standing.gateway.status(job)
    assert status["final_transcript"] == corrected(sound.text)
    assert status["raw_transcript"] == sound.text and status["llm_mode"] == "post_process"


def test_the_job_is_assembling_until_then_and_can_be_cancelled(llm_standing):
    sound = recording.wav(5, first=700)
    asked = len(llm_standing.llm.script.log())
    llm_standing.llm.script.add([{"do": "hold", "times": 1}])
    job = init(llm_standing.gateway, sound, use_llm=True, llm_mode="post_process")
    upload_all(llm_standing.gateway, job, sound)
    llm_standing.wait_for(lambda: len(llm_standing.llm.script.log()) > asked)

    status = llm_standing.gateway.status(job)
    assert status["status"] == "assembling" and status["progress"] < 100
    assert llm_standing.gateway.cancel(job).status == 200
    llm_standing.llm.script.release()
    assert llm_standing.gateway.status(job)["final_transcript"] == sound.text


def are_tasks_done_without_pauses(installation, job) -> bool:
    """Brings the next try of each forward; whether the job has ended."""
    installation.query("UPDATE tasks SET due_at = now() WHERE due_at > now()"
                       " AND kind = 'llm.post_process' RETURNING 1")
    return installation.gateway.status(job)["status"] == "done"


@pytest.mark.parametrize("rules,reason", [
    ([{"do": "refuses"}], "refused"),
    ([{"do": "status", "status": 500}], "unavailable"),
])
def test_what_fails_at_the_end_leaves_the_text_as_it_was_heard(llm_installation, rules, reason):
    sound = recording.wav(10, first=800)
    installation = llm_installation.start()
    installation.llm.script.add(rules)
    job = init(installation.gateway, sound, use_llm=True, llm_mode="post_process")
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)

    installation.wait_for(lambda: are_tasks_done_without_pauses(installation, job))
    result = final_result(stream)

    assert result["final_transcript"] == result["raw_transcript"] == sound.text
    assert result["correction_rejected"]["reason"] == reason
    assert installation.gateway.status(job)["correction_rejected"]["reason"] == reason


def test_a_worker_killed_while_it_corrects_the_whole_is_replaced(llm_installation):
    sound = recording.wav(10, first=900)
    installation = llm_installation.start(assembler_options={"lost-after": "1s"})
    installation.llm.script.add([{"do": "hold", "times": 1}])
    job = init(installation.gateway, sound, use_llm=True, llm_mode="post_process")
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    installation.wait_for(lambda: installation.llm.script.log())

    installation.kill("worker-1")
    installation.fleet.start_worker("worker-1")

    assert final_result(stream)["final_transcript"] == corrected(sound.text)


def test_a_chunk_that_is_retried_has_the_whole_corrected_anew(llm_standing):
    sound = recording.wav(10, first=1000)
    llm_standing.speech.script.add([{"do": "status", "status": 400, "times": 1}])
    job, _, result = post_process(llm_standing, sound)
    assert result["failed_chunks"] == 1

    assert llm_standing.gateway.retry(job).status in (200, 202)
    status = llm_standing.gateway.wait_status(
        job, lambda s: s["status"] == "done" and s["failed_chunks"] == 0)

    assert status["raw_transcript"] == sound.text
    assert status["final_transcript"] == corrected(sound.text)
