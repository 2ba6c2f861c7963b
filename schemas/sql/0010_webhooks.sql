-- Correction of the whole text (llm_mode post_process), and webhooks. `llm.post_process`: a language
-- model corrects the text from a place on. `webhook.deliver`: an attempt at a delivery.
ALTER TABLE tasks
    DROP CONSTRAINT tasks_kind_check,
    ADD CONSTRAINT tasks_kind_check
        CHECK (kind IN ('chunk.work', 'chunk.skip', 'job.cancel', 'blob.delete', 'llm.post_process',
                        'webhook.deliver'));

ALTER TABLE jobs
    ADD COLUMN post_process text NOT NULL DEFAULT 'none'
        CHECK (post_process IN ('none', 'running', 'over')),
    ADD COLUMN post_process_run integer NOT NULL DEFAULT 0,
    ADD COLUMN public_url text,                        -- what links begin with; NULL: relative
    ADD COLUMN webhook_gone boolean NOT NULL DEFAULT false;

-- A delivery belongs to a terminal event; its id is the header webhook-id of all its attempts.
CREATE TABLE webhook_deliveries (
    id              uuid PRIMARY KEY,
    job_id          uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    type            text NOT NULL,
    body            text NOT NULL,                     -- the bytes that are sent and signed
    state           text NOT NULL DEFAULT 'pending'
        CHECK (state IN ('pending', 'delivered', 'failed')),
    attempts        integer NOT NULL DEFAULT 0,
    last_error      jsonb,
    created_at      timestamptz NOT NULL DEFAULT now(),
    last_attempt_at timestamptz,
    next_attempt_at timestamptz,
    delivered_at    timestamptz
);

CREATE INDEX webhook_deliveries_of_job ON webhook_deliveries (job_id);
