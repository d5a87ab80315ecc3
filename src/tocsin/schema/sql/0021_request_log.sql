-- The request log by day, so that old days go by dropping a partition; what strangers send is marked; rows of an account and day are
-- counted. The table as it was becomes the partition of all days up to the migration's: nothing is copied, its indices are taken over.

-- As before, and with api_request, by the day of `at`.
CREATE OR REPLACE FUNCTION partition_ensure(p_table text, p_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
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
    ELSIF p_table IN ('submission', 'api_request') THEN
        v_low := v_from; v_high := v_to;
    ELSE
        v_low := uuid7_floor(v_from); v_high := uuid7_floor(v_to);
    END IF;
    -- Attached, not created as a partition: that would wait for every open transaction of the table, and hold up the rest.
    EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING ALL)', v_name, p_table);
    EXECUTE format('ALTER TABLE %I ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', p_table, v_name, v_low, v_high);
EXCEPTION WHEN invalid_object_definition THEN
    IF p_table <> 'api_request' THEN
        RAISE;
    END IF;  -- the days before the log was partitioned lie in one partition
END $$;

CREATE OR REPLACE FUNCTION partitions_ahead(p_from timestamptz, p_days integer) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    v_table text;
    v_day   integer;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['batch', 'message', 'submission', 'report', 'part_receipt', 'api_request'] LOOP
        FOR v_day IN 0 .. p_days LOOP
            PERFORM partition_ensure(v_table, p_from + v_day * interval '1 day');
        END LOOP;
    END LOOP;
END $$;

ALTER TABLE api_request RENAME TO api_request_old;
ALTER TABLE api_request_old ADD COLUMN signed boolean NOT NULL DEFAULT true;

-- Requests to the public API: all that were refused, a sample of the rest. Pages go by id, within the account.
CREATE TABLE api_request (
    id         bigint NOT NULL,
    account_id integer NOT NULL,
    at         timestamptz NOT NULL,
    request_id text NOT NULL,
    method     text NOT NULL,
    path       text NOT NULL,
    status     integer NOT NULL,               -- of the API page
    http       integer NOT NULL,
    took_ms    integer NOT NULL,
    address    text NOT NULL,
    key_id     integer NOT NULL,               -- 0: no key fitted
    receivers  integer NOT NULL,
    batch_no   bigint NOT NULL,                -- 0: none
    left_out   integer NOT NULL,               -- more that are not here: of the account in this second; not signed: of the network in this minute
    message    text NOT NULL,
    body       text NOT NULL,                  -- start of a refused one, secrets masked; '' of one that is not signed
    signed     boolean NOT NULL DEFAULT true   -- false: a stranger named the account
) PARTITION BY RANGE (at);

DO $$
DECLARE
    v_end  timestamptz := to_timestamp((floor(extract(epoch FROM now()) / 86400) + 1) * 86400);
    v_name text := 'api_request_' || to_char(now() AT TIME ZONE 'UTC', 'YYYYMMDD');
    v_next bigint := (SELECT coalesce(max(id), 0) + 1 FROM api_request_old);
BEGIN
    ALTER TABLE api_request_old ALTER COLUMN id DROP IDENTITY;
    EXECUTE format('CREATE SEQUENCE api_request_id_seq START %s', v_next);
    ALTER TABLE api_request ALTER COLUMN id SET DEFAULT nextval('api_request_id_seq');
    ALTER SEQUENCE api_request_id_seq OWNED BY api_request.id;
    ALTER TABLE api_request_old ALTER COLUMN id SET DEFAULT nextval('api_request_id_seq');
    IF NOT EXISTS (SELECT 1 FROM api_request_old) THEN
        DROP TABLE api_request_old;
    ELSE
        ALTER TABLE api_request_old DROP CONSTRAINT api_request_pkey;
        -- Of a clock that was wrong: the days to come have partitions of their own.
        UPDATE api_request_old SET at = now() WHERE at >= v_end;
        DROP INDEX api_request_at;
        ALTER INDEX api_request_account RENAME TO api_request_old_account;
        ALTER INDEX api_request_refused RENAME TO api_request_old_refused;
        ALTER INDEX api_request_path RENAME TO api_request_old_path;
    END IF;
    CREATE INDEX api_request_account ON api_request (account_id, id);
    CREATE INDEX api_request_refused ON api_request (account_id, id) WHERE status <> 0;
    CREATE INDEX api_request_path ON api_request (account_id, path, id);
    IF to_regclass('api_request_old') IS NOT NULL THEN
        -- Named by its last day, so that it goes when that is over long enough.
        EXECUTE format('ALTER TABLE api_request_old RENAME TO %I', v_name);
        EXECUTE format('ALTER TABLE api_request ATTACH PARTITION %I FOR VALUES FROM (MINVALUE) TO (%L)', v_name, v_end);
    END IF;
END $$;

-- How many rows an account's log took of a day (UTC), and how many requests were not written since its ceiling was reached.
CREATE TABLE request_day (
    account_id    integer NOT NULL,
    day           date NOT NULL,
    own           bigint NOT NULL,
    own_out       bigint NOT NULL,
    strangers     bigint NOT NULL,
    strangers_out bigint NOT NULL,
    PRIMARY KEY (account_id, day)
) WITH (fillfactor = 50);

SELECT partitions_ahead(now() - interval '1 day', 31);
