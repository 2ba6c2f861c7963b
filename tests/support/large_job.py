# SPDX-License-Identifier: Apache-2.0
"""A finished job of 10,000 chunks, put into the database as the assembler would have left it: for
what must not grow with the number of chunks."""

import uuid

CHUNKS = 10000
WORDS = 40  # of each chunk
RATE = 16000
CHUNK_SAMPLES = 10 * RATE

_READING = f"""
    SELECT jsonb_build_object('start', 0, 'end', {CHUNK_SAMPLES}, 'spans_previous', false,
        'spans_next', false,
        'segments', jsonb_build_array(jsonb_build_object('avg_logprob', -0.25,
            'no_speech_prob', 0.01, 'compression_ratio', 1.5)),
        'words', (SELECT jsonb_agg(jsonb_build_object('text', ' word' || i, 'start', i * 4000,
            'end', i * 4000 + 3000, 'probability', 0.9, 'segment', 0) ORDER BY i)
            FROM generate_series(0, {WORDS - 1}) AS i)) AS reading
"""


def insert(installation) -> dict:
    """Gives what names the job, as the answer to an init would."""
    job = str(uuid.uuid4())
    installation.query(f"""
        WITH job AS (INSERT INTO jobs (id, filename, extension, total_size, chunk_size_bytes,
                total_chunks, use_llm, llm_mode, max_retries, status, uploaded_chunks,
                completed_chunks, frontier, settled_parts, available_chunks, frontier_sample,
                sample_rate, last_seq, relayed_seq, is_open)
            VALUES ('{job}', 'long.wav', 'wav', {CHUNKS} * 1048576::bigint, 1048576, {CHUNKS},
                false, 'per_chunk', 3, 'done', {CHUNKS}, {CHUNKS}, {CHUNKS}, {CHUNKS}, {CHUNKS},
                {CHUNKS} * {CHUNK_SAMPLES}::bigint, {RATE}, 1, 1, false) RETURNING id),
        chunk AS (INSERT INTO chunks (job_id, chunk_index, status, size_bytes, sample_rate, samples,
                start_sample, first_word, emitted_word, last_word)
            SELECT job.id, k, 'done', 1048576, {RATE}, {CHUNK_SAMPLES},
                k * {CHUNK_SAMPLES}::bigint, 0, {WORDS}, {WORDS}
            FROM job, generate_series(0, {CHUNKS - 1}) AS k RETURNING job_id, chunk_index),
        part AS (INSERT INTO transcript_parts (job_id, chunk_index, raw)
            SELECT job_id, chunk_index, 'unused' FROM chunk)
        INSERT INTO chunk_readings (job_id, chunk_index, language, reading, reading_bytes)
        SELECT job_id, chunk_index, 'en', reading, octet_length(reading::text)
        FROM chunk, ({_READING}) AS once RETURNING chunk_index""")
    return {"parent_job_id": job}
