-- A past that never was, for the demo: see sends.py. One statement a batch, all that a real one would have left behind.

-- name: days
-- The days' partitions of this many days back from today.
SELECT partitions_ahead(now() - make_interval(days => %(days)s::integer), %(days)s::integer);

-- name: account
-- Locked, so that a second run waits for the first one to end.
SELECT a.id, a.plan_id, p.charge_failed FROM account a JOIN plan p ON p.id = a.plan_id WHERE a.name = %s FOR NO KEY UPDATE OF a;

-- name: seeded_at
SELECT at FROM audit_entry WHERE action = 'demo seed' AND subject = %s::text ORDER BY id DESC LIMIT 1;

-- name: prices
SELECT plan_id, product::integer, country_id, prefix, channel_id, price_micros FROM price WHERE plan_id = %s::integer;

-- name: age
-- The account, its keys and its members are as old as the past.
WITH keys AS (
    UPDATE api_key SET created_at = least(created_at, %(at)s::timestamptz) WHERE account_id = %(account)s::integer
), members AS (
    UPDATE membership SET created_at = least(created_at, %(at)s::timestamptz) WHERE account_id = %(account)s::integer RETURNING user_id
), users AS (
    UPDATE console_user u SET created_at = least(u.created_at, %(at)s::timestamptz) FROM members m WHERE u.id = m.user_id
)
UPDATE account SET created_at = least(created_at, %(at)s::timestamptz) WHERE id = %(account)s::integer;

