# SPDX-License-Identifier: Apache-2.0
"""Chunks that wait for a file's header cost the uploads that do not bring it nothing."""

MIB = 1 << 20
CHUNKS = 2000
UPLOADS = 10


def park(installation, job: dict) -> int:
    """All chunks but the first few and the last two, as the assembler leaves them that wait for
    those two. Gives how many."""
    last = CHUNKS - 1
    return len(installation.query(f"""
        UPDATE chunks SET status = 'uploaded', waiting_from = {last - 1}::bigint * {MIB},
            waiting_to = {CHUNKS}::bigint * {MIB}, waiting_first_chunk = {last - 1},
            waiting_chunk = {last}
        WHERE job_id = '{job["parent_job_id"]}' AND chunk_index BETWEEN {UPLOADS} AND {last - 2}
        RETURNING chunk_index"""))


def upload(installation, job: dict, index: int, so_far: int) -> None:
    """One chunk, in a transaction of its own."""
    target = job["upload_urls"][index]
    assert installation.gateway.request("PUT", target["upload_url"], bytes(MIB)).status == 200
    assert installation.gateway.complete(job, index).status == 200
    installation.wait_for(lambda: installation.query(
        f"SELECT FROM jobs WHERE id = '{job['parent_job_id']}' AND uploaded_chunks > {so_far}"))


def stop_and_count(installation) -> int:
    """Rows of `chunks` that were read so far; sessions tell it at their end at the latest."""
    for name in ("gateway-1", "assembler-1"):
        installation.fleet.stop(name)
    installation.wait_query_empty(
        "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND"
        " backend_type = 'client backend' AND pid <> pg_backend_pid()", "sessions go on")
    return installation.query("SELECT seq_tup_read + coalesce(idx_tup_fetch, 0)"
                              " FROM pg_stat_user_tables WHERE relname = 'chunks'")[0][0]


def test_an_upload_costs_the_same_however_many_chunks_wait(installation):
    installation.start(workers=0)
    job = installation.gateway.init("index-last.mp4", CHUNKS * MIB, chunk_size_mb=1)
    parked = park(installation, job)
    before = stop_and_count(installation)

    installation.start(workers=0)
    for index in range(UPLOADS):
        upload(installation, job, index, index)
    after = stop_and_count(installation)

    assert after - before < 3 * parked, (before, after)  # each, and each upload, for itself
    installation.start(workers=0)
    waits = "SELECT waiting_chunk, waiting_from IS NULL, count(*) FROM chunks" \
        f" WHERE chunk_index BETWEEN {UPLOADS} AND {CHUNKS - 3} GROUP BY 1, 2"
    assert installation.query(waits) == [(CHUNKS - 1, False, parked)]
    upload(installation, job, CHUNKS - 1, UPLOADS)
    assert installation.query(waits) == [(CHUNKS - 2, False, parked)]
    upload(installation, job, CHUNKS - 2, UPLOADS + 1)
    assert installation.query(waits) == [(None, True, parked)]
