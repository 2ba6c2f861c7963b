-- A parked chunk waits for some chunks in a row, which begin with `waiting_first_chunk`. The last of
-- them that is missing is `waiting_chunk`: only when that one arrives is the parked one looked at.
ALTER TABLE chunks ADD COLUMN waiting_first_chunk integer, ADD COLUMN waiting_chunk integer;

UPDATE chunks c SET waiting_first_chunk = c.waiting_from / j.chunk_size_bytes,
    waiting_chunk = (SELECT max(needed.chunk_index) FROM chunks needed
        WHERE needed.job_id = c.job_id AND needed.status = 'pending' AND needed.chunk_index
            BETWEEN c.waiting_from / j.chunk_size_bytes AND (c.waiting_to - 1) / j.chunk_size_bytes)
FROM jobs j WHERE j.id = c.job_id AND c.waiting_from IS NOT NULL;

DROP INDEX chunks_parked;
CREATE INDEX chunks_parked ON chunks (job_id, waiting_chunk) WHERE waiting_chunk IS NOT NULL;
