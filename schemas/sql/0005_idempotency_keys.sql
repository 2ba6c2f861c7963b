-- Idempotency keys of all calls that take one, written by the gateways. A key of
-- /chunked-upload-stream has the job that it made; the others have the answer, once there is one.
CREATE TABLE idempotency_keys (
    operation      text NOT NULL,               -- the route, as in the API
    key            text NOT NULL,
    request_digest bytea NOT NULL,              -- SHA-256 of what was asked for
    job_id         uuid REFERENCES jobs ON DELETE CASCADE,
    status         smallint,
    answer         text,
    created_at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (operation, key)
);

CREATE INDEX idempotency_keys_created ON idempotency_keys (created_at);
CREATE INDEX idempotency_keys_job ON idempotency_keys (job_id) WHERE job_id IS NOT NULL;

INSERT INTO idempotency_keys (operation, key, request_digest, job_id, created_at)
SELECT '/chunked-upload-stream', idempotency_key, request_digest, id, created_at
FROM jobs WHERE idempotency_key IS NOT NULL;

ALTER TABLE jobs DROP COLUMN idempotency_key, DROP COLUMN request_digest;
