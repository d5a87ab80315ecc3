-- name: record
INSERT INTO audit_entry (actor, action, subject, before, after) VALUES (%s, %s, %s, %s, %s);

-- name: last
SELECT at, actor, action, subject, before, after FROM audit_entry
WHERE (%(subject)s::text IS NULL OR subject = %(subject)s) ORDER BY id DESC LIMIT %(limit)s;

-- name: log_requests
INSERT INTO api_request (account_id, at, request_id, method, path, status, http, took_ms, address, key_id, receivers, batch_no,
                         left_out, message, body)
SELECT * FROM unnest(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s);

-- name: read_requests
SELECT r.id, r.at, r.request_id, r.method, r.path, r.status, r.http, r.took_ms, r.address, r.key_id, coalesce(k.name, ''),
       r.receivers, r.batch_no, r.left_out, r.message, ''
FROM (
    SELECT * FROM api_request
    WHERE account_id = %(account)s AND id < %(before)s AND (NOT %(refused)s::boolean OR status <> 0)
      AND (%(path)s::text IS NULL OR path = %(path)s) AND (%(status)s::integer IS NULL OR status = %(status)s)
    ORDER BY id DESC LIMIT %(limit)s
) AS r LEFT JOIN api_key k ON k.id = r.key_id AND k.account_id = r.account_id ORDER BY r.id DESC;

-- name: find_request
SELECT r.id, r.at, r.request_id, r.method, r.path, r.status, r.http, r.took_ms, r.address, r.key_id, coalesce(k.name, ''),
       r.receivers, r.batch_no, r.left_out, r.message, r.body
FROM api_request r LEFT JOIN api_key k ON k.id = r.key_id AND k.account_id = r.account_id WHERE r.id = %s AND r.account_id = %s;

-- name: forget_requests
DELETE FROM api_request WHERE at < now() - make_interval(days => %s::integer);
