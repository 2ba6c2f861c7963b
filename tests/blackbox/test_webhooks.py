# SPDX-License-Identifier: Apache-2.0
"""Webhooks, as Standard Webhooks 1.0 wants them: verified by its own library, tried again, listed
and replayed, and never sent where they must not go. (tests/ssrf has the guard of addresses.)"""

import json

import pytest
from standardwebhooks.webhooks import Webhook, WebhookVerificationError
from support import recording
from support.fake_target import ROOT_KEY, webhook_options
from support.flow import ended, final_result, init, upload_all

SHARED_SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SOUND_S = 3


def start(installation, keys=ROOT_KEY, workers=1, **assembler_options):
    options = webhook_options(installation.folder, keys)
    return installation.start(workers=workers, gateway_options=options,
                              worker_options={**options, "webhook-timeout": "1s"},
                              assembler_options=assembler_options)


@pytest.fixture(scope="module")
def webhooks(services, tmp_path_factory):
    """One installation for all tests that only need webhooks to be there."""
    from conftest import _installation  # pylint: disable=import-outside-toplevel
    for installation in _installation(services, tmp_path_factory.mktemp("webhooks")):
        yield start(installation)


def run(installation, target, seconds=SOUND_S):
    """A whole job with a webhook; gives the answer of its init."""
    sound = recording.wav(seconds)
    job = init(installation.gateway, sound, webhook_url=target.url)
    stream = installation.gateway.stream(job)
    upload_all(installation.gateway, job, sound)
    final_result(stream)
    return job


def wait_delivery(installation, job, condition) -> dict:
    """The newest delivery, once `condition(delivery)` holds."""
    def newest():
        deliveries = installation.gateway.webhooks(job)["deliveries"]
        return deliveries[0] if deliveries and condition(deliveries[0]) else None
    return installation.wait_for(newest)


def is_delivered(delivery: dict) -> bool:
    return delivery["state"] == "delivered"


def verified(request: dict, secret: str) -> dict:
    """The payload, if the signature is good; any change of it, of id or time is found."""
    webhook = Webhook(secret)
    headers = {name.lower(): value for name, value in request["headers"].items()}
    payload = webhook.verify(request["body"], headers)
    for changed in ({"webhook-id": "x"}, {"webhook-timestamp": "1"}):
        with pytest.raises(WebhookVerificationError):
            webhook.verify(request["body"], {**headers, **changed})
    with pytest.raises(WebhookVerificationError):
        webhook.verify(request["body"] + " ", headers)
    return payload if isinstance(payload, dict) else json.loads(request["body"])


def test_a_finished_job_is_told_once_and_signed(webhooks, target):
    job = run(webhooks, target)

    delivery = wait_delivery(webhooks, job, is_delivered)

    request, = target.received()
    payload = verified(request, job["webhook_secret"])
    assert payload["type"] == delivery["type"] == "job.done"
    assert payload["data"]["parent_job_id"] == job["parent_job_id"]
    assert payload["data"]["status"] == "done"
    assert payload["data"]["links"]["status"].endswith(job["parent_job_id"])
    assert len(request["body"]) < 2048
    assert request["headers"]["webhook-id"] == delivery["delivery_id"]
    assert request["headers"]["Content-Type"] == "application/json"
    assert delivery["attempts"] == 1 and delivery["last_error"] is None
    assert webhooks.gateway.status(job)["webhook_url"] == target.url


def test_each_job_has_a_secret_of_its_own(webhooks, target):
    one, other = run(webhooks, target), run(webhooks, target)
    for job in (one, other):
        wait_delivery(webhooks, job, is_delivered)

    assert one["webhook_secret"] != other["webhook_secret"]
    first = next(r for r in target.received() if one["parent_job_id"] in r["body"])
    verified(first, one["webhook_secret"])
    with pytest.raises(WebhookVerificationError):
        verified(first, other["webhook_secret"])


