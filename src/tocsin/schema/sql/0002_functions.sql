-- Functions of the hot path. Each does in one round trip what must stand or fall together.

-- Makes the partition of p_table that holds p_at, if it is missing. Width: a day; submission a week.
CREATE FUNCTION partition_ensure(p_table text, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_width interval := CASE WHEN p_table = 'submission' THEN interval '7 days' ELSE interval '1 day' END;
    v_unit  bigint := extract(epoch FROM v_width);
    v_from  timestamptz := to_timestamp(floor(extract(epoch FROM p_at) / v_unit) * v_unit);
    v_to    timestamptz := v_from + v_width;
    v_name  text := p_table || '_' || to_char(v_from AT TIME ZONE 'UTC', 'YYYYMMDD');
    v_low   text;
    v_high  text;
BEGIN
    IF to_regclass(v_name) IS NOT NULL THEN
        RETURN;
    END IF;
    PERFORM pg_advisory_xact_lock(hashtextextended('partition', 0));
    -- By a query: to_regclass may still say what it knew before the wait.
    IF EXISTS (SELECT 1 FROM pg_class WHERE relname = v_name AND relnamespace = current_schema()::regnamespace) THEN
        RETURN;
    END IF;
    IF p_table = 'batch' THEN
        v_low := batch_no_floor(v_from); v_high := batch_no_floor(v_to);
    ELSIF p_table = 'submission' THEN
        v_low := v_from; v_high := v_to;
    ELSE
        v_low := uuid7_floor(v_from); v_high := uuid7_floor(v_to);
    END IF;
    -- Attached, not created as a partition: that would wait for every open transaction of the table, and hold up the rest.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', v_name, p_table);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', p_table, v_name, v_low, v_high);
END $$;

