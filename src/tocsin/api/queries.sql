-- name: take
-- The names are sorted: two processes that take shares of the same windows lock them in the same order.
INSERT INTO limit_window (name, window_start, given) SELECT * FROM unnest(%s, %s, %s)
ON CONFLICT (name, window_start) DO UPDATE SET given = limit_window.given + excluded.given RETURNING name, given;

-- name: forget
DELETE FROM limit_window WHERE window_start < %s;

-- name: key_is_held
SELECT NOT pg_try_advisory_xact_lock_shared(hashtextextended(%s::text, %s));
