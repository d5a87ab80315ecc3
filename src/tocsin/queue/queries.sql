-- name: register
INSERT INTO process (kind, host, pid) VALUES (%s, %s, %s) RETURNING id;

-- name: beat
INSERT INTO process (id, kind, host, pid, clock_ahead_s) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s, %s::double precision)
ON CONFLICT (id) DO UPDATE SET seen_at = now(), clock_ahead_s = excluded.clock_ahead_s;

-- name: unregister
DELETE FROM process WHERE id = %s;

-- name: processes
-- While a process lives, its session holds the advisory lock of its id.
SELECT p.kind, p.host, p.pid, p.started_at, p.seen_at,
       EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND ((l.classid::bigint << 32) | l.objid::bigint) = p.id)
FROM process p ORDER BY p.kind, p.id;

-- name: claim
SELECT * FROM claim_lane(%s::integer, %s::bigint, make_interval(secs => %s::double precision), %s::integer, %s::integer[], %s::bigint[]);

-- name: renew
-- What is held goes on; what is ours but not in our hands (the answer to a claim was lost) is free when its lease is over.
-- A row that is locked is being finished or released at this moment: no need to wait for it, and no deadlock with it.
WITH mine AS (
    SELECT id FROM lane_item WHERE owner = %(owner)s::bigint AND (id = ANY(%(held)s::bigint[]) OR lease_end < clock_timestamp())
    FOR UPDATE SKIP LOCKED
)
UPDATE lane_item l SET
    lease_end = CASE WHEN l.id = ANY(%(held)s::bigint[]) THEN clock_timestamp() + make_interval(secs => %(lease)s::double precision) END,
    owner = CASE WHEN l.id = ANY(%(held)s::bigint[]) THEN owner END
FROM mine WHERE l.id = mine.id;

-- In these four "coalesce": found by their ids, never by the index of owners. An old snapshot (an export, a dump) keeps the entry
-- of every item in that index that was ever claimed.

-- name: look
SELECT id, array_send(ids) FROM lane_item WHERE id = ANY(%s::bigint[]) AND coalesce(owner, 0) = %s::bigint ORDER BY id FOR UPDATE;

-- name: finish
DELETE FROM lane_item WHERE id = ANY(%s::bigint[]) AND coalesce(owner, 0) = %s::bigint;

-- name: shrink
UPDATE lane_item SET ids = (SELECT array_agg(i) FROM unnest(ids) AS i WHERE i <> ALL(%s::uuid[]))
WHERE id = %s::bigint AND coalesce(owner, 0) = %s::bigint;

-- name: release
UPDATE lane_item SET owner = NULL, lease_end = NULL WHERE id = ANY(%s::bigint[]) AND coalesce(owner, 0) = %s::bigint;

-- name: add
INSERT INTO lane_item (channel_id, priority, account_id, attempt, due, ids)
SELECT (v ->> 0)::integer, (v ->> 1)::smallint, (v ->> 2)::integer, (v ->> 3)::smallint,
       now() + make_interval(secs => (v ->> 4)::double precision),
       ARRAY(SELECT json_array_elements_text(v -> 5)::uuid)
FROM json_array_elements(%s::json) AS v;

-- name: hold
-- The same for messages of stopped batches: they wait until it is resumed or cancelled. Who resumes it waits for us, or we for him:
-- then they are free at once.
WITH v AS MATERIALIZED (
    SELECT (v ->> 0)::integer AS channel_id, (v ->> 1)::smallint AS priority, (v ->> 2)::integer AS account_id, (v ->> 3)::smallint AS attempt,
           ARRAY(SELECT json_array_elements_text(v -> 5)::uuid) AS ids, (v ->> 6)::bigint AS batch_no
    FROM json_array_elements(%s::json) AS v
), stopped AS MATERIALIZED (
    SELECT batch_no FROM batch_stop WHERE batch_no IN (SELECT batch_no FROM v) ORDER BY batch_no FOR SHARE
)
INSERT INTO lane_item (channel_id, priority, account_id, attempt, due, held_batch, ids)
SELECT v.channel_id, v.priority, v.account_id, v.attempt, CASE WHEN s.batch_no IS NOT NULL THEN 'infinity'::timestamptz END, s.batch_no, v.ids
FROM v LEFT JOIN stopped s USING (batch_no);

-- name: promote
WITH ripe AS (
    SELECT id FROM lane_item WHERE due <= now() AND owner IS NULL ORDER BY due, id LIMIT 2000 FOR UPDATE SKIP LOCKED
)
UPDATE lane_item l SET due = NULL, ready_at = now() FROM ripe WHERE l.id = ripe.id RETURNING l.channel_id;

