-- GET /jobs?status=...: the newest jobs of a status without reading all that are newer. A job's
-- status changes three times in its life, which is what the index costs; its counters, which change
-- with every chunk, are still updated in place (HOT).
CREATE INDEX jobs_by_status ON jobs (status, created_at, id);
