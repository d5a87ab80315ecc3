-- What the sandbox carrier keeps. Its sessions run with synchronous_commit = off: whatever the platform commits about an
-- answer comes later in the same write-ahead log and so makes this durable first; what a crash of the server takes away,
-- the platform does not know of either.

-- name: keep
WITH kept AS (
    INSERT INTO sandbox_submit (channel_id, carrier_id, message_id, part, attempt, phone, at)
    SELECT %s::integer, s.carrier_id, s.message_id, s.part, s.attempt, s.phone, now()
    FROM unnest(%s, %s, %s, %s, %s) AS s(carrier_id, message_id, part, attempt, phone)
)
INSERT INTO sandbox_event (id, channel_id, due, lease_end, body)
SELECT e.id, %s::integer, now() + e.delay_ms * interval '1 millisecond',
       CASE WHEN e.lease_ms > 0 THEN now() + e.lease_ms * interval '1 millisecond' ELSE '-infinity' END, e.body
FROM unnest(%s, %s, %s, %s) AS e(id, delay_ms, lease_ms, body);

-- name: backend_is_gone
SELECT NOT EXISTS (SELECT FROM pg_stat_activity WHERE pid = %s::integer AND pid <> pg_backend_pid());

-- name: is_kept
SELECT EXISTS (SELECT FROM sandbox_submit WHERE message_id = ANY(%s) AND carrier_id = %s::text);

-- The lower bound spares a wake-up for something fresh the dead entries that an old snapshot keeps in the index.
-- name: claim
WITH due AS (
    SELECT id FROM sandbox_event
    WHERE channel_id = %s::integer AND due <= now() AND due > now() - %s::integer * interval '1 second'
      AND lease_end <= now()
    ORDER BY due LIMIT %s::integer FOR UPDATE SKIP LOCKED
)
UPDATE sandbox_event e SET lease_end = now() + %s::integer * interval '1 millisecond'
FROM due WHERE e.id = due.id
RETURNING uuid_send(e.id), e.body, extract(epoch FROM e.due)::double precision;

-- name: renew
UPDATE sandbox_event SET lease_end = now() + %s::integer * interval '1 millisecond' WHERE id = ANY(%s);

-- name: acknowledge
DELETE FROM sandbox_event WHERE id = ANY(%s);

-- name: forget
DELETE FROM sandbox_submit WHERE ctid = ANY(ARRAY(
    SELECT ctid FROM sandbox_submit
    WHERE channel_id = %s::integer AND at < now() - %s::integer * interval '1 day' LIMIT %s::integer FOR UPDATE SKIP LOCKED
));
