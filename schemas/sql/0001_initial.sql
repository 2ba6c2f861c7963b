-- The durable state. The gateway inserts a job with its chunk rows and first event; from then on
-- only the assembler writes (ARCHITECTURE.md, "Who writes what").

CREATE TABLE jobs (
    id                       uuid PRIMARY KEY,
    idempotency_key          text UNIQUE,
    request_digest           bytea,            -- SHA-256 of the request's canonical JSON
    filename                 text NOT NULL,
    extension                text NOT NULL,    -- of the object keys; names the container format
    total_size               bigint NOT NULL CHECK (total_size > 0),
    chunk_size_bytes         bigint NOT NULL CHECK (chunk_size_bytes > 0),
    total_chunks             integer NOT NULL CHECK (total_chunks BETWEEN 1 AND 10000),
    use_llm                  boolean NOT NULL,
    llm_mode                 text NOT NULL CHECK (llm_mode IN ('per_chunk', 'post_process')),
    webhook_url              text,
    language                 text,             -- as asked for at init; NULL: detected
    prompt                   text,
    max_retries              integer NOT NULL, -- of a chunk, after its first attempt

    status                   text NOT NULL DEFAULT 'uploading'
        CHECK (status IN ('uploading', 'processing', 'assembling', 'done', 'failed', 'cancelled',
                          'expired')),
    uploaded_chunks          integer NOT NULL DEFAULT 0,
    completed_chunks         integer NOT NULL DEFAULT 0,
    failed_chunks            integer NOT NULL DEFAULT 0,
    total_segments           integer NOT NULL DEFAULT 0,
    -- Ordered text: every chunk below `frontier` is terminal and passed; every part below
    -- `settled_parts` has its final text. frontier - 1 <= settled_parts <= frontier.
    frontier                 integer NOT NULL DEFAULT 0,
    settled_parts            integer NOT NULL DEFAULT 0,
    available_chunks         integer NOT NULL DEFAULT 0,  -- passed with text, not as a gap
    -- Samples before chunk `frontier` at `sample_rate`, the rate of the first chunk with audio
    -- (NULL: none yet), and what the length of a gap is estimated by.
    frontier_sample          bigint NOT NULL DEFAULT 0,
    sample_rate              integer,
    ratio_samples            bigint NOT NULL DEFAULT 0,
    ratio_bytes              bigint NOT NULL DEFAULT 0,
    transcript_bytes         bigint NOT NULL DEFAULT 0,
    processing_time_ms       bigint NOT NULL DEFAULT 0,   -- sums over the chunks that are done
    speech_time_ms           bigint NOT NULL DEFAULT 0,
    speech_requests          bigint NOT NULL DEFAULT 0,
    -- Events: `last_seq` is the newest in job_events, `relayed_seq` the highest that Kafka has
    -- acknowledged with all before it.
    last_seq                 bigint NOT NULL,
    relayed_seq              bigint NOT NULL DEFAULT 0,
    -- The partition of the job's records: who owns it owns the job. NULL: none has come yet.
    home_partition           integer,
    -- False once the job is terminal and its last event relayed: nothing is left to do.
    is_open                  boolean NOT NULL DEFAULT true,

    created_at               timestamptz NOT NULL DEFAULT now(),
    upload_started_at        timestamptz,
    first_chunk_completed_at timestamptz,
    processing_started_at    timestamptz,
    completed_at             timestamptz
) WITH (fillfactor = 70);                      -- room for HOT updates: no index on what changes

CREATE INDEX jobs_created ON jobs (created_at, id);
CREATE INDEX jobs_open ON jobs (home_partition) WHERE is_open;

