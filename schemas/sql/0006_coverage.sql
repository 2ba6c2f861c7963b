-- What became of every moment of a recording (docs/coverage.md): samples by kind in the order text,
-- silence, filtered, failed. Of a chunk at its own rate; of a job at the job's, up to its frontier,
-- so that they add up to frontier_sample.

ALTER TABLE jobs ADD COLUMN covered bigint[] NOT NULL DEFAULT '{0,0,0,0}'
    CHECK (cardinality(covered) = 4);

ALTER TABLE chunks ADD COLUMN covered bigint[] CHECK (cardinality(covered) = 4);

-- How the chunk was heard, as published by the worker (schemas/events/chunk.transcribed, "hearing").
ALTER TABLE chunk_readings ADD COLUMN hearing jsonb;

-- What the client says of the recording, and whether the language that its first speech is heard in
-- is that of all of it.
ALTER TABLE jobs ADD COLUMN content_type text NOT NULL DEFAULT 'auto'
    CHECK (content_type IN ('auto', 'speech', 'music', 'podcast'));
ALTER TABLE jobs ADD COLUMN lock_language boolean NOT NULL DEFAULT true;
ALTER TABLE jobs ADD COLUMN detected_language text;    -- once it is known; never changed again