-- name: batch
-- limits: shares of 10,000 that add up; of each share reasons and statuses, the first of them refused at the accept.
WITH made AS MATERIALIZED (
    SELECT i, (lpad(to_hex(%(ms)s::bigint + i / 4000), 12, '0') || '7' || lpad(to_hex(i %% 4000), 3, '0') || '8'
               || substr(md5(%(key)s::text || i), 1, 15))::uuid AS id,
           ('x' || substr(md5(i || 'fate' || %(key)s::text), 1, 7))::bit(28)::integer AS fate,
           ('x' || substr(md5(i || 'phone' || %(key)s::text), 1, 7))::bit(28)::integer AS digits
    FROM generate_series(0, %(n)s::integer - 1) AS i
), fated AS MATERIALIZED (
    SELECT m.*, width_bucket(fate %% 10000, %(limits)s::integer[]) + 1 AS share, 1 + digits %% 3 AS minutes,
           to_timestamp(%(ms)s::bigint / 1000.0) + make_interval(secs => 0.08 + (fate %% 300) / 1000.0 + i / 3000.0) AS handed
    FROM made m
), ended AS MATERIALIZED (
    SELECT f.*, (%(reasons)s::smallint[])[share] AS reason, (%(statuses)s::smallint[])[share] AS status, share = 1 AS refused,
           CASE share WHEN 1 THEN 0 ELSE %(price)s::bigint * CASE WHEN %(reserved)s::integer = 0 THEN 1 ELSE %(reserved)s::integer END END AS price,
           CASE (%(reasons)s::smallint[])[share] WHEN 0 THEN 'infinity' WHEN %(no_receipt)s::integer THEN handed + interval '72 hours'
               WHEN %(expired)s::integer THEN handed + interval '24 hours'
               ELSE handed + make_interval(secs => 0.4 + (digits %% 9000) / 1000.0) END AS at
    FROM fated f
), paid AS MATERIALIZED (
    SELECT e.*, e.at < now() AND NOT refused AS over,
           CASE WHEN refused OR reason = %(cancelled)s::integer THEN 0 WHEN e.at >= now() THEN price WHEN %(reserved)s::integer > 0
               THEN CASE WHEN status = 1 THEN %(price)s::bigint * minutes ELSE 0 END
               WHEN status = 1 OR %(charge_failed)s::boolean THEN price ELSE 0 END AS fee
    FROM ended e
), messages AS (
    INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason, reserved)
    SELECT id, %(account)s::integer, %(no)s::bigint, %(product)s::smallint,
           CASE WHEN %(mail)s::text <> '' THEN 'reader' || digits || CASE WHEN refused THEN '.' ELSE '@' END || %(mail)s::text
                ELSE %(dial)s::text || lpad((digits %% 1000000000)::text, CASE WHEN refused THEN 3 ELSE 9 END, '0') END,
           %(country)s::integer, CASE WHEN refused THEN NULL ELSE %(channel)s::integer END, %(parts)s::smallint, price,
           CASE WHEN refused THEN status ELSE 0 END, CASE WHEN refused THEN reason ELSE 0 END, %(reserved)s::integer
    FROM paid
), submissions AS (
    INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome)
    SELECT id, handed, %(channel)s::integer, substr(md5(id::text || part), 1, 16), part, 1, 0
    FROM paid, generate_series(1, %(parts)s::integer) AS part WHERE %(handed)s::boolean AND NOT refused
), reports AS (
    INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, refund_micros, channel_id, submitted_at, at, count)
    SELECT id, 1, %(account)s::integer, status, reason, fee, price - fee, %(channel)s::integer, CASE WHEN %(handed)s::boolean THEN handed END, at,
           CASE WHEN %(reserved)s::integer = 0 THEN %(parts)s::smallint WHEN status = 1 THEN minutes ELSE 0 END
    FROM paid WHERE over
), watched AS (
    INSERT INTO receipt_watch (due, ids) SELECT max(at), array_agg(id) FROM paid
    WHERE %(handed)s::boolean AND NOT over AND NOT refused GROUP BY i / 50
), rolled AS (
    INSERT INTO rollup AS r (hour, account_id, channel_id, product, country_id, status, messages, parts, fee_micros)
    SELECT date_trunc('hour', to_timestamp(%(ms)s::bigint / 1000.0)), %(account)s::integer, CASE WHEN refused THEN 0 ELSE %(channel)s::integer END, %(product)s::smallint,
           %(country)s::integer, CASE WHEN over OR refused THEN status ELSE 0 END, count(*), count(*) * %(parts)s::smallint, sum(fee)
    FROM paid GROUP BY refused, CASE WHEN over OR refused THEN status ELSE 0 END
    ON CONFLICT (account_id, hour, product, country_id, channel_id, status) DO UPDATE
    SET messages = r.messages + excluded.messages, parts = r.parts + excluded.parts, fee_micros = r.fee_micros + excluded.fee_micros
), sums AS (
    SELECT count(*) FILTER (WHERE NOT refused)::integer AS good, count(*) FILTER (WHERE refused)::integer AS bad,
           sum(price)::bigint AS price, min(id::text)::uuid AS first_id, max(id::text)::uuid AS last_id
    FROM paid
), backs AS (
    -- What came back at once, after the life of a message, and after the wait for its receipt.
    SELECT max(at) AS at, sum(price - fee)::bigint AS micros, count(*)::integer AS messages FROM paid WHERE over AND price > fee
    GROUP BY CASE WHEN reason IN (%(no_receipt)s::integer, %(expired)s::integer) THEN reason ELSE 0 END
), traffic AS (
    INSERT INTO traffic_day AS d (account_id, day, product, country_id, messages, parts, charged_micros, returned_micros)
    SELECT %(account)s::integer, u.day, %(product)s::smallint, %(country)s::integer, sum(u.n), sum(u.n) * %(parts)s::smallint,
           sum(u.charged), sum(u.returned)
    FROM (SELECT (to_timestamp(%(ms)s::bigint / 1000.0) AT TIME ZONE 'UTC')::date AS day, good + bad AS n, price AS charged, 0 AS returned
          FROM sums
          UNION ALL SELECT (at AT TIME ZONE 'UTC')::date, 0, 0, micros FROM backs) u GROUP BY u.day
    ON CONFLICT (account_id, day, product, country_id) DO UPDATE
    SET messages = d.messages + excluded.messages, parts = d.parts + excluded.parts,
        charged_micros = d.charged_micros + excluded.charged_micros, returned_micros = d.returned_micros + excluded.returned_micros
), batches AS (
    INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, good, bad, amount_micros, first_id,
                       last_id, expires_at, created_at, request_id, title, template_id, due_at)
    SELECT %(no)s::bigint, %(account)s::integer, %(product)s::smallint, %(priority)s::smallint, %(country)s::integer, %(sender)s::text, %(content)s::text, %(parts)s::smallint, good, bad, price, first_id, last_id,
           to_timestamp(coalesce(%(due)s::bigint, %(ms)s::bigint) / 1000.0) + interval '24 hours', to_timestamp(%(ms)s::bigint / 1000.0),
           %(request)s::text, %(title)s::text, %(template)s::integer, to_timestamp(%(due)s::bigint / 1000.0)
    FROM sums
), entries AS (
    INSERT INTO ledger (account_id, at, kind, balance_micros, balance_after, batch_no, messages)
    SELECT %(account)s::integer, to_timestamp(%(ms)s::bigint / 1000.0), 'charge', -price, 0, %(no)s::bigint, good FROM sums WHERE price > 0
    UNION ALL SELECT %(account)s::integer, at, 'refund', micros, 0, %(no)s::bigint, messages FROM backs
)
SELECT good + bad FROM sums;

