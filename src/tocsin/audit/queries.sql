-- name: record
INSERT INTO audit_entry (actor, action, subject, before, after) VALUES (%s, %s, %s, %s, %s);

-- name: last
SELECT at, actor, action, subject, before, after FROM audit_entry
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s) ORDER BY id DESC LIMIT %(limit)s;

-- name: log_requests
-- At most a day from the database's clock, whatever the clock of the API's machine says: these days have partitions.
WITH written AS (
    INSERT INTO api_request (account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers, batch_no,
                             left_out, message, body, signed)
    SELECT u.account_id, least(greatest(u.at, now() - interval '1 day'), now() + interval '1 day'), u.request_id, u.method, u.path,
           u.status, u.http, u.took_ms, u.address, u.key_id, u.receivers, u.batch_no, u.left_out, u.message, u.body, u.signed <> 0
    FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
         AS u(account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers, batch_no, left_out, message,
              body, signed)
    RETURNING id, request_id, signed)
SELECT request_id, id FROM written WHERE NOT signed;

-- name: make_days
SELECT partition_ensure('api_request', now() + n * interval '1 day') FROM generate_series(-1, 1) AS n;

-- name: recount_requests
UPDATE api_request r SET left_out = u.n FROM unnest(%s, %s, %s) AS u(account_id, id, n)
WHERE r.account_id = u.account_id AND r.id = u.id AND r.at > now() - interval '2 days' AND r.at < now() + interval '2 days';

-- name: count_requests
-- Sorted by account: two processes that count the same accounts lock them in the same order.
INSERT INTO request_day AS d (account_id, day, own, own_out, strangers, strangers_out)
SELECT u.account_id, (now() AT TIME ZONE 'UTC')::date, u.own, u.own_out, u.strangers, u.strangers_out
FROM unnest(%s, %s, %s, %s, %s) AS u(account_id, own, own_out, strangers, strangers_out)
ON CONFLICT (account_id, day) DO UPDATE
SET own = d.own + excluded.own, own_out = d.own_out + excluded.own_out, strangers = d.strangers + excluded.strangers,
    strangers_out = d.strangers_out + excluded.strangers_out
RETURNING account_id, own, own_out, strangers, strangers_out;

-- name: full_days
SELECT day, own, own_out, strangers, strangers_out FROM request_day
WHERE account_id = %s AND (own_out > 0 OR strangers_out > 0) ORDER BY day DESC LIMIT %s;

-- name: read_requests
SELECT r.id, r.at, r.request_id, r.method, r.path, r.status, r.http, r.took_ms, r.address, r.key_id, coalesce(k.name, ''),
       r.receivers, r.batch_no, r.left_out, r.message, '', r.signed
FROM (
    SELECT * FROM api_request
    WHERE account_id = %(account)s AND id < %(before)s AND (NOT %(refused)s::boolean OR status <> 0)
      AND (%(path)s::text IS NULL OR path = %(path)s) AND (%(status)s::integer IS NULL OR status = %(status)s)
      AND at < now() + interval '2 days'
    ORDER BY id DESC LIMIT %(limit)s
) AS r LEFT JOIN api_key k ON k.id = r.key_id AND k.account_id = r.account_id ORDER BY r.id DESC;

-- name: find_request
SELECT r.id, r.at, r.request_id, r.method, r.path, r.status, r.http, r.took_ms, r.address, r.key_id, coalesce(k.name, ''),
       r.receivers, r.batch_no, r.left_out, r.message, r.body, r.signed
FROM api_request r LEFT JOIN api_key k ON k.id = r.key_id AND k.account_id = r.account_id
WHERE r.id = %s AND r.account_id = %s AND r.at < now() + interval '2 days';

-- name: old_days
-- Partitions, named by their last day, whose rows are all older than so many days. Compared as text: TOAST tables end in digits too.
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
WHERE i.inhparent = 'api_request'::regclass AND c.relname ~ '_[0-9]{8}$'
AND right(c.relname, 8) <= to_char((now() - make_interval(days => %s::integer + 1)) AT TIME ZONE 'UTC', 'YYYYMMDD');

-- name: forget_days
DELETE FROM request_day WHERE day < (now() AT TIME ZONE 'UTC')::date - %s::integer;
