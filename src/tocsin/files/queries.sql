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
WHERE account_id = %s AND id = %s::bigint AND state IN ('open', 'waiting', 'running') RETURNING step;

-- name: job_remove
DELETE FROM file_job WHERE account_id = %s AND id = %s::bigint AND state IN ('open', 'done', 'failed', 'cancelled') RETURNING id;

-- name: jobs_forget
DELETE FROM file_job WHERE id IN (
    SELECT id FROM file_job WHERE changed_at < now() - make_interval(days => %s::integer) AND state NOT IN ('waiting', 'running')
    ORDER BY id LIMIT 100);

-- name: bytes_kept
-- Of an account: exports, uploads, their rows, and the attachments of sends that wait to be confirmed.
SELECT (coalesce((SELECT sum(row_bytes) FROM file_job WHERE account_id = %(account)s::integer), 0)
      + coalesce((SELECT sum(octet_length(c.data)) FROM file_job j JOIN file_chunk c ON c.job_id = j.id
                  WHERE j.account_id = %(account)s::integer), 0)
      + coalesce((SELECT sum(octet_length(f.data)) FROM prepared_send s JOIN prepared_file f ON f.prepared_id = s.id
                  WHERE s.account_id = %(account)s::integer), 0))::bigint;

-- name: job_weigh
UPDATE file_job SET row_bytes = coalesce((SELECT sum(pg_column_size(r.*)) FROM upload_row r WHERE r.job_id = %(job)s::bigint), 0)
WHERE id = %(job)s::bigint;

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

-- name: rows_drop_sent
-- What nobody looks at any more: good rows of requests that were sent, but for the first, which the page shows.
DELETE FROM upload_row r USING upload_piece p
WHERE r.job_id = %(job)s::bigint AND r.fault = '' AND p.job_id = r.job_id AND p.piece = r.piece AND p.state = 'sent'
AND r.line > (SELECT max(line) FROM (SELECT line FROM upload_row WHERE job_id = %(job)s::bigint ORDER BY line LIMIT %(kept)s::integer) AS first);

-- name: rows_drop
DELETE FROM upload_row WHERE job_id = %s;

-- name: row_add
INSERT INTO upload_row (job_id, line, cells) VALUES (%s, %s, %s);

-- name: rows_page
SELECT line, cells FROM upload_row WHERE job_id = %(job)s::bigint AND line > %(after)s::integer ORDER BY line LIMIT %(limit)s::integer;

-- name: rows_check
UPDATE upload_row r SET phone = u.phone, asked_id = u.asked, content = u.content, parts = u.parts, fault = u.fault, piece = NULL
FROM unnest(%(lines)s::integer[], %(phones)s::text[], %(asked)s::integer[], %(contents)s::text[], %(parts)s::integer[], %(faults)s::text[])
     AS u(line, phone, asked, content, parts, fault)
WHERE r.job_id = %(job)s::bigint AND r.line = u.line;

-- name: rows_double
-- Of several rows with one number the first is sent.
UPDATE upload_row r SET fault = 'duplicate'
FROM (SELECT line, row_number() OVER (PARTITION BY phone ORDER BY line) AS n FROM upload_row WHERE job_id = %(job)s::bigint AND fault = '') AS d
WHERE r.job_id = %(job)s::bigint AND r.line = d.line AND d.n > 1;

-- name: rows_kinds
-- What costs alike: the country that a request names, and parts; with a text of theirs.
SELECT asked_id, parts::integer, count(*), (array_agg(content ORDER BY line))[1]
FROM upload_row WHERE job_id = %s::bigint AND fault = '' GROUP BY asked_id, parts ORDER BY asked_id, parts;

-- name: rows_alike
SELECT line, phone FROM upload_row WHERE job_id = %(job)s::bigint AND fault = '' AND asked_id = %(asked)s::integer
AND parts = %(parts)s::integer AND line > %(after)s::integer ORDER BY line LIMIT %(limit)s::integer;

