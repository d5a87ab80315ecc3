-- Coherence of the demo's past: see test_cli_demo.py. Statements of `wrong_` find what contradicts its name, those of `has_` what it names.

-- name: wrong_the_ledger_is_in_the_order_of_time_and_never_below_zero
SELECT id, at FROM (SELECT id, at, balance_after, lag(at) OVER (ORDER BY id) AS before FROM ledger) l
WHERE balance_after < 0 OR at < before;

-- name: wrong_what_is_left_after_each_entry_is_the_sum_of_those_before
SELECT id FROM (SELECT id, balance_after, sum(balance_micros) OVER (ORDER BY id) AS sum FROM ledger) l WHERE balance_after <> sum;

-- name: wrong_nothing_has_happened_in_the_future
SELECT 'ledger' FROM ledger WHERE at > now() UNION ALL SELECT 'submission' FROM submission WHERE at > now()
UNION ALL SELECT 'report' FROM report WHERE at > now() UNION ALL SELECT 'reply' FROM uplink WHERE at > now()
UNION ALL SELECT 'event' FROM mail_event WHERE at > now() UNION ALL SELECT 'push' FROM push_attempt WHERE at > now()
UNION ALL SELECT 'batch' FROM batch WHERE created_at > now() UNION ALL SELECT 'request' FROM api_request WHERE at > now()
UNION ALL SELECT 'file' FROM file_job WHERE greatest(created_at, changed_at) > now()
UNION ALL SELECT 'template' FROM template WHERE greatest(created_at, decided_at) > now()
UNION ALL SELECT 'list' FROM blacklist WHERE created_at > now() UNION ALL SELECT 'opt-out' FROM opt_out WHERE created_at > now();

-- name: wrong_nothing_is_older_than_the_account
SELECT a.name FROM account a WHERE a.created_at > least((SELECT min(created_at) FROM batch), (SELECT min(at) FROM ledger),
    (SELECT min(created_at) FROM membership), (SELECT min(created_at) FROM api_key), (SELECT min(created_at) FROM template));

-- name: wrong_accept_submit_report_push_in_this_order
SELECT r.message_id FROM report r JOIN message m ON m.id = r.message_id JOIN batch b USING (batch_no)
LEFT JOIN submission s ON s.message_id = m.id
WHERE s.at < b.created_at OR r.at < s.at OR r.submitted_at IS DISTINCT FROM s.at
UNION ALL SELECT r.message_id FROM push_attempt p JOIN report r ON r.message_id = ANY(p.ids) WHERE p.at < r.at
UNION ALL SELECT m.id FROM message m JOIN batch b USING (batch_no) WHERE uuid7_floor(b.created_at) > m.id;

-- name: wrong_what_was_refused_at_the_accept_was_not_handed_over_and_what_was_handed_over_is_answered_or_watched
SELECT m.id FROM message m JOIN submission s ON s.message_id = m.id WHERE m.status <> 0
UNION ALL SELECT m.id FROM message m LEFT JOIN report r ON r.message_id = m.id WHERE m.status = 0 AND r.message_id IS NULL
AND NOT EXISTS (SELECT 1 FROM receipt_watch w WHERE m.id = ANY(w.ids) AND w.due > now())
AND NOT EXISTS (SELECT 1 FROM lane_item l WHERE m.id = ANY(l.ids)) AND NOT EXISTS (SELECT 1 FROM schedule x WHERE m.id = ANY(x.ids))
UNION ALL SELECT m.id FROM message m WHERE EXISTS (SELECT 1 FROM lane_item l WHERE m.id = ANY(l.ids))
AND NOT EXISTS (SELECT 1 FROM batch_stop t WHERE t.batch_no = m.batch_no AND NOT t.cancelled);

-- name: wrong_counts_and_sums_of_a_batch_are_those_of_its_messages
SELECT b.batch_no FROM batch b JOIN (
    SELECT batch_no, count(*) FILTER (WHERE status = 0) AS good, count(*) FILTER (WHERE status <> 0) AS bad, sum(price_micros) AS price,
           min(id::text)::uuid AS first_id, max(id::text)::uuid AS last_id FROM message GROUP BY 1) m USING (batch_no)
WHERE (b.good, b.bad, b.amount_micros, b.first_id, b.last_id) IS DISTINCT FROM (m.good, m.bad, m.price, m.first_id, m.last_id)
UNION ALL SELECT b.batch_no FROM batch b LEFT JOIN (SELECT batch_no, sum(messages) FILTER (WHERE reason >= 0) AS n,
    sum(fee_micros) AS fee FROM batch_sum GROUP BY 1) s USING (batch_no)
WHERE b.good + b.bad > 50 AND (s.n IS DISTINCT FROM b.good + b.bad OR s.fee IS DISTINCT FROM (
    SELECT sum(coalesce(r.fee_micros, m.price_micros)) FROM message m LEFT JOIN report r ON r.message_id = m.id WHERE m.batch_no = b.batch_no));

