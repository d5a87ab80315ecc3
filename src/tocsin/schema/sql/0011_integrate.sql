-- What customers see of pushes and of their own requests: tries with request and answer, test events, replays, uses of keys, request log.

ALTER TABLE push_attempt
    ADD COLUMN request     text NOT NULL DEFAULT '',  -- head and start of the body; '': not kept
    ADD COLUMN answer_head text NOT NULL DEFAULT '';
-- Tries that were taken, nearly all of them, are in neither.
CREATE INDEX push_attempt_failed ON push_attempt (endpoint_id, id) WHERE http_status IS NULL OR http_status NOT BETWEEN 200 AND 299;
CREATE INDEX push_attempt_test ON push_attempt (endpoint_id, id) WHERE outbox_id < 0;

-- A push that somebody asked for; its try has the outbox_id -id.
CREATE TABLE test_event (
    id          bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id  integer NOT NULL,
    endpoint_id integer NOT NULL,
    asked_at    timestamptz NOT NULL DEFAULT now(),
    taken       boolean NOT NULL DEFAULT false,
    body        bytea NOT NULL
);
CREATE INDEX test_event_account ON test_event (account_id, asked_at);
CREATE INDEX test_event_waiting ON test_event (id) WHERE NOT taken;

-- "Push again since": done in slices by the workers.
CREATE TABLE push_replay (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL,
    kind       text NOT NULL,
    since      timestamptz NOT NULL,
    until      timestamptz NOT NULL,
    asked_by   text NOT NULL DEFAULT '',
    asked_at   timestamptz NOT NULL DEFAULT now(),
    low        text NOT NULL DEFAULT '',       -- where the next slice begins: epoch seconds ...
    after      uuid,                           -- ... and the last message of that instant
    count      bigint NOT NULL DEFAULT 0,      -- reports or replies so far
    ended_at   timestamptz,
    trouble    text NOT NULL DEFAULT ''
);
CREATE INDEX push_replay_account ON push_replay (account_id, id);
CREATE INDEX push_replay_open ON push_replay (id) WHERE ended_at IS NULL;

-- When a key last signed. Apart from api_key, whose every change is read anew by all processes.
CREATE TABLE key_use (
    key_id integer PRIMARY KEY,
    at     timestamptz NOT NULL
) WITH (fillfactor = 50);

-- Requests to the public API: all that were refused, a sample of the rest.
CREATE TABLE api_request (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
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
    left_out   integer NOT NULL,               -- more of the account, in this second, that are not here
    message    text NOT NULL,
    body       text NOT NULL                   -- start of a refused one, secrets masked
);
CREATE INDEX api_request_account ON api_request (account_id, id);
CREATE INDEX api_request_refused ON api_request (account_id, id) WHERE status <> 0;
CREATE INDEX api_request_path ON api_request (account_id, path, id);
CREATE INDEX api_request_at ON api_request USING brin (at);
