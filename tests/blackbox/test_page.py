# SPDX-License-Identifier: Apache-2.0
"""The page, in a real browser: a file goes up, both displays fill, and what can go wrong can be put
right there."""

import json

import pytest
from standardwebhooks.webhooks import Webhook
from support import recording
from support.browser import Browser
from support.fake_llm import corrected
from support.fake_target import webhook_options
from support.flow import final_result, init, upload_all

REJECTED = {"do": "status", "status": 400}
TEXT = "document.getElementById('transcript').innerText"
MESSAGE = "document.getElementById('message').innerText"


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path)
    yield browser
    browser.close()


def save(sound, folder) -> str:
    path = folder / sound.filename
    path.write_bytes(sound.data)
    return str(path)


def submit(browser, path, chunk_size="1") -> None:
    browser.send_keys("#file", path)
    browser.evaluate(f"document.getElementById('chunk-size').value = '{chunk_size}'")
    browser.click("button[type=submit]")


def wait_text(browser, text) -> None:
    browser.wait_for(f"{TEXT}.trim().split(/\\s+/).join(' ') === {json.dumps(text)}")


def shown(browser, name) -> bool:
    return browser.evaluate(f"document.getElementById('{name}').checkVisibility()")


def transcribed(installation, sound) -> dict:
    job = init(installation.gateway, sound)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    final_result(stream)
    return job


def test_a_file_uploaded_on_the_page_is_shown_chunk_by_chunk_and_in_order(standing, browser,
                                                                          tmp_path):
    sound = recording.wav(25)

    browser.open(standing.gateway.base_url)
    submit(browser, save(sound, tmp_path))

    wait_text(browser, sound.text)
    browser.wait_for("document.getElementById('overall').value === 100")
    assert browser.evaluate("document.querySelectorAll('#chunks > li').length") == \
        sound.chunk_count()
    slots = browser.evaluate("[...document.querySelectorAll('#chunks > li')].map(e => e.innerText)")
    assert all(any(word in slot for word in sound.text.split()) for slot in slots), slots
    for metric in ("first-result", "rate", "efficiency"):
        assert browser.evaluate(f"document.getElementById('{metric}').innerText")[0].isdigit()
    total = sound.chunk_count()
    assert f"{total} of {total} chunks uploaded" in browser.text()
    assert f"{total} of {total} chunks processed" in browser.text()
    assert "100 % successful" in browser.text()
    assert not shown(browser, "failures") and not shown(browser, "interrupted")
    assert browser.evaluate("document.getElementById('coverage').title") == "text 100 %"
    assert not browser.complaints()


def test_the_words_can_be_heard(standing, browser, tmp_path):
    sound = recording.wav(25)

    browser.open(standing.gateway.base_url)
    submit(browser, save(sound, tmp_path))
    browser.wait_for(f"document.querySelectorAll('#transcript [data-part]').length === "
                     f"{len(sound.text.split())}")
    browser.wait_for("document.getElementById('audio').readyState > 0")
    # The 31st word is said from 15.1 s on.
    browser.evaluate("void (document.getElementById('audio').currentTime = 15.2)")
    browser.wait_for("document.querySelector('#transcript .heard')?.innerText === "
                     f"{json.dumps(sound.text.split()[30])}")
    browser.evaluate("document.querySelectorAll('#transcript [data-part]')[4].click()")
    browser.wait_for("Math.abs(document.getElementById('audio').currentTime - 2) < 1.5")

    assert browser.evaluate("document.getElementById('audio').src").startswith("blob:")
    assert not browser.complaints()


