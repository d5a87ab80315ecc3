-- name: accept
SELECT accept_group(
    %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s, %s,
    %s, %s, %s, %s, %s, %s, %s, %s, %s,
    %s, %s, %s,
    %s, %s, %s,
    %s, %s, %s, %s, %s, %s, %s,
    %s
);

-- name: funds
SELECT account_id, balance_micros + gift_micros + credit_micros FROM wallet WHERE account_id = ANY(%s::integer[]);

-- name: make_partitions
SELECT partitions_ahead(now(), %s::integer);

-- name: make_partitions_of
SELECT partitions_ahead(d, 0) FROM (SELECT unnest(%s::timestamptz[]) UNION SELECT now() UNION SELECT now() + interval '1 day') AS u(d) ORDER BY d;

-- name: clock
SELECT extract(epoch FROM clock_timestamp())::double precision;

-- name: lease_slots
-- Those first whose marks are oldest. A mark that lies ahead (the clock was set back) gets room above it all the same.
WITH free AS (
    SELECT slot, high_ms FROM batch_slot WHERE lease_end < now() ORDER BY high_ms, slot LIMIT %(count)s::integer FOR UPDATE SKIP LOCKED
)
UPDATE batch_slot b SET owner = %(owner)s::bigint, lease_end = now() + interval '60 seconds',
       high_ms = greatest(free.high_ms, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) + %(ahead)s::bigint
FROM free WHERE b.slot = free.slot
RETURNING b.slot, free.high_ms, b.high_ms;

-- name: renew_slots
UPDATE batch_slot SET lease_end = now() + interval '60 seconds',
       high_ms = greatest(high_ms, greatest(%(used)s::bigint, (extract(epoch FROM clock_timestamp()) * 1000)::bigint) + %(ahead)s::bigint)
WHERE slot = ANY(%(slots)s::smallint[]) AND owner = %(owner)s::bigint
RETURNING slot, 0::bigint, high_ms;

-- name: drop_slots
UPDATE batch_slot SET owner = NULL, lease_end = '-infinity' WHERE owner = %s::bigint;

-- name: find_idempotency
SELECT hash, batch_no FROM idempotency WHERE account_id = %s AND key = %s
AND created_at > now() - make_interval(secs => %s::double precision);

-- name: forget_idempotency
DELETE FROM idempotency WHERE account_id = %s AND key = %s AND created_at <= now() - make_interval(secs => %s::double precision);

-- name: batch_rows
SELECT uuid_send(m.id), m.phone, m.status, m.reason
FROM batch b JOIN message m ON m.account_id = b.account_id AND m.id BETWEEN b.first_id AND b.last_id AND m.batch_no = b.batch_no
WHERE b.batch_no = %s ORDER BY m.id;

-- name: claimed_messages
SELECT uuid_send(m.id), m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros, coalesce(m.channel_id, 0),
       m.reserved, m.own, EXISTS (SELECT 1 FROM batch_stop x WHERE x.batch_no = m.batch_no)
FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id;

-- name: ended_messages
SELECT DISTINCT uuid_send(r.message_id) FROM unnest(%s::uuid[]) AS c(id) JOIN report r ON r.message_id = c.id AND r.status <> 0;

-- name: batch_texts
SELECT batch_no, content, sender, priority, extract(epoch FROM expires_at)::double precision, pinned_channel_id, title, attached,
       product::integer, given
FROM unnest(%s::bigint[]) AS c(no) JOIN batch ON batch_no = c.no;

-- name: handed_parts
-- Parts that carriers took (0) or may have taken (4). Where the id of one of the latter became known there is a row of each.
SELECT uuid_send(s.message_id), s.part, s.attempt, s.outcome, extract(epoch FROM s.at)::double precision, s.carrier_id
FROM unnest(%s::uuid[]) AS c(id) JOIN submission s ON s.message_id = c.id WHERE s.outcome IN (0, 4);

-- name: add_submissions
INSERT INTO submission (message_id, at, channel_id, carrier_id, part, attempt, outcome, reason, phone)
SELECT * FROM unnest(%s::uuid[], %s::timestamptz[], %s::integer[], %s::text[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::text[]);

-- name: add_watch
INSERT INTO receipt_watch (due, ids) VALUES (now() + make_interval(secs => %s::double precision), %s::uuid[]);

-- name: stamp
SELECT coalesce(sum(version), 0)::bigint FROM change_clock WHERE name = ANY(%s::text[]);

-- name: match
-- Of submissions with the same carrier id, those to the receipt's number come first, then the newest. The bound above spares
-- a look into each partition that was made ahead.
-- Last column: the clocks of what reports depend on, see Books.
SELECT r.ord::integer, uuid_send(s.message_id), s.part, s.attempt, extract(epoch FROM s.at)::double precision, s.channel_id,
       s.account_id, s.batch_no, s.product, s.phone, s.country_id, s.parts, s.price_micros, s.reserved, coalesce(p.channel_id, s.booked_id, 0),
       p.version, p.reason, p.refund_micros, (SELECT coalesce(sum(version), 0)::bigint FROM change_clock WHERE name = ANY(%(clocks)s::text[]))
FROM unnest(%(ids)s::text[], %(phones)s::text[]) WITH ORDINALITY AS r(carrier_id, phone, ord)
CROSS JOIN LATERAL (
    SELECT u.message_id, u.part, u.attempt, u.at, u.channel_id, m.account_id, m.batch_no, m.product, m.phone, m.country_id,
           m.parts, m.price_micros, m.reserved, m.channel_id AS booked_id
    FROM submission u JOIN message m ON m.id = u.message_id
    WHERE u.channel_id = %(channel)s::integer AND u.carrier_id = r.carrier_id
    AND u.at > now() - make_interval(secs => %(within)s::double precision) AND u.at < now() + interval '1 day'
    ORDER BY m.phone = r.phone DESC, u.at DESC LIMIT 1) s
LEFT JOIN LATERAL (
    SELECT version, reason, refund_micros, channel_id FROM report WHERE message_id = s.message_id ORDER BY version DESC LIMIT 1) p ON true;

-- name: match_unknown
-- A submission whose answer was lost has no id: channel, destination and time decide, if exactly one message fits (two rows: more
-- than one). None does while another message to that number is on its way: the receipt may be that one's, come before the answer.
SELECT r.ord::integer, uuid_send(m.id), 0, 0, 0::double precision, %(channel)s::integer,
       m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros, m.reserved,
       coalesce(p.channel_id, m.channel_id, 0), p.version, p.reason, p.refund_micros, (SELECT coalesce(sum(version), 0)::bigint FROM change_clock WHERE name = ANY(%(clocks)s::text[]))
FROM unnest(%(phones)s::text[], %(times)s::timestamptz[]) WITH ORDINALITY AS r(phone, at, ord)
CROSS JOIN LATERAL (
    SELECT DISTINCT u.message_id FROM submission u
    WHERE u.channel_id = %(channel)s::integer AND u.phone = r.phone AND u.at <= r.at + interval '60 seconds'
    AND u.at > r.at - make_interval(secs => %(within)s::double precision)
    AND NOT EXISTS (SELECT 1 FROM submission k WHERE k.message_id = u.message_id AND k.part = u.part AND k.attempt = u.attempt AND k.outcome = 0)
    AND NOT EXISTS (SELECT 1 FROM report e WHERE e.message_id = u.message_id AND e.status <> 0 AND e.reason <> 13)
    LIMIT 2) c
JOIN message m ON m.id = c.message_id
LEFT JOIN LATERAL (
    SELECT version, reason, refund_micros, channel_id FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) p ON true
WHERE NOT EXISTS (
    SELECT 1 FROM message w WHERE w.phone = r.phone AND w.channel_id = %(channel)s::integer AND w.status = 0
    AND w.id > uuid7_floor(r.at - make_interval(secs => %(within)s::double precision))
    AND NOT EXISTS (SELECT 1 FROM report e WHERE e.message_id = w.id AND e.status <> 0)
    AND NOT EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = w.batch_no AND w.id = ANY(x.ids))
    AND (SELECT CASE WHEN bool_or(h.part = 0) THEN w.parts ELSE count(DISTINCT h.part) END
         FROM submission h WHERE h.message_id = w.id AND h.outcome IN (0, 4)) < w.parts);