-- name: take_over
-- Whose lease is over, who is not seen any more, and whose session is gone: a process that is only stopped keeps its session
-- and its items; one that lost its session, or whose server was started again, has time to come back.
WITH gone AS (
    SELECT owner FROM (
        SELECT DISTINCT i.owner FROM lane_item i WHERE i.owner IS NOT NULL AND i.lease_end < clock_timestamp()
        AND pg_postmaster_start_time() < clock_timestamp() - make_interval(secs => %(grace)s::double precision)
        AND NOT EXISTS (SELECT 1 FROM process p WHERE p.id = i.owner
                        AND p.seen_at > clock_timestamp() - make_interval(secs => %(grace)s::double precision))) o
    WHERE pg_try_advisory_xact_lock(owner)
), left_behind AS (  -- without waiting for a transaction of the dead one that the server has not noticed yet
    SELECT l.id FROM lane_item l JOIN gone USING (owner) FOR UPDATE OF l SKIP LOCKED
)
-- A new attempt, which looks first at what the dead one wrote down of its parts.
UPDATE lane_item l SET owner = NULL, lease_end = NULL, attempt = l.attempt + 1 FROM left_behind b WHERE l.id = b.id
RETURNING l.channel_id;

-- name: share_turn
SELECT pg_advisory_xact_lock(-1000000 - %(channel)s::bigint);

-- name: share
-- After share_turn, in a statement of its own: only so does it see what the process before it took. Each takes its part of what the
-- epoch still has to give.
WITH clock AS (
    SELECT extract(epoch FROM clock_timestamp())::double precision AS now_s
), locks AS MATERIALIZED (
    SELECT (classid::bigint << 32) | objid::bigint AS id FROM pg_locks WHERE locktype = 'advisory' AND objsubid = 1 AND granted
    AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
), alive AS (  -- who was killed is not counted from now on, who is stopped after 10 s
    SELECT greatest(count(*), 1)::integer AS n FROM process JOIN locks USING (id)
    WHERE kind = 'worker' AND seen_at > clock_timestamp() - interval '10 seconds'
), given AS (
    SELECT coalesce(sum(share), 0)::integer AS total, coalesce(max(share) FILTER (WHERE process_id = %(process)s::bigint), -1) AS mine
    FROM rate_share WHERE channel_id = %(channel)s::integer AND epoch = %(epoch)s::bigint
), cut AS (
    SELECT CASE WHEN given.mine >= 0 THEN given.mine
                WHEN %(rate)s::integer < alive.n THEN greatest(%(rate)s::integer - given.total, 0)
                ELSE least((%(rate)s::integer + alive.n - 1) / alive.n, greatest(%(rate)s::integer - given.total, 0)) END AS share
    FROM given, alive
), kept AS (
    INSERT INTO rate_share (channel_id, epoch, process_id, share)
    SELECT %(channel)s::integer, %(epoch)s::bigint, %(process)s::bigint, share FROM cut ON CONFLICT DO NOTHING
)
SELECT cut.share, clock.now_s FROM cut, clock;

-- name: forget_shares
DELETE FROM rate_share WHERE epoch < %s::bigint;

-- name: clock
SELECT extract(epoch FROM clock_timestamp())::double precision;

-- name: wake
SELECT pg_notify(%s, '');

-- name: lock_old
-- Items that nobody has claimed although their first message is older than the validity.
SELECT id, array_send(ids) FROM lane_item WHERE owner IS NULL AND id > %s::bigint
AND ids[1] < uuid7_floor(now() - make_interval(secs => %s::double precision)) ORDER BY id LIMIT 50 FOR UPDATE SKIP LOCKED;

-- name: drop
DELETE FROM lane_item WHERE id = ANY(%s::bigint[]);

-- name: forget_processes
DELETE FROM process WHERE seen_at < now() - interval '1 hour' AND pg_try_advisory_xact_lock(id);

-- name: put_states
-- All links of a process; those that it has no more leave.
WITH given AS (
    SELECT * FROM json_to_recordset(%(states)s::json) AS g(
        channel_id integer, binds integer, binds_wanted integer, "window" integer, in_flight integer, rate_per_s double precision,
        accepted bigint, temporary bigint, permanent bigint, throttled bigint, unknown bigint, last_error text,
        last_error_at double precision, receipt_delay_ms integer)
), gone AS (
    DELETE FROM link_state WHERE process_id = %(process)s::bigint AND channel_id NOT IN (SELECT channel_id FROM given)
)
INSERT INTO link_state AS l (channel_id, process_id, binds, binds_wanted, "window", in_flight, rate_per_s, accepted, temporary,
                             permanent, throttled, unknown, last_error, last_error_at, receipt_delay_ms, down_since, at)
SELECT g.channel_id, %(process)s::bigint, g.binds, g.binds_wanted, g."window", g.in_flight, g.rate_per_s, g.accepted, g.temporary,
       g.permanent, g.throttled, g.unknown, g.last_error, g.last_error_at, g.receipt_delay_ms,
       CASE WHEN g.binds_wanted > 0 AND g.binds = 0 THEN now() END, now()
