-- What a language model did to a job's text: the pieces of it that were sent, those whose words stand
-- as they were heard, and why the first of those does.
ALTER TABLE jobs ADD COLUMN llm_pieces integer NOT NULL DEFAULT 0,
                 ADD COLUMN llm_rejected integer NOT NULL DEFAULT 0,
                 ADD COLUMN llm_reason text;
ALTER TABLE chunk_readings ADD COLUMN correction_rejected jsonb;
