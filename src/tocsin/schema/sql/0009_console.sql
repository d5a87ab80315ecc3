-- What the console's processes share and may lose: counts of failed log-ins and the like. The columns are those of Django's database cache.
CREATE UNLOGGED TABLE console_cache (
    cache_key varchar(255) PRIMARY KEY,
    value     text NOT NULL,
    expires   timestamptz NOT NULL
);
CREATE INDEX console_cache_expires ON console_cache (expires);
