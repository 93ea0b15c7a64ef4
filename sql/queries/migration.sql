-- What epionectl migrate keeps about itself. It runs these by name, with the
-- rights of the owner; the server has none on the table.

-- One migration at a time, whoever else is waiting; held until the session ends.
-- sql: migration_lock exec
SELECT pg_advisory_lock(7310032415471559);

-- sql: migration_table exec
CREATE TABLE IF NOT EXISTS schema_migration (
    version    bigint PRIMARY KEY CHECK (version > 0),
    name       text NOT NULL,
    sha256     text NOT NULL CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    applied_at timestamptz NOT NULL DEFAULT now()
);

-- sql: migration_table_get one
-- out: found bool
SELECT to_regclass('schema_migration') IS NOT NULL AS found;

-- sql: migration_list many
-- out: version int, name text, sha256 text, applied_at time
SELECT version, name, sha256, applied_at FROM schema_migration ORDER BY version;

-- sql: migration_begin exec
BEGIN;

-- A table that is in use fails the migration soon instead of stopping everybody
-- who queues behind it.
-- sql: migration_patience exec
SET LOCAL lock_timeout = '5s';

-- sql: migration_insert exec
-- in:  version int, name text, sha256 text
INSERT INTO schema_migration (version, name, sha256)
VALUES ($1::bigint, $2::text, $3::text);

-- sql: migration_commit exec
COMMIT;
