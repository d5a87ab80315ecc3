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
