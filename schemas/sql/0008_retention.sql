-- Jobs whose upload stops expire; blobs and rows go after their retention.

ALTER TABLE jobs
    ADD COLUMN upload_active_at timestamptz,  -- newest chunk uploaded, or retry; NULL: none yet
    ADD COLUMN blobs_deleted_at timestamptz;  -- NULL: not deleted

-- A job of which nothing is left but rows of the tables below, which are deleted batch by batch: a
-- job of 10,000 chunks has some hundred thousand. With the row in `jobs` the job is gone for
-- everybody, so the tables that grow with chunks refer to it no more.
CREATE TABLE purged_jobs (
    job_id         uuid PRIMARY KEY,
    home_partition integer NOT NULL,
    purged_at      timestamptz NOT NULL DEFAULT now()
);

ALTER TABLE chunks DROP CONSTRAINT chunks_job_id_fkey;
ALTER TABLE chunk_readings DROP CONSTRAINT chunk_readings_job_id_chunk_index_fkey;
ALTER TABLE transcript_parts DROP CONSTRAINT transcript_parts_job_id_fkey;
ALTER TABLE seams DROP CONSTRAINT seams_job_id_fkey;
ALTER TABLE job_events DROP CONSTRAINT job_events_job_id_fkey;
