-- name: job_add
INSERT INTO file_job (account_id, user_id, kind, step, state, name, asked, size_bytes)
VALUES (%(account)s, %(user)s, %(kind)s, %(step)s, %(state)s, %(name)s, %(asked)s::jsonb, %(size)s::bigint) RETURNING id;

-- name: jobs_live
-- How many of an account wait or run. Its row is locked by the caller's statement before.
SELECT count(*) FROM file_job WHERE account_id = %s AND state IN ('waiting', 'running');

-- name: job_find
SELECT id, account_id, user_id, kind, step, state, name, asked, found, rows_done, percent::integer, size_bytes, trouble, tries::integer,
       created_at, changed_at
FROM file_job WHERE account_id = %(account)s AND id = %(id)s::bigint;

-- name: job_page
SELECT id, account_id, user_id, kind, step, state, name, asked, found, rows_done, percent::integer, size_bytes, trouble, tries::integer,
       created_at, changed_at
FROM file_job WHERE account_id = %(account)s AND id < %(before)s::bigint AND kind = ANY(%(kinds)s::text[])
ORDER BY id DESC LIMIT %(limit)s::integer;

-- name: job_claim
-- Of accounts with little under way first. One that runs and whose lease is over is another clerk's who died.
WITH next AS (
    SELECT j.id FROM file_job j
    WHERE ((j.state = 'waiting' AND j.due <= now()) OR (j.state = 'running' AND j.lease_end < now()))
    ORDER BY (SELECT count(*) FROM file_job r WHERE r.account_id = j.account_id AND r.state = 'running' AND r.lease_end >= now()), j.id
    LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE file_job j SET state = 'running', owner = %(owner)s::uuid, lease_end = now() + make_interval(secs => %(lease_s)s::double precision),
       tries = tries + 1, changed_at = now()
FROM next WHERE j.id = next.id
RETURNING j.id, j.account_id, j.user_id, j.kind, j.step, j.state, j.name, j.asked, j.found, j.rows_done, j.percent::integer,
          j.size_bytes, j.trouble, j.tries::integer, j.created_at, j.changed_at;

-- name: job_touch
-- Locks the row: what is written behind it in the same transaction is written by the owner or not at all.
UPDATE file_job SET lease_end = now() + make_interval(secs => %(lease_s)s::double precision), rows_done = %(rows)s::bigint,
       percent = greatest(least(%(percent)s::integer, 100), 0), changed_at = now()
WHERE id = %(id)s::bigint AND owner = %(owner)s::uuid AND state = 'running' RETURNING id;

-- name: job_end
UPDATE file_job SET state = %(state)s::text, step = %(step)s::text, trouble = %(trouble)s::text, found = found || %(found)s::jsonb,
       owner = NULL, lease_end = NULL, percent = CASE WHEN %(state)s::text = 'done' THEN 100 ELSE percent END, changed_at = now(),
       tries = 0, due = now() + make_interval(secs => %(again_s)s::double precision)
WHERE id = %(id)s::bigint AND owner = %(owner)s::uuid AND state = 'running' RETURNING id;

-- name: job_set
-- By its user, in the step and state that he saw.
UPDATE file_job SET step = %(step)s::text, state = %(state)s::text, asked = asked || %(asked)s::jsonb, rows_done = 0, percent = 0,
       trouble = '', tries = 0, due = now(), changed_at = now()
WHERE account_id = %(account)s AND id = %(id)s::bigint AND step = %(was_step)s::text AND state = ANY(%(was)s::text[]) RETURNING id;

-- name: job_cancel
UPDATE file_job SET state = 'cancelled', owner = NULL, lease_end = NULL, changed_at = now()
WHERE account_id = %s AND id = %s::bigint AND state IN ('open', 'waiting', 'running') RETURNING id;

-- name: job_remove
DELETE FROM file_job WHERE account_id = %s AND id = %s::bigint AND state IN ('open', 'done', 'failed', 'cancelled') RETURNING id;

-- name: jobs_forget
DELETE FROM file_job WHERE id IN (
    SELECT id FROM file_job WHERE changed_at < now() - make_interval(days => %s::integer) AND state NOT IN ('waiting', 'running')
    ORDER BY id LIMIT 100);

-- name: account_lock
SELECT pg_advisory_xact_lock(7021, %s::integer);

-- name: chunk_add
INSERT INTO file_chunk (job_id, turn, data) VALUES (%s, %s, %s);

-- name: chunk_read
SELECT turn, data FROM file_chunk WHERE job_id = %s AND turn >= %s ORDER BY turn LIMIT 1;

-- name: chunks_drop
DELETE FROM file_chunk WHERE job_id = %s;

-- name: job_size
UPDATE file_job SET size_bytes = %s::bigint WHERE id = %s;
