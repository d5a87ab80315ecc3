-- The bytes of files are counted for each account, and go when a job fails or is cancelled.

-- What the rows of an upload take. The bytes of its file are in file_chunk, where they are summed when they are asked for.
ALTER TABLE file_job ADD COLUMN row_bytes bigint NOT NULL DEFAULT 0;

DELETE FROM file_chunk c USING file_job j WHERE j.id = c.job_id AND j.state IN ('failed', 'cancelled');
DELETE FROM upload_row r USING file_job j WHERE j.id = r.job_id AND j.state IN ('failed', 'cancelled') AND j.step = 'read';
UPDATE file_job j SET row_bytes = r.n
    FROM (SELECT job_id, sum(pg_column_size(upload_row.*)) AS n FROM upload_row GROUP BY job_id) r WHERE r.job_id = j.id;
