-- name: blacklist_counts
SELECT account_id, count(*)::integer FROM blacklist GROUP BY account_id;

-- name: blacklist_page
SELECT account_id, max(id), string_agg(value, ' ')
FROM (SELECT id, account_id, value FROM blacklist WHERE id > %s ORDER BY id LIMIT %s) AS page GROUP BY account_id;

-- name: blacklist_of
SELECT max(id), string_agg(value, ' ')
FROM (SELECT id, value FROM blacklist WHERE account_id = %s AND id > %s AND id <= %s ORDER BY id LIMIT %s) AS page;

-- name: blacklist_left
SELECT u.account_id FROM unnest(%s::integer[]) AS u(account_id) WHERE EXISTS (SELECT 1 FROM blacklist b WHERE b.account_id = u.account_id);

-- name: opt_out_counts
SELECT account_id, count(*)::integer FROM opt_out GROUP BY account_id;

-- name: opt_out_page
SELECT account_id, max(id), string_agg(value, ' ')
FROM (SELECT id, account_id, value FROM opt_out WHERE id > %s ORDER BY id LIMIT %s) AS page GROUP BY account_id;

-- name: opt_out_of
SELECT max(id), string_agg(value, ' ')
FROM (SELECT id, value FROM opt_out WHERE account_id = %s AND id > %s AND id <= %s ORDER BY id LIMIT %s) AS page;

-- name: opt_out_left
SELECT u.account_id FROM unnest(%s::integer[]) AS u(account_id) WHERE EXISTS (SELECT 1 FROM opt_out o WHERE o.account_id = u.account_id);

-- name: words
SELECT word, normal FROM sensitive_word ORDER BY normal;

-- name: caps
SELECT id, account_id, kind::integer, action::integer, country_id, most, window_s, digits::integer FROM cap ORDER BY id;

-- name: quiet_rules
SELECT account_id, country_id, start_minute::integer, end_minute::integer FROM quiet_rule ORDER BY account_id, country_id;

-- name: answers
SELECT account_id, kind, language, content FROM opt_answer ORDER BY account_id, kind, language;

-- name: barred
-- Which of the suspects are barred in truth: by the blacklist, and MARKETING by an opt-out from its sender, or from any where
-- it names none.
SELECT u.place FROM unnest(%(values)s::text[], %(places)s::integer[], %(senders)s::text[]) AS u(value, place, sender)
WHERE EXISTS (SELECT 1 FROM blacklist b WHERE b.value = u.value AND b.account_id IN (0, %(account)s::integer))
   OR (%(marketing)s::boolean AND EXISTS (
       SELECT 1 FROM opt_out o WHERE o.value = u.value AND o.account_id = %(account)s::integer
       AND (u.sender = '' OR o.sender IN ('', u.sender))));

-- name: cap_take
SELECT cap_take(%s::integer, %s::bigint, %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[], %s::integer[],
                %s::integer[], %s::text[], %s::integer[], %s::bigint[]);

-- name: cap_return
SELECT cap_return(%s::integer, %s::bigint, %s::integer[], %s::integer[], %s::integer[], %s::integer[], %s::bigint[], %s::integer[],
                  %s::integer[], %s::text[], %s::integer[], %s::bigint[], %s::boolean[]);

-- name: claim_send
-- A row of no cap: whoever makes it is the one of several equal sends that takes out of caps.
INSERT INTO cap_window AS c (account_id, cap_id, key, window_start, window_end, given) VALUES (%s, 0, %s, 0, %s, %s)
ON CONFLICT (account_id, cap_id, key, window_start) DO UPDATE SET window_end = excluded.window_end, given = excluded.given
WHERE c.window_end < %s RETURNING true;

-- name: release_send
DELETE FROM cap_window WHERE account_id = %s AND cap_id = 0 AND key = %s AND window_start = 0 AND given = %s;

