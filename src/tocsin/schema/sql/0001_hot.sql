-- The hot tables: appended, claimed or locked by the data plane, so defined by hand and not by the ORM.
-- Partitioned tables get their partitions from partition_ensure(); ids are UUIDv7, batch numbers carry their millisecond.

CREATE FUNCTION uuid7_floor(p_at timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM p_at) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

-- The smallest batch number of an instant.
CREATE FUNCTION batch_no_floor(p_at timestamptz) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT floor(extract(epoch FROM p_at) * 1000)::bigint * 10000
$$;

CREATE TABLE wallet (
    account_id     integer PRIMARY KEY,
    balance_micros bigint NOT NULL DEFAULT 0,
    gift_micros    bigint NOT NULL DEFAULT 0 CHECK (gift_micros >= 0),
    credit_micros  bigint NOT NULL DEFAULT 0 CHECK (credit_micros >= 0)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 500, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);

-- Every movement of money. Sum of balance_micros (gift_micros) over an account equals its wallet at all times.
CREATE TABLE ledger (
    id             bigint GENERATED ALWAYS AS IDENTITY,
    account_id     integer NOT NULL,
    at             timestamptz NOT NULL DEFAULT now(),
    kind           text NOT NULL,              -- charge, refund, recharge, credit, gift, opening
    balance_micros bigint NOT NULL DEFAULT 0,  -- signed
    gift_micros    bigint NOT NULL DEFAULT 0,  -- signed
    balance_after  bigint NOT NULL,
    batch_no       bigint,
    messages       integer NOT NULL DEFAULT 0,
    note           text NOT NULL DEFAULT '',
    PRIMARY KEY (account_id, id)
);
-- Only batches that the gift pot helped to pay are looked up again, to refund into the pot that paid.
CREATE INDEX ledger_gift_batch ON ledger (batch_no) WHERE gift_micros <> 0 OR kind <> 'charge';

-- One row per accepted request. product: 1 sms 2 mms 3 voice notice 4 voice otp 5 email; priority: 0 VERIFY 1 NOTIFICATION 2 MARKETING.
CREATE TABLE batch (
    batch_no      bigint NOT NULL PRIMARY KEY,
    account_id    integer NOT NULL,
    product       smallint NOT NULL,
    priority      smallint NOT NULL,
    country_id    integer NOT NULL,
    sender        text NOT NULL DEFAULT '',
    content       text NOT NULL,
    parts         smallint NOT NULL,
    pinned_channel_id integer,
    good          integer NOT NULL,
    bad           integer NOT NULL,
    amount_micros bigint NOT NULL,
    first_id      uuid NOT NULL,
    last_id       uuid NOT NULL,
    expires_at    timestamptz NOT NULL,
    created_at    timestamptz NOT NULL DEFAULT now(),
    request_id    text NOT NULL DEFAULT '',
    title         text NOT NULL DEFAULT '',
    attached      text NOT NULL DEFAULT '',  -- JSON: [name, mime, hash] of each file, see media
    template_id   integer,                    -- that was filled; null: the request's own content
    due_at        timestamptz,                -- of a scheduled send
    given         text NOT NULL DEFAULT ''    -- of an email: JSON of the placeholders for every recipient; '': none
) PARTITION BY RANGE (batch_no);
CREATE INDEX batch_due ON batch (due_at) WHERE due_at IS NOT NULL;

-- Files of messages, by SHA-256. used_at: the last send that named it.
CREATE TABLE media (
    hash    bytea PRIMARY KEY,
    data    bytea NOT NULL,
    used_at timestamptz NOT NULL DEFAULT now()
);
ALTER TABLE media ALTER COLUMN data SET STORAGE EXTERNAL;  -- pictures and sound are packed already
CREATE INDEX media_used ON media (used_at);

-- Insert only. status 0: accepted; else the code that refused this number, and it is final.
CREATE TABLE message (
    id           uuid NOT NULL PRIMARY KEY,
    account_id   integer NOT NULL,
    batch_no     bigint NOT NULL,
    product      smallint NOT NULL,
    phone        text NOT NULL,
    country_id   integer NOT NULL,
    channel_id   integer,                    -- route chosen at accept
    parts        smallint NOT NULL,
    price_micros bigint NOT NULL,            -- of the whole message
    status       smallint NOT NULL,
    reason       smallint NOT NULL,
    reserved     smallint NOT NULL DEFAULT 0, -- minutes that the price is for; 0: a product that is not billed by time
    own          text NOT NULL DEFAULT ''    -- of an email: JSON of the recipient's own placeholders; of SMS and MMS: his sender, where
                                              -- it is not the batch's; '': none
) PARTITION BY RANGE (id);
CREATE INDEX message_account ON message (account_id, id);
CREATE INDEX message_phone ON message (phone, id);  -- a reply finds the last message to its number

