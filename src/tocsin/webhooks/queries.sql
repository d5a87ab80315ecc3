-- name: endpoints_since
SELECT id, account_id, kind, url, secret, paused_at IS NOT NULL, extract(epoch FROM failing_since)::double precision, version
FROM endpoint WHERE version > %s;

-- name: enqueue
WITH all_ids AS (SELECT %s AS ids), u AS (
    SELECT v.*, (sum(v.id_count) OVER (ORDER BY v.o))::integer AS upto
    FROM unnest(%s, %s, %s, %s, %s) WITH ORDINALITY AS v(endpoint_id, n, id_count, late, body, o)
)
INSERT INTO outbox (endpoint_id, n, late, ids, body)
SELECT u.endpoint_id, u.n, u.late = 1, a.ids[u.upto - u.id_count + 1 : u.upto], u.body
FROM u CROSS JOIN all_ids a ORDER BY u.o;

-- name: waiting_endpoints
-- Not EXISTS: as a join it would walk the whole outbox, with all that an old snapshot keeps in it.
SELECT e.id FROM endpoint e
WHERE e.paused_at IS NULL AND e.id <> ALL (%s)
  AND NOT EXISTS (SELECT 1 FROM endpoint_lease l WHERE l.endpoint_id = e.id AND l.lease_end >= now())
  AND (SELECT true FROM outbox o WHERE o.endpoint_id = e.id AND NOT o.aside AND o.due <= now() LIMIT 1)
LIMIT %s;

-- name: take_leases
INSERT INTO endpoint_lease (endpoint_id, owner, lease_end)
SELECT e, %s, now() + make_interval(secs => %s) FROM unnest(%s) AS e ORDER BY e
ON CONFLICT (endpoint_id) DO UPDATE SET owner = excluded.owner, lease_end = excluded.lease_end
    WHERE endpoint_lease.lease_end < now()
RETURNING endpoint_id;

-- name: renew_leases
UPDATE endpoint_lease SET lease_end = now() + make_interval(secs => %s)
WHERE owner = %s AND endpoint_id = ANY (%s)
RETURNING endpoint_id;

-- name: drop_leases
DELETE FROM endpoint_lease WHERE owner = %s AND endpoint_id = ANY (%s);

-- name: tried_frontier
SELECT coalesce(max(seq), 0) FROM outbox WHERE endpoint_id = %s AND NOT aside AND attempts > 0;

-- name: read_waiting
SELECT o.id, o.seq, o.n, o.attempts, o.fixed, o.late,
       'msg_' || lpad(to_hex((extract(epoch FROM o.created_at) * 1000)::bigint), 12, '0') || lpad(to_hex(o.id), 16, '0'),
       o.body
FROM (
    SELECT w.*, sum(w.n) OVER (ORDER BY w.seq, w.id) - w.n AS before
    FROM (
        SELECT * FROM outbox
        WHERE endpoint_id = %s AND NOT aside AND seq > %s AND seq <= %s AND attempts <= %s AND due <= now() AND id <> ALL (%s)
        ORDER BY seq, id LIMIT %s
    ) AS w
) AS o
WHERE o.before < %s ORDER BY o.seq, o.id;

-- name: blocked_late
SELECT r.id FROM outbox r
WHERE r.id = ANY (%s) AND EXISTS (
    SELECT 1 FROM outbox o WHERE o.endpoint_id = r.endpoint_id AND NOT o.aside AND o.seq < r.seq AND o.ids && r.ids);

-- name: fix
-- Small untried rows become one (head and members), before they are tried: from then on rows and id stay. Only under the lease.
WITH held AS MATERIALIZED (
    SELECT 1 FROM endpoint_lease WHERE endpoint_id = %s AND owner = %s AND lease_end > now() FOR SHARE
), plan AS (
    SELECT p.head, o.id AS member, o.seq, o.n, o.ids, o.body
    FROM unnest(%s, %s) AS p(head, member) JOIN outbox o ON o.id = p.member
), bodies AS (
    SELECT head, sum(n)::smallint AS n, string_agg(body, ','::bytea ORDER BY seq, member) AS body FROM plan GROUP BY head
), names AS (
    SELECT head, array_agg(u.id ORDER BY seq, member, u.ord) AS ids
    FROM plan CROSS JOIN LATERAL unnest(plan.ids) WITH ORDINALITY AS u(id, ord) GROUP BY head
), gone AS (
    DELETE FROM outbox o USING plan p WHERE o.id = p.member AND p.member <> p.head AND EXISTS (SELECT 1 FROM held)
)
UPDATE outbox o SET fixed = true, n = b.n, ids = coalesce(m.ids, '{}'), body = b.body
FROM bodies b LEFT JOIN names m USING (head)
WHERE o.id = b.head AND EXISTS (SELECT 1 FROM held)
RETURNING o.id, o.n;