-- name: cap_forget
DELETE FROM cap_window WHERE window_end < %s;

-- name: opted_out
SELECT u.ord::integer FROM unnest(%s::integer[], %s::text[], %s::text[]) WITH ORDINALITY AS u(a, v, s, ord)
WHERE EXISTS (SELECT 1 FROM opt_out o WHERE o.account_id = u.a AND o.value = u.v AND (u.s = '' OR o.sender IN ('', u.s)));

-- name: opt_out_keep
INSERT INTO opt_out (account_id, value, sender)
SELECT DISTINCT u.a, u.v, u.s FROM unnest(%s::integer[], %s::text[], %s::text[]) AS u(a, v, s)
ORDER BY u.a, u.v, u.s ON CONFLICT DO NOTHING;

-- name: opt_out_undo
-- Of the sender that was answered and of all senders; where the sender is not known, of every one.
DELETE FROM opt_out o USING (SELECT DISTINCT a, v, s FROM unnest(%s::integer[], %s::text[], %s::text[]) AS x(a, v, s)) AS u
WHERE o.account_id = u.a AND o.value = u.v AND (u.s = '' OR o.sender IN ('', u.s));

-- name: list_add
INSERT INTO blacklist (account_id, value) VALUES (%s, %s) ON CONFLICT DO NOTHING RETURNING id;

-- name: list_add_all
INSERT INTO blacklist (account_id, value, origin) SELECT DISTINCT a, v, %s FROM unnest(%s::integer[], %s::text[]) AS u(a, v)
ON CONFLICT DO NOTHING;

-- name: list_remove
DELETE FROM blacklist WHERE account_id = %s AND value = %s RETURNING id;

-- name: list_rows
SELECT b.value, a.name, b.created_at, b.origin FROM blacklist b LEFT JOIN account a ON a.id = b.account_id
WHERE (%(account)s::integer IS NULL OR b.account_id = %(account)s) AND (%(value)s::text IS NULL OR b.value = %(value)s)
ORDER BY b.id DESC LIMIT %(limit)s;

-- name: list_stage
CREATE TEMPORARY TABLE blacklist_stage (value text) ON COMMIT DROP;

-- name: list_copy
COPY blacklist_stage FROM STDIN;

-- name: list_merge
INSERT INTO blacklist (account_id, value) SELECT DISTINCT %s::integer, value FROM blacklist_stage ON CONFLICT DO NOTHING;

-- name: opt_add
INSERT INTO opt_out (account_id, value, sender, origin) VALUES (%s, %s, %s, 'operator') ON CONFLICT DO NOTHING RETURNING id;

-- name: opt_remove
DELETE FROM opt_out WHERE account_id = %s AND value = %s AND (%s::text IS NULL OR sender = %s::text) RETURNING sender;

-- name: opt_rows
SELECT o.value, a.name, o.sender, o.origin, o.created_at FROM opt_out o JOIN account a ON a.id = o.account_id
WHERE (%(account)s::integer IS NULL OR o.account_id = %(account)s) AND (%(value)s::text IS NULL OR o.value = %(value)s)
ORDER BY o.id DESC LIMIT %(limit)s;

-- name: answer_set
INSERT INTO opt_answer (account_id, kind, language, content)
VALUES (%(account_id)s, %(kind)s, %(language)s, %(content)s)
ON CONFLICT ON CONSTRAINT opt_answer_key DO UPDATE SET content = excluded.content;

-- name: answer_remove
DELETE FROM opt_answer WHERE account_id = %s AND kind = %s AND language = %s RETURNING content;

-- name: word_add
INSERT INTO sensitive_word (word, normal) VALUES (%s, %s) ON CONFLICT (normal) DO NOTHING RETURNING id;

-- name: word_remove
DELETE FROM sensitive_word WHERE normal = %s RETURNING word;

