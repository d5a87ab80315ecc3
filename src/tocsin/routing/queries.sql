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