-- name: lock_messages
SELECT uuid_send(m.id) FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id ORDER BY m.id FOR UPDATE OF m;

-- name: add_part_receipts
INSERT INTO part_receipt (message_id, part, attempt, status, reason, talk_s, at)
SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::timestamptz[]) ON CONFLICT DO NOTHING;

-- name: part_receipts
SELECT uuid_send(p.message_id), p.part, p.attempt, p.reason, p.talk_s FROM unnest(%s::uuid[]) AS c(id) JOIN part_receipt p ON p.message_id = c.id;

-- name: present_states
SELECT DISTINCT ON (r.message_id) uuid_send(r.message_id), r.version, r.reason, r.refund_micros, coalesce(r.channel_id, 0)
FROM unnest(%s::uuid[]) AS c(id) JOIN report r ON r.message_id = c.id ORDER BY r.message_id, r.version DESC;

-- name: add_reports
INSERT INTO report (message_id, version, account_id, status, reason, fee_micros, refund_micros, channel_id, submitted_at, at, count)
SELECT a, b, c, d, e, f, g, nullif(h, 0), nullif(i, 'epoch'::timestamptz), j, k
FROM unnest(%s::uuid[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[], %s::bigint[], %s::integer[],
            %s::timestamptz[], %s::timestamptz[], %s::integer[]) AS u(a, b, c, d, e, f, g, h, i, j, k);

-- name: settle
SELECT settle_group(%s::json);

-- name: add_rollup
INSERT INTO rollup_delta (hour, account_id, channel_id, product, country_id, status, messages, parts, fee_micros, judged, later)
SELECT to_timestamp((v ->> 0)::double precision), (v ->> 1)::integer, (v ->> 2)::integer, (v ->> 3)::smallint, (v ->> 4)::integer,
       (v ->> 5)::smallint, (v ->> 6)::integer, (v ->> 7)::integer, (v ->> 8)::bigint, (v ->> 9)::integer, true
FROM json_array_elements(%s::json) AS v;

-- name: add_unmatched
INSERT INTO unmatched_receipt (channel_id, carrier_id, phone, status, reason, talk_s, at, others)
SELECT %s::integer, a, b, c, d, e, f, g
FROM unnest(%s::text[], %s::text[], %s::integer[], %s::integer[], %s::integer[], %s::timestamptz[], %s::text[]) AS u(a, b, c, d, e, f, g);


-- name: unmatched_waiting
-- A page, newest first: those of the last minute at every look, older ones at one look in `turns`, so that what will never match
-- holds up nothing.
SELECT id, channel_id, carrier_id, phone, reason, extract(epoch FROM at)::double precision, talk_s, others FROM unmatched_receipt
WHERE NOT given_up AND id < %(below)s::bigint
AND (received_at > now() - interval '60 seconds' OR id %% %(turns)s::integer = %(turn)s::integer) ORDER BY id DESC LIMIT 1000;

-- name: drop_unmatched
DELETE FROM unmatched_receipt WHERE id = ANY(%s::bigint[]) RETURNING id;

-- name: give_up_unmatched
UPDATE unmatched_receipt SET given_up = true WHERE NOT given_up AND received_at < now() - make_interval(secs => %s::double precision);

-- name: overdue_watch
SELECT id, array_send(ids) FROM receipt_watch WHERE due <= now() ORDER BY due, id LIMIT 50 FOR UPDATE SKIP LOCKED;

-- name: drop_watch
DELETE FROM receipt_watch WHERE id = ANY(%s::bigint[]);

-- name: open_messages
-- Of these messages, those without a final state, with their first hand-over.
SELECT uuid_send(m.id), m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros,
       coalesce(s.channel_id, m.channel_id, 0), coalesce(p.channel_id, m.channel_id, 0), p.version, p.reason, p.refund_micros,
       extract(epoch FROM s.at)::double precision, m.reserved
FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id
LEFT JOIN LATERAL (
    SELECT version, reason, refund_micros, status, channel_id FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT at, channel_id FROM submission WHERE message_id = m.id AND outcome IN (0, 4) ORDER BY at LIMIT 1) s ON true
WHERE coalesce(p.status, 0) = 0;

-- name: add_uplink
INSERT INTO uplink (id, account_id, channel_id, user_number, service_number, content, at, message_id)
SELECT a, nullif(b, 0), %s::integer, c, d, e, f, nullif(g, '00000000-0000-0000-0000-000000000000'::uuid)
FROM unnest(%s::uuid[], %s::integer[], %s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::uuid[]) AS u(a, b, c, d, e, f, g);

-- name: add_uplink_parts
INSERT INTO uplink_part (id, channel_id, user_number, service_number, reference, parts, part, content, at)
SELECT a, %s::integer, b, c, d, e, f, decode(g, 'hex'), h
FROM unnest(%s::uuid[], %s::text[], %s::text[], %s::integer[], %s::integer[], %s::integer[], %s::text[], %s::timestamptz[])
AS u(a, b, c, d, e, f, g, h) ON CONFLICT DO NOTHING;

-- name: whole_replies
-- All parts are there, or no more is waited for. The reply takes the id of its first row, so that it is stored once only.
SELECT channel_id, user_number, service_number, string_agg(content, ''::bytea ORDER BY part), extract(epoch FROM min(at))::double precision,
       (array_agg(uuid_send(id) ORDER BY part))[1], array_agg(id::text)
FROM uplink_part GROUP BY channel_id, user_number, service_number, reference, parts
HAVING count(*) = parts OR min(received_at) < now() - make_interval(secs => %s::double precision)
ORDER BY min(received_at) LIMIT 500;

-- name: drop_uplink_parts
DELETE FROM uplink_part WHERE id = ANY(%s::uuid[]);

-- name: last_message_to
-- Who wrote to this number last over this channel, else over any: its account gets the reply. What still waits for its time was
-- not written yet. What was scheduled (p) went later than its id says, up to 30 days: it is looked for only where something was
-- due within these days, and then message by message, so that neither join can begin at the batches.
SELECT r.ord::integer, l.account_id, uuid_send(l.id), coalesce(nullif(l.sender, ''), b.sender, ''), coalesce(b.country_id, 0)
FROM unnest(%(phones)s::text[]) WITH ORDINALITY AS r(phone, ord)
LEFT JOIN LATERAL (
    SELECT id, account_id, batch_no, own FROM message g WHERE phone = r.phone AND status = 0 AND channel_id = %(channel)s::integer
    AND NOT EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = g.batch_no AND g.id = ANY(x.ids))
    AND id > uuid7_floor(now() - interval '7 days') ORDER BY id DESC LIMIT 1) m ON true
