-- How links are, and what follows from it.

-- A link of one worker, written once a second. Lost in a crash without harm. Old rows are those of a process that is gone or stopped.
CREATE UNLOGGED TABLE link_state (
    channel_id       integer NOT NULL,
    process_id       bigint NOT NULL,
    binds            integer NOT NULL,
    binds_wanted     integer NOT NULL,
    "window"         integer NOT NULL,
    in_flight        integer NOT NULL,
    rate_per_s       double precision NOT NULL,
    accepted         bigint NOT NULL,           -- parts, since the link was made; so are the next four
    temporary        bigint NOT NULL,
    permanent        bigint NOT NULL,
    throttled        bigint NOT NULL,
    unknown          bigint NOT NULL,
    last_error       text NOT NULL,
    last_error_at    double precision NOT NULL, -- epoch seconds; 0: never
    receipt_delay_ms integer NOT NULL,
    down_since       timestamptz,               -- null: bound, or a link that knows no binds
    at               timestamptz NOT NULL,
    PRIMARY KEY (channel_id, process_id)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Since when an item is ready (or when it was written, while it is not): fail-over on queue age counts from it.
ALTER TABLE lane_item ADD COLUMN ready_at timestamptz NOT NULL DEFAULT now();

-- Finals that a carrier brought about, signed as the other sums are: what the circuit breaker counts, on its way to the roll-up.
ALTER TABLE rollup_delta ADD COLUMN judged integer NOT NULL DEFAULT 0;

-- The same by channel, country and hour in which they were counted, for a day.
CREATE TABLE delivery_hour (
    channel_id integer NOT NULL,
    country_id integer NOT NULL,
    hour       timestamptz NOT NULL,
    good       bigint NOT NULL,                 -- delivered
    total      bigint NOT NULL,
    PRIMARY KEY (channel_id, country_id, hour)
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- The last ones, so many as the breaker's window: good, total, good, total ..., the oldest first.
CREATE TABLE delivery_last (
    channel_id integer NOT NULL,
    country_id integer NOT NULL,
    recent     integer[] NOT NULL DEFAULT '{}',
    PRIMARY KEY (channel_id, country_id)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

-- Channels that messages should go round: to a country (open, half-open), or to any, country_id -1, while no link stands (down).
CREATE TABLE breaker (
    channel_id integer NOT NULL,
    country_id integer NOT NULL,
    state      text NOT NULL,
    since      timestamptz NOT NULL DEFAULT now(),
    rate_last  double precision NOT NULL DEFAULT 0,  -- of deliveries among the last finals, when it opened
    rate_day   double precision NOT NULL DEFAULT 0,  -- and of the last 24 h
    PRIMARY KEY (channel_id, country_id)
);
CREATE TRIGGER change_mark AFTER INSERT OR UPDATE OR DELETE ON breaker FOR EACH STATEMENT EXECUTE FUNCTION change_mark();
