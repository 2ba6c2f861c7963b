-- A start that its worker has given back, because its work went to another while it lived, is no
-- death.
ALTER TABLE chunks
    ADD COLUMN start_total   integer NOT NULL DEFAULT 0,     -- of the work record, with those
    ADD COLUMN start_is_held boolean NOT NULL DEFAULT false; -- the last one was not given back
