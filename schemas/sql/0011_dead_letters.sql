-- `dead.letter`: the record of work that no worker, or no decoder, survives is written to dead.letters
-- with the place where it lay.
ALTER TABLE tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('chunk.work', 'chunk.skip', 'job.cancel', 'dead.letter', 'blob.delete',
                        'llm.post_process', 'webhook.deliver'));
