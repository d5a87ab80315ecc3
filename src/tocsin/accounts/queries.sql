-- name: clocks
SELECT name, version FROM change_clock WHERE name IN ('account', 'api_key', 'account_grant');

-- name: changed
SELECT id FROM account WHERE version > %s
UNION SELECT account_id FROM api_key WHERE version > %s
UNION SELECT account_id FROM account_grant WHERE version > %s;

-- name: page
SELECT a.id, a.name, a.plan_id, p.charge_failed, a.locked, a.language, a.currency, a.allow_ips, a.rate_per_s, a.max_parts,
       a.eight_fields, a.swap_uplink,
       (SELECT array_agg(k.sealed ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour')),
       (SELECT array_agg(coalesce(extract(epoch FROM k.expires_at)::float8, 'infinity') ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour')),
       (SELECT array_agg(ARRAY[g.kind, g.value]) FROM account_grant g WHERE g.account_id = a.id),
       a.extra_events, a.drop_machine_opens,
       (SELECT array_agg(k.id ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour'))
FROM account a JOIN plan p ON p.id = a.plan_id
WHERE a.id > %s ORDER BY a.id LIMIT %s;

-- name: some
SELECT a.id, a.name, a.plan_id, p.charge_failed, a.locked, a.language, a.currency, a.allow_ips, a.rate_per_s, a.max_parts,
       a.eight_fields, a.swap_uplink,
       (SELECT array_agg(k.sealed ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour')),
       (SELECT array_agg(coalesce(extract(epoch FROM k.expires_at)::float8, 'infinity') ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour')),
       (SELECT array_agg(ARRAY[g.kind, g.value]) FROM account_grant g WHERE g.account_id = a.id),
       a.extra_events, a.drop_machine_opens,
       (SELECT array_agg(k.id ORDER BY k.id) FROM api_key k
        WHERE k.account_id = a.id AND (k.expires_at IS NULL OR k.expires_at > now() - interval '1 hour'))
FROM account a JOIN plan p ON p.id = a.plan_id
WHERE a.id = ANY(%s);

-- name: find
SELECT a.id, a.name, p.name, a.locked, a.currency, a.language, a.allow_ips, a.rate_per_s, a.max_parts, a.eight_fields,
       a.swap_uplink, a.extra_events, a.drop_machine_opens, a.created_at, a.display_name
FROM account a JOIN plan p ON p.id = a.plan_id WHERE a.name = %s;

-- name: all
SELECT a.id, a.name, p.name, a.locked, a.currency, a.language, a.allow_ips, a.rate_per_s, a.max_parts, a.eight_fields,
       a.swap_uplink, a.extra_events, a.drop_machine_opens, a.created_at, a.display_name
FROM account a JOIN plan p ON p.id = a.plan_id ORDER BY a.name;

-- name: create
INSERT INTO account (name, plan_id, language, display_name)
SELECT %(name)s, id, %(language)s, %(display_name)s FROM plan WHERE name = %(plan)s ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: set
UPDATE account SET plan_id = (SELECT id FROM plan WHERE name = %(plan)s), locked = %(locked)s, language = %(language)s,
       allow_ips = %(allow_ips)s, rate_per_s = %(rate_per_s)s, max_parts = %(max_parts)s, eight_fields = %(eight_fields)s,
       swap_uplink = %(swap_uplink)s, extra_events = %(extra_events)s, drop_machine_opens = %(drop_machine_opens)s,
       display_name = %(display_name)s
WHERE id = %(id)s;

-- name: lock_row
SELECT 1 FROM account WHERE id = %s FOR UPDATE;

-- name: plan_exists
SELECT 1 FROM plan WHERE name = %s;

-- name: key_add
INSERT INTO api_key (account_id, sealed, name) VALUES (%s, %s, %s) RETURNING id;

-- name: keys
SELECT k.id, k.sealed, k.created_at, k.expires_at, k.name, u.at
FROM api_key k LEFT JOIN key_use u ON u.key_id = k.id WHERE k.account_id = %s ORDER BY k.id;

-- name: key_name
SELECT name FROM api_key WHERE account_id = %s AND id = %s AND (expires_at IS NULL OR expires_at > now()) FOR UPDATE;

-- name: key_rename
UPDATE api_key SET name = %s WHERE account_id = %s AND id = %s;

-- name: note_uses
INSERT INTO key_use (key_id, at) SELECT * FROM unnest(%s, %s) AS u(key_id, at) ORDER BY 1
ON CONFLICT (key_id) DO UPDATE SET at = greatest(key_use.at, excluded.at);

-- name: keys_end
UPDATE api_key SET expires_at = %s WHERE account_id = %s AND (expires_at IS NULL OR expires_at > %s) RETURNING id;

-- name: key_end
UPDATE api_key SET expires_at = %s WHERE account_id = %s AND id = %s AND (expires_at IS NULL OR expires_at > %s) RETURNING id;

-- name: keys_all
SELECT id, sealed FROM api_key ORDER BY id FOR UPDATE;

-- name: key_reseal
UPDATE api_key SET sealed = %s WHERE id = %s;

-- name: grant_add
INSERT INTO account_grant (account_id, kind, value) VALUES (%s, %s, %s) ON CONFLICT DO NOTHING RETURNING id;

-- name: grant_remove
DELETE FROM account_grant WHERE account_id = %s AND kind = %s AND value = %s RETURNING id;

-- name: grants
SELECT a.name, g.kind, g.value FROM account_grant g JOIN account a ON a.id = g.account_id
WHERE %(account)s::integer IS NULL OR g.account_id = %(account)s ORDER BY a.name, g.kind, g.value;

-- name: canary_add
INSERT INTO seal_canary (id, sealed) VALUES (1, %s) ON CONFLICT DO NOTHING;

-- name: canary
SELECT sealed FROM seal_canary WHERE id = 1;

-- name: canary_set
UPDATE seal_canary SET sealed = %s WHERE id = 1;