def test_a_cancelled_and_a_failed_job_are_told(webhooks, target):
    sound = recording.wav(SOUND_S)
    cancelled = init(webhooks.gateway, sound, webhook_url=target.url)
    assert webhooks.gateway.cancel(cancelled).status == 200
    failed = init(webhooks.gateway, sound, webhook_url=target.url)
    stream = webhooks.gateway.stream(failed)
    webhooks.speech.script.add([{"do": "status", "status": 400, "times": 1}])
    upload_all(webhooks.gateway, failed, sound)
    ended(stream, "job_failed")

    for job, kind in ((cancelled, "job.cancelled"), (failed, "job.failed")):
        assert wait_delivery(webhooks, job, is_delivered)["type"] == kind


def test_an_expired_job_is_told(installation, target):
    start(installation, **{"expire-after": "1s"})
    job = init(installation.gateway, recording.wav(SOUND_S), webhook_url=target.url)

    delivery = wait_delivery(installation, job, is_delivered)

    assert delivery["type"] == "job.expired"
    told = verified(target.received()[-1], job["webhook_secret"])
    assert told["type"] == "job.expired" and told["data"]["status"] == "expired"


def test_an_attempt_that_fails_is_followed_by_another_with_the_same_id(webhooks, target):
    target.script.add([{"do": "status", "status": 500, "times": 1}])
    job = run(webhooks, target)

    delivery = wait_delivery(webhooks, job, is_delivered)

    assert delivery["attempts"] == 2
    first, second = target.received()
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    assert first["body"] == second["body"]
    assert int(second["headers"]["webhook-timestamp"]) > int(first["headers"]["webhook-timestamp"])
    verified(second, job["webhook_secret"])


@pytest.mark.parametrize("rule,kind", [
    ({"do": "redirect"}, "webhook_redirected"),
    ({"do": "hang"}, "webhook_timed_out"),
    ({"do": "huge", "bytes": 10 << 30}, "webhook_answer_too_large"),
    ({"do": "status", "status": 404}, "webhook_refused"),
    ({"do": "status", "status": 429, "retry_after": 7200}, "webhook_throttled"),
])
def test_a_failed_attempt_is_told_in_the_list_and_in_the_log(webhooks, target, rule, kind):
    target.script.add([{**rule, "times": 1}])
    job = run(webhooks, target)

    delivery = wait_delivery(webhooks, job, lambda d: d["attempts"] >= 1)

    assert delivery["last_error"]["type"] == kind and not delivery["last_error"]["permanent"]
    assert delivery["state"] == "pending" and delivery["next_attempt_at"]
    assert [request["path"] for request in target.received()] == ["/hook"]  # nothing is followed
    waits, = webhooks.query("SELECT due_at > now() + interval '1 hour' FROM tasks"
                            " WHERE job_id = %s AND kind = 'webhook.deliver'",
                            job["parent_job_id"])
    assert waits[0] is (rule.get("retry_after", 0) > 3600)
    log = (webhooks.table.log_dir / "worker-1.log").read_text()
    assert delivery["last_error"]["message"] in log


def test_a_target_that_is_gone_is_told_nothing_more(webhooks, target):
    target.script.add([{"do": "status", "status": 410, "times": 1}])
    sound = recording.wav(8)  # two chunks
    job = init(webhooks.gateway, sound, webhook_url=target.url)
    stream = webhooks.gateway.stream(job)
    webhooks.speech.script.add([{"do": "status", "status": 400, "times": 1}])
    upload_all(webhooks.gateway, job, sound)
    final_result(stream)

    delivery = wait_delivery(webhooks, job, lambda d: d["state"] == "failed")

    assert delivery["last_error"]["type"] == "webhook_gone" and delivery["next_attempt_at"] is None
    assert webhooks.gateway.webhooks(job)["is_disabled"] is True
    # Another end of the same job: the failed chunk is tried once more.
    assert webhooks.gateway.retry(job).status in (200, 202)
    webhooks.gateway.wait_status(job, lambda status: status["failed_chunks"] == 0
                                 and status["status"] == "done")
    assert len(webhooks.gateway.webhooks(job)["deliveries"]) == 1
    assert len(target.received()) == 1


