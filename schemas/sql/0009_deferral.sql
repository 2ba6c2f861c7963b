-- When the speech service first held this chunk back without an answer about it since.
ALTER TABLE chunks ADD COLUMN deferred_since_us bigint NOT NULL DEFAULT 0;  -- since 1970; 0: it does not