-- name: settle
-- One row per attempt. verdict: 0 taken, 1 to be tried again, 2 set aside. By arrays of ids: a join might begin at the outbox.
WITH a AS (
    SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        AS v(outbox_id, webhook_id, at, took_ms, http_status, error, answer, verdict, delay_ms, request, answer_head)
), gone AS (
    DELETE FROM outbox o WHERE o.id = ANY(ARRAY(SELECT outbox_id FROM a WHERE verdict = 0))
    RETURNING o.id, o.endpoint_id, o.n, o.ids
), kept AS (
    UPDATE outbox o SET attempts = least(o.attempts + 1, 32000), fixed = true, aside = (a.verdict = 2),
                        due = now() + a.delay_ms * interval '1 millisecond'
    FROM a WHERE o.id = ANY(ARRAY(SELECT outbox_id FROM a WHERE verdict <> 0)) AND o.id = a.outbox_id RETURNING o.id, o.endpoint_id, o.n, o.ids
)
INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error, answer, request, answer_head)
SELECT r.endpoint_id, r.id, a.webhook_id, a.at, a.took_ms, nullif(a.http_status, 0), r.n, r.ids, a.error, a.answer,
       a.request, a.answer_head
FROM a JOIN (SELECT * FROM gone UNION ALL SELECT * FROM kept) AS r ON r.id = a.outbox_id;

-- name: split
-- The halves keep the place in the order; they have one failure behind them, so that the next halving comes sooner.
WITH whole AS (
    DELETE FROM outbox WHERE id = %s RETURNING seq, endpoint_id, late, created_at, ids
)
INSERT INTO outbox (seq, endpoint_id, attempts, fixed, late, created_at, n, ids, body)
SELECT w.seq, w.endpoint_id, 1, true, w.late, w.created_at, h.n, w.ids[h.low : h.high], h.body
FROM whole w CROSS JOIN unnest(%s, %s, %s, %s) AS h(n, low, high, body) ORDER BY h.low;

-- name: mark_failing
UPDATE endpoint SET failing_since = to_timestamp(%s) WHERE id = %s AND url = %s AND failing_since IS NULL;

-- name: mark_answering
UPDATE endpoint SET failing_since = NULL WHERE id = %s AND failing_since IS NOT NULL;

-- name: pull_forward
UPDATE outbox SET due = now() WHERE endpoint_id = %s AND NOT aside AND attempts > 0 AND due > now() AND seq <= %s;

-- name: pause
UPDATE endpoint SET paused_at = now(), paused_reason = %s WHERE id = %s AND url = %s AND paused_at IS NULL;

-- name: set_endpoint
INSERT INTO endpoint (account_id, kind, url, secret) VALUES (%s, %s, %s, %s)
ON CONFLICT (account_id, kind) DO UPDATE SET url = excluded.url, paused_at = NULL, paused_reason = '', failing_since = NULL
RETURNING id, secret;

-- name: try_now
UPDATE outbox SET due = now() WHERE endpoint_id = %s AND NOT aside AND attempts > 0 AND due > now();

-- name: remove_endpoint
WITH freed AS (DELETE FROM endpoint_lease WHERE endpoint_id = %(endpoint)s)
DELETE FROM endpoint WHERE id = %(endpoint)s;

-- name: orphaned_endpoints
-- Ids in the outbox that are no endpoints any more, found by leaps over its two indexes and not by reading its rows.
WITH RECURSIVE waiting AS (
    SELECT (SELECT min(endpoint_id) FROM outbox WHERE NOT aside) AS id
    UNION ALL
    SELECT (SELECT min(o.endpoint_id) FROM outbox o WHERE NOT o.aside AND o.endpoint_id > w.id) FROM waiting w WHERE w.id IS NOT NULL
), set_aside AS (
    SELECT (SELECT min(endpoint_id) FROM outbox WHERE aside) AS id
    UNION ALL
    SELECT (SELECT min(o.endpoint_id) FROM outbox o WHERE o.aside AND o.endpoint_id > s.id) FROM set_aside s WHERE s.id IS NOT NULL
)
SELECT k.id FROM (SELECT id FROM waiting UNION SELECT id FROM set_aside) AS k
WHERE k.id IS NOT NULL AND NOT EXISTS (SELECT 1 FROM endpoint e WHERE e.id = k.id);