LEFT JOIN LATERAL (
    SELECT id, account_id, batch_no, own FROM message g WHERE m.id IS NULL AND phone = r.phone AND status = 0
    AND NOT EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = g.batch_no AND g.id = ANY(x.ids))
    AND id > uuid7_floor(now() - interval '7 days') ORDER BY id DESC LIMIT 1) o ON true
LEFT JOIN LATERAL (
    SELECT g.id, g.account_id, g.batch_no, g.own, uuid7_floor(d.due_at) AS went, coalesce(g.channel_id = %(channel)s::integer, false) AS here
    FROM message g CROSS JOIN LATERAL (
        SELECT due_at FROM batch WHERE batch_no = g.batch_no AND due_at > now() - interval '7 days' LIMIT 1) d
    WHERE (SELECT EXISTS (SELECT 1 FROM batch WHERE batch_no > batch_no_floor(now() - interval '38 days')
                          AND due_at > now() - interval '7 days' AND due_at <= now()))
    AND phone = r.phone AND status = 0 AND id > uuid7_floor(now() - interval '38 days')
    AND NOT EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = g.batch_no AND g.id = ANY(x.ids))
    ORDER BY here DESC, went DESC LIMIT 1) p ON true
CROSS JOIN LATERAL (
    SELECT * FROM (VALUES (m.id, m.account_id, m.batch_no, m.own, m.id, true), (o.id, o.account_id, o.batch_no, o.own, o.id, false),
                          (p.id, p.account_id, p.batch_no, p.own, p.went, p.here)) AS v(id, account_id, batch_no, sender, went, here)
    WHERE id IS NOT NULL ORDER BY here DESC, went DESC LIMIT 1) l
LEFT JOIN batch b ON b.batch_no = l.batch_no;

-- name: reacted_messages
-- Of emails alone: who sent them, to whom, from where, and when the carrier got them.
SELECT uuid_send(m.id), m.account_id, m.batch_no, m.phone, b.sender,
       (SELECT extract(epoch FROM min(s.at))::double precision FROM submission s WHERE s.message_id = m.id AND s.outcome IN (0, 4))
FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id JOIN batch b ON b.batch_no = m.batch_no WHERE m.product = 5;

-- name: carriers_messages
SELECT r.ord::integer, uuid_send(s.message_id) FROM unnest(%s::text[]) WITH ORDINALITY AS r(carrier_id, ord)
CROSS JOIN LATERAL (
    SELECT message_id FROM submission WHERE channel_id = %s::integer AND carrier_id = r.carrier_id ORDER BY at DESC LIMIT 1) s;

-- name: add_mail_events
INSERT INTO mail_event (id, account_id, message_id, batch_no, kind, at, url, machine, country, city, device_type, device_name)
SELECT * FROM unnest(%s::uuid[], %s::integer[], %s::uuid[], %s::bigint[], %s::integer[], %s::timestamptz[], %s::text[], %s::text[],
                     %s::text[], %s::text[], %s::text[], %s::text[]);

-- name: listed_events
-- Of emails and kinds: how many events are rows, up to so many, and how many links and askers have a count.
SELECT uuid_send(c.id), c.kind,
       (SELECT count(*)::integer FROM (SELECT 1 FROM mail_event e WHERE e.message_id = c.id AND e.kind = c.kind LIMIT %s::integer) l),
       (SELECT count(*)::integer FROM mail_event_count n WHERE n.message_id = c.id AND n.kind = c.kind)
FROM (SELECT DISTINCT id, kind FROM unnest(%s::uuid[], %s::integer[]) AS u(id, kind)) c;

-- name: count_mail_events
INSERT INTO mail_event_count (message_id, kind, machine, link, account_id, batch_no, url, n, last_at)
SELECT message_id, kind, machine, md5(url)::uuid, min(account_id), min(batch_no), url, count(*), max(at)
FROM unnest(%s::uuid[], %s::integer[], %s::boolean[], %s::text[], %s::integer[], %s::bigint[], %s::timestamptz[])
     AS u(message_id, kind, machine, url, account_id, batch_no, at)
GROUP BY message_id, kind, machine, url ORDER BY message_id, kind, machine, url
ON CONFLICT (message_id, kind, machine, link)
DO UPDATE SET n = mail_event_count.n + excluded.n, last_at = greatest(mail_event_count.last_at, excluded.last_at);

-- name: forget_event_counts
-- Of emails that are gone: later events of them are not taken.
DELETE FROM mail_event_count WHERE (message_id, kind, machine, link) IN (
    SELECT message_id, kind, machine, link FROM mail_event_count WHERE message_id < uuid7_floor(%s::timestamptz)
    ORDER BY message_id LIMIT 10000);

-- name: forget_mail_events
DELETE FROM mail_event WHERE id IN (
    SELECT id FROM mail_event WHERE id < uuid7_floor(%s::timestamptz) ORDER BY id LIMIT 10000);

-- name: uplink_page
SELECT uuid_send(id), user_number, service_number, content, floor(extract(epoch FROM at))::bigint, uuid_send(message_id), seen::text
FROM uplink WHERE account_id = %(account)s AND seen < pg_snapshot_xmin(pg_current_snapshot())
AND (seen, id) > (%(seen)s::xid8, %(id)s::uuid) ORDER BY seen, id LIMIT %(limit)s;

-- name: report_by_ids
SELECT uuid_send(m.id), m.phone, m.batch_no, coalesce(p.count, nullif(m.reserved, 0), m.parts), m.price_micros, m.status, m.reason,
       p.reason, p.fee_micros,
       extract(epoch FROM coalesce(p.submitted_at, s.at))::double precision, extract(epoch FROM p.at)::double precision, s.at IS NOT NULL, m.product
FROM unnest(%(ids)s::uuid[]) WITH ORDINALITY AS c(id, ord) CROSS JOIN LATERAL (SELECT * FROM message WHERE id = c.id LIMIT 1) m
LEFT JOIN LATERAL (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) p ON true
LEFT JOIN LATERAL (SELECT at FROM submission WHERE message_id = m.id AND outcome IN (0, 4) AND p.version IS NULL ORDER BY at LIMIT 1) s ON true
WHERE m.account_id = %(account)s AND m.product = ANY(%(products)s::smallint[]) ORDER BY c.ord;

-- name: report_ids
SELECT uuid_send(id) FROM message WHERE account_id = %(account)s AND id >= %(low)s::uuid AND id < %(high)s::uuid AND id > %(after)s::uuid
AND (%(batch)s::bigint IS NULL OR batch_no = %(batch)s::bigint) AND product = ANY(%(products)s::smallint[]) ORDER BY id LIMIT %(limit)s;

-- name: batch_range
SELECT uuid_send(first_id), uuid_send(last_id) FROM batch WHERE batch_no = %s AND account_id = %s;

-- name: balance
SELECT balance_micros, gift_micros, credit_micros FROM wallet WHERE account_id = %s;