-- name: wrong_the_sums_of_a_large_batch_are_those_that_the_product_makes
SELECT batch_no FROM (SELECT batch_no, array_agg((country_id, reason, messages, fee_micros) ORDER BY country_id, reason) AS now FROM batch_sum
    GROUP BY 1) s WHERE now::text <> (SELECT again FROM made_again WHERE made_again.batch_no = s.batch_no);

-- name: wrong_a_batch_is_charged_and_given_back_what_its_messages_are
SELECT b.batch_no FROM batch b LEFT JOIN (SELECT batch_no, sum(balance_micros) FILTER (WHERE kind = 'charge') AS paid,
    sum(balance_micros) FILTER (WHERE kind = 'refund') AS back FROM ledger GROUP BY 1) l USING (batch_no)
WHERE coalesce(l.paid, 0) <> -b.amount_micros OR coalesce(l.back, 0) <> (SELECT coalesce(sum(r.refund_micros), 0)
    FROM report r WHERE r.message_id BETWEEN b.first_id AND b.last_id);

-- name: wrong_prices_are_those_of_the_price_list
SELECT b.batch_no FROM batch b JOIN price p USING (product) WHERE p.country_id IS NULL AND b.amount_micros
    <> b.good * p.price_micros * CASE b.product WHEN 1 THEN b.parts WHEN 3 THEN 10 WHEN 4 THEN 10 ELSE 1 END;

-- name: wrong_emails_have_no_country_and_all_others_have_one
SELECT batch_no FROM batch WHERE (product = 5) <> (country_id = 0)
UNION ALL SELECT batch_no FROM message WHERE (product = 5) <> (country_id = 0) OR (product = 5 AND status = 0) <> (phone LIKE '%@%')
UNION ALL SELECT 1 FROM rollup WHERE (product = 5) <> (country_id = 0)
UNION ALL SELECT 2 FROM traffic_day WHERE (product = 5) <> (country_id = 0);

-- name: wrong_who_replies_or_opens_has_got_the_message_before
SELECT u.id FROM uplink u LEFT JOIN report r ON r.message_id = u.message_id AND r.status = 1 WHERE r.at IS NULL OR u.at < r.at
UNION ALL SELECT e.id FROM mail_event e LEFT JOIN report r ON r.message_id = e.message_id AND r.status = 1
WHERE r.at IS NULL OR e.at < r.at OR (e.kind = 2 AND NOT EXISTS (SELECT 1 FROM mail_event o WHERE o.message_id = e.message_id
    AND o.kind = 1 AND o.at <= e.at));

-- name: wrong_who_unsubscribed_or_complained_is_on_the_blacklist_and_nobody_else_is_by_that
SELECT m.phone FROM mail_event e JOIN message m ON m.id = e.message_id WHERE e.kind IN (3, 4)
AND NOT EXISTS (SELECT 1 FROM blacklist b WHERE b.value = m.phone AND b.origin IN ('unsubscribe', 'complaint'))
UNION ALL SELECT b.value FROM blacklist b WHERE b.origin <> 'operator' AND NOT EXISTS (
    SELECT 1 FROM mail_event e JOIN message m ON m.id = e.message_id WHERE e.kind IN (3, 4) AND m.phone = b.value);

-- name: wrong_nobody_is_sent_marketing_who_had_opted_out
SELECT m.id FROM message m JOIN batch b USING (batch_no) JOIN opt_out o ON o.value = m.phone
WHERE b.priority = 2 AND m.status = 0 AND o.created_at < b.created_at;

-- name: wrong_an_endpoint_s_state_is_what_its_last_push_came_to
SELECT e.kind FROM endpoint e LEFT JOIN LATERAL (SELECT * FROM push_attempt p WHERE p.endpoint_id = e.id AND p.outbox_id > 0
    AND NOT EXISTS (SELECT 1 FROM outbox o WHERE o.id = p.outbox_id AND o.aside) ORDER BY at DESC LIMIT 1) p ON true
WHERE (p.http_status = 410) <> (e.paused_at IS NOT NULL) OR (p.http_status = 503) <> (e.failing_since IS NOT NULL)
UNION ALL SELECT 'outbox' FROM outbox o WHERE (SELECT count(*) FROM push_attempt p WHERE p.outbox_id = o.id) <> o.attempts
UNION ALL SELECT 'taken' FROM push_attempt p JOIN outbox o ON o.id = p.outbox_id WHERE p.http_status = 200;

-- name: wrong_requests_of_the_log_and_batches_know_each_other
SELECT q.id FROM api_request q LEFT JOIN batch b USING (batch_no) WHERE q.status = 0
AND (q.request_id, q.receivers, q.at) IS DISTINCT FROM (b.request_id, b.good + b.bad, b.created_at);

-- name: wrong_an_upload_s_rows_are_those_of_its_batch
SELECT u.line FROM upload_row u JOIN upload_piece p USING (job_id, piece) WHERE p.state = 'sent'
AND NOT EXISTS (SELECT 1 FROM message m WHERE m.batch_no = p.batch_no AND m.phone = u.phone);

