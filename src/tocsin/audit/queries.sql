-- name: record
INSERT INTO audit_entry (actor, action, subject, before, after) VALUES (%s, %s, %s, %s, %s);

-- name: last
SELECT at, actor, action, subject, before, after FROM audit_entry
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s) ORDER BY id DESC LIMIT %(limit)s;