def test_a_failed_chunk_can_be_tried_again_there(installation, browser, tmp_path):
    installation.start()
    sound = recording.wav(25)
    installation.speech.script.add([{**REJECTED, "word": 20}])
    failed = "document.querySelectorAll('.slot-failed').length"

    browser.open(installation.gateway.base_url)
    submit(browser, save(sound, tmp_path))
    browser.wait_for(f"{TEXT}.includes('[gap ')")
    count = browser.wait_for(failed)
    done = sound.chunk_count() - count
    assert f"Completed {done} of {sound.chunk_count()} chunks" in browser.text()
    assert "partial transcript is available" in browser.text()
    details = browser.evaluate("document.querySelector('.slot-failed details code').textContent")
    assert details.startswith("speech_rejected: ")
    installation.speech.script.reset()
    while browser.evaluate(failed) > 1:
        browser.click(".slot-failed .slot-error button")
        browser.wait_for(f"{failed} < {count}")
        count = browser.evaluate(failed)
    browser.click("#retry-all" if count == 1 else ".slot-failed button")

    wait_text(browser, sound.text)
    browser.wait_for(f"{MESSAGE} === 'Done.'")
    assert not shown(browser, "failures")


def test_an_interrupted_upload_goes_on_when_the_file_is_chosen_again(standing, browser, tmp_path):
    sound = recording.wav(25)
    path = save(sound, tmp_path)
    job = init(standing.gateway, sound)
    standing.gateway.upload(job, sound.data, 0)
    standing.gateway.put(job["upload_urls"][2], sound.data)

    browser.open(standing.gateway.base_url)
    browser.send_keys("#file", path)
    browser.evaluate(
        "localStorage.setItem('chunkscribe.upload', JSON.stringify({"
        f"jobId: '{job['parent_job_id']}', name: '{sound.filename}', size: {len(sound.data)},"
        " modified: document.getElementById('file').files[0].lastModified}))")
    browser.open(standing.gateway.base_url + "/?again")
    browser.wait_for("document.getElementById('interrupted').checkVisibility()")
    assert sound.filename in browser.text()
    submit(browser, path, "5")

    wait_text(browser, sound.text)
    assert browser.evaluate("location.hash") == f"#{job['parent_job_id']}"
    assert browser.evaluate("document.querySelectorAll('#chunks > li').length") == \
        sound.chunk_count()
    browser.wait_for("localStorage.getItem('chunkscribe.upload') === null")


def test_a_job_can_be_shared_and_a_shared_page_only_reads(standing, browser):
    sound = recording.wav(25)
    job = transcribed(standing, sound)

    browser.open(f"{standing.gateway.base_url}/#{job['parent_job_id']}")
    wait_text(browser, sound.text)
    browser.click("#share")
    browser.click("#share-make")
    link = browser.wait_for("document.getElementById('share-link').value")
    browser.open("about:blank")
    browser.open(link)
    wait_text(browser, sound.text)
    browser.wait_for("document.querySelectorAll('#transcript [data-part]').length > 0")
    browser.wait_for("document.getElementById('audio').readyState > 0")

    assert "token=listen." in browser.evaluate("document.getElementById('audio').src")
    assert not any(shown(browser, name) for name in ("share", "cancel", "retry-all"))
    assert not browser.complaints()


def test_every_format_can_be_saved(standing, browser):
    sound = recording.wav(25)
    job = transcribed(standing, sound)

    browser.open(f"{standing.gateway.base_url}/#{job['parent_job_id']}")
    wait_text(browser, sound.text)
    for form in ("txt", "srt", "vtt", "json", "verbose_json"):
        browser.evaluate(f"void (document.getElementById('format').value = '{form}', "
                         "document.getElementById('format').dispatchEvent(new Event('change')))")
        link = browser.evaluate("document.getElementById('save').href")
        answer = standing.gateway.request("GET", link.removeprefix(standing.gateway.base_url))
        assert answer.status == 200 and sound.text.split()[0].encode() in answer.body
        assert f"format={form}" in link


