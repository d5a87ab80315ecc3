-- name: clock
SELECT version FROM change_clock WHERE name = 'template';

-- name: page
SELECT id, coalesce(account_id, 0), kind, subject, text FROM template
WHERE state = 'approved' AND id > %s ORDER BY id LIMIT %s;

-- name: changed
-- Texts of approved ones alone: of the others it only counts that they may not be sent.
SELECT id, version, coalesce(account_id, 0), kind, state = 'approved', CASE state WHEN 'approved' THEN subject ELSE '' END,
       CASE state WHEN 'approved' THEN text ELSE '' END
FROM template WHERE version > %s ORDER BY version LIMIT %s;

-- name: add
INSERT INTO template (account_id, kind, name, subject, text, state)
VALUES (nullif(%(account)s, 0), %(kind)s, %(name)s, %(subject)s, %(text)s, %(state)s) RETURNING id;

-- name: lock_row
SELECT 1 FROM template WHERE id = %s FOR UPDATE;

-- name: decide
UPDATE template SET state = %s, reason = %s, decided_at = CASE WHEN %s THEN now() ELSE decided_at END WHERE id = %s;

-- name: find
SELECT t.id, a.name, t.kind, t.name, t.subject, t.text, t.state, t.reason, t.created_at, t.decided_at
FROM template t LEFT JOIN account a ON a.id = t.account_id WHERE t.id = %s;

-- name: rows
SELECT t.id, a.name, t.kind, t.name, t.subject, t.text, t.state, t.reason, t.created_at, t.decided_at
FROM template t LEFT JOIN account a ON a.id = t.account_id
WHERE (%(account)s::integer IS NULL OR coalesce(t.account_id, 0) = %(account)s)
  AND (%(kind)s::text IS NULL OR t.kind = %(kind)s) AND (%(state)s::text IS NULL OR t.state = %(state)s)
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: find_own
SELECT t.id, a.name, t.kind, t.name, t.subject, t.text, t.state, t.reason, t.created_at, t.decided_at
FROM template t LEFT JOIN account a ON a.id = t.account_id
WHERE t.id = %(id)s AND (t.account_id = %(account)s OR t.account_id IS NULL AND t.state = 'approved');

-- name: own_rows
SELECT t.id, a.name, t.kind, t.name, t.subject, t.text, t.state, t.reason, t.created_at, t.decided_at
FROM template t LEFT JOIN account a ON a.id = t.account_id
WHERE (t.account_id = %(account)s OR t.account_id IS NULL AND t.state = 'approved') AND t.id < %(before)s
  AND (%(kind)s::text IS NULL OR t.kind = %(kind)s) AND (%(state)s::text IS NULL OR t.state = %(state)s)
  AND (%(words)s::text IS NULL OR position(lower(%(words)s) IN lower(t.name || ' ' || t.subject || ' ' || t.text)) > 0
       OR t.id::text = %(words)s)
ORDER BY t.id DESC LIMIT %(limit)s;

-- name: own_edit
UPDATE template SET kind = %(kind)s, name = %(name)s, subject = %(subject)s, text = %(text)s
WHERE id = %(id)s AND account_id = %(account)s AND state = 'draft' AND decided_at IS NULL RETURNING id;

-- name: own_move
UPDATE template SET state = %(state)s, reason = ''
WHERE id = %(id)s AND account_id = %(account)s AND state = ANY(%(from)s::text[])
  AND (%(state)s <> 'draft' OR decided_at IS NULL) RETURNING id;

-- name: own_delete
DELETE FROM template WHERE account_id = %s AND id = %s AND state = 'draft' AND decided_at IS NULL RETURNING id;
