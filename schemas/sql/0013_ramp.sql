-- `ramp` at init: the sizes of a job's chunks double from this one up to chunk_size_bytes. NULL: all
-- have that size.
ALTER TABLE jobs ADD COLUMN first_chunk_bytes bigint CHECK (first_chunk_bytes > 0);