def test_a_chunk_can_be_read_whole(standing, browser):
    sound = recording.wav(25)
    job = transcribed(standing, sound)

    browser.open(f"{standing.gateway.base_url}/#{job['parent_job_id']}")
    wait_text(browser, sound.text)
    browser.click("#chunks > li:nth-child(2) .slot-title")

    assert shown(browser, "preview")
    assert browser.evaluate("document.getElementById('preview-title').innerText") == "Chunk 2"
    assert "from 00:00:05" in browser.evaluate("document.getElementById('preview-note').innerText")
    assert len(browser.evaluate("document.getElementById('preview-text').innerText").split()) > 8
    browser.click("#preview-close")
    assert not shown(browser, "preview")


def test_cancelling(installation, browser, tmp_path):
    installation.start()
    sound = recording.wav(25)
    installation.speech.script.add([{"do": "hold"}])

    browser.open(installation.gateway.base_url)
    submit(browser, save(sound, tmp_path))
    installation.wait_held(1)
    browser.click("#cancel")

    browser.wait_for(f"{MESSAGE}.includes('cancelled')")
    assert browser.evaluate("localStorage.getItem('chunkscribe.upload')") is None


def test_how_many_at_a_time_follows_the_connection(standing, browser):
    browser.open(standing.gateway.base_url)

    counts = browser.evaluate("""(async () => {
        const { Lanes, automaticChunkSize } = await import("/upload.js");
        let time = 0;
        const lanes = new Lanes(4, () => time);
        const seen = [lanes.count];
        const window = (bytes) => { time += 5000; lanes.sent(bytes); seen.push(lanes.count); };
        [1e6, 2e6, 4e6, 4e6, 1e6].forEach(window);
        lanes.failed(); seen.push(lanes.count);
        lanes.failed(); seen.push(lanes.count);
        const sizes = [[1e6, 8], [1e6, 0.1], [1e6, 1000], [1e12, 8], [1e6, undefined]]
            .map(([size, speed]) => automaticChunkSize(size, speed ?? null));
        return [seen, sizes];
    })()""")

    # One more while it gets faster, at most 4; one less when it gets slow; half after a failure.
    assert counts == [[2, 3, 4, 4, 4, 3, 1, 1], [10, 1, 25, 96, 5]]


def test_a_correction_and_a_webhook_can_be_asked_for(llm_installation, target, browser, tmp_path):
    sound = recording.wav(5)
    options = webhook_options(tmp_path)
    llm_installation.start(gateway_options=options, worker_options=options)

    browser.open(llm_installation.gateway.base_url)
    browser.click("#start summary")
    browser.evaluate("document.getElementById('correction').value = 'post_process'")
    browser.send_keys("#webhook", target.url)
    submit(browser, save(sound, tmp_path))

    wait_text(browser, corrected(sound.text))
    secret = browser.evaluate("document.getElementById('secret-text').innerText")
    told = llm_installation.wait_for(target.received)[0]
    headers = {name.lower(): value for name, value in told["headers"].items()}
    assert Webhook(secret).verify(told["body"], headers)["type"] == "job.done"
    job, = llm_installation.gateway.all_jobs()
    assert (job["use_llm"], job["llm_mode"]) == (True, "post_process")


@pytest.mark.parametrize("field, value, answer", [
    ("correction", "per_chunk", "no language model"),
    ("webhook", "https://example.com/hook", "sends no webhooks"),
])
def test_what_the_server_does_not_have_is_told(standing, browser, tmp_path, field, value, answer):
    browser.open(standing.gateway.base_url)
    browser.evaluate(f"document.getElementById('{field}').value = {json.dumps(value)}")
    submit(browser, save(recording.wav(5), tmp_path))

    browser.wait_for(f"{MESSAGE}.includes({json.dumps(answer)})")
    assert not shown(browser, "job")


def test_a_refusal_is_told(standing, browser, tmp_path):
    path = tmp_path / "talk.wma"
    path.write_bytes(bytes(1000))

    browser.open(standing.gateway.base_url)
    browser.send_keys("#file", str(path))
    browser.click("button[type=submit]")

    assert "WMA" in browser.wait_for(f"{MESSAGE}.includes('not supported') && {MESSAGE}").upper()
