-- name: prices
SELECT plan_id, product::integer, country_id, prefix, channel_id, price_micros FROM price;

-- name: costs
SELECT product::integer, country_id, prefix, channel_id, cost_micros FROM cost;

-- name: wallet_create
INSERT INTO wallet (account_id, credit_micros) VALUES (%s, %s);

-- name: wallet_lock
SELECT balance_micros, gift_micros, credit_micros FROM wallet WHERE account_id = %s FOR UPDATE;

-- name: wallet_read
SELECT balance_micros, gift_micros, credit_micros FROM wallet WHERE account_id = %s;

-- name: wallets
SELECT account_id, balance_micros, gift_micros, credit_micros FROM wallet;

-- name: wallet_move
UPDATE wallet SET balance_micros = balance_micros + %s, gift_micros = gift_micros + %s WHERE account_id = %s;

-- name: wallet_credit
UPDATE wallet SET credit_micros = %s WHERE account_id = %s;

-- name: ledger_add
INSERT INTO ledger (account_id, kind, balance_micros, gift_micros, balance_after, note)
SELECT account_id, %s, %s, %s, balance_micros, %s FROM wallet WHERE account_id = %s;

-- name: ledger_last
SELECT id, at, kind, balance_micros, gift_micros, balance_after, batch_no, messages, note
FROM ledger WHERE account_id = %s ORDER BY id DESC LIMIT %s;

-- name: check
-- One statement, so one snapshot: a charge that commits meanwhile is in both sums or in none.
WITH sums AS (
    SELECT account_id, sum(balance_micros)::bigint AS balance, sum(gift_micros)::bigint AS gift FROM ledger GROUP BY account_id
)
SELECT account_id, a.name, w.balance_micros, w.gift_micros, coalesce(s.balance, 0), coalesce(s.gift, 0)
FROM wallet w FULL JOIN sums s USING (account_id) FULL JOIN (SELECT id AS account_id, name FROM account) a USING (account_id)
WHERE w.account_id IS NULL OR w.balance_micros <> coalesce(s.balance, 0) OR w.gift_micros <> coalesce(s.gift, 0)
ORDER BY account_id;

-- name: price_list
SELECT pl.name, p.product::integer, p.country_id, c.iso, p.prefix, ch.name, p.price_micros
FROM price p JOIN plan pl ON pl.id = p.plan_id LEFT JOIN country c ON c.code_id = p.country_id
LEFT JOIN channel ch ON ch.id = p.channel_id
WHERE (%(plan)s::text IS NULL OR pl.name = %(plan)s) AND (%(product)s::integer IS NULL OR p.product = %(product)s)
  AND (%(country)s::integer IS NULL OR p.country_id = %(country)s)
ORDER BY pl.name, p.product, p.country_id NULLS FIRST, p.prefix, ch.name NULLS FIRST;

-- name: price_stage
CREATE TEMPORARY TABLE price_stage (
    plan_id integer, product smallint, country_id integer, prefix text, channel_id integer, price_micros bigint
) ON COMMIT DROP;

-- name: price_copy
COPY price_stage FROM STDIN;

-- name: price_replaced
SELECT p.plan_id, p.product::integer, p.country_id, p.prefix, p.channel_id, p.price_micros
FROM price p JOIN price_stage s ON p.plan_id = s.plan_id AND p.product = s.product AND p.prefix = s.prefix
 AND p.country_id IS NOT DISTINCT FROM s.country_id AND p.channel_id IS NOT DISTINCT FROM s.channel_id
WHERE p.price_micros <> s.price_micros ORDER BY 1, 2, 3 NULLS FIRST, 4, 5 NULLS FIRST LIMIT 1000;

-- name: price_merge
INSERT INTO price (plan_id, product, country_id, prefix, channel_id, price_micros)
SELECT plan_id, product, country_id, prefix, channel_id, price_micros FROM price_stage
ON CONFLICT ON CONSTRAINT price_key DO UPDATE SET price_micros = excluded.price_micros;