-- name: lock_wallet
SELECT account_id FROM wallet WHERE account_id = %s::integer FOR UPDATE;

-- name: movements
-- Every movement of the balance, in the order of time.
SELECT extract(epoch FROM at)::double precision, balance_micros FROM ledger WHERE account_id = %s::integer ORDER BY at, id;

-- name: recharges
INSERT INTO ledger (account_id, at, kind, balance_micros, balance_after, note)
SELECT %(account)s::integer, to_timestamp(u.at), 'recharge', u.micros, 0, 'bank transfer'
FROM unnest(%(at)s::double precision[], %(micros)s::bigint[]) AS u(at, micros);

-- name: order_ledger
-- Entries get new ids in the order of time, and what was left after each; the sums by day are made again from them.
WITH old AS (
    DELETE FROM ledger WHERE account_id = %(account)s::integer RETURNING *
), days AS (
    DELETE FROM ledger_day WHERE account_id = %(account)s::integer
), folded AS (
    DELETE FROM ledger_folded WHERE account_id = %(account)s::integer
), wallets AS (
    UPDATE wallet SET balance_micros = (SELECT coalesce(sum(balance_micros), 0) FROM old) WHERE account_id = %(account)s::integer
)
INSERT INTO ledger (account_id, at, kind, balance_micros, gift_micros, balance_after, batch_no, messages, note)
SELECT account_id, at, kind, balance_micros, gift_micros, sum(balance_micros) OVER (ORDER BY at, id), batch_no, messages, note
FROM old ORDER BY at, id;

-- name: drop_sums
-- Those that the batch began with.
DELETE FROM batch_sum WHERE batch_no = %(no)s::bigint;

-- name: sums
-- Of a large batch, which has sums of its own: as batch_sum_again() makes them, and within the keys of this batch alone.
WITH now_is AS MATERIALIZED (
    SELECT m.country_id, CASE WHEN m.status <> 0 THEN 100 + m.reason ELSE coalesce(r.reason, 0) END AS reason,
           CASE WHEN m.status <> 0 THEN 0 ELSE coalesce(r.fee_micros, m.price_micros) END AS fee,
           coalesce(r.at, to_timestamp(%(ms)s::bigint / 1000.0)) AS at, %(handed)s::boolean AND m.status = 0 AS handed, m.status
    FROM message m LEFT JOIN report r ON r.message_id = m.id
    AND r.message_id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND r.message_id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute')
    WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint AND m.id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND m.id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute')
)
INSERT INTO batch_sum (batch_no, country_id, reason, messages, fee_micros, at)
SELECT %(no)s::bigint, country_id, reason, count(*), sum(fee), max(at) FROM now_is GROUP BY country_id, reason
UNION ALL SELECT %(no)s::bigint, country_id, -1, count(*), 0, max(at) FROM now_is WHERE handed GROUP BY country_id
UNION ALL SELECT %(no)s::bigint, country_id, -2, count(*), 0, max(at) FROM now_is WHERE NOT handed AND status = 0 AND reason <> 0 GROUP BY country_id;

