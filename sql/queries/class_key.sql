-- Wrapped keys; they open nothing without the root key. A clinic of nil, which
-- arrives as NULL, stands for the installation itself.

-- sql: class_key_get one
-- in:  clinic uuid, class text, version int
-- out: wrapped bytes
SELECT wrapped FROM class_key
 WHERE clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
   AND class = $2::text AND version = $3::bigint;

-- The key that new record keys are wrapped under.
--= EN-07: asked each time, so that a new version is used at once everywhere
-- sql: class_key_newest one
-- in:  clinic uuid, class text
-- out: version int, wrapped bytes
SELECT version, wrapped FROM class_key
 WHERE clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
   AND class = $2::text
 ORDER BY version DESC
 LIMIT 1;

-- All of them, the oldest first: with the last, the keyring has the newest.
-- sql: class_keys many
-- in:  clinic uuid, class text, limit int
-- out: version int, wrapped bytes
SELECT version, wrapped FROM class_key
 WHERE clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
   AND class = $2::text
 ORDER BY version
 LIMIT $3::bigint;

-- Of two who make the same version, the first.
-- sql: class_key_insert exec
-- in:  clinic uuid, class text, version int, wrapped bytes
INSERT INTO class_key (clinic_id, class, version, wrapped)
VALUES (coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'), $2::text,
        $3::bigint, $4::bytea)
ON CONFLICT DO NOTHING;

-- sql: record_key_insert later
-- in:  clinic uuid, subject uuid, class text, version int, wrapped bytes
INSERT INTO record_key (clinic_id, subject_id, class, version, wrapped)
VALUES ($1::uuid, $2::uuid, $3::text, $4::bigint, $5::bytea);

-- Of what is sealed under another version than its row is. One that was destroyed
-- opens nothing.
-- sql: record_key_get one
-- in:  clinic uuid, subject uuid, version int
-- out: wrapped bytes
SELECT wrapped FROM record_key
 WHERE clinic_id = $1::uuid AND subject_id = $2::uuid AND version = $3::bigint;

-- Counted by whatever seals (data/sql.c), in the same transaction.
--= EN-03
-- sql: record_key_count later
-- in:  clinic uuid, subject uuid, version int, seals int
UPDATE record_key SET seals = seals + $4::bigint
 WHERE clinic_id = $1::uuid AND subject_id = $2::uuid AND version = $3::bigint;
