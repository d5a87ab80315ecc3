-- name: keep
-- Committed before the messages that carry them. What is kept already is young again: nobody drops it meanwhile.
INSERT INTO media (hash, data) SELECT * FROM unnest(%s::bytea[], %s::bytea[]) AS u(hash, data) ORDER BY 1
ON CONFLICT (hash) DO UPDATE SET used_at = now();

-- name: load
SELECT hash, data FROM media WHERE hash = ANY(%s::bytea[]);

-- name: forget
DELETE FROM media WHERE hash IN (
    SELECT hash FROM media WHERE used_at < now() - make_interval(days => %s::integer) ORDER BY used_at LIMIT 100 FOR UPDATE SKIP LOCKED
);