-- name: fold_rollups
-- Into the hour of the accept, and into the day on which the money moved.
-- Last column: the finals among them that a carrier brought about, by channel and country, as routing.Counted.
WITH gone AS (
    DELETE FROM rollup_delta WHERE ctid IN (SELECT ctid FROM rollup_delta LIMIT 20000 FOR UPDATE SKIP LOCKED) RETURNING *
), sums AS (
    SELECT hour, account_id, channel_id, product, country_id, status, sum(messages) AS messages, sum(parts) AS parts,
           sum(fee_micros) AS fee FROM gone GROUP BY 1, 2, 3, 4, 5, 6
), folded AS (
    INSERT INTO rollup AS r (hour, account_id, channel_id, product, country_id, status, messages, parts, fee_micros)
    SELECT hour, account_id, channel_id, product, country_id, status, messages, parts, fee FROM sums
    ORDER BY account_id, hour, product, country_id, channel_id, status
    ON CONFLICT (account_id, hour, product, country_id, channel_id, status) DO UPDATE
    SET messages = r.messages + excluded.messages, parts = r.parts + excluded.parts, fee_micros = r.fee_micros + excluded.fee_micros
), moved AS (
    INSERT INTO traffic_day AS t (account_id, day, product, country_id, messages, parts, charged_micros, returned_micros)
    SELECT account_id, moved_on, product, country_id, sum(messages), sum(parts),
           coalesce(sum(fee_micros) FILTER (WHERE NOT later), 0), -coalesce(sum(fee_micros) FILTER (WHERE later), 0)
    FROM gone GROUP BY 1, 2, 3, 4
    HAVING sum(messages) <> 0 OR sum(parts) <> 0 OR sum(fee_micros) <> 0 OR sum(fee_micros) FILTER (WHERE later) <> 0
    ORDER BY 1, 2, 3, 4
    ON CONFLICT (account_id, day, product, country_id) DO UPDATE
    SET messages = t.messages + excluded.messages, parts = t.parts + excluded.parts,
        charged_micros = t.charged_micros + excluded.charged_micros, returned_micros = t.returned_micros + excluded.returned_micros
)
SELECT (SELECT count(*) FROM gone), coalesce((SELECT json_agg(json_build_array(channel_id, country_id, good, total)) FROM (
    SELECT channel_id, country_id, coalesce(sum(judged) FILTER (WHERE status = 1), 0) AS good, sum(judged) AS total
    FROM gone WHERE judged <> 0 GROUP BY channel_id, country_id) AS j)::text, '[]');

-- name: before_now
SELECT now() - make_interval(secs => %s::double precision);

