# SPDX-License-Identifier: Apache-2.0
"""The page, in a real browser: a file goes up, both displays fill."""

import pytest
from support import recording
from support.browser import Browser


@pytest.fixture
def browser(tmp_path):
    browser = Browser(tmp_path)
    yield browser
    browser.close()


def test_a_file_uploaded_on_the_page_is_shown_chunk_by_chunk_and_in_order(standing, browser,
                                                                          tmp_path):
    sound = recording.wav(25)
    path = tmp_path / sound.filename
    path.write_bytes(sound.data)

    browser.open(standing.gateway.base_url)
    browser.send_keys("#file", str(path))
    browser.evaluate("document.getElementById('chunk-size').value = '1'")
    browser.click("button[type=submit]")

    browser.wait_for("document.getElementById('transcript').innerText.split(/\\s+/).length >= "
                     f"{len(sound.text.split())}")
    words = browser.evaluate("document.getElementById('transcript').innerText")
    assert " ".join(words.split()) == sound.text
    browser.wait_for("document.getElementById('overall').value === 100")
    assert browser.evaluate("document.querySelectorAll('#chunks > li').length") == \
        sound.chunk_count()
    slots = browser.evaluate("[...document.querySelectorAll('#chunks > li')].map(e => e.innerText)")
    assert all(any(word in slot for word in sound.text.split()) for slot in slots), slots
    assert not browser.complaints()


def test_a_refusal_is_told(standing, browser, tmp_path):
    path = tmp_path / "talk.amr"
    path.write_bytes(b"#!AMR\n" + bytes(1000))

    browser.open(standing.gateway.base_url)
    browser.send_keys("#file", str(path))
    browser.click("button[type=submit]")

    assert "AMR" in browser.wait_for("document.getElementById('message').innerText").upper()