CREATE TABLE chunks (
    job_id                uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    chunk_index           integer NOT NULL,
    status                text NOT NULL DEFAULT 'pending'
        CHECK (status IN ('pending', 'uploaded', 'processing', 'done', 'failed')),
    size_bytes            bigint NOT NULL,
    -- Attempts are numbered here alone; records of attempts outside [min_attempt, attempt] are void.
    attempt               integer NOT NULL DEFAULT 1,
    min_attempt           integer NOT NULL DEFAULT 1,
    retry_count           integer NOT NULL DEFAULT 0,
    start_count           integer NOT NULL DEFAULT 0,  -- chunk.started seen for this attempt
    resync_from           bigint,                      -- this attempt decodes from this byte on
    work_partition        integer,                     -- where the newest work record lies
    work_offset           bigint,
    waiting_from          bigint,                      -- header bytes that have not arrived yet
    waiting_to            bigint,
    deferred_until        timestamptz,
    deferred_reason       text,
    error                 jsonb,

    uploaded_at           timestamptz,
    processing_started_at timestamptz,
    last_heard_at         timestamptz,
    completed_at          timestamptz,
    processing_time_ms    bigint,

    -- What the chunk owns of the recording (schemas/events/chunk.transcribed, "audio").
    first_byte            bigint,
    next_byte             bigint,
    sample_rate           integer,
    samples               bigint,
    absolute_start        bigint,
    tail_complete         boolean,
    border_byte           bigint,
    border_samples        bigint,
    -- Set when the frontier passes: the absolute position of the first owned sample.
    start_sample          bigint,
    start_is_estimated    boolean,
    -- Words [first_word, last_word) of the reading are the chunk's part of the ordered text, of
    -- which those below `emitted_word` have been sent. NULL until the seam is decided.
    first_word            integer,
    emitted_word          integer,
    last_word             integer,
    PRIMARY KEY (job_id, chunk_index)
) WITH (fillfactor = 70);

CREATE INDEX chunks_open ON chunks (work_partition, work_offset)
    WHERE status IN ('uploaded', 'processing');
CREATE INDEX chunks_parked ON chunks (job_id) WHERE waiting_from IS NOT NULL;

-- What the speech service said about a chunk, as published by the worker: words and segments with
-- positions in samples relative to the chunk's first owned sample. Written once.
CREATE TABLE chunk_readings (
    job_id        uuid NOT NULL,
    chunk_index   integer NOT NULL,
    language      text,
    reading       jsonb NOT NULL,
    reading_bytes integer NOT NULL,                    -- of its text
    PRIMARY KEY (job_id, chunk_index),
    FOREIGN KEY (job_id, chunk_index) REFERENCES chunks ON DELETE CASCADE
);

-- The ordered text. A part is written when its first words are settled and completed once.
CREATE TABLE transcript_parts (
    job_id       uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    chunk_index  integer NOT NULL,
    raw          text NOT NULL,
    corrected    text,
    is_gap       boolean NOT NULL DEFAULT false,
    start_sample bigint,
    end_sample   bigint,
    PRIMARY KEY (job_id, chunk_index)
);

-- How two neighbouring readings were joined: the seam on the left of chunk_index.
CREATE TABLE seams (
    job_id      uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    chunk_index integer NOT NULL,
    choice      jsonb NOT NULL,
    PRIMARY KEY (job_id, chunk_index)
);

-- The job's durable events, dense from 1; `data` is the bytes of the SSE data field.
CREATE TABLE job_events (
    job_id      uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    seq         bigint NOT NULL,
    type        text NOT NULL,
    data        text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (job_id, seq)
);

-- The next record to apply of each partition that an assembler reads; moved in the transaction
-- that applies it. The owner is known by its backend, so that a successor can end a stopped one.
-- How often owners died while the same record was the next is counted, so that a record that kills
-- them ends in dead.letters.
CREATE TABLE consumer_offsets (
    topic               text NOT NULL,
    partition           integer NOT NULL,
    next_offset         bigint NOT NULL,
    owner_pid           integer,
    owner_backend_start timestamptz,
    stuck_offset        bigint,
    stuck_count         integer NOT NULL DEFAULT 0,
    PRIMARY KEY (topic, partition)
);

-- What must happen after a commit and is no event: written with its cause, published when due by
-- the job's owner, deleted when Kafka has acknowledged it. `chunk.work`: the chunk's attempt is
-- published to chunks.uploaded (a retry, the end of a wait, lost work). `chunk.skip` and `job.cancel`:
-- workers are told on jobs.control to leave the chunk, or the whole job, alone.
CREATE TABLE tasks (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    job_id      uuid NOT NULL REFERENCES jobs ON DELETE CASCADE,
    chunk_index integer,                               -- NULL: of the whole job
    kind        text NOT NULL CHECK (kind IN ('chunk.work', 'chunk.skip', 'job.cancel')),
    attempt     integer NOT NULL,
    due_at      timestamptz NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE INDEX tasks_due ON tasks (due_at);
CREATE INDEX tasks_of_chunk ON tasks (job_id, chunk_index);