-- name: oldest_needed
-- Of what waits (lanes, schedules, receipts that are awaited, rows to push) the oldest message before the given instant; null: none.
-- Ids are compared first, as they are: only rows that hold an old one are taken apart. A scheduled send is as young as its time.
WITH floor AS MATERIALIZED (SELECT uuid7_floor(a) AS id, a AS at FROM (SELECT %s::timestamptz) AS l(a))
SELECT min(to_timestamp(('x' || substr(replace(i::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0)) FROM (
    SELECT ids FROM lane_item, floor WHERE floor.id > ANY(ids)
    UNION ALL SELECT ids FROM schedule, floor WHERE floor.id > ANY(ids)
    UNION ALL SELECT ARRAY[first_id] FROM batch, floor WHERE due_at > floor.at AND first_id < floor.id
    UNION ALL SELECT ids FROM receipt_watch, floor WHERE floor.id > ANY(ids)
    UNION ALL SELECT ids FROM outbox, floor WHERE floor.id > ANY(ids)) AS w, unnest(w.ids) AS i;

-- name: old_partitions
-- Leaves of the partitioned tables, named <table>_<day>, whose days are over before the given instant. Compared as text: the planner
-- may look at other tables' names first, and a TOAST table ends in digits that are no day.
SELECT c.relname::text FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_class p ON p.oid = i.inhparent
WHERE p.relname IN ('batch', 'message', 'submission', 'report', 'part_receipt') AND c.relname ~ '_[0-9]{8}$'
AND right(c.relname, 8) <= to_char((%s::timestamptz - make_interval(days => CASE WHEN p.relname = 'submission' THEN 8 ELSE 2 END))
                                   AT TIME ZONE 'UTC' - interval '1 microsecond', 'YYYYMMDD');

-- name: never_handed_over
-- Of these messages, those past their batch's validity that have no report and that no carrier has or may have.
SELECT uuid_send(m.id), m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros, coalesce(m.channel_id, 0),
       m.reserved
FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id JOIN batch b ON b.batch_no = m.batch_no
WHERE b.expires_at < to_timestamp(%s::double precision)
AND NOT EXISTS (SELECT 1 FROM report r WHERE r.message_id = m.id)
AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.message_id = m.id AND s.outcome IN (0, 4));

-- name: forget_unmatched
DELETE FROM unmatched_receipt WHERE id IN (
    SELECT id FROM unmatched_receipt WHERE given_up AND received_at < %s::timestamptz ORDER BY id LIMIT 10000);

-- name: forget_replies
DELETE FROM uplink WHERE id IN (SELECT id FROM uplink WHERE id < uuid7_floor(%s::timestamptz) ORDER BY id LIMIT 10000);

-- name: forget_keys
DELETE FROM idempotency WHERE created_at < now() - make_interval(secs => %s::double precision);

-- name: any_due
SELECT EXISTS (SELECT 1 FROM schedule WHERE due <= now());

-- name: lock_due
-- What is due, the most urgent first; what another process moves or cancels at this moment is left to it.
SELECT s.id, extract(epoch FROM s.due)::double precision, s.priority, s.account_id, s.cancelled, b.sender,
       coalesce(b.pinned_channel_id, 0), array_send(s.ids)
FROM schedule s JOIN batch b ON b.batch_no = s.batch_no
WHERE s.due <= now() ORDER BY s.due, s.priority, s.id LIMIT %s FOR UPDATE OF s SKIP LOCKED;

-- name: lock_cancelled
-- Of one batch; waits for who is ending some of it.
SELECT s.id, extract(epoch FROM s.due)::double precision, s.priority, s.account_id, s.cancelled, b.sender,
       coalesce(b.pinned_channel_id, 0), array_send(s.ids)
FROM schedule s JOIN batch b ON b.batch_no = s.batch_no
WHERE s.batch_no = %s AND s.cancelled ORDER BY s.id LIMIT %s FOR UPDATE OF s;

-- name: drop_due
DELETE FROM schedule WHERE id = ANY(%s::bigint[]);

-- name: add_items
-- Chunks for the lanes; those with a wait get their time.
INSERT INTO lane_item (channel_id, priority, account_id, due, ids)
SELECT (v ->> 0)::integer, (v ->> 1)::smallint, (v ->> 2)::integer, to_timestamp((v ->> 3)::double precision),
       ARRAY(SELECT json_array_elements_text(v -> 4)::uuid)
FROM json_array_elements(%s::json) AS v;

-- name: cancel_schedule
-- In one statement: of each chunk either this or its move was first. From here on it is due, and ends.
WITH mine AS (
    SELECT id FROM schedule WHERE batch_no = %(batch)s::bigint AND (%(account)s::integer IS NULL OR account_id = %(account)s::integer)
    ORDER BY id FOR UPDATE
), marked AS (
    UPDATE schedule s SET cancelled = true, due = least(s.due, now()) FROM mine WHERE s.id = mine.id
    RETURNING cardinality(s.ids) AS n, s.amount_micros
)
SELECT coalesce(sum(n), 0)::bigint, coalesce(sum(amount_micros), 0)::bigint FROM marked;

-- name: schedule_page
SELECT s.batch_no, extract(epoch FROM s.due)::double precision, s.zone, b.product, s.n, s.amount_micros,
       extract(epoch FROM b.created_at)::double precision, s.seen::text
FROM (
    SELECT batch_no, seen, min(due) AS due, min(zone) AS zone, sum(cardinality(ids))::bigint AS n, sum(amount_micros)::bigint AS amount_micros
    FROM schedule WHERE account_id = %(account)s AND NOT cancelled AND seen < pg_snapshot_xmin(pg_current_snapshot())
    AND (seen, batch_no) > (%(seen)s::xid8, %(batch)s::bigint) GROUP BY seen, batch_no ORDER BY seen, batch_no LIMIT %(limit)s
) s JOIN batch b ON b.batch_no = s.batch_no ORDER BY s.seen, s.batch_no;

-- name: schedules_of_all
-- For the operator: of one account, or of all.
SELECT s.batch_no, extract(epoch FROM s.due)::double precision, s.zone, b.product, s.n, s.amount_micros,
       extract(epoch FROM b.created_at)::double precision, s.account_id
FROM (
    SELECT batch_no, account_id, min(due) AS due, min(zone) AS zone, sum(cardinality(ids))::bigint AS n, sum(amount_micros)::bigint AS amount_micros
    FROM schedule WHERE (%(account)s::integer IS NULL OR account_id = %(account)s::integer) AND NOT cancelled GROUP BY batch_no, account_id
) s JOIN batch b ON b.batch_no = s.batch_no ORDER BY s.due, s.batch_no LIMIT %(limit)s;

-- name: senders
SELECT batch_no, sender FROM batch WHERE batch_no = ANY(%s::bigint[]) AND pinned_channel_id IS NULL;

-- name: log_page
-- An account's messages, newest first, by key; `state` 0 under way, 1 delivered, 2 failed, null: all. A prefix is a range of texts.
SELECT uuid_send(m.id), m.phone, m.country_id, m.product::integer, m.parts::integer, m.price_micros, m.reason::integer, m.status <> 0,
       r.reason::integer, r.status::integer, r.fee_micros, r.at
FROM message m
LEFT JOIN LATERAL (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) r ON true
WHERE m.account_id = %(account)s AND m.id < %(before)s::uuid AND m.id >= %(floor)s::uuid
AND (%(among)s::uuid[] IS NULL OR m.id = ANY(%(among)s::uuid[]))
AND (%(low)s::text = '' OR (m.phone >= %(low)s::text AND m.phone < %(high)s::text AND starts_with(m.phone, %(low)s::text)))
AND (%(batch_no)s::bigint IS NULL OR m.batch_no = %(batch_no)s::bigint)
AND (%(product)s::integer IS NULL OR m.product = %(product)s::integer)
AND (%(country_id)s::integer IS NULL OR m.country_id = %(country_id)s::integer)
AND CASE %(state)s::integer WHEN 0 THEN m.status = 0 AND coalesce(r.status, 0) = 0 WHEN 1 THEN r.status = 1
    WHEN 2 THEN m.status <> 0 OR r.status NOT IN (0, 1) ELSE true END
ORDER BY m.id DESC LIMIT %(limit)s::integer;

-- name: log_oldest
SELECT uuid_send(id) FROM message WHERE account_id = %(account)s AND id < %(before)s::uuid AND id >= %(floor)s::uuid ORDER BY id LIMIT 1;

-- name: log_edge
-- Where a stretch ends, on the index alone.
SELECT uuid_send(id) FROM message WHERE account_id = %(account)s AND id < %(before)s::uuid AND id >= %(floor)s::uuid
ORDER BY id DESC OFFSET %(skip)s::integer LIMIT 1;

-- name: log_few
-- Messages to numbers of a prefix by the index of numbers: how many of all accounts (up to a limit), and those of this one.
WITH few AS MATERIALIZED (
    SELECT id, account_id FROM message
    WHERE phone >= %(low)s::text AND phone < %(high)s::text AND id < %(before)s::uuid AND id >= %(floor)s::uuid
    ORDER BY phone LIMIT %(limit)s::integer
)
SELECT count(*), array_agg(uuid_send(id)) FILTER (WHERE account_id = %(account)s) FROM few;

-- name: log_hours
SELECT extract(epoch FROM hour)::bigint FROM rollup
WHERE account_id = %(account)s AND hour >= to_timestamp(%(since)s::double precision) AND hour < to_timestamp(%(until)s::double precision)
AND (%(product)s::integer IS NULL OR product = %(product)s::integer)
AND (%(country_id)s::integer IS NULL OR country_id = %(country_id)s::integer)
AND CASE %(state)s::integer WHEN 0 THEN status = 0 WHEN 1 THEN status = 1 WHEN 2 THEN status NOT IN (0, 1) ELSE true END
GROUP BY hour HAVING sum(messages) > 0 ORDER BY hour DESC LIMIT %(limit)s::integer;

-- name: log_sums
-- From the roll-ups, by status and one thing more: 0 the day's turn (0: all before the first), 1 country, 2 product, 3 the status itself.
WITH hours AS MATERIALIZED (
    SELECT width_bucket(hour, %(edges)s::timestamptz[]) AS turn, country_id, product::integer AS product, status::integer AS status,
           messages, fee_micros
    FROM rollup WHERE account_id = %(account)s AND hour >= %(before)s::timestamptz AND hour < %(until)s::timestamptz
), sums AS (
    SELECT turn, country_id, product, status, sum(messages) AS messages, sum(fee_micros) AS fee FROM hours GROUP BY 1, 2, 3, 4
)
SELECT 0, turn, status, sum(messages)::bigint, sum(fee)::bigint FROM sums GROUP BY turn, status
UNION ALL SELECT 1, country_id, status, sum(messages)::bigint, sum(fee)::bigint FROM sums WHERE turn > 0 GROUP BY country_id, status
UNION ALL SELECT 2, product, status, sum(messages)::bigint, sum(fee)::bigint FROM sums WHERE turn > 0 GROUP BY product, status
UNION ALL SELECT 3, status, status, sum(messages)::bigint, sum(fee)::bigint FROM sums WHERE turn > 0 GROUP BY status;

-- name: message_owner
SELECT a.name FROM message m JOIN account a ON a.id = m.account_id WHERE m.id = %s::uuid;

-- name: trace_message
-- Its batch may have gone with an older day.
SELECT m.batch_no, coalesce(b.priority, 1)::integer, coalesce(m.channel_id, 0), m.price_micros, b.due_at, b.expires_at,
       coalesce(b.sender, ''), coalesce(b.title, ''), coalesce(b.content, ''), coalesce(b.attached, ''), b.template_id,
       coalesce(b.given, ''), m.own
FROM message m LEFT JOIN batch b ON b.batch_no = m.batch_no WHERE m.id = %(id)s::uuid AND m.account_id = %(account)s;

-- name: trace_submissions
-- None is older than its message: the weeks before need not be looked at.
SELECT at, channel_id, coalesce(carrier_id, ''), part::integer, attempt::integer, outcome::integer, reason::integer FROM submission
WHERE message_id = %(id)s::uuid
AND at >= to_timestamp(('x' || substr(replace(%(id)s::uuid::text, '-', ''), 1, 12))::bit(48)::bigint / 1000.0) - interval '1 hour'
ORDER BY at, attempt, part LIMIT %(limit)s;

-- name: trace_receipts
SELECT at, part::integer, attempt::integer, reason::integer, talk_s FROM part_receipt WHERE message_id = %(id)s::uuid ORDER BY at, part LIMIT %(limit)s;

-- name: trace_reports
SELECT at, reason::integer, fee_micros, refund_micros, coalesce(channel_id, 0), count::integer FROM report
WHERE message_id = %(id)s::uuid AND account_id = %(account)s ORDER BY version LIMIT %(limit)s;

-- name: trace_reactions
SELECT at, kind::integer, url, machine, country, city, device_type, device_name FROM mail_event
WHERE batch_no = %(batch)s AND message_id = %(id)s::uuid AND account_id = %(account)s ORDER BY at LIMIT %(limit)s;

-- name: trace_repeated
SELECT max(last_at), kind::integer, sum(n)::bigint FROM mail_event_count
WHERE message_id = %(id)s::uuid AND account_id = %(account)s GROUP BY kind ORDER BY kind;

-- name: trace_replies
SELECT uuid_send(id), at, content FROM uplink
WHERE account_id = %(account)s AND user_number = %(phone)s AND id > %(id)s::uuid AND message_id = %(id)s::uuid ORDER BY id LIMIT %(limit)s;

-- name: trace_waits
-- Of what is under way, where it waits. A lane of millions is not read to its end.
SELECT CASE WHEN isfinite(due) THEN due END, attempt::integer, owner IS NOT NULL, false, coalesce(NOT isfinite(due), false)
FROM (SELECT due, attempt, owner, ids FROM lane_item WHERE account_id = %(account)s LIMIT 20000) AS l WHERE %(id)s::uuid = ANY(ids)
UNION ALL
SELECT due, 1, false, true, false FROM schedule WHERE batch_no = %(batch)s AND account_id = %(account)s AND %(id)s::uuid = ANY(ids)
LIMIT 1;

-- name: reply_page
-- An account's replies, newest first by the transaction that wrote them; a prefix is a range of texts.
SELECT uuid_send(u.id), u.seen::text, u.at, u.user_number, u.service_number, u.content, uuid_send(u.message_id)
FROM (
    SELECT * FROM uplink WHERE account_id = %(account)s AND (seen, id) < (%(seen)s::xid8, %(before)s::uuid)
    AND (seen, id) >= (%(floor_seen)s::xid8, %(floor)s::uuid)
) AS u
WHERE (%(low)s::text = '' OR (u.user_number >= %(low)s::text AND u.user_number < %(high)s::text AND starts_with(u.user_number, %(low)s::text)))
AND (%(service)s::text = '' OR starts_with(u.service_number, %(service)s::text))
ORDER BY u.seen DESC, u.id DESC LIMIT %(limit)s;

-- name: reply_edge
SELECT seen::text, uuid_send(id) FROM uplink WHERE account_id = %(account)s AND (seen, id) < (%(seen)s::xid8, %(before)s::uuid)
ORDER BY seen DESC, id DESC OFFSET %(skip)s LIMIT 1;

-- name: schedule_amount
SELECT coalesce(sum(amount_micros), 0)::bigint FROM schedule WHERE account_id = %s AND NOT cancelled;

-- name: export_step
-- Where a step of so many of an account's messages ends, newest first. The work of a step is bounded, however little of it is wanted.
SELECT uuid_send(id) FROM message WHERE account_id = %(account)s AND id < %(before)s::uuid AND id >= %(floor)s::uuid
ORDER BY id DESC OFFSET %(step)s::integer LIMIT 1;

-- name: export_oldest
SELECT uuid_send(id) FROM message WHERE account_id = %(account)s AND id >= %(floor)s::uuid ORDER BY id LIMIT 1;

-- name: export_batch
SELECT uuid_send(first_id), uuid_send(last_id) FROM batch WHERE batch_no = %(batch)s::bigint AND account_id = %(account)s;

-- name: export_rows
-- What is wanted of a step. Codes that were sent stay out of files.
SELECT uuid_send(m.id), m.batch_no, m.product::integer, m.phone, m.country_id,
       CASE WHEN m.product IN (1, 2) AND m.own <> '' THEN m.own ELSE coalesce(b.sender, '') END,
       CASE WHEN m.product = 5 THEN coalesce(b.title, '') WHEN b.priority = 0 THEN '' ELSE coalesce(b.content, '') END,
       m.parts::integer, m.price_micros, m.reason::integer, m.status <> 0, r.reason::integer, r.status::integer, r.fee_micros, r.submitted_at, r.at
FROM message m LEFT JOIN batch b ON b.batch_no = m.batch_no
LEFT JOIN LATERAL (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) r ON true
WHERE m.account_id = %(account)s AND m.id < %(before)s::uuid AND m.id >= %(floor)s::uuid
AND (%(low)s::text = '' OR (m.phone >= %(low)s::text AND m.phone < %(high)s::text AND starts_with(m.phone, %(low)s::text)))
AND (%(product)s::integer IS NULL OR m.product = %(product)s::integer)
AND (%(country)s::integer IS NULL OR m.country_id = %(country)s::integer)
AND (%(batch)s::bigint IS NULL OR m.batch_no = %(batch)s::bigint)
AND CASE %(state)s::integer WHEN 0 THEN m.status = 0 AND coalesce(r.status, 0) = 0 WHEN 1 THEN r.status = 1
    WHEN 2 THEN m.status <> 0 OR r.status NOT IN (0, 1) ELSE true END
ORDER BY m.id DESC;

-- name: add_batch_delta
-- Of large batches alone, which have sums since their accept. `bare`: how many of the n ended without being handed over.
INSERT INTO batch_delta (batch_no, country_id, reason, messages, fee_micros, at)
SELECT u.b, u.c, v.reason, v.n, v.fee, u.at
FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[], %s::bigint[],
            %s::timestamptz[]) AS u(b, c, before, after, n, bare, fee_before, fee_after, at)
CROSS JOIN LATERAL (VALUES (u.before, -u.n, -u.fee_before), (u.after, u.n, u.fee_after), (-2, u.bare, 0::bigint)) AS v(reason, n, fee)
WHERE EXISTS (SELECT 1 FROM batch_sum s WHERE s.batch_no = u.b) AND v.n <> 0;

-- name: add_batch_handed
INSERT INTO batch_delta (batch_no, country_id, reason, messages, fee_micros, at)
SELECT u.b, u.c, -1, u.n, 0, u.at FROM unnest(%s::bigint[], %s::integer[], %s::integer[], %s::timestamptz[]) AS u(b, c, n, at)
WHERE EXISTS (SELECT 1 FROM batch_sum s WHERE s.batch_no = u.b);

-- name: fold_batches
WITH gone AS (
    DELETE FROM batch_delta WHERE ctid IN (SELECT ctid FROM batch_delta LIMIT 20000 FOR UPDATE SKIP LOCKED) RETURNING *
), folded AS (
    INSERT INTO batch_sum AS s (batch_no, country_id, reason, messages, fee_micros, at)
    SELECT batch_no, country_id, reason, sum(messages), sum(fee_micros), max(at) FROM gone GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
    ON CONFLICT (batch_no, country_id, reason) DO UPDATE SET messages = s.messages + excluded.messages,
        fee_micros = s.fee_micros + excluded.fee_micros, at = greatest(s.at, excluded.at)
)
SELECT count(*) FROM gone;

-- name: forget_batches
WITH old AS (
    DELETE FROM batch_sum WHERE batch_no < batch_no_floor(%(limit)s::timestamptz)
)
DELETE FROM batch_stop WHERE batch_no < batch_no_floor(%(limit)s::timestamptz);

-- name: batch_sums
-- As of this moment: what is folded and what is not yet.
SELECT batch_no, country_id, reason::integer, sum(messages)::integer, sum(fee_micros)::bigint, extract(epoch FROM max(at))::double precision
FROM (SELECT * FROM batch_sum WHERE batch_no = ANY(%(batches)s::bigint[])
      UNION ALL SELECT * FROM batch_delta WHERE batch_no = ANY(%(batches)s::bigint[])) AS u
GROUP BY 1, 2, 3 HAVING sum(messages) <> 0 ORDER BY 1, 2, 3;

-- name: batch_counts
-- The same counted message by message: of small batches, and of those that are older than the sums. OFFSET 0: batch by batch, by keys;
-- else all messages there are might be read for a join.
WITH now_is AS MATERIALIZED (
    SELECT b.batch_no, m.country_id, m.status, CASE WHEN m.status <> 0 THEN 100 + m.reason ELSE coalesce(r.reason, 0) END AS reason,
           CASE WHEN m.status <> 0 THEN 0 ELSE coalesce(r.fee_micros, m.price_micros) END AS fee, coalesce(r.at, b.created_at) AS at,
           EXISTS (SELECT 1 FROM submission s WHERE s.message_id = m.id AND s.outcome IN (0, 4)) AS handed
    FROM unnest(%s::bigint[]) AS c(no)
    CROSS JOIN LATERAL (SELECT batch_no, first_id, last_id, created_at FROM batch WHERE batch_no = c.no OFFSET 0) b
    CROSS JOIN LATERAL (SELECT * FROM message WHERE id BETWEEN b.first_id AND b.last_id AND batch_no = b.batch_no OFFSET 0) m
    LEFT JOIN LATERAL (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) r ON true
)
SELECT batch_no, country_id, reason::integer, count(*)::integer, sum(fee)::bigint, extract(epoch FROM max(at))::double precision
FROM now_is GROUP BY 1, 2, 3
UNION ALL SELECT batch_no, country_id, -1, count(*)::integer, 0, extract(epoch FROM max(at))::double precision
FROM now_is WHERE handed GROUP BY 1, 2
UNION ALL SELECT batch_no, country_id, -2, count(*)::integer, 0, extract(epoch FROM max(at))::double precision
FROM now_is WHERE NOT handed AND status = 0 AND reason <> 0 GROUP BY 1, 2 ORDER BY 1, 2, 3;

-- name: batch_page
-- An account's batches, newest first, by key: among the next 5,000, so that a filter that fits few does not read all there are.
-- `stop`: "" any, "paused", "cancelled", "scheduled".
SELECT b.batch_no, extract(epoch FROM b.created_at)::double precision, b.product::integer, b.sender, left(b.content, 300), b.title,
       b.parts::integer, b.good, b.bad, b.amount_micros, extract(epoch FROM b.due_at)::double precision, s.cancelled,
       extract(epoch FROM s.at)::double precision, b.priority::integer, b.country_id,
       EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = b.batch_no AND NOT x.cancelled), b.request_id
