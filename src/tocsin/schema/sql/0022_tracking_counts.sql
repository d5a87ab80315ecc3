-- Of each email and kind the first events are rows of mail_event; later ones are counted here, by link and by who asked. So
-- whoever follows one link for ever adds no rows. link: the MD5 of the URL, which is too long for a key; machine: as in mail_event,
-- where '' is a person.
CREATE TABLE mail_event_count (
    message_id  uuid NOT NULL,
    kind        smallint NOT NULL,
    machine     boolean NOT NULL,
    link        uuid NOT NULL,
    account_id  integer NOT NULL,
    batch_no    bigint NOT NULL,
    url         text NOT NULL,
    n           bigint NOT NULL,
    last_at     timestamptz NOT NULL,
    PRIMARY KEY (message_id, kind, machine, link)
);
CREATE INDEX mail_event_count_batch ON mail_event_count (batch_no);
CREATE INDEX mail_event_message ON mail_event (message_id, kind);
