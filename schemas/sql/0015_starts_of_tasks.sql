-- The starts of a task are counted as those of a chunk are. One that kills its workers is `is_dead`:
-- it is scheduled once more, its record is written to dead.letters, and the row goes. `task.skip`
-- tells workers to leave it alone.
ALTER TABLE tasks
    ADD COLUMN start_count   integer NOT NULL DEFAULT 0,
    ADD COLUMN start_total   integer NOT NULL DEFAULT 0,
    ADD COLUMN last_start_us bigint NOT NULL DEFAULT 0,
    ADD COLUMN start_is_held boolean NOT NULL DEFAULT false,
    ADD COLUMN is_dead       boolean NOT NULL DEFAULT false,
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('chunk.work', 'chunk.skip', 'task.skip', 'job.cancel', 'dead.letter',
                        'blob.delete', 'llm.post_process', 'webhook.deliver'));