FROM given g
ON CONFLICT (channel_id, process_id) DO UPDATE SET
    binds = excluded.binds, binds_wanted = excluded.binds_wanted, "window" = excluded."window", in_flight = excluded.in_flight,
    rate_per_s = excluded.rate_per_s, accepted = excluded.accepted, temporary = excluded.temporary, permanent = excluded.permanent,
    throttled = excluded.throttled, unknown = excluded.unknown, last_error = excluded.last_error,
    last_error_at = excluded.last_error_at, receipt_delay_ms = excluded.receipt_delay_ms, at = excluded.at,
    down_since = CASE WHEN excluded.down_since IS NOT NULL THEN coalesce(l.down_since, excluded.down_since) END;

-- name: forget_states
-- Of processes that are gone: nobody holds their locks.
DELETE FROM link_state WHERE at < now() - interval '10 seconds' AND pg_try_advisory_xact_lock(process_id);

-- name: live_channels
-- Links of processes that wrote in the last 10 s, together; and what waits.
SELECT c.id, c.name, c.kind, coalesce(s.links, 0), coalesce(s.binds, 0), coalesce(s.wanted, 0), coalesce(s.win, 0), coalesce(s.in_flight, 0),
       coalesce(s.rate, 0), coalesce(s.accepted, 0), coalesce(s.temporary, 0), coalesce(s.permanent, 0), coalesce(s.throttled, 0),
       coalesce(s.unknown, 0), coalesce(s.error, ''), coalesce(s.error_at, 0), coalesce(s.delay_ms, 0), coalesce(l.ready, 0),
       coalesce(l.delayed, 0), coalesce(l.owned, 0), coalesce(l.oldest_s, 0)::double precision
FROM channel c LEFT JOIN (
    SELECT channel_id, count(*)::integer AS links, sum(binds)::integer AS binds, sum(binds_wanted)::integer AS wanted,
           sum("window")::integer AS win, sum(in_flight)::integer AS in_flight, sum(rate_per_s)::double precision AS rate,
           sum(accepted)::bigint AS accepted, sum(temporary)::bigint AS temporary, sum(permanent)::bigint AS permanent,
           sum(throttled)::bigint AS throttled, sum(unknown)::bigint AS unknown,
           (array_agg(last_error ORDER BY last_error_at DESC))[1] AS error, max(last_error_at) AS error_at,
           (avg(receipt_delay_ms) FILTER (WHERE receipt_delay_ms > 0))::integer AS delay_ms
    FROM link_state WHERE at > now() - interval '10 seconds' GROUP BY channel_id
) s ON s.channel_id = c.id LEFT JOIN (
    SELECT channel_id, (sum(cardinality(ids)) FILTER (WHERE owner IS NULL AND due IS NULL))::bigint AS ready,
           (sum(cardinality(ids)) FILTER (WHERE owner IS NULL AND due IS NOT NULL))::bigint AS delayed,
           (sum(cardinality(ids)) FILTER (WHERE owner IS NOT NULL))::bigint AS owned,
           extract(epoch FROM now() - min(ready_at) FILTER (WHERE owner IS NULL AND due IS NULL)) AS oldest_s
    FROM lane_item GROUP BY channel_id
) l ON l.channel_id = c.id ORDER BY c.name;

-- name: outages
-- Of each channel: is there no link that stands; has there been none for long enough; does something wait too long.
SELECT c.id, c.name, c.paused, coalesce(s.down, true), coalesce(s.down_s >= c.failover_after_s, false),
       c.queue_age_s IS NOT NULL AND EXISTS (
           SELECT 1 FROM lane_item l WHERE l.channel_id = c.id AND l.owner IS NULL AND l.due IS NULL
           AND l.ready_at < now() - make_interval(secs => c.queue_age_s)),
       coalesce(c.queue_age_s, 0), EXISTS (SELECT 1 FROM breaker b WHERE b.channel_id = c.id AND b.country_id = -1)
FROM channel c LEFT JOIN (
    SELECT channel_id, bool_and(down_since IS NOT NULL) AS down,
           CASE WHEN bool_and(down_since IS NOT NULL) THEN extract(epoch FROM now() - max(down_since)) END AS down_s
    FROM link_state WHERE at > now() - interval '10 seconds' GROUP BY channel_id
) s ON s.channel_id = c.id ORDER BY c.id;

-- name: lock_ready
-- Free items of a channel in the order of claims, codes first, behind a place; ready for at least so long.
SELECT id, priority, account_id, attempt, array_send(ids) FROM lane_item
WHERE channel_id = %(channel)s::integer AND owner IS NULL AND due IS NULL
AND (priority, account_id, id) > (%(priority)s::smallint, %(account)s::integer, %(item)s::bigint)
AND ready_at <= now() - make_interval(secs => %(age)s::double precision)
ORDER BY priority, account_id, id LIMIT %(limit)s::integer FOR UPDATE SKIP LOCKED;

-- name: move
UPDATE lane_item l SET channel_id = m.channel, ready_at = now()
FROM unnest(%s::bigint[], %s::integer[]) AS m(id, channel) WHERE l.id = m.id AND coalesce(l.owner, 0) = 0;
