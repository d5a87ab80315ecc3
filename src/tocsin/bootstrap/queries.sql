-- A past that never was, for the demo: see history.py. One statement a batch, all that a real one would have left behind.

-- name: days
-- The days' partitions of this many days back from today.
SELECT partitions_ahead(now() - make_interval(days => %(days)s::integer), %(days)s::integer);

-- name: account
SELECT a.id, p.charge_failed FROM account a JOIN plan p ON p.id = a.plan_id WHERE a.name = %s;

-- name: top_up
WITH w AS (UPDATE wallet SET balance_micros = balance_micros + %(micros)s::bigint WHERE account_id = %(account)s::integer RETURNING balance_micros)
INSERT INTO ledger (account_id, at, kind, balance_micros, balance_after, note)
SELECT %(account)s::integer, to_timestamp(%(ms)s::bigint / 1000.0), 'recharge', %(micros)s::bigint, balance_micros, 'demo' FROM w;

-- name: batch
-- limits: shares of 10,000 that add up; of each share reasons and statuses, the first of them refused at the accept.
WITH made AS MATERIALIZED (
    SELECT i, (lpad(to_hex(%(ms)s::bigint + i / 4000), 12, '0') || '7' || lpad(to_hex(i %% 4000), 3, '0') || '8'
               || substr(md5((%(no)s::bigint)::text || i), 1, 15))::uuid AS id,
           ('x' || substr(md5(i || 'fate' || (%(no)s::bigint)::text), 1, 7))::bit(28)::integer AS fate,
           ('x' || substr(md5(i || 'phone' || (%(no)s::bigint)::text), 1, 7))::bit(28)::integer AS digits
    FROM generate_series(0, %(n)s::integer - 1) AS i
), fated AS MATERIALIZED (
    SELECT m.*, width_bucket(fate %% 10000, %(limits)s::integer[]) + 1 AS share, 1 + digits %% 3 AS minutes,
           to_timestamp(%(ms)s::bigint / 1000.0) + make_interval(secs => 0.08 + (fate %% 300) / 1000.0 + i / 3000.0) AS handed
    FROM made m
), ended AS MATERIALIZED (
    SELECT f.*, (%(reasons)s::smallint[])[share] AS reason, (%(statuses)s::smallint[])[share] AS status, share = 1 AS refused,
           CASE share WHEN 1 THEN 0 ELSE %(price)s::bigint * CASE WHEN %(reserved)s::integer = 0 THEN 1 ELSE %(reserved)s::integer END END AS price,
           CASE (%(reasons)s::smallint[])[share] WHEN %(no_receipt)s::integer THEN handed + interval '72 hours'
               WHEN %(expired)s::integer THEN handed + interval '24 hours'
               ELSE handed + make_interval(secs => 0.4 + (digits %% 9000) / 1000.0) END AS at
    FROM fated f
), paid AS MATERIALIZED (
    SELECT e.*, e.at < now() AND NOT refused AS over,
           CASE WHEN refused THEN 0 WHEN e.at >= now() THEN price WHEN %(reserved)s::integer > 0
               THEN CASE WHEN status = 1 THEN %(price)s::bigint * minutes ELSE 0 END
               WHEN status = 1 OR %(charge_failed)s::boolean THEN price ELSE 0 END AS fee
    FROM ended e
), messages AS (
    INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason, reserved)
    SELECT id, %(account)s::integer, %(no)s::bigint, %(product)s::smallint,
           CASE WHEN %(mail)s::text <> '' THEN 'reader' || digits || '@' || %(mail)s::text
                ELSE %(dial)s::text || lpad((digits %% 1000000000)::text, CASE WHEN refused THEN 3 ELSE 9 END, '0') END,
           %(country)s::integer, CASE WHEN refused THEN NULL ELSE %(channel)s::integer END, %(parts)s::smallint, price,
           CASE WHEN refused THEN status ELSE 0 END, CASE WHEN refused THEN reason ELSE 0 END, %(reserved)s::integer
    FROM paid
), submissions AS (
    INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)
    SELECT id, handed, %(channel)s::integer, substr(md5(id::text || part), 1, 16), part, 1, 0
    FROM paid, generate_series(1, %(parts)s::integer) AS part WHERE NOT refused
), reports AS (
    INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, refund_micros, channel_id, submitted_at, at, count)
    SELECT id, 1, %(account)s::integer, status, reason, fee, price - fee, %(channel)s::integer, handed, at,
           CASE WHEN %(reserved)s::integer = 0 THEN %(parts)s::smallint WHEN status = 1 THEN minutes ELSE 0 END
    FROM paid WHERE over
), watched AS (
    INSERT INTO receipt_watch (due, ids) SELECT max(at), array_agg(id) FROM paid WHERE NOT over AND NOT refused GROUP BY i / 50
), rolled AS (
    INSERT INTO rollup AS r (hour, account_id, channel_id, product, country_id, status, messages, parts, fee_micros)
    SELECT date_trunc('hour', to_timestamp(%(ms)s::bigint / 1000.0)), %(account)s::integer, CASE WHEN refused THEN 0 ELSE %(channel)s::integer END, %(product)s::smallint,
           %(country)s::integer, CASE WHEN over OR refused THEN status ELSE 0 END, count(*), count(*) * %(parts)s::smallint, sum(fee)
    FROM paid GROUP BY refused, CASE WHEN over OR refused THEN status ELSE 0 END
    ON CONFLICT (account_id, hour, product, country_id, channel_id, status) DO UPDATE
    SET messages = r.messages + excluded.messages, parts = r.parts + excluded.parts, fee_micros = r.fee_micros + excluded.fee_micros
), sums AS (
    SELECT count(*) FILTER (WHERE NOT refused)::integer AS good, count(*) FILTER (WHERE refused)::integer AS bad,
           count(*) FILTER (WHERE price <> fee)::integer AS backs, sum(price)::bigint AS price, sum(fee)::bigint AS fee,
           least(max(at) FILTER (WHERE over), now()) AS at, min(id::text)::uuid AS first_id, max(id::text)::uuid AS last_id
    FROM paid
), traffic AS (
    INSERT INTO traffic_day AS d (account_id, day, product, country_id, messages, parts, charged_micros, returned_micros)
    SELECT %(account)s::integer, u.day, %(product)s::smallint, %(country)s::integer, sum(u.n), sum(u.n) * %(parts)s::smallint,
           sum(u.charged), sum(u.returned)
    FROM (SELECT (to_timestamp(%(ms)s::bigint / 1000.0) AT TIME ZONE 'UTC')::date AS day, good + bad AS n, price AS charged, 0 AS returned
          FROM sums
          UNION ALL SELECT (at AT TIME ZONE 'UTC')::date, 0, 0, price - fee FROM sums WHERE price > fee) u GROUP BY u.day
    ON CONFLICT (account_id, day, product, country_id) DO UPDATE
    SET messages = d.messages + excluded.messages, parts = d.parts + excluded.parts,
        charged_micros = d.charged_micros + excluded.charged_micros, returned_micros = d.returned_micros + excluded.returned_micros
), batches AS (
    INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad, amount_micros, first_id,
                       last_id, expires_at, created_at, request_id, title)
    SELECT %(no)s::bigint, %(account)s::integer, %(product)s::smallint, %(priority)s::smallint, %(country)s::integer, %(sender)s::text, %(content)s::text, %(parts)s::smallint, good, bad, price, first_id, last_id,
           to_timestamp(%(ms)s::bigint / 1000.0) + interval '24 hours', to_timestamp(%(ms)s::bigint / 1000.0), 'demo', %(title)s::text
    FROM sums
), wallets AS (
    UPDATE wallet w SET balance_micros = balance_micros - s.fee FROM sums s WHERE w.account_id = %(account)s::integer
    RETURNING w.balance_micros AS left_over
), entries AS (
    INSERT INTO ledger (account_id, at, kind, balance_micros, balance_after, batch_no, messages)
    SELECT %(account)s::integer, e.at, e.kind, e.micros, e.after, %(no)s::bigint, e.messages FROM (
        SELECT 1 AS o, to_timestamp(%(ms)s::bigint / 1000.0) AS at, 'charge' AS kind, -price AS micros, left_over + fee - price AS after,
               good AS messages FROM sums, wallets WHERE price > 0
        UNION ALL SELECT 2, sums.at, 'refund', price - fee, left_over, backs FROM sums, wallets WHERE price > fee
    ) e ORDER BY e.o
)
SELECT good + bad FROM sums;