-- name: rows_fault
UPDATE upload_row r SET fault = u.fault FROM unnest(%(lines)s::integer[], %(faults)s::text[]) AS u(line, fault)
WHERE r.job_id = %(job)s::bigint AND r.line = u.line;

-- name: rows_refused
UPDATE upload_row r SET fault = u.fault FROM unnest(%(phones)s::text[], %(faults)s::text[]) AS u(phone, fault)
WHERE r.job_id = %(job)s::bigint AND r.piece = %(piece)s::integer AND r.phone = u.phone;

-- name: rows_faults
SELECT fault, count(*)::integer FROM upload_row WHERE job_id = %s::bigint AND fault NOT IN ('', 'head') GROUP BY fault ORDER BY 2 DESC, 1;

-- name: rows_bad
SELECT line, cells, fault FROM upload_row WHERE job_id = %(job)s::bigint AND fault NOT IN ('', 'head') AND line > %(after)s::integer
ORDER BY line LIMIT %(limit)s::integer;

-- name: pieces_drop
DELETE FROM upload_piece WHERE job_id = %s;

-- name: pieces_mark
-- Rows of one country and one text go together, so many at most.
UPDATE upload_row r SET piece = g.piece
FROM (
    SELECT line, dense_rank() OVER (ORDER BY asked_id, content, (n - 1) / %(most)s::integer) AS piece
    FROM (
        SELECT line, asked_id, content, row_number() OVER (PARTITION BY asked_id, content ORDER BY line) AS n
        FROM upload_row WHERE job_id = %(job)s::bigint AND fault = ''
    ) AS t
) AS g WHERE r.job_id = %(job)s::bigint AND r.line = g.line;

-- name: pieces_make
INSERT INTO upload_piece (job_id, piece, rows)
SELECT job_id, piece, count(*) FROM upload_row WHERE job_id = %s::bigint AND piece IS NOT NULL GROUP BY job_id, piece;

-- name: piece_begin
-- The next one; when its first try was, on the database's clock, and how long that is ago in seconds.
UPDATE upload_piece SET begun_at = coalesce(begun_at, now())
WHERE job_id = %(job)s::bigint
AND piece = (SELECT piece FROM upload_piece WHERE job_id = %(job)s::bigint AND state = 'waiting' ORDER BY piece LIMIT 1)
RETURNING piece, rows, extract(epoch FROM now() - begun_at)::double precision;

-- name: piece_rows
SELECT phone, asked_id, content FROM upload_row WHERE job_id = %s::bigint AND piece = %s::integer ORDER BY line;

-- name: piece_end
UPDATE upload_piece SET state = %(state)s::text, batch_no = %(batch)s::bigint, good = %(good)s::integer, bad = %(bad)s::integer,
       answer = %(answer)s::text WHERE job_id = %(job)s::bigint AND piece = %(piece)s::integer;

-- name: piece_undo
UPDATE upload_piece SET begun_at = NULL WHERE job_id = %s::bigint AND piece = %s::integer;

-- name: pieces_sum
SELECT count(*)::integer, coalesce(sum(rows), 0)::integer, coalesce(sum(rows) FILTER (WHERE state <> 'waiting'), 0)::integer,
       coalesce(sum(good), 0)::integer, coalesce(sum(bad), 0)::integer, coalesce(sum(rows) FILTER (WHERE state = 'refused'), 0)::integer,
       coalesce(sum(rows) FILTER (WHERE state = 'unknown'), 0)::integer
FROM upload_piece WHERE job_id = %s::bigint;

-- name: pieces_page
SELECT piece, rows, batch_no, good, bad, state, answer FROM upload_piece
WHERE job_id = %(job)s::bigint AND piece > %(after)s::integer AND state <> 'waiting' ORDER BY piece LIMIT %(limit)s::integer;
