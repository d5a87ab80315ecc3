-- What statements and usage are read from, so that a month of millions of messages is a few hundred rows; and the low-balance alert.

-- The ledger by day (UTC) and kind. Kept by ledger_fold(); whoever reads it adds what came since, by ledger_days().
-- A job that drops old ledger entries keeps these rows, and folds its opening entry into none of them.
CREATE TABLE ledger_day (
    account_id     integer NOT NULL,
    day            date NOT NULL,
    kind           text NOT NULL,
    balance_micros bigint NOT NULL,           -- signed
    gift_micros    bigint NOT NULL,           -- signed
    entries        bigint NOT NULL,
    messages       bigint NOT NULL,
    first_id       bigint NOT NULL,           -- its entries lie between the two, among others
    last_id        bigint NOT NULL,
    PRIMARY KEY (account_id, day, kind)
);
CREATE TABLE ledger_folded (
    account_id integer PRIMARY KEY,
    last_id    bigint NOT NULL
) WITH (fillfactor = 50);

-- Entries of one account get their ids under its wallet's lock, so they come in the order of commits: none is overtaken.
CREATE FUNCTION ledger_fold(p_account integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_from bigint;
    v_upto bigint;
BEGIN
    INSERT INTO ledger_folded (account_id, last_id) VALUES (p_account, 0) ON CONFLICT DO NOTHING;
    SELECT f.last_id INTO v_from FROM ledger_folded f WHERE f.account_id = p_account FOR UPDATE;
    SELECT max(l.id) INTO v_upto FROM ledger l WHERE l.account_id = p_account;
    IF v_upto IS NULL OR v_upto <= v_from THEN
        RETURN;
    END IF;
    INSERT INTO ledger_day AS d (account_id, day, kind, balance_micros, gift_micros, entries, messages, first_id, last_id)
    SELECT p_account, (l.at AT TIME ZONE 'UTC')::date, l.kind, sum(l.balance_micros), sum(l.gift_micros), count(*), sum(l.messages),
           min(l.id), max(l.id)
    FROM ledger l WHERE l.account_id = p_account AND l.id > v_from AND l.id <= v_upto GROUP BY 2, 3
    ON CONFLICT (account_id, day, kind) DO UPDATE
    SET balance_micros = d.balance_micros + excluded.balance_micros, gift_micros = d.gift_micros + excluded.gift_micros,
        entries = d.entries + excluded.entries, messages = d.messages + excluded.messages, last_id = excluded.last_id;
    UPDATE ledger_folded SET last_id = v_upto WHERE account_id = p_account;
END $$;

-- The ledger of one account by day and kind, to the last entry. A day and kind may come twice: what is folded, and what is not yet.
CREATE FUNCTION ledger_days(p_account integer) RETURNS TABLE (
    day date, kind text, balance_micros bigint, gift_micros bigint, entries bigint, messages bigint, first_id bigint, last_id bigint
) LANGUAGE sql STABLE AS $$
    SELECT d.day, d.kind, d.balance_micros, d.gift_micros, d.entries, d.messages, d.first_id, d.last_id
    FROM ledger_day d WHERE d.account_id = p_account
    UNION ALL
    SELECT (l.at AT TIME ZONE 'UTC')::date, l.kind, sum(l.balance_micros)::bigint, sum(l.gift_micros)::bigint, count(*), sum(l.messages),
           min(l.id), max(l.id)
    FROM ledger l
    WHERE l.account_id = p_account
      AND l.id > coalesce((SELECT f.last_id FROM ledger_folded f WHERE f.account_id = p_account), 0)
    GROUP BY 1, 2
$$;

-- What traffic cost on a day (UTC), on which the money moved: what was charged at accepts, and what was returned later, less what was
-- charged again. Their difference is that of the ledger's entries of that day.
CREATE TABLE traffic_day (
    account_id      integer NOT NULL,
    day             date NOT NULL,
    product         smallint NOT NULL,
    country_id      integer NOT NULL,
    messages        bigint NOT NULL,
    parts           bigint NOT NULL,
    charged_micros  bigint NOT NULL,
    returned_micros bigint NOT NULL,
    PRIMARY KEY (account_id, day, product, country_id)
) WITH (fillfactor = 80);
INSERT INTO traffic_day
SELECT account_id, (hour AT TIME ZONE 'UTC')::date, product, country_id, sum(messages), sum(parts), sum(fee_micros), 0
FROM rollup GROUP BY 1, 2, 3, 4;

-- On which day the money of a delta moves (in the transaction of its ledger entry, so the same one), and whether behind the accept.
ALTER TABLE rollup_delta ADD COLUMN moved_on date NOT NULL DEFAULT (now() AT TIME ZONE 'UTC')::date;
ALTER TABLE rollup_delta ADD COLUMN later boolean NOT NULL DEFAULT false;
