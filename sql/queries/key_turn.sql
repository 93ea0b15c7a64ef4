-- Turning keys: a new version, what is brought under it, and how far that is.

-- Those that are not wrapped under the newest class key: a batch, without those
-- that somebody else is writing. One that was destroyed needs no wrapping.
--= EN-07
-- sql: record_keys_behind many
-- in:  class text, version int, limit int
-- out: subject uuid, version int, wrapped bytes
SELECT subject_id, version, wrapped FROM record_key
 WHERE clinic_id = current_clinic() AND class = $1::text
   AND class_version < $2::bigint
 ORDER BY class_version
 LIMIT $3::bigint FOR NO KEY UPDATE SKIP LOCKED;

-- sql: record_keys_rewrap exec
-- in:  subjects uuid[], versions int[], wrapped bytes[]
UPDATE record_key k SET wrapped = w.wrapped
  FROM unnest($1::uuid[], $2::bigint[], $3::bytea[]) AS w(subject_id, version, wrapped)
 WHERE k.clinic_id = current_clinic() AND k.subject_id = w.subject_id
   AND k.version = w.version;

-- sql: record_keys_left one
-- in:  class text, version int
-- out: left bool
SELECT EXISTS (
       SELECT 1 FROM record_key
        WHERE clinic_id = current_clinic() AND class = $1::text
          AND class_version < $2::bigint) AS left;

-- The newest key of a class of the clinic: its age.
-- sql: class_key_age one
-- in:  class text
-- out: version int, seconds int
SELECT version, extract(epoch FROM clock_timestamp() - created_at)::bigint AS seconds
  FROM class_key
 WHERE clinic_id = current_clinic() AND class = $1::text
 ORDER BY version DESC
 LIMIT 1;

-- sql: keys_watch one
-- in:  days int, classes text[]
-- out: asked int, worn int
SELECT asked, worn FROM keys_watch($1::bigint, $2::text[]);

-- A clinic's keys. What was sealed is counted every hour; what lies under an older
-- key now, as far as a million.
--= EN-07
-- sql: key_list many
-- out: class text, version int, created_at time, seals int?, seals_most int?,
--      counted_at time, rows_old int, newest bool
SELECT c.class, c.version, c.created_at, c.seals, c.seals_most, c.counted_at,
       (SELECT count(*) FROM (
               SELECT FROM record_key r
                WHERE r.clinic_id = c.clinic_id AND r.class = c.class
                  AND r.class_version = CASE WHEN c.newest THEN 0 ELSE c.version END
                LIMIT 1000000) AS b) AS rows_old,
       c.newest
  FROM (SELECT k.*, k.version = max(k.version) OVER (PARTITION BY k.class) AS newest
          FROM class_key k
         WHERE k.clinic_id = current_clinic()) AS c
 ORDER BY c.class, c.version DESC
 LIMIT 1000;

-- For the operator: a version to be retired. Nobody wraps under it from now on;
-- those who do so now are waited for.
-- sql: class_key_hold one
-- in:  class text, version int
-- out: newest bool
WITH held AS (
    SELECT clinic_id, class, version FROM class_key
     WHERE clinic_id = current_clinic() AND class = $1::text
       AND version = $2::bigint
       FOR UPDATE)
SELECT NOT EXISTS (SELECT 1 FROM class_key n
        WHERE n.clinic_id = h.clinic_id AND n.class = h.class
          AND n.version > h.version) AS newest
  FROM held h;

-- sql: class_key_needed one
-- in:  class text, version int
-- out: n int
SELECT count(*) AS n FROM record_key
 WHERE clinic_id = current_clinic() AND class = $1::text
   AND class_version = $2::bigint;

-- sql: class_key_retire exec
-- in:  class text, version int
DELETE FROM class_key
 WHERE clinic_id = current_clinic() AND class = $1::text AND version = $2::bigint;

-- Of all clinics: how many record keys are not under the newest class key yet.
-- sql: keys_progress one
-- out: behind int, total int
SELECT coalesce(sum(n.records) FILTER (WHERE n.version < n.newest), 0)::bigint AS behind,
       coalesce(sum(n.records), 0)::bigint AS total
  FROM (SELECT r.class_version AS version, count(*) AS records,
               (SELECT max(c.version) FROM class_key c
                 WHERE c.clinic_id = r.clinic_id AND c.class = r.class) AS newest
          FROM record_key r
         WHERE r.class_version IS NOT NULL
         GROUP BY r.clinic_id, r.class, r.class_version) AS n;