-- name: has_scheduled_sends
SELECT 1 FROM schedule WHERE NOT cancelled AND due > now();

-- name: has_a_paused_batch
SELECT 1 FROM batch_stop WHERE NOT cancelled;

-- name: has_a_cancelled_batch
SELECT 1 FROM batch_stop WHERE cancelled;

-- name: has_messages_on_their_way
SELECT 1 FROM receipt_watch;

-- name: has_a_template_that_is_draft
SELECT 1 FROM template WHERE state = 'draft';

-- name: has_a_template_that_is_pending
SELECT 1 FROM template WHERE state = 'pending';

-- name: has_a_template_that_is_approved
SELECT 1 FROM template WHERE state = 'approved';

-- name: has_a_template_that_is_rejected
SELECT 1 FROM template WHERE state = 'rejected';

-- name: has_1_in_the_log
SELECT 1 FROM message WHERE product = 1;

-- name: has_2_in_the_log
SELECT 1 FROM message WHERE product = 2;

-- name: has_3_in_the_log
SELECT 1 FROM message WHERE product = 3;

-- name: has_4_in_the_log
SELECT 1 FROM message WHERE product = 4;

-- name: has_5_in_the_log
SELECT 1 FROM message WHERE product = 5;

-- name: has_1_after_an_email
SELECT 1 FROM mail_event WHERE kind = 1;

-- name: has_2_after_an_email
SELECT 1 FROM mail_event WHERE kind = 2;

-- name: has_an_upload_that_waits_for_its_columns
SELECT 1 FROM file_job WHERE kind = 'upload' AND step = 'map' AND state = 'open';

-- name: has_an_upload_that_waits_for_a_yes
SELECT 1 FROM file_job WHERE kind = 'upload' AND step = 'confirm' AND state = 'open';

-- name: has_an_upload_that_was_sent
SELECT 1 FROM upload_piece WHERE state = 'sent';

-- name: has_an_upload_that_failed
SELECT 1 FROM file_job WHERE kind = 'upload' AND state = 'failed';

-- name: has_an_export_to_take
SELECT 1 FROM file_job j JOIN file_chunk c ON c.job_id = j.id WHERE kind = 'blacklist' AND state = 'done';

-- name: has_pushes_that_were_taken
SELECT 1 FROM push_attempt WHERE http_status = 200;

-- name: has_pushes_that_failed
SELECT 1 FROM push_attempt WHERE http_status > 299;

-- name: has_a_push_that_waits
SELECT 1 FROM outbox WHERE NOT aside;

-- name: has_a_push_that_was_set_aside
SELECT 1 FROM outbox WHERE aside;

-- name: has_a_replay
SELECT 1 FROM push_replay WHERE ended_at IS NOT NULL;

-- name: has_requests_that_were_refused
SELECT 1 FROM api_request WHERE status <> 0;

-- name: has_requests_that_were_accepted
SELECT 1 FROM api_request WHERE status = 0;

-- name: has_colleagues
SELECT 1 FROM membership WHERE role <> 'owner';

-- name: has_an_invitation
SELECT 1 FROM invitation WHERE expires_at > now();

-- name: has_an_invitation_that_is_over
SELECT 1 FROM invitation WHERE expires_at < now();

-- name: has_log_ins_and_one_that_failed
SELECT 1 FROM sign_in WHERE failed <> '';

-- name: has_mails
SELECT 1 FROM local_mail;

-- name: has_a_key_that_has_ended
SELECT 1 FROM api_key WHERE expires_at < now();

-- name: has_opt_outs_by_reply
SELECT 1 FROM opt_out WHERE origin = 'reply';

-- name: has_opt_outs_by_hand
SELECT 1 FROM opt_out WHERE origin = 'operator';

-- name: has_a_blacklist
SELECT 1 FROM blacklist WHERE origin = 'operator';

-- name: has_an_alert
SELECT 1 FROM balance_alert;

-- name: told
SELECT product::integer, country_id, status::integer, sum(messages), sum(fee_micros) FROM rollup GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: true
SELECT m.product::integer, m.country_id, CASE WHEN m.status <> 0 THEN m.status ELSE coalesce(r.status, 0) END::integer, count(*),
       sum(CASE WHEN m.status <> 0 THEN 0 ELSE coalesce(r.fee_micros, m.price_micros) END)
FROM message m LEFT JOIN report r ON r.message_id = m.id GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;

-- name: fingerprint
SELECT (SELECT count(*) FROM message), (SELECT count(*) FROM ledger), (SELECT sum(balance_micros) FROM wallet),
       (SELECT count(*) FROM template), (SELECT count(*) FROM file_job), (SELECT count(*) FROM membership);

-- name: newest
SELECT product::integer, priority::integer, good, (SELECT phone FROM message m WHERE m.id = first_id) FROM batch WHERE created_at > now() - interval '11 minutes' ORDER BY batch_no DESC;
