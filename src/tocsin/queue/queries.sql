-- name: register
INSERT INTO process (kind, host, pid) VALUES (%s, %s, %s) RETURNING id;

-- name: beat
INSERT INTO process (id, kind, host, pid) OVERRIDING SYSTEM VALUE VALUES (%s, %s, %s, %s)
ON CONFLICT (id) DO UPDATE SET seen_at = now();

-- name: unregister
DELETE FROM process WHERE id = %s;

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

-- name: promote
WITH ripe AS (
    SELECT id FROM lane_item WHERE due <= now() AND owner IS NULL ORDER BY due, id LIMIT 2000 FOR UPDATE SKIP LOCKED
)
UPDATE lane_item l SET due = NULL FROM ripe WHERE l.id = ripe.id RETURNING l.channel_id;

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