FROM (SELECT * FROM batch WHERE account_id = %(account)s AND batch_no < %(before)s::bigint AND batch_no >= %(low)s::bigint
      ORDER BY batch_no DESC LIMIT 5000) b
LEFT JOIN batch_stop s ON s.batch_no = b.batch_no AND s.account_id = %(account)s
WHERE (%(product)s::integer = 0 OR b.product = %(product)s::integer)
AND CASE %(stop)s::text WHEN 'paused' THEN s.cancelled IS FALSE WHEN 'cancelled' THEN s.cancelled
    WHEN 'scheduled' THEN EXISTS (SELECT 1 FROM schedule x WHERE x.batch_no = b.batch_no AND NOT x.cancelled) ELSE true END
ORDER BY b.batch_no DESC LIMIT %(limit)s::integer;

-- name: batch_bound
-- Where the look of a page ends; none: at the first batch of all.
SELECT batch_no FROM batch WHERE account_id = %(account)s AND batch_no < %(before)s::bigint AND batch_no >= %(low)s::bigint
ORDER BY batch_no DESC OFFSET 4999 LIMIT 1;

-- name: batch_owner
SELECT account_id FROM batch WHERE batch_no = %s;

-- name: batch_content
SELECT content FROM batch WHERE batch_no = %s AND account_id = %s;