CREATE FUNCTION partitions_ahead(p_from timestamptz, p_days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_table text;
    v_day   integer;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['batch', 'message', 'submission', 'report', 'part_receipt'] LOOP
        FOR v_day IN 0 .. p_days LOOP
            PERFORM partition_ensure(v_table, p_from + v_day * interval '1 day');
        END LOOP;
    END LOOP;
END $$;

-- Accepts a group of requests: keys, rows, lane items, then the wallets (sorted) and their ledger entries.
-- b_: the requests in order of arrival; m_: their messages, m_batch the ordinal of the request from 1; l_: chunks for the
-- lanes, l_due until when they wait (the epoch: not at all), l_ids their messages one after the other; r_: roll-up deltas; w_: what
-- each account pays, sorted by account, b_wallet the place in it of a request that costs something; m_reserved, m_own and b_given
-- are empty where no request has any; s_: chunks that wait for their
-- time, s_batch the ordinal of the request, b_due and b_zone its time and zone. Columns and not JSON: a third of the time.
-- Refused (money, an idempotency key that is held or taken): SQLSTATE TC001, message = JSON list of
-- {"i": ordinal from 0, "why": "balance" | "held" | "taken"}; nothing is written then.
-- p_again: the answer to an earlier try was lost. SQLSTATE TC002: that try had won.
CREATE FUNCTION accept_group(
    p_again boolean,
    b_no bigint[], b_account integer[], b_product integer[], b_priority integer[], b_country integer[], b_sender text[],
    b_content text[], b_parts integer[], b_pinned integer[], b_good integer[], b_bad integer[], b_amount bigint[],
    b_first uuid[], b_last uuid[], b_expires timestamptz[], b_request text[], b_key text[], b_hash text[],
    m_id uuid[], m_batch integer[], m_phone text[], m_country integer[], m_channel integer[], m_price bigint[],
    m_status integer[], m_reason integer[], m_reserved integer[], m_own text[],
    l_channel integer[], l_priority integer[], l_account integer[], l_n integer[], l_due timestamptz[], l_ids uuid[],
    r_hour timestamptz[], r_account integer[], r_channel integer[], r_product integer[], r_country integer[], r_status integer[],
    r_messages integer[], r_parts integer[], r_fee bigint[],
    w_account integer[], w_amount bigint[], b_wallet integer[],
    b_title text[], b_attached text[], b_template integer[],
    b_due timestamptz[], b_zone text[],
    s_batch integer[], s_channel integer[], s_n integer[], s_amount bigint[], s_ids uuid[],
    b_given text[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r         record;
    v_account integer := -1;
    v_left    bigint;
    v_over    boolean;
    v_balance bigint[];
    v_gift    bigint[];
    v_short   jsonb := '[]';
BEGIN
    IF p_again AND EXISTS (SELECT 1 FROM batch WHERE batch_no = b_no[1]) THEN
        RAISE EXCEPTION USING ERRCODE = 'TC002', MESSAGE = 'accepted before';
    END IF;
    IF cardinality(array_remove(b_key, NULL)) > 0 THEN
        FOR r IN SELECT u.i - 1 AS i, u.a, u.key, u.hash, u.no FROM unnest(b_account, b_key, b_hash, b_no)
                 WITH ORDINALITY AS u(a, key, hash, no, i) WHERE u.key IS NOT NULL ORDER BY u.a, u.key LOOP
            IF NOT pg_try_advisory_xact_lock(hashtextextended(r.key, r.a)) THEN
                v_short := v_short || jsonb_build_object('i', r.i, 'why', 'held');
                CONTINUE;
            END IF;
            INSERT INTO idempotency (account_id, key, hash, batch_no)
                VALUES (r.a, r.key, decode(r.hash, 'hex'), r.no) ON CONFLICT DO NOTHING;
            IF NOT FOUND THEN
                IF p_again AND EXISTS (SELECT 1 FROM idempotency d WHERE d.account_id = r.a AND d.key = r.key AND d.batch_no = r.no) THEN
                    RAISE EXCEPTION USING ERRCODE = 'TC002', MESSAGE = 'accepted before';
                END IF;
                v_short := v_short || jsonb_build_object('i', r.i, 'why', 'taken');
            END IF;
        END LOOP;
        IF jsonb_array_length(v_short) > 0 THEN
            RAISE EXCEPTION USING ERRCODE = 'TC001', MESSAGE = v_short::text;
        END IF;
    END IF;

    INSERT INTO message (id, account_id, batch_no, product, phone, country_id, channel_id, parts, price_micros, status, reason,
                         reserved, own)
        SELECT u.id, b_account[u.b], b_no[u.b], b_product[u.b], u.ph, u.co, nullif(u.ch, 0), b_parts[u.b], u.pr, u.st, u.re,
               coalesce(u.rs, 0), coalesce(u.ow, '')
        FROM unnest(m_id, m_batch, m_phone, m_country, m_channel, m_price, m_status, m_reason, m_reserved, m_own)
             AS u(id, b, ph, co, ch, pr, st, re, rs, ow);
    INSERT INTO batch (batch_no, account_id, product, priority, country_id, sender, content, parts, pinned_channel_id,
                       good, bad, amount_micros, first_id, last_id, expires_at, request_id, title, attached, template_id, due_at,
                       given)
        SELECT u.a, u.b, u.c, u.d, u.e, u.f, u.g, u.h, nullif(u.i, 0), u.j, u.k, u.l, u.m, u.n, u.o, u.p, u.q, u.r, nullif(u.s, 0),
               nullif(u.t, 'epoch'::timestamptz), coalesce(u.v, '')
        FROM unnest(b_no, b_account, b_product, b_priority, b_country, b_sender, b_content, b_parts, b_pinned, b_good, b_bad,
                    b_amount, b_first, b_last, b_expires, b_request, b_title, b_attached, b_template, b_due, b_given)
             AS u(a, b, c, d, e, f, g, h, i, j, k, l, m, n, o, p, q, r, s, t, v);
    INSERT INTO lane_item (channel_id, priority, account_id, due, ids)
        SELECT u.c, u.p, u.a, nullif(u.d, 'epoch'::timestamptz), l_ids[u.upto - u.n + 1 : u.upto]
        FROM (SELECT x.c, x.p, x.a, x.n, x.d, (sum(x.n) OVER (ORDER BY x.o))::integer AS upto
              FROM unnest(l_channel, l_priority, l_account, l_n, l_due) WITH ORDINALITY AS x(c, p, a, n, d, o)) AS u;
    IF cardinality(s_batch) > 0 THEN
        INSERT INTO schedule (due, priority, account_id, batch_no, channel_id, zone, amount_micros, ids)
            SELECT b_due[u.b], b_priority[u.b], b_account[u.b], b_no[u.b], u.c, b_zone[u.b], u.a, s_ids[u.upto - u.n + 1 : u.upto]
            FROM (SELECT x.b, x.c, x.n, x.a, (sum(x.n) OVER (ORDER BY x.o))::integer AS upto
                  FROM unnest(s_batch, s_channel, s_n, s_amount) WITH ORDINALITY AS x(b, c, n, a, o)) AS u;
    END IF;
    INSERT INTO rollup_delta (hour, account_id, channel_id, product, country_id, status, messages, parts, fee_micros)
        SELECT * FROM unnest(r_hour, r_account, r_channel, r_product, r_country, r_status, r_messages, r_parts, r_fee);

    -- Locks last, in one order everywhere: by account.
    SELECT array_agg(w.balance_micros), array_agg(w.gift_micros), bool_or(u.amount > w.balance_micros + w.gift_micros + w.credit_micros)
    INTO v_balance, v_gift, v_over
    FROM (SELECT account_id, balance_micros, gift_micros, credit_micros FROM wallet
          WHERE account_id = ANY(w_account) ORDER BY account_id FOR UPDATE) w
    JOIN unnest(w_account, w_amount) AS u(a, amount) ON u.a = w.account_id;
    IF v_over OR cardinality(v_balance) IS DISTINCT FROM nullif(cardinality(w_account), 0) THEN
        FOR r IN SELECT u.i - 1 AS i, u.a, u.amount, coalesce(w.balance_micros + w.gift_micros + w.credit_micros, 0) AS funds
                 FROM unnest(b_account, b_amount) WITH ORDINALITY AS u(a, amount, i) LEFT JOIN wallet w ON w.account_id = u.a
                 WHERE u.amount > 0 ORDER BY u.a, u.i LOOP
            IF r.a <> v_account THEN
                v_account := r.a; v_left := r.funds;
            END IF;
            IF r.amount > v_left THEN
                v_short := v_short || jsonb_build_object('i', r.i, 'why', 'balance');
            ELSE
                v_left := v_left - r.amount;
            END IF;
        END LOOP;
        RAISE EXCEPTION USING ERRCODE = 'TC001', MESSAGE = v_short::text;
    END IF;
    -- The gift is spent first: of a running sum, what lies below it.
    INSERT INTO ledger (account_id, kind, balance_micros, gift_micros, balance_after, batch_no, messages)
    SELECT w_account[s.w], 'charge', least(s.gift, s.upto) - least(s.gift, s.upto - s.amount) - s.amount,
           least(s.gift, s.upto - s.amount) - least(s.gift, s.upto), v_balance[s.w] - (s.upto - least(s.gift, s.upto)), s.no, s.good
    FROM (SELECT u.i, u.w, u.no, u.good, u.amount, v_gift[u.w] AS gift, sum(u.amount) OVER (PARTITION BY u.w ORDER BY u.i) AS upto
          FROM unnest(b_wallet, b_no, b_good, b_amount) WITH ORDINALITY AS u(w, no, good, amount, i) WHERE u.amount > 0) s
    ORDER BY s.w, s.i;
    UPDATE wallet w SET balance_micros = w.balance_micros - (u.amount - least(w.gift_micros, u.amount)),
                        gift_micros = w.gift_micros - least(w.gift_micros, u.amount)
    FROM unnest(w_account, w_amount) AS u(a, amount) WHERE w.account_id = u.a;
END $$;

-- Moves money after the accept: gives back (micros > 0) or charges again what was given back (micros < 0), and locks wallets
-- in the order of accounts. p_rows: JSON list of [account, batch_no, micros, messages].
-- Given back into the pot that paid: first what the balance paid of that batch, then what the gift paid.
-- Charged again: the gift first, then the balance, which may go below zero by it.
CREATE FUNCTION settle_group(p_rows json) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM 1 FROM wallet WHERE account_id IN (SELECT (v ->> 0)::integer FROM json_array_elements(p_rows) AS v)
        ORDER BY account_id FOR UPDATE;
    WITH want AS (
        SELECT (v ->> 0)::integer AS account_id, (v ->> 1)::bigint AS batch_no, sum((v ->> 2)::bigint)::bigint AS micros,
               sum((v ->> 3)::integer)::integer AS messages
        FROM json_array_elements(p_rows) AS v WHERE (v ->> 2)::bigint > 0 GROUP BY 1, 2
    ), gifted AS (
        SELECT l.batch_no, greatest(-sum(l.balance_micros), 0)::bigint AS balance_paid
        FROM ledger l WHERE l.batch_no IN (SELECT w.batch_no FROM want w) AND (l.gift_micros <> 0 OR l.kind <> 'charge')
        GROUP BY l.batch_no HAVING bool_or(l.kind = 'charge')
    ), back AS (
        SELECT w.account_id, CASE WHEN g.batch_no IS NOT NULL THEN w.batch_no END AS batch_no,
               sum(CASE WHEN g.batch_no IS NULL THEN w.micros ELSE least(w.micros, g.balance_paid) END)::bigint AS b,
               sum(CASE WHEN g.batch_no IS NULL THEN 0 ELSE w.micros - least(w.micros, g.balance_paid) END)::bigint AS g,
               sum(w.messages)::integer AS n, 'refund' AS kind
        FROM want w LEFT JOIN gifted g USING (batch_no) GROUP BY 1, 2
    ), again AS (
        SELECT t.account_id, NULL::bigint AS batch_no, least(w.gift_micros, t.micros) - t.micros AS b,
               -least(w.gift_micros, t.micros) AS g, t.messages AS n, 'charge again' AS kind
        FROM (SELECT (v ->> 0)::integer AS account_id, -sum((v ->> 2)::bigint)::bigint AS micros, sum((v ->> 3)::integer)::integer AS messages
              FROM json_array_elements(p_rows) AS v WHERE (v ->> 2)::bigint < 0 GROUP BY 1) t JOIN wallet w USING (account_id)
    ), moved AS (
        SELECT * FROM back UNION ALL SELECT * FROM again
    ), written AS (
        INSERT INTO ledger (account_id, kind, balance_micros, gift_micros, balance_after, batch_no, messages)
        SELECT m.account_id, m.kind, m.b, m.g,
               w.balance_micros + sum(m.b) OVER (PARTITION BY m.account_id ORDER BY m.kind, m.batch_no NULLS FIRST), m.batch_no, m.n
        FROM moved m JOIN wallet w USING (account_id)
        RETURNING account_id, balance_micros, gift_micros
    )
    UPDATE wallet w SET balance_micros = w.balance_micros + t.b, gift_micros = w.gift_micros + t.g
        FROM (SELECT account_id, sum(balance_micros)::bigint AS b, sum(gift_micros)::bigint AS g FROM written GROUP BY 1) t
        WHERE w.account_id = t.account_id;
END $$;

-- Claims work of a channel for p_owner: ready items by priority, accounts in turn within it, at most p_messages messages, in the
-- order in which they were picked. p_after: for each priority the account that was served last; the turn begins behind it.
-- Where already the first item is larger than p_messages it is divided: a slow channel claims a few messages at a time, so that a
-- code is not stuck behind fifty of a campaign. What is claimed becomes an item of its own, the rest keeps its place.
-- p_floor: for each priority an item id; items up to it are left to the next call without a floor. Where an old snapshot is held
-- open the index is full of entries that are dead and cannot be marked so: the floor passes them without a look at their rows.
CREATE FUNCTION claim_lane(p_channel integer, p_owner bigint, p_lease interval, p_messages integer, p_after integer[], p_floor bigint[])
RETURNS TABLE (id bigint, priority smallint, account_id integer, attempt smallint, ids bytea) LANGUAGE plpgsql AS $$
#variable_conflict use_column
DECLARE
    v_left     integer := p_messages;
    v_accounts integer[];
    v_low      integer;
    v_high     integer;
    v_each     integer;
    v_got      integer;
    v_floor    bigint;
BEGIN
    FOR v_priority IN 0 .. 2 LOOP
        v_floor := p_floor[v_priority + 1];
        FOR v_lap IN 0 .. 1 LOOP
            v_low := CASE v_lap WHEN 0 THEN p_after[v_priority + 1] ELSE -1 END;
            v_high := CASE v_lap WHEN 0 THEN 2147483647 ELSE p_after[v_priority + 1] END;
            WITH RECURSIVE turn AS (
                (SELECT l.account_id FROM lane_item l WHERE l.channel_id = p_channel AND l.priority = v_priority AND l.owner IS NULL
                 AND l.due IS NULL AND l.id > v_floor AND l.account_id > v_low AND l.account_id <= v_high ORDER BY l.account_id LIMIT 1)
                UNION ALL
                SELECT n.account_id FROM turn t CROSS JOIN LATERAL (
                    SELECT l.account_id FROM lane_item l WHERE l.channel_id = p_channel AND l.priority = v_priority AND l.owner IS NULL
                    AND l.due IS NULL AND l.id > v_floor AND l.account_id > t.account_id AND l.account_id <= v_high ORDER BY l.account_id LIMIT 1) n
            )
            SELECT array_agg(t.account_id) INTO v_accounts FROM (SELECT turn.account_id FROM turn LIMIT v_left) t;
            IF v_accounts IS NULL THEN
                CONTINUE;
            END IF;
            v_each := ceil(v_left::numeric / (50 * cardinality(v_accounts)));
            LOOP
                FOR id, priority, account_id, attempt, ids, v_got IN
                    WITH picked AS MATERIALIZED (
                        SELECT i.*, a.o, cardinality(i.ids) AS n
                        FROM unnest(v_accounts) WITH ORDINALITY AS a(account_id, o) CROSS JOIN LATERAL (
                            SELECT i.id, i.ids FROM lane_item i WHERE i.channel_id = p_channel AND i.priority = v_priority
                            AND i.owner IS NULL AND i.due IS NULL AND i.account_id = a.account_id AND i.id > v_floor
                            ORDER BY i.id LIMIT v_each FOR UPDATE SKIP LOCKED) i
                    ), summed AS (
                        SELECT p.*, sum(p.n) OVER (ORDER BY p.o, p.id) AS upto FROM picked p
                    ), whole AS (
                        UPDATE lane_item l SET owner = p_owner, lease_end = clock_timestamp() + p_lease
                        FROM summed s WHERE l.id = s.id AND s.upto <= v_left
                        RETURNING s.o, l.id, l.account_id, l.attempt, l.ids
                    ), large AS (
                        SELECT s.* FROM summed s WHERE s.upto = s.n AND s.n > p_messages AND v_left = p_messages
                    ), rest AS (
                        UPDATE lane_item l SET ids = l.ids[p_messages + 1 :] FROM large s WHERE l.id = s.id
                        RETURNING s.o, l.account_id, l.attempt, l.ready_at, s.ids[: p_messages] AS ids
                    ), part AS (
                        INSERT INTO lane_item (channel_id, priority, account_id, attempt, owner, lease_end, ready_at, ids)
                        SELECT p_channel, v_priority, r.account_id, r.attempt, p_owner, clock_timestamp() + p_lease, r.ready_at, r.ids FROM rest r
                        RETURNING 1::bigint, lane_item.id, lane_item.account_id, lane_item.attempt, lane_item.ids
                    )
                    SELECT g.id, v_priority::smallint, g.account_id, g.attempt, array_send(g.ids), cardinality(g.ids)
                    FROM (SELECT * FROM whole UNION ALL SELECT * FROM part) AS g(o, id, account_id, attempt, ids) ORDER BY g.o, g.id
                LOOP
                    v_left := v_left - v_got;
                    RETURN NEXT;
                END LOOP;
                EXIT WHEN NOT FOUND OR v_left <= 0;
                v_each := least(v_each * 4, p_messages);
            END LOOP;
            IF v_left <= 0 THEN
                RETURN;
            END IF;
        END LOOP;
    END LOOP;
END $$;

-- Reference tables: every change moves the table's clock. The clock's row lock makes commit order the order of versions,
-- so that "what is newer than N" skips nothing.
CREATE FUNCTION change_stamp() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    v_version bigint;
BEGIN
    INSERT INTO change_clock (name, version) VALUES (TG_TABLE_NAME, 1)
        ON CONFLICT (name) DO UPDATE SET version = change_clock.version + 1 RETURNING version INTO v_version;
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    NEW.version := v_version;
    RETURN NEW;
END $$;

-- For tables that are read whole: one move of the clock per statement, so that an import of 50,000 rows stays one.
CREATE FUNCTION change_mark() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change_clock (name, version) VALUES (TG_TABLE_NAME, 1)
        ON CONFLICT (name) DO UPDATE SET version = change_clock.version + 1;
    RETURN NULL;
END $$;

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['account', 'api_key', 'account_grant', 'endpoint'] LOOP
        EXECUTE format('CREATE TRIGGER change_stamp BEFORE INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH ROW EXECUTE FUNCTION change_stamp()', v_table);
    END LOOP;
    FOREACH v_table IN ARRAY ARRAY['plan', 'country', 'channel', 'route', 'price'] LOOP
        EXECUTE format('CREATE TRIGGER change_mark AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION change_mark()', v_table);
    END LOOP;
END $$;

-- Deleting an account's key, grant or endpoint is rare: its clock runs as "<table>.deleted", and readers read all anew.
CREATE FUNCTION change_deleted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO change_clock (name, version) VALUES (TG_TABLE_NAME || '.deleted', 1)
        ON CONFLICT (name) DO UPDATE SET version = change_clock.version + 1;
    RETURN NULL;
END $$;
CREATE TRIGGER change_deleted AFTER DELETE ON api_key FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();
CREATE TRIGGER change_deleted AFTER DELETE ON account_grant FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();
CREATE TRIGGER change_deleted AFTER DELETE ON endpoint FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();

SELECT partitions_ahead(now() - interval '1 day', 31);
