-- By how many seconds a process's clock is ahead of the database's, where that is too much and the process waits; else NULL.
ALTER TABLE process ADD COLUMN clock_ahead_s double precision;
