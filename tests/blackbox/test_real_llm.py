# SPDX-License-Identifier: Apache-2.0
"""Both modes against a real, small language model: the protocol, the form of what comes of it and
the guards, never its wording."""

import pytest
from dev import deps, llm
from support import recording
from support.flow import final_result, init, upload_all
from support.installation import Installation

# As short as a text can be of which a correction can be judged: the model has two cores.
SOUND_S = 6
PATIENCE_S = 900


@pytest.fixture(scope="module")
def standing(services, tmp_path_factory):
    from conftest import BUILD  # pylint: disable=import-outside-toplevel
    deps.llm_venv()
    llm.fetch()
    services.llm.start()
    installation = Installation(services, tmp_path_factory.mktemp("real-llm"), BUILD,
                                llm=services.llm.api())
    yield installation.start(worker_options={"llm-timeout": "10min", "llm-deadline": "12min"})
    installation.stop()
    services.llm.stop()


@pytest.mark.parametrize("mode", ["per_chunk", "post_process"])
def test_the_text_is_there_whatever_the_model_makes_of_it(standing, mode):
    sound = recording.wav(SOUND_S, rate=22050)
    job = init(standing.gateway, sound, use_llm=True, llm_mode=mode)
    stream = standing.gateway.stream(job)
    upload_all(standing.gateway, job, sound)

    result = final_result(stream, PATIENCE_S)

    assert result["raw_transcript"] == sound.text
    assert result["final_transcript"] == result["corrected_transcript"]
    words, final = sound.text.split(), result["final_transcript"].split()
    assert 0.8 * len(words) <= len(final) <= 1.15 * len(words) + 2
    if "correction_rejected" in result:
        assert result["final_transcript"] == sound.text
        # It was asked, and it answered.
        assert result["correction_rejected"]["reason"] not in (
            "unavailable", "timed_out", "limited", "unreadable", "request_refused",
            "not_configured", "too_large")