-- name: cost_list
SELECT k.product::integer, k.country_id, c.iso, k.prefix, ch.name, k.cost_micros
FROM cost k JOIN channel ch ON ch.id = k.channel_id LEFT JOIN country c ON c.code_id = k.country_id
WHERE (%(channel)s::integer IS NULL OR k.channel_id = %(channel)s) AND (%(product)s::integer IS NULL OR k.product = %(product)s)
  AND (%(country)s::integer IS NULL OR k.country_id = %(country)s)
ORDER BY ch.name, k.product, k.country_id NULLS FIRST, k.prefix;

-- name: cost_replaced
SELECT k.product::integer, k.country_id, k.prefix, k.channel_id, k.cost_micros
FROM cost k JOIN price_stage s ON k.channel_id = s.channel_id AND k.product = s.product AND k.prefix = s.prefix
 AND k.country_id IS NOT DISTINCT FROM s.country_id
WHERE k.cost_micros <> s.price_micros ORDER BY 4, 1, 2 NULLS FIRST, 3 LIMIT 1000;

-- name: cost_merge
INSERT INTO cost (channel_id, product, country_id, prefix, cost_micros)
SELECT channel_id, product, country_id, prefix, price_micros FROM price_stage
ON CONFLICT ON CONSTRAINT cost_key DO UPDATE SET cost_micros = excluded.cost_micros;

-- name: plans
SELECT id, name, charge_failed, min_margin_percent::integer, by_cost FROM plan ORDER BY name;

-- name: plan_add
INSERT INTO plan (name, charge_failed, min_margin_percent, by_cost)
VALUES (%(name)s, %(charge_failed)s, %(min_margin_percent)s, %(by_cost)s) ON CONFLICT (name) DO NOTHING RETURNING id;

-- name: plan_set
UPDATE plan SET charge_failed = %(charge_failed)s, min_margin_percent = %(min_margin_percent)s, by_cost = %(by_cost)s
WHERE id = %(id)s;