-- name: sums
-- Of a large batch, which has sums of its own.
SELECT batch_sum_again(%(no)s::bigint);

-- name: replies
-- What one in so many of the receivers of a batch wrote back.
INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)
SELECT (lpad(to_hex(%(ms)s::bigint + 60000), 12, '0') || '7' || substr(m.id::text, 16, 3) || '8' || substr(md5(m.id::text), 1, 15))::uuid,
       m.account_id, m.channel_id, m.phone, %(sender)s::text, (%(texts)s::text[])[1 + ('x' || substr(md5(m.id::text), 20, 6))::bit(24)::integer
       %% cardinality(%(texts)s::text[])], to_timestamp(%(ms)s::bigint / 1000.0 + 60), m.id
FROM message m WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint AND m.id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
AND m.id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute') AND m.status = 0
AND ('x' || substr(md5(m.id::text), 1, 6))::bit(24)::integer %% %(every)s::integer = 0
ON CONFLICT DO NOTHING;

-- name: reactions
-- What became of emails: kinds and shares of 10,000, machines among the opens.
INSERT INTO mail_event (id, account_id, message_id, batch_no, kind, at, url, machine, country, city, device_type, device_name)
SELECT (lpad(to_hex(%(ms)s::bigint + 1000 * k.kind * (60 + h %% 3600)), 12, '0') || '7' || substr(m.id::text, 16, 3) || '8'
        || substr(md5(m.id::text || k.kind), 1, 15))::uuid,
       m.account_id, m.id, m.batch_no, k.kind, to_timestamp(%(ms)s::bigint / 1000.0) + make_interval(secs => k.kind * (60 + h %% 3600)),
       CASE k.kind WHEN 2 THEN (%(links)s::text[])[1 + h %% cardinality(%(links)s::text[])] ELSE '' END,
       CASE WHEN k.kind = 1 AND h %% 5 = 0 THEN 'proxy' ELSE '' END, (%(countries)s::text[])[1 + h %% cardinality(%(countries)s::text[])], '',
       (ARRAY['desktop', 'mobile', 'mobile', 'tablet'])[1 + h %% 4], (ARRAY['Chrome', 'Apple Mail', 'Outlook', 'Gmail'])[1 + h / 7 %% 4]
FROM message m CROSS JOIN LATERAL (SELECT ('x' || substr(md5(m.id::text || 'reads'), 1, 7))::bit(28)::integer AS h) x
CROSS JOIN unnest(%(kinds)s::smallint[], %(shares)s::integer[]) AS k(kind, share)
WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint AND m.id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
AND m.id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute') AND m.status = 0 AND h %% 10000 < k.share
ON CONFLICT DO NOTHING;

-- name: analyze
ANALYZE batch, message, submission, report, rollup, ledger, uplink, mail_event;
