-- Batches as people watch and stop them.

-- An account's batches, newest first.
CREATE INDEX batch_account ON batch (account_id, batch_no);

-- A batch that is stopped: paused until it is resumed, or cancelled for good. Without a row it is not.
CREATE TABLE batch_stop (
    batch_no   bigint PRIMARY KEY,
    account_id integer NOT NULL,
    cancelled  boolean NOT NULL DEFAULT false,
    at         timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX batch_stop_account ON batch_stop (account_id, batch_no);
CREATE INDEX batch_stop_at ON batch_stop (at);

-- Of what is stopped: its batch. Such an item is due at infinity, so that neither a claim nor a promotion ever looks at it.
ALTER TABLE lane_item ADD COLUMN held_batch bigint;
CREATE INDEX lane_item_held ON lane_item (held_batch, id) WHERE held_batch IS NOT NULL;

-- What became of batches of more than 50 numbers, by country and traffic.Reason. fee_micros: what these messages cost as they are now.
-- Of numbers that were refused at the accept it is the reason and 100. Two more rows of a country: -1, handed over to a carrier, ended
-- or not; -2, ended without that. at: when the last one came to it.
CREATE TABLE batch_sum (
    batch_no   bigint NOT NULL,
    country_id integer NOT NULL,
    reason     smallint NOT NULL,
    messages   integer NOT NULL,
    fee_micros bigint NOT NULL,
    at         timestamptz NOT NULL,
    PRIMARY KEY (batch_no, country_id, reason)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Signed changes of it, folded by a job as those of the hourly roll-up are.
CREATE TABLE batch_delta (
    batch_no   bigint NOT NULL,
    country_id integer NOT NULL,
    reason     smallint NOT NULL,
    messages   integer NOT NULL,
    fee_micros bigint NOT NULL,
    at         timestamptz NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);

-- The sums that a batch begins with. Its messages are there before it.
CREATE FUNCTION batch_sum_begin() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO batch_sum (batch_no, country_id, reason, messages, fee_micros, at)
    SELECT NEW.batch_no, m.country_id, CASE WHEN m.status <> 0 THEN 100 + m.reason ELSE m.reason END, count(*), sum(CASE WHEN m.status = 0 THEN m.price_micros ELSE 0 END), NEW.created_at
    FROM message m WHERE m.id BETWEEN NEW.first_id AND NEW.last_id AND m.batch_no = NEW.batch_no GROUP BY 1, 2, 3;
    RETURN NULL;
END $$;
CREATE TRIGGER batch_sum_begin AFTER INSERT ON batch FOR EACH ROW WHEN (NEW.good + NEW.bad > 50) EXECUTE FUNCTION batch_sum_begin();

-- The same from the rows as they are now, for who wrote them by hand (a demo). Not while the batch is under way.
CREATE FUNCTION batch_sum_again(p_batch bigint) RETURNS void LANGUAGE sql AS $$
    DELETE FROM batch_delta WHERE batch_no = p_batch;
    DELETE FROM batch_sum WHERE batch_no = p_batch;
    INSERT INTO batch_sum (batch_no, country_id, reason, messages, fee_micros, at)
    WITH now_is AS (
        SELECT m.country_id, m.status, CASE WHEN m.status <> 0 THEN 100 + m.reason ELSE coalesce(r.reason, 0) END AS reason,
               CASE WHEN m.status <> 0 THEN 0 ELSE coalesce(r.fee_micros, m.price_micros) END AS fee, coalesce(r.at, b.created_at) AS at,
               EXISTS (SELECT 1 FROM submission s WHERE s.message_id = m.id AND s.outcome IN (0, 4)) AS handed
        FROM (SELECT batch_no, first_id, last_id, created_at FROM batch WHERE batch_no = p_batch) b
        CROSS JOIN LATERAL (SELECT * FROM message WHERE id BETWEEN b.first_id AND b.last_id AND batch_no = b.batch_no OFFSET 0) m
        LEFT JOIN LATERAL (SELECT * FROM report WHERE message_id = m.id ORDER BY version DESC LIMIT 1) r ON true
    )
    SELECT p_batch, country_id, reason, count(*), sum(fee), max(at) FROM now_is GROUP BY country_id, reason
    UNION ALL SELECT p_batch, country_id, -1, count(*), 0, max(at) FROM now_is WHERE handed GROUP BY country_id
    UNION ALL SELECT p_batch, country_id, -2, count(*), 0, max(at) FROM now_is
    WHERE NOT handed AND status = 0 AND reason <> 0 GROUP BY country_id;
$$;