-- name: ledger_page
-- Newest day first, then newest id. Of the days as many as the page can need (the first and the last may hold less than they
-- count); the entries of a kind lie near those of its days.
WITH days AS (
    SELECT d.day, CASE WHEN %(kind)s::text = '' THEN '' ELSE d.kind END AS kind, min(d.first_id) AS low, max(d.last_id) AS high,
           sum(d.entries) FILTER (WHERE d.day > (%(since)s::timestamptz AT TIME ZONE 'UTC')::date
               AND d.day < least((%(until)s::timestamptz AT TIME ZONE 'UTC')::date, %(before_day)s::date)) AS n
    FROM ledger_days(%(account)s::integer) d
    WHERE (%(kind)s::text = '' OR d.kind = %(kind)s::text) AND d.day <= %(before_day)s::date
      AND d.day BETWEEN (%(since)s::timestamptz AT TIME ZONE 'UTC')::date AND (%(until)s::timestamptz AT TIME ZONE 'UTC')::date
    GROUP BY 1, 2
), near AS (
    SELECT *, coalesce(sum(n) OVER (ORDER BY day DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS newer FROM days
)
SELECT l.id, l.at, l.kind, l.balance_micros, l.gift_micros, l.balance_after, l.batch_no, l.messages, l.note
FROM near d CROSS JOIN LATERAL (
    SELECT * FROM ledger e
    WHERE e.account_id = %(account)s::integer AND e.id BETWEEN d.low AND d.high AND (d.kind = '' OR e.kind = d.kind)
      AND e.at >= greatest(d.day::timestamp AT TIME ZONE 'UTC', %(since)s::timestamptz)
      AND e.at < least((d.day + 1)::timestamp AT TIME ZONE 'UTC', %(until)s::timestamptz)
      AND (d.day < %(before_day)s::date OR e.id < %(before_id)s::bigint)
    ORDER BY e.id DESC LIMIT %(limit)s::integer) l
WHERE d.newer < %(limit)s::integer
ORDER BY d.day DESC, l.id DESC LIMIT %(limit)s::integer;

-- name: ledger_days
SELECT day, kind, sum(balance_micros)::bigint, sum(gift_micros)::bigint, sum(entries)::bigint, sum(messages)::bigint
FROM ledger_days(%s::integer) GROUP BY 1, 2 ORDER BY 1, 2;

-- name: ledger_first
SELECT min(day) FROM ledger_days(%s::integer);

-- name: ledger_fold
-- Of up to so many accounts with entries that are not folded yet.
SELECT count(ledger_fold(w.account_id)) FROM (
    SELECT w.account_id FROM wallet w LEFT JOIN ledger_folded f USING (account_id)
    WHERE EXISTS (SELECT 1 FROM ledger l WHERE l.account_id = w.account_id AND l.id > coalesce(f.last_id, 0))
    ORDER BY w.account_id LIMIT %s) w;

-- name: traffic_days
SELECT day, product::integer, country_id, messages, parts, charged_micros, returned_micros
FROM traffic_day WHERE account_id = %s AND day >= %s AND day < %s ORDER BY day, product, country_id;

-- name: alert_read
SELECT a.threshold_micros, a.addresses, coalesce(w.balance_micros + w.gift_micros + w.credit_micros, 0)
FROM balance_alert a LEFT JOIN wallet w USING (account_id) WHERE a.account_id = %s;

-- name: alert_set
-- Another threshold is another question: whether it was told begins anew.
INSERT INTO balance_alert AS a (account_id, threshold_micros, addresses) VALUES (%s, %s, %s)
ON CONFLICT (account_id) DO UPDATE SET threshold_micros = excluded.threshold_micros, addresses = excluded.addresses,
    is_below = a.is_below AND a.threshold_micros = excluded.threshold_micros;

-- name: alert_drop
DELETE FROM balance_alert WHERE account_id = %s RETURNING account_id;

-- name: alert_arm
UPDATE balance_alert a SET is_below = false FROM wallet w
WHERE w.account_id = a.account_id AND a.is_below AND w.balance_micros + w.gift_micros + w.credit_micros >= a.threshold_micros;

-- name: alert_claim
-- Not sooner than 10 minutes behind the last mail or try: a balance may go up and down, and so may a threshold.
WITH fallen AS (
    SELECT a.account_id, w.balance_micros + w.gift_micros + w.credit_micros AS left_micros
    FROM balance_alert a JOIN wallet w USING (account_id)
    WHERE NOT a.is_below AND w.balance_micros + w.gift_micros + w.credit_micros < a.threshold_micros
      AND (a.told_at IS NULL OR a.told_at < now() - interval '10 minutes')
    ORDER BY a.account_id LIMIT %s FOR UPDATE OF a SKIP LOCKED
)
UPDATE balance_alert a SET is_below = true, told_at = clock_timestamp()
FROM fallen f JOIN account c ON c.id = f.account_id WHERE a.account_id = f.account_id
RETURNING a.account_id, c.name, c.language, c.currency, a.threshold_micros, f.left_micros, a.addresses, a.told_at, c.display_name;

-- name: alert_give_back
UPDATE balance_alert SET is_below = false WHERE account_id = %s AND told_at = %s;

-- name: plan_prices
SELECT plan_id, product::integer, country_id, prefix, channel_id, price_micros FROM price WHERE plan_id = %s;

-- name: price_version
SELECT coalesce(max(version), 0) FROM change_clock WHERE name = 'price';

-- name: ledger_export
SELECT id, at, kind, balance_micros, gift_micros, balance_after, batch_no, messages, note
FROM ledger WHERE account_id = %(account)s AND id < %(before)s::bigint AND (%(kind)s::text = '' OR kind = %(kind)s::text)
AND (%(since)s::timestamptz IS NULL OR at >= %(since)s::timestamptz) AND (%(until)s::timestamptz IS NULL OR at < %(until)s::timestamptz)
ORDER BY id DESC LIMIT %(limit)s::integer;