-- name: stop_batch
-- Paused, unless it is stopped already. The account null: the operator.
INSERT INTO batch_stop (batch_no, account_id, cancelled)
SELECT batch_no, account_id, %(cancelled)s::boolean FROM batch
WHERE batch_no = %(batch)s::bigint AND (%(account)s::integer IS NULL OR account_id = %(account)s::integer)
ON CONFLICT (batch_no) DO UPDATE SET cancelled = true, at = now() WHERE excluded.cancelled AND NOT batch_stop.cancelled
RETURNING account_id;

-- name: resume_batch
-- Locks the row first: who is setting messages aside for it (hold, in the queue's statements) is waited for, and then found.
DELETE FROM batch_stop WHERE batch_no = %(batch)s::bigint AND NOT cancelled
AND (%(account)s::integer IS NULL OR account_id = %(account)s::integer) RETURNING account_id;

-- name: hold_batch
-- Messages of the batch that wait in free items and that no carrier has: from now on they wait in items of the batch alone. What is
-- in other hands at this moment is left: a claim sets it aside by itself, and the job looks again. Who resumes it waits for us, or we
-- for him: then nothing is held.
WITH stopped AS MATERIALIZED (
    SELECT batch_no FROM batch_stop WHERE batch_no = %(batch)s::bigint FOR SHARE
), b AS MATERIALIZED (
    SELECT batch_no, account_id, priority, first_id, last_id FROM batch JOIN stopped USING (batch_no)
    WHERE batch_no = %(batch)s::bigint
), found AS MATERIALIZED (
    SELECT l.id, l.channel_id, l.priority, l.account_id, l.attempt, l.ids FROM lane_item l JOIN b USING (account_id, priority)
    WHERE l.owner IS NULL AND l.held_batch IS NULL
    AND EXISTS (SELECT 1 FROM unnest(l.ids) AS i WHERE i BETWEEN b.first_id AND b.last_id) ORDER BY l.id FOR UPDATE OF l SKIP LOCKED
), mine AS MATERIALIZED (
    SELECT f.id, f.channel_id, f.priority, f.account_id, f.attempt, cardinality(f.ids) AS n, array_agg(u.i ORDER BY u.o) AS ids
    FROM found f CROSS JOIN LATERAL unnest(f.ids) WITH ORDINALITY AS u(i, o) JOIN message m ON m.id = u.i
    WHERE m.batch_no = %(batch)s::bigint
    AND (f.attempt = 1 OR NOT EXISTS (SELECT 1 FROM submission s WHERE s.message_id = u.i AND s.outcome IN (0, 4)))
    GROUP BY f.id, f.channel_id, f.priority, f.account_id, f.attempt, cardinality(f.ids)
), whole AS (
    UPDATE lane_item l SET due = 'infinity', held_batch = %(batch)s::bigint FROM mine g WHERE l.id = g.id AND cardinality(g.ids) = g.n
), rest AS (
    UPDATE lane_item l SET ids = ARRAY(SELECT i FROM unnest(l.ids) WITH ORDINALITY AS u(i, o) WHERE i <> ALL(g.ids) ORDER BY o)
    FROM mine g WHERE l.id = g.id AND cardinality(g.ids) < g.n
), parted AS (
    INSERT INTO lane_item (channel_id, priority, account_id, attempt, due, held_batch, ids)
    SELECT channel_id, priority, account_id, attempt, 'infinity', %(batch)s::bigint, ids FROM mine WHERE cardinality(ids) < n
)
SELECT coalesce(sum(cardinality(ids)), 0)::bigint FROM mine;

-- name: release_batch
WITH held AS (
    UPDATE lane_item SET due = NULL, held_batch = NULL, ready_at = now() WHERE held_batch = %s::bigint RETURNING cardinality(ids) AS n
)
SELECT coalesce(sum(n), 0)::bigint FROM held;

-- name: young_stops
-- Of which something may have been in other hands when they were made.
SELECT batch_no FROM batch_stop WHERE at > now() - interval '10 seconds' ORDER BY batch_no;

-- name: cancelled_held
-- Batches that are cancelled and of which items are held; a step of the index for each batch that has any.
WITH RECURSIVE held AS (
    (SELECT held_batch AS no FROM lane_item WHERE held_batch IS NOT NULL ORDER BY held_batch LIMIT 1)
    UNION ALL
    SELECT (SELECT l.held_batch FROM lane_item l WHERE l.held_batch IS NOT NULL AND l.held_batch > h.no ORDER BY l.held_batch LIMIT 1)
    FROM held h WHERE h.no IS NOT NULL
)
SELECT s.batch_no FROM held h JOIN batch_stop s ON s.batch_no = h.no AND s.cancelled ORDER BY 1 LIMIT 100;

-- name: held_count
SELECT coalesce(sum(cardinality(ids)), 0)::bigint FROM lane_item WHERE held_batch = %s::bigint;

-- name: lock_held
SELECT id, array_send(ids) FROM lane_item WHERE held_batch = %s::bigint ORDER BY id LIMIT %s::integer FOR UPDATE SKIP LOCKED;

-- name: never_left
-- Of these messages those that have no report and that no carrier has or may have.
SELECT uuid_send(m.id), m.account_id, m.batch_no, m.product, m.phone, m.country_id, m.parts, m.price_micros, coalesce(m.channel_id, 0),
       m.reserved
FROM unnest(%s::uuid[]) AS c(id) JOIN message m ON m.id = c.id
WHERE NOT EXISTS (SELECT 1 FROM report r WHERE r.message_id = m.id)
AND NOT EXISTS (SELECT 1 FROM submission s WHERE s.message_id = m.id AND s.outcome IN (0, 4));

-- name: scheduled_slots
-- What waits of an account, by quarter of an hour, within two times.
SELECT (floor(extract(epoch FROM due) / 900) * 900)::bigint, count(DISTINCT batch_no)::integer, sum(cardinality(ids))::bigint
FROM schedule WHERE account_id = %(account)s AND NOT cancelled
AND due >= to_timestamp(%(low)s::double precision) AND due < to_timestamp(%(high)s::double precision) GROUP BY 1 ORDER BY 1;

-- name: scheduled_page
-- The same batch by batch, the next first, behind (time, batch).
SELECT s.batch_no, extract(epoch FROM s.due)::double precision, s.zone, b.product::integer, s.n, s.amount_micros,
       extract(epoch FROM b.created_at)::double precision, b.sender, left(b.content, 300), b.title, b.priority::integer
FROM (
    SELECT batch_no, min(due) AS due, min(zone) AS zone, sum(cardinality(ids))::bigint AS n, sum(amount_micros)::bigint AS amount_micros
    FROM schedule WHERE account_id = %(account)s AND NOT cancelled
    AND due >= to_timestamp(%(low)s::double precision) AND due < to_timestamp(%(high)s::double precision) GROUP BY batch_no
) s JOIN batch b ON b.batch_no = s.batch_no AND b.account_id = %(account)s
WHERE (s.due, s.batch_no) > (to_timestamp(%(after)s::double precision), %(batch)s::bigint)
ORDER BY s.due, s.batch_no LIMIT %(limit)s::integer;

-- name: reaction_sums
-- Of a batch, in one look at its events: by kind, by link, by country, by device. Opens and clicks of machines apart; people: messages
-- of which one did it. Of what is counted and no row the country and the device are not known.
WITH mine AS MATERIALIZED (
    SELECT kind, message_id, machine <> '' AS machine, url, country, device_type, 1::bigint AS n, true AS listed FROM mail_event
    WHERE batch_no = %(batch)s::bigint AND account_id = %(account)s
    UNION ALL SELECT kind, message_id, machine, url, '', '', n, false FROM mail_event_count
    WHERE batch_no = %(batch)s::bigint AND account_id = %(account)s
)
SELECT 'kind', kind::text, machine, sum(n)::bigint, count(*)::integer
FROM (SELECT kind, machine, message_id, sum(n) AS n FROM mine GROUP BY 1, 2, 3) AS u GROUP BY kind, machine
UNION ALL (SELECT 'link', url, false, sum(n)::bigint, count(*)::integer
           FROM (SELECT url, message_id, sum(n) AS n FROM mine WHERE kind = 2 AND NOT machine GROUP BY 1, 2) AS u
           GROUP BY url ORDER BY 5 DESC LIMIT 50)
UNION ALL (SELECT 'country', country, false, sum(n)::integer, count(*)::integer
           FROM (SELECT country, message_id, count(*) AS n FROM mine WHERE kind IN (1, 2) AND NOT machine AND listed GROUP BY 1, 2) AS u
           GROUP BY country ORDER BY 5 DESC LIMIT 20)
UNION ALL (SELECT 'device', device_type, false, sum(n)::integer, count(*)::integer
           FROM (SELECT device_type, message_id, count(*) AS n FROM mine WHERE kind IN (1, 2) AND NOT machine AND listed GROUP BY 1, 2) AS u
           GROUP BY device_type ORDER BY 5 DESC LIMIT 20);

-- name: reaction_page
-- Of a batch, the latest first, by key.
SELECT e.id::text, e.kind::integer, extract(epoch FROM e.at)::double precision, e.url, e.machine, e.country, e.city, e.device_type, e.device_name,
       replace(e.message_id::text, '-', ''), coalesce(m.phone, '')
FROM (SELECT * FROM mail_event WHERE batch_no = %(batch)s::bigint AND account_id = %(account)s AND id < %(before)s::uuid
      ORDER BY id DESC LIMIT %(limit)s::integer) e LEFT JOIN message m ON m.id = e.message_id ORDER BY e.id DESC;