-- name: replies
-- What one in so many of those who got a message of a batch wrote back, within `slow` seconds after a minute, and before now.
WITH told AS (
    SELECT m.*, r.at AS ended, ('x' || substr(md5(right(m.id::text, 12)), 1, 7))::bit(28)::integer AS h
    FROM message m JOIN report r ON r.message_id = m.id
    WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint AND m.id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND m.id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute') AND r.status = 1
    AND r.message_id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND r.message_id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute')
), heard AS (
    SELECT t.*, %(ms)s::bigint + 1000 * (60 + h / 180 %% %(slow)s::integer) AS ms FROM told t WHERE h %% %(every)s::integer = 0
)
INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)
SELECT (lpad(to_hex(ms), 12, '0') || '7' || substr(id::text, 16, 3) || '8' || substr(md5(id::text), 1, 15))::uuid,
       account_id, channel_id, phone, %(sender)s::text, (%(texts)s::text[])[1 + h / 7 %% cardinality(%(texts)s::text[])],
       to_timestamp(ms / 1000.0), id
FROM heard WHERE to_timestamp(ms / 1000.0) BETWEEN ended AND now() ON CONFLICT DO NOTHING;

-- name: reactions
-- What people did with emails that arrived, before now: kinds and shares of 10,000, machines among the opens.
WITH read AS (
    SELECT m.*, r.at AS ended, ('x' || substr(md5(right(m.id::text, 12) || 'reads'), 1, 7))::bit(28)::integer AS h
    FROM message m JOIN report r ON r.message_id = m.id
    WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint AND m.id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND m.id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute') AND r.status = 1
    AND r.message_id >= uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0))
    AND r.message_id < uuid7_floor(to_timestamp(%(ms)s::bigint / 1000.0) + interval '1 minute')
), done AS (
    SELECT r.*, k.kind, %(ms)s::bigint + 1000 * k.kind * (60 + h %% %(slow)s::integer) AS ms
    FROM read r CROSS JOIN unnest(%(kinds)s::smallint[], %(shares)s::integer[]) AS k(kind, share) WHERE h %% 10000 < k.share
)
INSERT INTO mail_event (id, account_id, message_id, batch_no, kind, at, url, machine, country, city, device_type, device_name)
SELECT (lpad(to_hex(ms), 12, '0') || '7' || substr(id::text, 16, 3) || '8' || substr(md5(id::text || kind), 1, 15))::uuid,
       account_id, id, batch_no, kind, to_timestamp(ms / 1000.0),
       CASE kind WHEN 2 THEN (%(links)s::text[])[1 + h %% cardinality(%(links)s::text[])] ELSE '' END,
       CASE WHEN kind = 1 AND h %% 5 = 0 THEN 'proxy' ELSE '' END, (%(countries)s::text[])[1 + h %% cardinality(%(countries)s::text[])], '',
       (ARRAY['desktop', 'mobile', 'mobile', 'tablet'])[1 + h %% 4], (ARRAY['Chrome', 'Apple Mail', 'Outlook', 'Gmail'])[1 + h / 7 %% 4]
FROM done WHERE to_timestamp(ms / 1000.0) BETWEEN ended AND now() ON CONFLICT DO NOTHING;

-- name: reply_texts
SELECT DISTINCT content FROM uplink WHERE account_id = %s::integer;

-- name: opt_outs
-- Of all replies that are such a word, as a reply brings them about.
INSERT INTO opt_out (account_id, value, sender, origin, created_at)
SELECT account_id, user_number, service_number, 'reply', at FROM (
    SELECT DISTINCT ON (user_number, service_number) * FROM uplink
    WHERE account_id = %(account)s::integer AND content = ANY(%(words)s::text[]) ORDER BY user_number, service_number, at
) u ORDER BY at ON CONFLICT DO NOTHING;

-- name: bars
-- Who unsubscribed or complained, as such an event brings it about.
INSERT INTO blacklist (account_id, value, origin, created_at)
SELECT account_id, phone, CASE kind WHEN 3 THEN 'unsubscribe' ELSE 'complaint' END, at FROM (
    SELECT DISTINCT ON (m.phone) e.account_id, m.phone, e.kind, e.at FROM mail_event e JOIN message m ON m.id = e.message_id
    WHERE e.account_id = %(account)s::integer AND e.kind IN (3, 4) ORDER BY m.phone, e.at
) e ORDER BY at ON CONFLICT DO NOTHING;

-- name: analyze
ANALYZE batch, message, submission, report, rollup, ledger, uplink, mail_event;

