-- name: verified
SELECT DISTINCT ON (account_id) account_id, domain FROM mail_domain WHERE verified ORDER BY account_id, id;

-- name: add
INSERT INTO mail_domain (account_id, domain) VALUES (%s, %s) ON CONFLICT (domain) DO NOTHING RETURNING id;

-- name: verify
UPDATE mail_domain SET verified = true WHERE domain = %s;

-- name: remove
DELETE FROM mail_domain WHERE domain = %s;

-- name: find
SELECT d.domain, a.name, d.verified, d.created_at FROM mail_domain d JOIN account a ON a.id = d.account_id
WHERE d.domain = %s FOR UPDATE OF d;

-- name: all
SELECT d.domain, a.name, d.verified, d.created_at FROM mail_domain d JOIN account a ON a.id = d.account_id ORDER BY a.name, d.id;
