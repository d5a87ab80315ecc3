-- name: channels
SELECT id, name, kind, paused, rate, "window", unknown_policy, max_attempts, longest_call_s, config, failover_after_s, queue_age_s FROM channel ORDER BY id;

-- name: countries
SELECT code_id, iso, calling_code, name, name_zh, enabled, template_required FROM country ORDER BY code_id;

-- name: routes
SELECT id, account_id, plan_id, product::integer, country_id, prefix, channel_id, preference, action::integer, sender,
       start_minute::integer, end_minute::integer, zone, weight::integer
FROM route ORDER BY id;

-- name: channel_find
SELECT id, name, kind, paused, rate, "window", unknown_policy, max_attempts, longest_call_s, config, failover_after_s, queue_age_s FROM channel WHERE name = %s FOR UPDATE;

-- name: channel_add
INSERT INTO channel (name, kind, rate, "window", unknown_policy, max_attempts, longest_call_s, config, failover_after_s, queue_age_s)
VALUES (%(name)s, %(kind)s, %(rate)s, %(window)s, %(unknown_policy)s, %(max_attempts)s, %(longest_call_s)s, %(config)s,
        %(failover_after_s)s, %(queue_age_s)s)
ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: channel_set
UPDATE channel SET paused = %(paused)s, rate = %(rate)s, "window" = %(window)s, unknown_policy = %(unknown_policy)s,
       max_attempts = %(max_attempts)s, longest_call_s = %(longest_call_s)s, config = %(config)s,
       failover_after_s = %(failover_after_s)s, queue_age_s = %(queue_age_s)s
WHERE id = %(id)s;

-- name: country_set
UPDATE country SET enabled = %s, template_required = %s WHERE code_id = %s;

-- name: country_find
SELECT code_id, iso, calling_code, name, name_zh, enabled, template_required FROM country
WHERE code_id::text = %(word)s OR iso = upper(%(word)s) FOR UPDATE;

-- name: country_add
INSERT INTO country (code_id, iso, calling_code, name, name_zh, enabled, template_required)
VALUES (%(code_id)s, %(iso)s, %(calling_code)s, %(name)s, %(name_zh)s, %(enabled)s, %(template_required)s)
ON CONFLICT DO NOTHING;

-- name: route_add
INSERT INTO route (plan_id, account_id, product, country_id, prefix, channel_id, preference, action, sender, start_minute,
                   end_minute, zone, weight)
VALUES (%(plan_id)s, %(account_id)s, %(product)s, %(country_id)s, %(prefix)s, %(channel_id)s, %(preference)s, %(action)s, %(sender)s,
        %(start_minute)s, %(end_minute)s, %(zone)s, %(weight)s) RETURNING id;

-- name: route_same
SELECT id FROM route WHERE plan_id IS NOT DISTINCT FROM %(plan_id)s AND account_id IS NOT DISTINCT FROM %(account_id)s
 AND product = %(product)s AND country_id IS NOT DISTINCT FROM %(country_id)s AND prefix = %(prefix)s AND channel_id = %(channel_id)s
 AND action IS NOT DISTINCT FROM %(action)s AND sender = %(sender)s AND start_minute IS NOT DISTINCT FROM %(start_minute)s
 AND end_minute IS NOT DISTINCT FROM %(end_minute)s AND zone = %(zone)s;

-- name: route_list
SELECT r.id, r.product::integer, a.name, p.name, c.code_id, c.iso, r.prefix, ch.name, r.preference, r.action::integer, r.sender,
       r.start_minute::integer, r.end_minute::integer, r.zone, r.weight::integer
FROM route r JOIN channel ch ON ch.id = r.channel_id LEFT JOIN account a ON a.id = r.account_id
LEFT JOIN plan p ON p.id = r.plan_id LEFT JOIN country c ON c.code_id = r.country_id
WHERE %(id)s::integer IS NULL OR r.id = %(id)s
ORDER BY r.product, (r.account_id IS NULL), (r.plan_id IS NULL), length(r.prefix) DESC, (r.country_id IS NULL),
         (r.sender = ''), (r.action IS NULL), (r.start_minute IS NULL), r.preference, r.id;

-- name: route_remove
DELETE FROM route WHERE id = %s;

-- name: breakers
SELECT b.channel_id, b.country_id, b.state, extract(epoch FROM b.since)::double precision, b.rate_last, b.rate_day, c.name,
       coalesce(o.iso, '')