def test_a_delivery_can_be_replayed(webhooks, target):
    job = run(webhooks, target)
    path = f"/jobs/{job['parent_job_id']}/webhook-replay"
    delivery = wait_delivery(webhooks, job, is_delivered)

    answer = webhooks.gateway.post(path, {"delivery_id": delivery["delivery_id"]})

    assert answer.status == 202, answer.body
    again = wait_delivery(webhooks, job, lambda d: is_delivered(d) and d["attempts"] == 2)
    assert again["delivery_id"] == delivery["delivery_id"]
    first, second = target.received()
    assert first["headers"]["webhook-id"] == second["headers"]["webhook-id"]
    verified(second, job["webhook_secret"])


def test_what_cannot_be_replayed_is_refused(webhooks, target):
    target.script.add([{"do": "status", "status": 503, "times": 1, "retry_after": 3600}])
    job = run(webhooks, target)
    path = f"/jobs/{job['parent_job_id']}/webhook-replay"
    delivery = wait_delivery(webhooks, job, lambda d: d["attempts"] == 1)
    nobody = "11111111-2222-4333-8444-555555555555"

    for where, body, status in [
            (path, {"delivery_id": delivery["delivery_id"]}, 409),  # still being tried
            (path, {"delivery_id": nobody}, 404),
            (f"/jobs/{nobody}/webhook-replay", {"delivery_id": delivery["delivery_id"]}, 404),
            (path, {"delivery_id": "first"}, 422), (path, {}, 422)]:
        answer = webhooks.gateway.post(where, body)
        assert answer.status == status, (body, answer.body)
    assert webhooks.gateway.request("GET", f"/jobs/{nobody}/webhooks").status == 404


@pytest.mark.parametrize("url,why", [
    ("http://example.com/hook", "https"), ("https://user@example.com/", "user name"),
    ("https://127.0.0.1/", "public"), ("https://2130706433/", "plain numbers"),
    ("not a url", "printable"), ("https://[::1]/", "public"), (5, "string")])
def test_bad_addresses_are_refused_at_init_by_field(installation, url, why):
    key_file = installation.folder / "keys"
    key_file.write_text(SHARED_SECRET + "\n")
    gateway = installation.start(gateway_options={"webhook-key-file": key_file}).gateway

    answer = gateway.post("/chunked-upload-stream",
                          {"filename": "a.wav", "total_size": 100, "webhook_url": url})

    assert answer.status == 422, answer.body
    assert answer.json()["field"] == "webhook_url" and why in answer.json()["detail"]


def test_a_shared_link_does_not_tell_the_target(webhooks, target):
    gateway = webhooks.gateway
    job = init(gateway, recording.wav(SOUND_S), webhook_url=target.url)
    token = gateway.post(f"/jobs/{job['parent_job_id']}/share", {}).json()["token"]

    for path in (f"/chunked-upload-status?parent_job_id={job['parent_job_id']}",
                 f"/jobs/{job['parent_job_id']}?"):
        assert gateway.request("GET", path).json()["webhook_url"] == target.url
        assert gateway.request("GET", f"{path}&token={token}").json()["webhook_url"] is None


def test_two_keys_sign_while_one_replaces_the_other(installation, target):
    start(installation, keys=f"# since May\n{SHARED_SECRET}\n{ROOT_KEY}")
    job = run(installation, target)
    wait_delivery(installation, job, is_delivered)

    assert "webhook_secret" not in job  # the newest key is one for all jobs
    request, = target.received()
    assert len(request["headers"]["webhook-signature"].split()) == 2
    verified(request, SHARED_SECRET)


def test_a_worker_killed_while_it_delivers_delivers_again(installation, target):
    start(installation, **{"lost-after": "1s"})
    target.script.add([{"do": "hold", "times": 1}])
    job = run(installation, target)
    installation.wait_for(target.received)

    installation.kill("worker-1")
    installation.fleet.start_worker("worker-1", options=webhook_options(installation.folder))

    delivery = wait_delivery(installation, job, is_delivered)
    assert {r["headers"]["webhook-id"] for r in target.received()} == {delivery["delivery_id"]}
