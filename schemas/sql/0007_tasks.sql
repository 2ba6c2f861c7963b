-- Tasks that workers answer. A row is written with its cause and `scheduled`; when it is due the
-- job's owner publishes it. Of kinds that nobody answers (chunk.work, chunk.skip, job.cancel) that
-- is the end; others are `published` at a position of jobs.tasks until task.done or task.failed
-- deletes the row or makes it `scheduled` again with the next attempt.
-- `blob.delete`: the blobs of some chunks of a job.

ALTER TABLE tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('chunk.work', 'chunk.skip', 'job.cancel', 'blob.delete')),
    ADD COLUMN payload jsonb,                          -- NULL: of kinds that nobody answers
    ADD COLUMN state text NOT NULL DEFAULT 'scheduled'
        CHECK (state IN ('scheduled', 'published')),
    ADD COLUMN work_partition integer,                 -- of the newest record, when published
    ADD COLUMN work_offset bigint,
    ADD COLUMN published_at timestamptz;

DROP INDEX tasks_due;
CREATE INDEX tasks_due ON tasks (due_at) WHERE state = 'scheduled';
CREATE INDEX tasks_published ON tasks (work_partition, work_offset) WHERE state = 'published';