-- One row per part, attempt and answer of a carrier. outcome: traffic.OutcomeKind.
CREATE TABLE submission (
    message_id uuid NOT NULL,
    at         timestamptz NOT NULL,
    channel_id integer NOT NULL,
    carrier_id text,
    part       smallint NOT NULL,
    attempt    smallint NOT NULL,
    outcome    smallint NOT NULL,
    reason     smallint NOT NULL DEFAULT 0,
    phone      text                          -- only where the outcome is unknown: its receipt is matched by it
) PARTITION BY RANGE (at);
CREATE INDEX submission_carrier ON submission (channel_id, carrier_id) WHERE carrier_id IS NOT NULL;
CREATE INDEX submission_message ON submission (message_id);
CREATE INDEX submission_unknown ON submission (channel_id, phone) WHERE phone IS NOT NULL;

-- The states of a message; the newest version is the present one, none means sending, status 0 an intermediate one.
CREATE TABLE report (
    message_id    uuid NOT NULL,
    version       smallint NOT NULL,
    account_id    integer NOT NULL,
    status        smallint NOT NULL,
    reason        smallint NOT NULL,
    fee_micros    bigint NOT NULL,           -- net, after a refund
    refund_micros bigint NOT NULL DEFAULT 0,
    channel_id    integer,
    submitted_at  timestamptz,               -- hand-over; null: never handed over
    at            timestamptz NOT NULL,
    count         smallint NOT NULL,         -- billing count: parts, minutes that began, or 1
    PRIMARY KEY (message_id, version)
) PARTITION BY RANGE (message_id);
CREATE INDEX report_at ON report USING brin (at);

-- Receipts of messages of several parts, until all parts are there.
CREATE TABLE part_receipt (
    message_id uuid NOT NULL,
    attempt    smallint NOT NULL,
    part       smallint NOT NULL,
    status     smallint NOT NULL,
    reason     smallint NOT NULL,
    talk_s     integer NOT NULL DEFAULT 0,   -- length of the call
    at         timestamptz NOT NULL,
    PRIMARY KEY (message_id, attempt, part)
) PARTITION BY RANGE (message_id);