FROM breaker b JOIN channel c ON c.id = b.channel_id LEFT JOIN country o ON o.code_id = b.country_id ORDER BY c.name, b.country_id;

-- name: count_hours
-- Of channels that are watched: not of a sandbox, unless it says so.
INSERT INTO delivery_hour AS d (channel_id, country_id, hour, good, total)
SELECT c.id, (f ->> 1)::integer, date_trunc('hour', now()), (f ->> 2)::bigint, (f ->> 3)::bigint
FROM json_array_elements(%(counted)s::json) AS f JOIN channel c ON c.id = (f ->> 0)::integer
WHERE c.kind <> %(sandbox)s OR c.config ->> 'watched' = 'true' ORDER BY 1, 2
ON CONFLICT (channel_id, country_id, hour) DO UPDATE SET good = d.good + excluded.good, total = d.total + excluded.total;

-- name: begin_recent
INSERT INTO delivery_last (channel_id, country_id)
SELECT c.id, (f ->> 1)::integer FROM json_array_elements(%(counted)s::json) AS f JOIN channel c ON c.id = (f ->> 0)::integer
WHERE c.kind <> %(sandbox)s OR c.config ->> 'watched' = 'true' ORDER BY 1, 2
ON CONFLICT (channel_id, country_id) DO NOTHING;

-- name: lock_recent
SELECT l.channel_id, l.country_id, l.recent, coalesce(d.good, 0)::bigint, coalesce(d.total, 0)::bigint, coalesce(b.state, 'closed'),
       coalesce(b.rate_day, 0)::double precision, c.name, coalesce(o.iso, '')
FROM json_array_elements(%(counted)s::json) AS f
JOIN delivery_last l ON l.channel_id = (f ->> 0)::integer AND l.country_id = (f ->> 1)::integer
JOIN channel c ON c.id = l.channel_id AND (c.kind <> %(sandbox)s OR c.config ->> 'watched' = 'true')
LEFT JOIN LATERAL (
    SELECT sum(h.good) AS good, sum(h.total) AS total FROM delivery_hour h
    WHERE h.channel_id = l.channel_id AND h.country_id = l.country_id AND h.hour > now() - interval '24 hours') d ON true
LEFT JOIN breaker b ON b.channel_id = l.channel_id AND b.country_id = l.country_id
LEFT JOIN country o ON o.code_id = l.country_id
ORDER BY l.channel_id, l.country_id FOR UPDATE OF l;

-- name: put_recent
UPDATE delivery_last l SET recent = ARRAY(SELECT json_array_elements_text(v -> 2)::integer)
FROM json_array_elements(%s::json) AS v WHERE l.channel_id = (v ->> 0)::integer AND l.country_id = (v ->> 1)::integer;

-- name: clear_recent
UPDATE delivery_last SET recent = '{}' WHERE channel_id = %s::integer AND country_id = %s::integer;

-- name: reset_recent
UPDATE delivery_last SET recent = '{}' WHERE channel_id = %s::integer;

-- name: ripe_breakers
SELECT b.channel_id, b.country_id, c.name, coalesce(o.iso, ''), b.rate_last, b.rate_day
FROM breaker b JOIN channel c ON c.id = b.channel_id LEFT JOIN country o ON o.code_id = b.country_id
WHERE b.state = 'open' AND b.since < now() - make_interval(secs => %s::double precision)
ORDER BY b.channel_id, b.country_id FOR UPDATE OF b SKIP LOCKED;

-- name: half_open
UPDATE breaker SET state = 'half-open', since = now() WHERE channel_id = %s::integer AND country_id = %s::integer;

-- name: open_breaker
INSERT INTO breaker (channel_id, country_id, state, rate_last, rate_day) VALUES (%s, %s, %s, %s, %s)
ON CONFLICT (channel_id, country_id) DO UPDATE
SET state = excluded.state, since = excluded.since, rate_last = excluded.rate_last, rate_day = excluded.rate_day;

-- name: close_breaker
DELETE FROM breaker WHERE channel_id = %s::integer AND country_id = %s::integer;

-- name: open_down
INSERT INTO breaker (channel_id, country_id, state) VALUES (%s, -1, %s) ON CONFLICT DO NOTHING;

-- name: close_down
DELETE FROM breaker WHERE channel_id = %s::integer AND country_id = -1;

-- name: reset_breakers
DELETE FROM breaker WHERE channel_id = %s::integer AND country_id <> -1;

-- name: forget_hours
DELETE FROM delivery_hour WHERE hour < now() - interval '25 hours';