-- name: cap_find
SELECT id, account_id, kind::integer, action::integer, country_id, most, window_s, digits::integer FROM cap
WHERE account_id = %(account_id)s AND kind = %(kind)s AND action IS NOT DISTINCT FROM %(action)s::smallint
  AND country_id = %(country_id)s FOR UPDATE;

-- name: cap_set
INSERT INTO cap (account_id, kind, action, country_id, most, window_s, digits)
VALUES (%(account_id)s, %(kind)s, %(action)s, %(country_id)s, %(most)s, %(window_s)s, %(digits)s)
ON CONFLICT ON CONSTRAINT cap_key DO UPDATE SET most = excluded.most, window_s = excluded.window_s, digits = excluded.digits
RETURNING id;

-- name: cap_rows
SELECT c.id, c.account_id, c.kind::integer, c.action::integer, c.country_id, c.most, c.window_s, c.digits::integer, a.name, y.iso
FROM cap c LEFT JOIN account a ON a.id = c.account_id LEFT JOIN country y ON y.code_id = c.country_id
WHERE %(id)s::integer IS NULL OR c.id = %(id)s ORDER BY c.account_id, c.kind, c.action NULLS FIRST, c.country_id;

-- name: cap_remove
DELETE FROM cap WHERE id = %s;

-- name: quiet_set
INSERT INTO quiet_rule (account_id, country_id, start_minute, end_minute)
VALUES (%(account_id)s, %(country_id)s, %(start_minute)s, %(end_minute)s)
ON CONFLICT ON CONSTRAINT quiet_rule_key DO UPDATE SET start_minute = excluded.start_minute, end_minute = excluded.end_minute;

-- name: quiet_rows
SELECT q.account_id, q.country_id, q.start_minute::integer, q.end_minute::integer, a.name, y.iso
FROM quiet_rule q LEFT JOIN account a ON a.id = q.account_id LEFT JOIN country y ON y.code_id = q.country_id
ORDER BY q.account_id, q.country_id;

-- name: quiet_remove
DELETE FROM quiet_rule WHERE account_id = %s AND country_id = %s;

-- name: list_page
SELECT id, value, origin, created_at, ''::text FROM blacklist
WHERE account_id = %(account)s AND id < %(before)s AND (%(low)s::text = '' OR (value >= %(low)s::text AND value < %(high)s::text))
  AND (%(origin)s::text = '' OR origin = %(origin)s::text) ORDER BY id DESC LIMIT %(limit)s;

-- name: opt_page
SELECT id, value, origin, created_at, sender FROM opt_out
WHERE account_id = %(account)s AND id < %(before)s AND (%(low)s::text = '' OR (value >= %(low)s::text AND value < %(high)s::text))
  AND (%(origin)s::text = '' OR origin = %(origin)s::text) ORDER BY id DESC LIMIT %(limit)s;

-- name: list_add_many
INSERT INTO blacklist (account_id, value, origin) SELECT DISTINCT %s::integer, v, %s FROM unnest(%s::text[]) AS u(v)
ON CONFLICT DO NOTHING;

-- name: opt_add_many
INSERT INTO opt_out (account_id, value, sender, origin) SELECT DISTINCT %s::integer, v, %s, %s FROM unnest(%s::text[]) AS u(v)
ON CONFLICT DO NOTHING;

-- name: list_remove_row
DELETE FROM blacklist WHERE account_id = %s AND id = %s RETURNING value, origin;

-- name: opt_remove_row
DELETE FROM opt_out WHERE account_id = %s AND id = %s RETURNING value, sender, origin;

-- name: caps_of
SELECT id, account_id, kind::integer, action::integer, country_id, most, window_s, digits::integer FROM cap
WHERE account_id IN (0, %s) ORDER BY account_id, id;

-- name: list_export
SELECT id, value, origin, created_at FROM blacklist WHERE account_id = %(account)s::integer AND id < %(before)s::bigint
ORDER BY id DESC LIMIT %(limit)s::integer;
