-- name: server
SELECT current_setting('server_version_num')::integer, current_setting('server_version'),
       extract(epoch FROM clock_timestamp())::double precision, pg_is_in_recovery();

-- name: migrations
SELECT name FROM django_migrations WHERE app = 'tocsin';

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
FROM (VALUES ('batch', 86400), ('message', 86400), ('submission', 604800), ('report', 86400), ('part_receipt', 86400),
             ('api_request', 86400))
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

-- name: names_of_accounts
-- What people may write, and the name that it leads to. The account's own name wins over another's display name.
SELECT w.written, w.name FROM (
    SELECT name AS written, name, 0 AS rank FROM account
    UNION ALL SELECT display_name, name, 1 FROM account WHERE display_name <> '') w
ORDER BY w.rank, abs(length(w.written) - %(length)s::integer), w.written LIMIT %(limit)s::integer;

-- name: names_of_members
-- Addresses of people who are in an account.
SELECT u.email, u.email FROM console_user u WHERE EXISTS (SELECT FROM membership m WHERE m.user_id = u.id)
ORDER BY abs(length(u.email) - %(length)s::integer), u.email LIMIT %(limit)s::integer;

-- name: names_of_channels
SELECT name, name FROM channel ORDER BY abs(length(name) - %(length)s::integer), name LIMIT %(limit)s::integer;

-- name: names_of_countries
SELECT w.written, c.iso FROM country c CROSS JOIN LATERAL (VALUES (c.iso), (c.name), (c.name_zh), (c.code_id::text)) AS w(written)
ORDER BY abs(length(w.written) - %(length)s::integer), c.iso LIMIT %(limit)s::integer;

-- name: names_of_plans
SELECT name, name FROM plan ORDER BY abs(length(name) - %(length)s::integer), name LIMIT %(limit)s::integer;

-- name: names_of_domains
SELECT domain, domain FROM mail_domain ORDER BY abs(length(domain) - %(length)s::integer), domain LIMIT %(limit)s::integer;

-- name: members
SELECT m.account_id, u.email, u.name, m.role FROM membership m JOIN console_user u ON u.id = m.user_id
WHERE %(account)s::integer IS NULL OR m.account_id = %(account)s::integer ORDER BY m.account_id, m.id;

-- name: accounts_of_email
SELECT a.name FROM membership m JOIN console_user u ON u.id = m.user_id JOIN account a ON a.id = m.account_id
WHERE lower(u.email) = lower(%s) ORDER BY a.name;

-- name: channel_uses
-- What names a channel, or waits for it; messages are counted, not items.
SELECT ARRAY(SELECT id FROM route WHERE channel_id = %(channel)s::integer ORDER BY id),
       ARRAY(SELECT a.name FROM account_grant g JOIN account a ON a.id = g.account_id
             WHERE g.kind = %(routing)s AND g.value = %(name)s ORDER BY 1),
       (SELECT count(*) FROM price WHERE channel_id = %(channel)s::integer),
       (SELECT count(*) FROM cost WHERE channel_id = %(channel)s::integer),
       (SELECT coalesce(sum(cardinality(ids)), 0)::bigint FROM lane_item WHERE channel_id = %(channel)s::integer AND owner IS NULL),
       (SELECT coalesce(sum(cardinality(ids)), 0)::bigint FROM lane_item WHERE channel_id = %(channel)s::integer AND owner IS NOT NULL),
       (SELECT coalesce(sum(cardinality(ids)), 0)::bigint FROM schedule WHERE channel_id = %(channel)s::integer);

-- name: channel_open
-- Messages that a carrier has, or may have, and whose end is not known. The bound on time spares the partitions before it.
SELECT count(*) FROM (
    SELECT DISTINCT s.message_id FROM submission s
    WHERE s.channel_id = %(channel)s::integer AND s.outcome IN (0, 4) AND s.at > now() - make_interval(secs => %(within)s::double precision)
    AND NOT EXISTS (SELECT 1 FROM report r WHERE r.message_id = s.message_id AND r.status <> 0)
    LIMIT %(limit)s::integer) x;

-- name: lane_products
-- Which products wait for a channel.
SELECT DISTINCT m.product::integer FROM lane_item l CROSS JOIN LATERAL unnest(l.ids) AS u(id) JOIN message m ON m.id = u.id
WHERE l.channel_id = %s::integer AND l.owner IS NULL;

-- name: lane_move
-- A page of what waits goes to another channel; what a carrier has a part of stays. Their times stay.
WITH page AS (
    SELECT l.id FROM lane_item l WHERE l.channel_id = %(channel)s::integer AND l.owner IS NULL
    AND (l.attempt = 1 OR NOT EXISTS (SELECT 1 FROM submission s WHERE s.message_id = ANY(l.ids) AND s.outcome IN (0, 4)))
    ORDER BY l.id LIMIT %(limit)s::integer FOR UPDATE SKIP LOCKED
), moved AS (
    UPDATE lane_item l SET channel_id = %(target)s::integer, ready_at = now() FROM page WHERE l.id = page.id RETURNING l.ids
)
SELECT count(*), coalesce(sum(cardinality(ids)), 0)::bigint FROM moved;

-- name: channel_remove
-- With all that says something about it alone. Messages, submissions and reports keep its id.
WITH prices AS (DELETE FROM price WHERE channel_id = %(channel)s::integer),
     costs AS (DELETE FROM cost WHERE channel_id = %(channel)s::integer),
     breakers AS (DELETE FROM breaker WHERE channel_id = %(channel)s::integer),
     hours AS (DELETE FROM delivery_hour WHERE channel_id = %(channel)s::integer),
     lasts AS (DELETE FROM delivery_last WHERE channel_id = %(channel)s::integer),
     states AS (DELETE FROM link_state WHERE channel_id = %(channel)s::integer),
     receipts AS (DELETE FROM unmatched_receipt WHERE channel_id = %(channel)s::integer),
     events AS (DELETE FROM sandbox_event WHERE channel_id = %(channel)s::integer),
     submits AS (DELETE FROM sandbox_submit WHERE channel_id = %(channel)s::integer)
SELECT 1;

-- name: channel_delete
DELETE FROM channel WHERE id = %s::integer;