-- name: stop
INSERT INTO batch_stop (batch_no, account_id, cancelled, at)
VALUES (%(no)s::bigint, %(account)s::integer, %(cancelled)s::boolean, to_timestamp(%(ms)s::bigint / 1000.0));

-- name: hold
-- What is held of a paused batch, in items of 50 messages.
INSERT INTO lane_item (channel_id, priority, account_id, due, held_batch, ids)
SELECT %(channel)s::integer, %(priority)s::smallint, %(account)s::integer, 'infinity', %(no)s::bigint, array_agg(id ORDER BY id)
FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS i FROM message
      WHERE account_id = %(account)s::integer AND batch_no = %(no)s::bigint AND status = 0) m GROUP BY i / 50;

-- name: schedule
INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)
SELECT to_timestamp(%(due)s::bigint / 1000.0), %(priority)s::smallint, %(account)s::integer, %(no)s::bigint, %(channel)s::integer, '',
       sum(price_micros), array_agg(id ORDER BY id)
FROM (SELECT id, price_micros, row_number() OVER (ORDER BY id) - 1 AS i FROM message
      WHERE account_id = %(account)s::integer AND batch_no = %(no)s::bigint AND status = 0) m GROUP BY i / 50;

-- name: grant
INSERT INTO account_grant (account_id, kind, value) VALUES (%(account)s::integer, 'sender', %(sender)s::text) ON CONFLICT DO NOTHING;

-- name: mail_domain
INSERT INTO mail_domain (account_id, domain, verified) VALUES (%(account)s::integer, %(domain)s::text, true) ON CONFLICT DO NOTHING;

-- name: date_template
UPDATE template SET created_at = to_timestamp(%(ms)s::bigint / 1000.0),
       decided_at = CASE WHEN decided_at IS NOT NULL THEN to_timestamp((%(ms)s::bigint + 5400000) / 1000.0) END
WHERE id = %(id)s::integer;

-- name: date_key
UPDATE api_key SET created_at = to_timestamp(%(ms)s::bigint / 1000.0), expires_at = to_timestamp(%(end)s::bigint / 1000.0)
WHERE id = %(id)s::integer;

-- name: use_key
INSERT INTO key_use (key_id, at) VALUES (%(id)s::integer, to_timestamp(%(ms)s::bigint / 1000.0))
ON CONFLICT (key_id) DO UPDATE SET at = greatest(key_use.at, excluded.at);

-- name: barred_by_hand
INSERT INTO blacklist (account_id, value, origin, created_at)
SELECT %(account)s::integer, v, 'operator', to_timestamp(%(ms)s::bigint / 1000.0) FROM unnest(%(values)s::text[]) AS u(v) ON CONFLICT DO NOTHING;

-- name: opted_out_by_hand
INSERT INTO opt_out (account_id, value, sender, origin, created_at)
SELECT %(account)s::integer, v, '', 'operator', to_timestamp(%(ms)s::bigint / 1000.0) FROM unnest(%(values)s::text[]) AS u(v) ON CONFLICT DO NOTHING;

-- name: blacklist_rows
SELECT value, origin, created_at FROM blacklist WHERE account_id = %s::integer ORDER BY id;

-- name: colleague
WITH person AS (
    INSERT INTO console_user (email, name, password, is_superuser, is_active, is_staff, language, theme, zone, opens_account, created_at)
    VALUES (%(email)s::text, %(name)s::text, %(password)s::text, false, true, false, %(language)s::text, '', '', false, %(at)s::timestamptz)
    ON CONFLICT DO NOTHING RETURNING id, email
), address AS (
    INSERT INTO account_emailaddress (email, verified, "primary", user_id) SELECT email, true, true, id FROM person
)
INSERT INTO membership (user_id, account_id, role, created_at)
SELECT id, %(account)s::integer, %(role)s::text, %(at)s::timestamptz FROM person;

-- name: owner_user
SELECT u.id FROM membership m JOIN console_user u ON u.id = m.user_id WHERE m.account_id = %s::integer AND m.role = 'owner' ORDER BY m.id LIMIT 1;

