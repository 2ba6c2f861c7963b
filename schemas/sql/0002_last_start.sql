-- A start that was written twice is one start: the newest one's time, of the newest work record.
ALTER TABLE chunks ADD COLUMN last_start_us bigint NOT NULL DEFAULT 0;  -- since 1970; 0: none
