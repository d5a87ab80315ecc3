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
