-- Files that users of the console ask for or bring: exports, uploads. A clerk works on them; nothing of the data plane waits here.

-- A piece of work. It belongs to who holds its lease: every write of a clerk names the owner, so that one that was taken for dead
-- writes nothing when it wakes.
CREATE TABLE file_job (
    id         bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account_id integer NOT NULL,
    user_id    integer NOT NULL,
    kind       text NOT NULL,                      -- messages, replies, ledger, blacklist; upload
    step       text NOT NULL DEFAULT '',           -- of an upload: read, map, check, confirm, send
    state      text NOT NULL DEFAULT 'waiting',    -- open (for its user), waiting, running, done, failed, cancelled
    name       text NOT NULL,                      -- of the file
    asked      jsonb NOT NULL,                     -- what the user chose
    found      jsonb NOT NULL DEFAULT '{}',        -- what the clerk found out
    rows_done  bigint NOT NULL DEFAULT 0,
    percent    smallint NOT NULL DEFAULT 0,
    size_bytes bigint NOT NULL DEFAULT 0,
    trouble    text NOT NULL DEFAULT '',           -- a word of files/model.py
    tries      smallint NOT NULL DEFAULT 0,        -- of this step
    owner      uuid,
    lease_end  timestamptz,
    due        timestamptz NOT NULL DEFAULT now(), -- not to be taken before
    created_at timestamptz NOT NULL DEFAULT now(),
    changed_at timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 70);
CREATE INDEX file_job_account ON file_job (account_id, id);
CREATE INDEX file_job_due ON file_job (id) WHERE state IN ('waiting', 'running');

-- Its bytes.
CREATE TABLE file_chunk (
    job_id bigint NOT NULL REFERENCES file_job ON DELETE CASCADE,
    turn   integer NOT NULL,
    data   bytea NOT NULL,
    PRIMARY KEY (job_id, turn)
);
ALTER TABLE file_chunk ALTER COLUMN data SET STORAGE EXTERNAL;

-- A row of an upload; line: as a person counts them in the file.
CREATE TABLE upload_row (
    job_id     bigint NOT NULL REFERENCES file_job ON DELETE CASCADE,
    line       integer NOT NULL,
    cells      text[] NOT NULL,
    phone      text NOT NULL DEFAULT '',           -- with country code, once it was checked
    country_id integer NOT NULL DEFAULT 0,
    asked_id   integer NOT NULL DEFAULT 0,         -- the codeId that a request names for it
    content    text NOT NULL DEFAULT '',           -- of its own; '': the upload's
    parts      smallint NOT NULL DEFAULT 0,
    fee_micros bigint NOT NULL DEFAULT 0,
    fault      text NOT NULL DEFAULT '',           -- why it is not sent: a word of files/model.py
    piece      integer,                            -- the request that it goes with
    PRIMARY KEY (job_id, line)
);
CREATE INDEX upload_row_piece ON upload_row (job_id, piece, line) WHERE piece IS NOT NULL;

-- A request that an upload is sent by.
CREATE TABLE upload_piece (
    job_id    bigint NOT NULL REFERENCES file_job ON DELETE CASCADE,
    piece     integer NOT NULL,
    rows      integer NOT NULL,
    begun_at  timestamptz,                         -- of the first try: idempotency holds for a while from then on
    batch_no  bigint,
    good      integer NOT NULL DEFAULT 0,
    bad       integer NOT NULL DEFAULT 0,
    state     text NOT NULL DEFAULT 'waiting',     -- waiting, sent, refused, unknown
    answer    text NOT NULL DEFAULT '',            -- the API's words where it refused
    PRIMARY KEY (job_id, piece)
);
