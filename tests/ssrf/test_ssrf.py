# SPDX-License-Identifier: Apache-2.0
"""Where a worker lets itself be led by a webhook's address: the worker's own code against a
resolver and listeners that want it to reach what is not public, in a network namespace with no way
out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(ROOT / "deploy")]

# pylint: disable=wrong-import-position
from dev import paths  # noqa: E402

BUILD = Path(os.environ.get("CHUNKSCRIBE_TEST_BUILD", paths.build_dir("release")))
PROBE = BUILD / "tests" / "ssrf" / "webhook-probe"
PUBLIC = "93.184.216.34"
KEY = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\n"

GUARDED = "webhook_target_refused"
INVALID = "webhook_invalid"

# URL (the port is everywhere 8080), how it must end.
REFUSED = [
    ("http://private.example:8080/", GUARDED),
    ("http://metadata.example:8080/latest/meta-data/", GUARDED),
    ("http://loopback.example:8080/", GUARDED),
    ("http://mixed.example:8080/", GUARDED),       # one of its two addresses is public
    ("http://mapped.example:8080/", GUARDED),
    ("http://loopback6.example:8080/", GUARDED),
    ("http://nat64.example:8080/", GUARDED),
    ("http://127.0.0.1:8080/", INVALID),
    ("http://2130706433:8080/", INVALID),
    ("http://0x7f000001:8080/", INVALID),
    ("http://0x7f.1:8080/", INVALID),
    ("http://0177.0.0.1:8080/", INVALID),
    ("http://127.1:8080/", INVALID),
    ("http://0:8080/", INVALID),
    ("http://127.0.0.1.:8080/", INVALID),
    ("http://[::1]:8080/", INVALID),
    ("http://[::ffff:127.0.0.1]:8080/", INVALID),
    ("http://[::ffff:7f00:1]:8080/", INVALID),
    ("http://10.1.2.3:8080/", INVALID),
    ("http://169.254.169.254:8080/", INVALID),
    ("http://192.168.1.1:8080/", INVALID),
    ("http://100.64.0.1:8080/", INVALID),
    ("http://public.example@127.0.0.1:8080/", INVALID),
    ("http://public.example:x@127.0.0.1:8080/", INVALID),
    ("http://127.0.0.1:8080#public.example", INVALID),
    ("file:///etc/passwd", INVALID),
    ("gopher://public.example:8080/", INVALID),
    ("http://localhost:8080/", "webhook_unresolved"),  # this resolver does not know it
    ("http://nobody.example:8080/", "webhook_unresolved"),
]


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory) -> dict[str, dict]:
    key_file = tmp_path_factory.mktemp("ssrf") / "keys"
    key_file.write_text(KEY)
    urls = [[url] for url, _ in REFUSED]
    urls += [["http://public.example:8080/"], [f"http://{PUBLIC}:8080/"],
             ["http://public.example:8080/redirect"], ["http://rebinding.example:8080/"],
             ["http://private.example:8080/allowed", "private"]]
    own = [] if os.geteuid() == 0 else ["--user", "--map-root-user"]
    done = subprocess.run(
        ["unshare", *own, "--net", "--mount", sys.executable,
         str(Path(__file__).with_name("no_route_out.py")), str(PROBE), str(key_file)],
        input=json.dumps(urls), capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    return {outcome["url"]: outcome for outcome in json.loads(done.stdout)}


@pytest.mark.parametrize("url,kind", REFUSED)
def test_what_is_not_public_is_not_reached(outcomes, url, kind):
    assert outcomes[url]["outcome"].split()[0] == kind, outcomes[url]
    assert outcomes[url]["hits"] == []


@pytest.mark.parametrize("url", ["http://public.example:8080/", f"http://{PUBLIC}:8080/"])
def test_what_is_public_is(outcomes, url):
    assert outcomes[url]["outcome"] == "delivered"
    assert outcomes[url]["hits"] == [PUBLIC]


def test_a_redirect_is_a_failure_and_not_followed(outcomes):
    outcome = outcomes["http://public.example:8080/redirect"]
    assert outcome["outcome"].startswith("webhook_redirected")
    assert outcome["hits"] == [PUBLIC]


def test_a_name_is_resolved_once_and_what_was_judged_is_connected_to(outcomes):
    outcome = outcomes["http://rebinding.example:8080/"]
    assert outcome["outcome"] == "delivered"
    assert outcome["hits"] == [PUBLIC]
    assert outcome["asked"] == ["rebinding.example"]


def test_a_deployment_can_allow_its_own_network(outcomes):
    outcome = outcomes["http://private.example:8080/allowed"]
    assert outcome["outcome"] == "delivered" and outcome["hits"] == ["10.1.2.3"]