-- name: drop_waiting
-- A page of what waits for an endpoint that is no more: how many of the outbox, and of reports and replies in it.
WITH page AS MATERIALIZED (
    (SELECT id FROM outbox WHERE endpoint_id = %(endpoint)s AND NOT aside ORDER BY seq, id LIMIT 5000)
    UNION ALL
    (SELECT id FROM outbox WHERE endpoint_id = %(endpoint)s AND aside ORDER BY seq LIMIT 5000)
), dropped AS (
    DELETE FROM outbox o USING page p
    WHERE o.id = p.id AND NOT EXISTS (SELECT 1 FROM endpoint e WHERE e.id = %(endpoint)s) RETURNING o.n
)
SELECT count(*), coalesce(sum(n), 0)::bigint FROM dropped;

-- name: drop_attempts
DELETE FROM push_attempt
WHERE id = ANY (ARRAY(SELECT id FROM push_attempt WHERE endpoint_id = %s ORDER BY id LIMIT 5000));

-- name: find_endpoint
SELECT e.id, a.eight_fields, a.swap_uplink FROM endpoint e JOIN account a ON a.id = e.account_id
WHERE e.account_id = %s AND e.kind = %s;

-- name: resume
UPDATE endpoint SET paused_at = NULL, paused_reason = '', failing_since = NULL WHERE id = %s;

-- name: list_endpoints
SELECT e.id, a.name, e.kind, e.url, e.paused_at, e.paused_reason, e.failing_since,
       (SELECT count(*) FROM (SELECT 1 FROM outbox o WHERE o.endpoint_id = e.id AND NOT o.aside LIMIT 10000) AS w),
       (SELECT count(*) FROM (SELECT 1 FROM outbox o WHERE o.endpoint_id = e.id AND o.aside LIMIT 10000) AS w),
       (SELECT o.created_at FROM outbox o WHERE o.endpoint_id = e.id AND NOT o.aside ORDER BY o.seq, o.id LIMIT 1)
FROM endpoint e JOIN account a ON a.id = e.account_id
WHERE e.account_id = coalesce(%s::integer, e.account_id) ORDER BY a.name, e.kind;

-- name: list_attempts
SELECT id, endpoint_id, webhook_id, at, took_ms, http_status, n, error, answer, outbox_id < 0, request, answer_head
FROM push_attempt WHERE endpoint_id = %s ORDER BY id DESC LIMIT %s;

-- name: attempts_all
-- A page of an account's attempts, newest first: so many of each endpoint by its index, then the newest of them.
SELECT a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error, a.answer, a.outbox_id < 0, '', ''
FROM endpoint e CROSS JOIN LATERAL (
    SELECT * FROM push_attempt p WHERE p.endpoint_id = e.id AND p.id < %(before)s ORDER BY p.id DESC LIMIT %(limit)s
) AS a
WHERE e.account_id = %(account)s AND e.kind = coalesce(%(kind)s::text, e.kind) ORDER BY a.id DESC LIMIT %(limit)s;

-- name: attempts_failed
SELECT a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error, a.answer, a.outbox_id < 0, '', ''
FROM endpoint e CROSS JOIN LATERAL (
    SELECT * FROM push_attempt p
    WHERE p.endpoint_id = e.id AND p.id < %(before)s AND (p.http_status IS NULL OR p.http_status NOT BETWEEN 200 AND 299)
    ORDER BY p.id DESC LIMIT %(limit)s
) AS a
WHERE e.account_id = %(account)s AND e.kind = coalesce(%(kind)s::text, e.kind) ORDER BY a.id DESC LIMIT %(limit)s;

-- name: attempts_taken
SELECT a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error, a.answer, a.outbox_id < 0, '', ''
FROM endpoint e CROSS JOIN LATERAL (
    SELECT * FROM push_attempt p
    WHERE p.endpoint_id = e.id AND p.id < %(before)s AND p.http_status BETWEEN 200 AND 299 ORDER BY p.id DESC LIMIT %(limit)s
) AS a
WHERE e.account_id = %(account)s AND e.kind = coalesce(%(kind)s::text, e.kind) ORDER BY a.id DESC LIMIT %(limit)s;