-- name: invitation
INSERT INTO invitation (account_id, address, role, token_hash, invited_by_id, sent_at, expires_at)
VALUES (%(account)s::integer, %(address)s::text, %(role)s::text, %(hash)s::text, %(user)s::integer, %(at)s::timestamptz,
        %(at)s::timestamptz + interval '7 days') ON CONFLICT DO NOTHING;

-- name: mail
INSERT INTO local_mail ("to", subject, body, at) VALUES (%(to)s::text, %(subject)s::text, %(body)s::text, %(at)s::timestamptz);

-- name: sign_in
INSERT INTO sign_in (user_id, at, address, agent, way, second, failed)
VALUES (%(user)s::integer, %(at)s::timestamptz, %(address)s::text, %(agent)s::text, 'password', '', %(failed)s::text);

-- name: request
INSERT INTO api_request (account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers, batch_no, left_out,
                         message, body)
VALUES (%(account)s::integer, to_timestamp(%(ms)s::bigint / 1000.0), %(request)s::text, 'POST', %(path)s::text, %(status)s::integer, 200,
        %(took)s::integer, '203.0.113.24', %(key)s::integer, %(receivers)s::integer, %(batch)s::bigint, 0, %(message)s::text, %(body)s::text);

-- name: hook_state
UPDATE endpoint SET created_at = to_timestamp(%(ms)s::bigint / 1000.0), failing_since = %(failing)s::timestamptz, paused_at = %(paused)s::timestamptz,
       paused_reason = CASE WHEN %(paused)s::timestamptz IS NULL THEN '' ELSE 'answered 410' END
WHERE id = %(id)s::integer;

-- name: reports_pushed
SELECT r.message_id, m.phone, extract(epoch FROM coalesce(r.submitted_at, r.at))::bigint, r.reason::integer, r.count::integer,
       r.fee_micros, r.at
FROM message m JOIN report r ON r.message_id = m.id
WHERE m.account_id = %(account)s::integer AND m.batch_no = %(no)s::bigint ORDER BY m.id;

-- name: attempt
INSERT INTO push_attempt (endpoint_id, outbox_id, webhook_id, at, took_ms, http_status, n, ids, error, answer, request, answer_head)
VALUES (%(endpoint)s::integer, %(outbox)s::bigint, %(webhook)s::text, %(at)s::timestamptz, %(took)s::integer, %(status)s::integer, 1,
        %(ids)s::uuid[], %(error)s::text, %(answer)s::text, %(request)s::text, %(head)s::text);

-- name: outbox_id
SELECT nextval('outbox_id_seq')::bigint;

-- name: waiting_push
INSERT INTO outbox (id, seq, endpoint_id, due, attempts, fixed, aside, created_at, n, ids, body) OVERRIDING SYSTEM VALUE
VALUES (%(outbox)s::bigint, %(outbox)s::bigint, %(endpoint)s::integer, %(due)s::timestamptz, %(attempts)s::smallint, true, %(aside)s::boolean,
        %(at)s::timestamptz, 1, %(ids)s::uuid[], %(body)s::bytea);

-- name: test_push
INSERT INTO test_event (account_id, endpoint_id, asked_at, taken, body)
VALUES (%(account)s::integer, %(endpoint)s::integer, %(at)s::timestamptz, true, %(body)s::bytea) RETURNING id;

-- name: replayed
INSERT INTO push_replay (account_id, kind, since, until, asked_by, asked_at, count, ended_at)
VALUES (%(account)s::integer, %(kind)s::text, %(since)s::timestamptz, %(at)s::timestamptz, 'demo', %(at)s::timestamptz, 1,
        %(at)s::timestamptz + interval '1 second');

-- name: date_job
UPDATE file_job SET created_at = to_timestamp(%(ms)s::bigint / 1000.0), changed_at = to_timestamp((%(ms)s::bigint + 4000) / 1000.0),
       found = %(found)s::jsonb, trouble = %(trouble)s::text, rows_done = %(rows)s::bigint, percent = %(percent)s::smallint,
       size_bytes = %(size)s::bigint
WHERE id = %(id)s::bigint;

-- name: numbers
SELECT phone FROM message WHERE account_id = %(account)s::integer AND batch_no = %(no)s::bigint ORDER BY id;

-- name: now
SELECT now();
