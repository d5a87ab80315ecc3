-- What sends are screened by: change clocks, and the windows in which caps are counted.

-- Rows of these two are read by id: "what is above the last one that I know". So ids must come in the order of commits: the
-- clock is moved before the first row of a statement is made, and its row lock lets one transaction at a time make rows.
CREATE TRIGGER change_mark BEFORE INSERT ON blacklist FOR EACH STATEMENT EXECUTE FUNCTION change_mark();
CREATE TRIGGER change_mark BEFORE INSERT ON opt_out FOR EACH STATEMENT EXECUTE FUNCTION change_mark();
CREATE TRIGGER change_deleted AFTER DELETE ON blacklist FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();
CREATE TRIGGER change_deleted AFTER DELETE ON opt_out FOR EACH STATEMENT EXECUTE FUNCTION change_deleted();

DO $$
DECLARE
    v_table text;
BEGIN
    FOREACH v_table IN ARRAY ARRAY['opt_answer', 'sensitive_word', 'cap', 'quiet_rule'] LOOP
        EXECUTE format('CREATE TRIGGER change_mark AFTER INSERT OR UPDATE OR DELETE ON %I
                        FOR EACH STATEMENT EXECUTE FUNCTION change_mark()', v_table);
    END LOOP;
END $$;

-- What was taken out of a cap in a window of time. Lost in a crash without harm.
CREATE UNLOGGED TABLE cap_window (
    account_id   integer NOT NULL,
    cap_id       integer NOT NULL,
    key          text NOT NULL,               -- the number, the prefix, the country; empty for spend
    window_start bigint NOT NULL,             -- epoch seconds
    window_end   bigint NOT NULL,
    given        bigint NOT NULL,             -- messages; micros for spend
    PRIMARY KEY (account_id, cap_id, key, window_start)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX cap_window_end ON cap_window (window_end);

-- The numbers that a cap counts, each with its key. Kinds: 1 number 2 prefix 3 country 4 spend. A cap of one country counts its
-- numbers alone, and p_except are countries that have a cap of their own. n_: the numbers of a request, as columns.
CREATE FUNCTION cap_wanted(
    p_kind integer, p_digits integer, p_country integer, p_except integer[],
    n_value text[], n_country integer[], n_price bigint[], n_open boolean[]
) RETURNS TABLE (place integer, key text, n bigint) LANGUAGE sql STABLE AS $$
    SELECT u.o::integer,
           CASE p_kind WHEN 1 THEN u.value WHEN 2 THEN left(u.value, p_digits) WHEN 3 THEN u.country::text ELSE '' END,
           CASE p_kind WHEN 4 THEN u.price ELSE 1 END
    FROM unnest(n_value, n_country, n_price, n_open) WITH ORDINALITY AS u(value, country, price, open, o)
    WHERE u.open AND CASE WHEN p_country = 0 THEN u.country <> ALL(p_except) ELSE u.country = p_country END
$$;

-- Gives back what cap_take took for the numbers with n_open.
CREATE FUNCTION cap_return(
    p_account integer, p_now bigint,
    c_id integer[], c_kind integer[], c_slot integer[], c_country integer[], c_most bigint[], c_window integer[], c_digits integer[],
    n_value text[], n_country integer[], n_price bigint[], n_open boolean[]
) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    r        record;
    v_except integer[];
BEGIN
    FOR i IN 1 .. cardinality(c_id) LOOP
        v_except := ARRAY(SELECT c_country[j] FROM generate_subscripts(c_id, 1) AS j WHERE c_slot[j] = c_slot[i] AND c_country[j] <> 0);
        FOR r IN SELECT w.key, sum(w.n) AS n
                 FROM cap_wanted(c_kind[i], c_digits[i], c_country[i], v_except, n_value, n_country, n_price, n_open) AS w
                 GROUP BY w.key ORDER BY w.key LOOP
            UPDATE cap_window SET given = greatest(0, given - r.n)
            WHERE account_id = p_account AND cap_id = c_id[i] AND key = r.key AND window_start = p_now / c_window[i] * c_window[i];
        END LOOP;
    END LOOP;
END $$;

-- Takes the numbers of a request out of all caps, from the finest (number) to the coarsest (spend); returns the places of those
-- that found no room, and 0 where the request as a whole is over the spend. What is refused takes nothing, of any cap.
-- c_: the caps, sorted by kind and id; two of one c_slot differ by country. Locks by cap and key, in one order everywhere.
CREATE FUNCTION cap_take(
    p_account integer, p_now bigint,
    c_id integer[], c_kind integer[], c_slot integer[], c_country integer[], c_most bigint[], c_window integer[], c_digits integer[],
    n_value text[], n_country integer[], n_price bigint[]
) RETURNS SETOF integer LANGUAGE plpgsql AS $$
DECLARE
    v_open    boolean[] := array_fill(true, ARRAY[cardinality(n_value)]);
    v_except  integer[];
    v_over    integer[];
    v_refused boolean[];
BEGIN
    FOR i IN 1 .. cardinality(c_id) LOOP
        v_except := ARRAY(SELECT c_country[j] FROM generate_subscripts(c_id, 1) AS j WHERE c_slot[j] = c_slot[i] AND c_country[j] <> 0);
        WITH wanted AS MATERIALIZED (
            SELECT w.place, w.key, w.n, row_number() OVER (PARTITION BY w.key ORDER BY w.place) AS rank
            FROM cap_wanted(c_kind[i], c_digits[i], c_country[i], v_except, n_value, n_country, n_price, v_open) AS w
        ), asked AS (
            SELECT w.key, sum(w.n)::bigint AS n FROM wanted w GROUP BY w.key
        ), taken AS (
            INSERT INTO cap_window AS c (account_id, cap_id, key, window_start, window_end, given)
            SELECT p_account, c_id[i], a.key, p_now / c_window[i] * c_window[i], (p_now / c_window[i] + 1) * c_window[i], a.n
            FROM asked a ORDER BY a.key
            ON CONFLICT (account_id, cap_id, key, window_start) DO UPDATE SET given = c.given + excluded.given
            RETURNING c.key, c.given
        )
        SELECT array_agg(w.place ORDER BY w.place) INTO v_over
        FROM taken t JOIN asked a ON a.key = t.key JOIN wanted w ON w.key = t.key
        WHERE t.given > c_most[i] AND (c_kind[i] = 4 OR w.rank > a.n - (t.given - c_most[i]));
        CONTINUE WHEN v_over IS NULL;

        v_refused := array_fill(false, ARRAY[cardinality(n_value)]);
        FOR k IN 1 .. cardinality(v_over) LOOP
            v_refused[v_over[k]] := true;
            v_open[v_over[k]] := false;
        END LOOP;
        PERFORM cap_return(p_account, p_now, c_id[: i], c_kind[: i], c_slot[: i], c_country[: i], c_most[: i], c_window[: i],
                           c_digits[: i], n_value, n_country, n_price, v_refused);
        IF c_kind[i] = 4 THEN
            RETURN NEXT 0;
            RETURN;
        END IF;
        RETURN QUERY SELECT unnest(v_over);
    END LOOP;
END $$;