-- name: attempts_test
SELECT a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error, a.answer, a.outbox_id < 0, '', ''
FROM endpoint e CROSS JOIN LATERAL (
    SELECT * FROM push_attempt p
    WHERE p.endpoint_id = e.id AND p.id < %(before)s AND p.outbox_id < 0 ORDER BY p.id DESC LIMIT %(limit)s
) AS a
WHERE e.account_id = %(account)s AND e.kind = coalesce(%(kind)s::text, e.kind) ORDER BY a.id DESC LIMIT %(limit)s;

-- name: find_attempt
SELECT e.kind, a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error, a.answer, a.outbox_id < 0,
       a.request, a.answer_head
FROM push_attempt a JOIN endpoint e ON e.id = a.endpoint_id WHERE a.id = %s AND e.account_id = %s;

-- name: attempts_ids
-- What some attempts pushed, by kind; tests pushed nothing.
SELECT e.kind, array_agg(DISTINCT u.id) FROM push_attempt a
JOIN endpoint e ON e.id = a.endpoint_id CROSS JOIN LATERAL unnest(a.ids) AS u(id)
WHERE a.id = ANY (%s) AND e.account_id = %s AND a.outbox_id > 0 GROUP BY e.kind ORDER BY e.kind;

-- name: has_answered
SELECT EXISTS (
    SELECT 1 FROM endpoint e CROSS JOIN LATERAL (
        SELECT p.http_status FROM push_attempt p WHERE p.endpoint_id = e.id ORDER BY p.id DESC LIMIT 200
    ) AS a
    WHERE e.account_id = %s AND a.http_status BETWEEN 200 AND 299);

-- name: recent_tests
SELECT count(*) FROM test_event WHERE account_id = %s AND asked_at > now() - interval '1 minute';

-- name: ask_test
INSERT INTO test_event (account_id, endpoint_id, body) VALUES (%s, %s, %s) RETURNING id;

-- name: take_tests
-- The endpoint is read here and not from memory: it may be a moment old.
UPDATE test_event t SET taken = true
FROM (
    SELECT id FROM test_event WHERE NOT taken AND asked_at > now() - interval '1 minute' ORDER BY id LIMIT %s FOR UPDATE SKIP LOCKED
) AS w, endpoint e
WHERE t.id = w.id AND e.id = t.endpoint_id
RETURNING t.id, t.body, e.id, e.account_id, e.kind, e.url, e.secret, false, NULL::double precision;

-- name: note_test
INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error, answer, request, answer_head)
VALUES (%s, %s, %s, to_timestamp(%s), %s, nullif(%s, 0), 1, '{}', %s, %s, %s, %s);

-- name: find_test
SELECT t.id, t.endpoint_id, e.kind, t.asked_at, a.id, a.endpoint_id, a.webhook_id, a.at, a.took_ms, a.http_status, a.n, a.error,
       a.answer, a.outbox_id < 0, a.request, a.answer_head
FROM test_event t JOIN endpoint e ON e.id = t.endpoint_id
LEFT JOIN push_attempt a ON a.endpoint_id = t.endpoint_id AND a.outbox_id = -t.id AND a.outbox_id < 0
WHERE t.id = %s AND t.account_id = %s;

-- name: forget_tests
DELETE FROM test_event WHERE asked_at < now() - interval '1 day';

-- name: set_secret
UPDATE endpoint SET secret = %s WHERE account_id = %s AND kind = %s RETURNING id;

-- name: ask_replay
INSERT INTO push_replay (account_id, kind, since, until, asked_by) VALUES (%s, %s, %s, %s, %s) RETURNING id;

-- name: has_open_replay
SELECT EXISTS (SELECT 1 FROM push_replay WHERE account_id = %s AND kind = %s AND ended_at IS NULL);

-- name: open_replays
SELECT EXISTS (SELECT 1 FROM push_replay WHERE ended_at IS NULL);

-- name: take_replay
SELECT id, account_id, kind, since, until, low, after, count, asked_at FROM push_replay
WHERE ended_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED;

-- name: note_replay
UPDATE push_replay SET low = %s, after = %s, count = count + %s, trouble = %s, ended_at = CASE WHEN %s THEN now() END WHERE id = %s;

-- name: list_replays
SELECT id, kind, since, until, asked_at, count, ended_at, trouble FROM push_replay WHERE account_id = %s ORDER BY id DESC LIMIT %s;

-- name: forget_replays
DELETE FROM push_replay WHERE ended_at < now() - interval '90 days';

-- name: replies_of
SELECT uuid_send(id), user_number, service_number, content, floor(extract(epoch FROM at))::bigint, uuid_send(message_id)
FROM uplink WHERE account_id = %s AND id = ANY (%s) ORDER BY id;