-- Work that waits for a channel: chunks of up to 50 messages of one account. Ready: owner and due are null.
CREATE TABLE lane_item (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id integer NOT NULL,
    priority   smallint NOT NULL,
    account_id integer NOT NULL,
    attempt    smallint NOT NULL DEFAULT 1,
    due        timestamptz,
    owner      bigint,
    lease_end  timestamptz,
    ids        uuid[] NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX lane_item_ready ON lane_item (channel_id, priority, account_id, id) WHERE owner IS NULL AND due IS NULL;
CREATE INDEX lane_item_due ON lane_item (due) WHERE due IS NOT NULL AND owner IS NULL;
CREATE INDEX lane_item_owned ON lane_item (owner) WHERE owner IS NOT NULL;

-- Scheduled sends: chunks of up to 50 messages of one batch and channel, until they are due or cancelled. Whoever holds a row's lock
-- decides which of the two. seen is the accepting transaction: a reader stops below the oldest open one.
CREATE TABLE schedule (
    id            bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due           timestamptz NOT NULL,
    priority      smallint NOT NULL,
    account_id    integer NOT NULL,
    batch_no      bigint NOT NULL,
    channel_id    integer NOT NULL,           -- chosen at accept; looked at again when due
    zone          text NOT NULL,              -- as it was written; '': none was
    cancelled     boolean NOT NULL DEFAULT false,
    amount_micros bigint NOT NULL,            -- what its messages were charged
    seen          xid8 NOT NULL DEFAULT pg_current_xact_id(),
    ids           uuid[] NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX schedule_due ON schedule (due, priority, id);
CREATE INDEX schedule_batch ON schedule (batch_no);
CREATE INDEX schedule_account ON schedule (account_id, seen, batch_no);

-- What was handed over and still wants a receipt when due comes: then it ends as "no receipt".
CREATE TABLE receipt_watch (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    due        timestamptz NOT NULL,
    ids        uuid[] NOT NULL
) WITH (autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0);
CREATE INDEX receipt_watch_due ON receipt_watch (due);

CREATE TABLE unmatched_receipt (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    channel_id integer NOT NULL,
    carrier_id text NOT NULL,
    phone      text NOT NULL,
    status     smallint NOT NULL,
    reason     smallint NOT NULL,
    talk_s     integer NOT NULL DEFAULT 0,
    others     text NOT NULL DEFAULT '',     -- other ways to write the id, blanks between them
    at         timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now(),
    given_up   boolean NOT NULL DEFAULT false
);
CREATE INDEX unmatched_receipt_carrier ON unmatched_receipt (channel_id, carrier_id) WHERE NOT given_up;
CREATE INDEX unmatched_receipt_phone ON unmatched_receipt (channel_id, phone) WHERE NOT given_up;

-- Replies of terminal users. seen is the writing transaction: a reader stops below the oldest open one.
CREATE TABLE uplink (
    id             uuid PRIMARY KEY,
    account_id     integer,
    channel_id     integer NOT NULL,
    user_number    text NOT NULL,
    service_number text NOT NULL,
    content        text NOT NULL,
    at             timestamptz NOT NULL,
    message_id     uuid,
    seen           xid8 NOT NULL DEFAULT pg_current_xact_id()
);
CREATE INDEX uplink_account ON uplink (account_id, seen, id);

-- Parts of replies, until all are there or no more is waited for. content: UTF-16, big end first: a part may end in half a pair.
CREATE TABLE uplink_part (
    id             uuid PRIMARY KEY,
    channel_id     integer NOT NULL,
    user_number    text NOT NULL,
    service_number text NOT NULL,
    reference      integer NOT NULL,
    parts          smallint NOT NULL,
    part           smallint NOT NULL,
    content        bytea NOT NULL,
    at             timestamptz NOT NULL,
    received_at    timestamptz NOT NULL DEFAULT now(),
    UNIQUE (channel_id, user_number, service_number, reference, parts, part)
);

-- What became of emails after their delivery. kind: traffic.ReactionKind; machine: what asked in place of a person, '' for a person.
CREATE TABLE mail_event (
    id          uuid PRIMARY KEY,
    account_id  integer NOT NULL,
    message_id  uuid NOT NULL,
    batch_no    bigint NOT NULL,
    kind        smallint NOT NULL,
    at          timestamptz NOT NULL,
    url         text NOT NULL,               -- of a click
    machine     text NOT NULL,
    country     text NOT NULL,
    city        text NOT NULL,
    device_type text NOT NULL,
    device_name text NOT NULL
);
CREATE INDEX mail_event_batch ON mail_event (batch_no, kind);

-- Rows to push: up to 50 reports as ready JSON rows (body: the rows, joined by commas), or one reply (body: the object).
CREATE TABLE outbox (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    seq         bigint NOT NULL DEFAULT nextval('outbox_id_seq'),  -- order; the parts of a split keep it
    endpoint_id integer NOT NULL,
    due         timestamptz NOT NULL DEFAULT now(),
    attempts    smallint NOT NULL DEFAULT 0,
    fixed       boolean NOT NULL DEFAULT false,   -- it was tried: rows and webhook-id stay as they are
    late        boolean NOT NULL DEFAULT false,   -- an older row of one of its messages may still wait
    aside       boolean NOT NULL DEFAULT false,   -- the endpoint cannot take it; kept, shown, replayable
    created_at  timestamptz NOT NULL DEFAULT now(),
    n           smallint NOT NULL,
    ids         uuid[] NOT NULL,
    body        bytea NOT NULL
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
CREATE INDEX outbox_waiting ON outbox (endpoint_id, seq, id) WHERE NOT aside;
CREATE INDEX outbox_aside ON outbox (endpoint_id, seq) WHERE aside;

CREATE TABLE push_attempt (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    endpoint_id integer NOT NULL,
    outbox_id   bigint NOT NULL,
    webhook_id  text NOT NULL,
    at          timestamptz NOT NULL,
    took_ms     integer NOT NULL,
    http_status smallint,                     -- null: no answer
    n           smallint NOT NULL,
    ids         uuid[] NOT NULL,
    error       text NOT NULL DEFAULT '',
    answer      text NOT NULL DEFAULT ''      -- start of the answer's body
);
CREATE INDEX push_attempt_endpoint ON push_attempt (endpoint_id, id);
CREATE INDEX push_attempt_at ON push_attempt USING brin (at);

-- One pusher at a time serves an endpoint.
CREATE TABLE endpoint_lease (
    endpoint_id integer PRIMARY KEY,
    owner       bigint NOT NULL,
    lease_end   timestamptz NOT NULL
) WITH (fillfactor = 50);

-- A process of the data plane; while it lives its session holds pg_advisory_lock(id).
CREATE TABLE process (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind       text NOT NULL,                 -- api, worker, push
    host       text NOT NULL,
    pid        integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at    timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50);

-- Shares of a channel's rate by epoch of 5 s on the database's clock.
CREATE TABLE rate_share (
    channel_id integer NOT NULL,
    epoch      bigint NOT NULL,
    process_id bigint NOT NULL,
    share      integer NOT NULL,
    PRIMARY KEY (channel_id, epoch, process_id)
);

-- What is given out of a limit in a window of time (frequency limits, failed signs). Lost in a crash without harm.
CREATE UNLOGGED TABLE limit_window (
    name   text NOT NULL,
    window_start bigint NOT NULL,             -- epoch seconds
    given  integer NOT NULL,
    PRIMARY KEY (name, window_start)
) WITH (fillfactor = 50, autovacuum_vacuum_threshold = 1000, autovacuum_vacuum_scale_factor = 0);

CREATE TABLE idempotency (
    account_id integer NOT NULL,
    key        text NOT NULL,
    hash       bytea NOT NULL,
    batch_no   bigint NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (account_id, key)
);
CREATE INDEX idempotency_created ON idempotency USING brin (created_at);

-- The last four digits of a batch number: leased slots, each with the millisecond up to which it may be used.
CREATE TABLE batch_slot (
    slot      smallint PRIMARY KEY,
    owner     bigint,
    lease_end timestamptz NOT NULL DEFAULT '-infinity',
    high_ms   bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 50);
INSERT INTO batch_slot (slot) SELECT generate_series(0, 9999);

-- Signed deltas of the hourly roll-up, folded into it by a job. status 0: sending.
CREATE TABLE rollup_delta (
    hour       timestamptz NOT NULL,
    account_id integer NOT NULL,
    channel_id integer NOT NULL,              -- 0: none
    product    smallint NOT NULL,
    country_id integer NOT NULL,
    status     smallint NOT NULL,
    messages   integer NOT NULL,
    parts      integer NOT NULL,
    fee_micros bigint NOT NULL
);
CREATE TABLE rollup (
    hour       timestamptz NOT NULL,
    account_id integer NOT NULL,
    channel_id integer NOT NULL,
    product    smallint NOT NULL,
    country_id integer NOT NULL,
    status     smallint NOT NULL,
    messages   bigint NOT NULL,
    parts      bigint NOT NULL,
    fee_micros bigint NOT NULL,
    PRIMARY KEY (account_id, hour, product, country_id, channel_id, status)
);

-- The sandbox carrier's own memory: what it "has", as a real carrier's would be. Nobody else reads it but tests and doctor.
-- A row for every part that it took; two rows of one (message_id, part) are a duplicate at the carrier.
CREATE TABLE sandbox_submit (
    channel_id integer NOT NULL,
    carrier_id text NOT NULL,
    message_id uuid NOT NULL,
    part       smallint NOT NULL,
    attempt    smallint NOT NULL,
    phone      text NOT NULL,
    at         timestamptz NOT NULL
);
-- BRIN: rows come nearly in the order of both, and an insert costs next to nothing.
CREATE INDEX sandbox_submit_message ON sandbox_submit USING brin (message_id) WITH (autosummarize = on);
CREATE INDEX sandbox_submit_at ON sandbox_submit USING brin (at) WITH (autosummarize = on);
-- Receipts and replies that are not yet acknowledged. While lease_end lies ahead, a link that lives has them in hand.
CREATE TABLE sandbox_event (
    id         uuid PRIMARY KEY,
    channel_id integer NOT NULL,
    due        timestamptz NOT NULL,
    lease_end  timestamptz NOT NULL DEFAULT '-infinity',
    body       bytea NOT NULL                  -- JSON: carriers.sandbox.mapping.Body, up to 250 receipts
) WITH (fillfactor = 70, autovacuum_vacuum_threshold = 2000, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_cost_delay = 0);
-- It lives for milliseconds: compressing it is not worth the time.
ALTER TABLE sandbox_event ALTER COLUMN body SET STORAGE EXTERNAL;
CREATE INDEX sandbox_event_due ON sandbox_event (channel_id, due);
