-- name: server
SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
       extract(epoch FROM clock_timestamp())::double precision, pg_is_in_recovery();

-- name: migrations
SELECT name FROM django_migrations WHERE app = 'tocsin';

-- name: processes
-- While a process lives, its session holds the advisory lock of its id.
SELECT p.kind, p.host, p.pid, p.seen_at,
       EXISTS (SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
               AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
               AND ((l.classid::bigint << 32) | l.objid::bigint) = p.id)
FROM process p ORDER BY p.kind, p.id;

-- name: wrong_clocks
-- Processes that wait because their clock is wrong. A row that nobody renews is of one that ended.
SELECT kind, host, pid, clock_ahead_s FROM process
WHERE clock_ahead_s IS NOT NULL AND seen_at > now() - interval '30 seconds' ORDER BY kind, id;

-- name: lanes
-- The age is of the oldest message that is ready: the first 48 bits of a UUIDv7 are its millisecond.
SELECT c.name, c.kind, c.paused, c.config,
       coalesce(sum(l.n) FILTER (WHERE l.owner IS NULL AND l.due IS NULL), 0)::bigint,
       coalesce(sum(l.n) FILTER (WHERE l.owner IS NULL AND l.due IS NOT NULL), 0)::bigint,
       coalesce(sum(l.n) FILTER (WHERE l.owner IS NOT NULL), 0)::bigint,
       extract(epoch FROM now())::double precision
           - min(l.ms) FILTER (WHERE l.owner IS NULL AND l.due IS NULL) / 1000.0::double precision
FROM channel c LEFT JOIN (
    SELECT channel_id, owner, due, cardinality(ids) AS n,
           ('x' || substr(replace(ids[1]::text, '-', ''), 1, 12))::bit(48)::bigint AS ms
    FROM lane_item
) l ON l.channel_id = c.id
GROUP BY c.id ORDER BY c.name;

-- name: orphan_items
SELECT count(*) FROM lane_item l WHERE NOT EXISTS (SELECT 1 FROM channel c WHERE c.id = l.channel_id);

-- name: overdue
-- By the index of due times: nothing of what still has time is read.
SELECT coalesce(sum(cardinality(ids)), 0)::bigint, extract(epoch FROM now() - min(due))::double precision
FROM schedule WHERE due < now() - %s * interval '1 second';

-- name: endpoints
SELECT a.name, e.kind, e.paused_at, e.paused_reason, e.failing_since,
       (SELECT coalesce(sum(o.n), 0) FROM outbox o WHERE o.endpoint_id = e.id AND NOT o.aside)::bigint,
       (SELECT coalesce(sum(o.n), 0) FROM outbox o WHERE o.endpoint_id = e.id AND o.aside)::bigint,
       (SELECT extract(epoch FROM now() - min(o.created_at)) FROM outbox o
        WHERE o.endpoint_id = e.id AND NOT o.aside)::double precision
FROM endpoint e JOIN account a ON a.id = e.account_id ORDER BY a.name, e.kind;

-- name: unmatched
SELECT count(*) FILTER (WHERE NOT given_up), count(*) FILTER (WHERE given_up) FROM unmatched_receipt;

-- name: unmatched_of
SELECT carrier_id, others, phone, reason::integer, at, NOT given_up FROM unmatched_receipt WHERE channel_id = %s ORDER BY id DESC LIMIT %s;

-- name: partitions
-- Whole days from today for which each table has partitions without a gap.
SELECT t.name, (
    SELECT coalesce(min(d.day) - 1, 32)::integer FROM generate_series(0, 31) AS d(day)
    WHERE to_regclass(t.name || '_' || to_char(to_timestamp(floor(
              extract(epoch FROM now() + d.day * interval '1 day') / t.width_s) * t.width_s) AT TIME ZONE 'UTC', 'YYYYMMDD')) IS NULL)
FROM (VALUES ('batch', 86400), ('message', 86400), ('submission', 604800), ('report', 86400), ('part_receipt', 86400))
     AS t(name, width_s);

-- name: secrets
SELECT id, kind, secret FROM endpoint WHERE account_id = %s;

-- name: secrets_all
SELECT id, secret FROM endpoint ORDER BY id FOR UPDATE;

-- name: second_factors
SELECT id, data->>'secret', data->>'seed' FROM mfa_authenticator
WHERE data->>'secret' IS NOT NULL OR data->>'seed' IS NOT NULL ORDER BY id FOR UPDATE;

-- name: second_factor_set
UPDATE mfa_authenticator SET data = data || jsonb_build_object(%s::text, %s::text) WHERE id = %s;

-- name: secret_set
UPDATE endpoint SET secret = %s WHERE id = %s;