-- name: reports_between
-- A page in the order of time: the present state of each message that got a final report in [low, high).
SELECT extract(epoch FROM r.at)::numeric::text, uuid_send(r.message_id), m.product, m.phone, m.batch_no, n.count,
       n.version, n.reason, n.fee_micros, floor(extract(epoch FROM coalesce(n.submitted_at, n.at)))::bigint
FROM (
    SELECT message_id, at FROM report
    WHERE at >= to_timestamp(%(low)s) AND at < to_timestamp(%(high)s) AND account_id = %(account)s AND status <> 0
      AND (at, message_id) > (to_timestamp(%(low)s), %(after)s)
    ORDER BY at, message_id LIMIT %(limit)s
) AS r
LEFT JOIN message m ON m.id = r.message_id
LEFT JOIN LATERAL (
    SELECT * FROM report x WHERE x.message_id = r.message_id AND x.status <> 0 ORDER BY x.version DESC LIMIT 1
) AS n ON true
ORDER BY r.at, r.message_id;

-- name: reports_mine
-- The same of those that are the account's.
SELECT uuid_send(m.id), m.product, m.phone, m.batch_no, n.count, n.version, n.reason, n.fee_micros,
       floor(extract(epoch FROM coalesce(n.submitted_at, n.at)))::bigint
FROM unnest(%s::uuid[]) AS w(id) JOIN message m ON m.id = w.id AND m.account_id = %s
CROSS JOIN LATERAL (
    SELECT * FROM report x WHERE x.message_id = w.id AND x.status <> 0 ORDER BY x.version DESC LIMIT 1
) AS n;

-- name: reports_of
-- The present state of messages by id.
SELECT uuid_send(m.id), m.product, m.phone, m.batch_no, n.count, n.version, n.reason, n.fee_micros,
       floor(extract(epoch FROM coalesce(n.submitted_at, n.at)))::bigint
FROM unnest(%s) AS w(id) JOIN message m ON m.id = w.id
CROSS JOIN LATERAL (
    SELECT * FROM report x WHERE x.message_id = w.id AND x.status <> 0 ORDER BY x.version DESC LIMIT 1
) AS n;

-- name: replies_between
SELECT uuid_send(id), user_number, service_number, content, floor(extract(epoch FROM at))::bigint, uuid_send(message_id)
FROM uplink
WHERE account_id = %s AND id > %s AND id < uuid7_floor(to_timestamp(%s)) ORDER BY id LIMIT %s;

-- name: uuid_floor
SELECT uuid_send(uuid7_floor(to_timestamp(%s)));

-- name: aside_rows
SELECT id, n, (SELECT array_agg(uuid_send(u)) FROM unnest(ids) AS u), body
FROM outbox WHERE endpoint_id = %s AND aside ORDER BY seq, id LIMIT %s FOR UPDATE SKIP LOCKED;

-- name: delete_aside
DELETE FROM outbox WHERE id = ANY (%s) AND aside;

-- name: forget_attempts
DELETE FROM push_attempt WHERE at < now() - make_interval(days => %s::integer);

-- name: trace_endpoint
SELECT id, paused_at IS NOT NULL FROM endpoint WHERE account_id = %s AND kind = %s;

-- name: trace_tries
-- By the time, which is a range of few blocks.
SELECT id, at, took_ms, http_status::integer, error,
       ARRAY(SELECT replace(i::text, '-', '') FROM unnest(ids) AS i WHERE i = ANY(%(ids)s::uuid[]))
FROM push_attempt
WHERE endpoint_id = %(endpoint)s AND at >= %(low)s::timestamptz AND at < %(high)s::timestamptz AND ids && %(ids)s::uuid[]
ORDER BY id LIMIT 300;

-- name: trace_waiting
-- Among the oldest that wait: a backlog of millions is not read to its end.
SELECT due, attempts::integer, aside, ARRAY(SELECT replace(i::text, '-', '') FROM unnest(ids) AS i WHERE i = ANY(%(ids)s::uuid[]))
FROM (
    (SELECT * FROM outbox WHERE endpoint_id = %(endpoint)s AND NOT aside ORDER BY seq, id LIMIT 2000)
    UNION ALL
    (SELECT * FROM outbox WHERE endpoint_id = %(endpoint)s AND aside ORDER BY seq LIMIT 2000)
) AS o WHERE ids && %(ids)s::uuid[] ORDER BY seq LIMIT 100;
