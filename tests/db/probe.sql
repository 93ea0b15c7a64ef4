-- Queries of the tests alone.

-- sql: sample_insert exec
-- in:  id uuid, label text, raw bytes, whole int, maybe int?, flag bool,
--      at time, day date, doc json, addr inet, ids uuid[], raws bytes[],
--      wholes int[], labels text[]
INSERT INTO sample VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10::inet, $11,
       $12, $13, $14);

-- sql: sample_get one
-- in:  id uuid
-- out: id uuid, label text, raw bytes, whole int, maybe int?, flag bool,
--      at time, day date, doc json, addr inet, ids uuid[], raws bytes[],
--      wholes int[], labels text[]
SELECT id, label, raw, whole, maybe, flag, at, day, doc, host(addr), ids, raws,
       wholes, labels
  FROM sample WHERE id = $1;

-- sql: sample_text one
-- in:  id uuid
-- out: all_of_it text, day date, doc json
SELECT concat_ws('|', label, encode(raw, 'hex'), whole, maybe, flag,
       at AT TIME ZONE 'UTC', day, doc, host(addr), ids, raws, wholes, labels)
       AS all_of_it, day::text, doc::text
  FROM sample WHERE id = $1;

-- sql: times many
-- out: at time
SELECT v FROM unnest(ARRAY['infinity', '-infinity', '1969-12-31T23:59:59.5Z',
       '2000-01-01T00:00:00.999999Z', NULL]::timestamptz[]) WITH ORDINALITY AS t(v, n)
 ORDER BY n;

-- sql: dates many
-- out: day date
SELECT v FROM unnest(ARRAY['0001-01-01', '1900-02-28', '2000-02-29',
       '9999-12-31']::date[]) WITH ORDINALITY AS t(v, n)
 ORDER BY n;

-- sql: date_infinite one
-- out: day date
SELECT 'infinity'::date AS day;

-- sql: null_int one
-- out: n int
SELECT NULL::bigint AS n;

-- sql: two_rows one
-- out: n int
SELECT n::bigint FROM generate_series(1, 2) AS n;

-- sql: series many
-- in:  n int
-- out: n int
SELECT n::bigint FROM generate_series(1, $1) AS n;

-- sql: entry_add exec
-- in:  id uuid, slot int?, late int?, other int?
INSERT INTO entry VALUES ($1, $2, $3, $4);

-- sql: entry_add_later later
-- in:  id uuid, slot int?, late int?, other int?
INSERT INTO entry VALUES ($1, $2, $3, $4);

-- sql: entry_get one
-- in:  id uuid
-- out: slot int?
SELECT slot FROM entry WHERE id = $1;

-- sql: entry_clear exec
DELETE FROM entry;

-- sql: nap one
-- in:  ms int
-- out: pid int
SELECT pg_backend_pid()::bigint AS pid FROM pg_sleep($1::double precision / 1000);

-- sql: whoami one
-- out: pid int, name text
SELECT pg_backend_pid()::bigint AS pid, current_setting('application_name') AS name;

-- sql: divide one
-- in:  canary text
-- out: n int
SELECT ($1::text)::bigint AS n;

-- sql: counter_add exec
-- in:  id int
UPDATE counter SET n = n + 1 WHERE id = $1;

-- sql: counter_get one
-- in:  id int
-- out: n int
SELECT n FROM counter WHERE id = $1;

-- sql: person_insert later
-- in:  id uuid, subject uuid, key record_key, family_name sealed(patient_family_name),
--      given_name sealed(patient_given_name), reason_id uuid,
--      reason sealed(visit_reason, reason_id)
INSERT INTO person (id, subject, family_name, given_name, reason_id, reason)
VALUES ($1, $2, $3, $4, $5, $6);

-- sql: person_get one
-- in:  id uuid
-- out: reason sealed(visit_reason, reason_id), id uuid, reason_id uuid,
--      key record_key, family_name sealed(patient_family_name),
--      given_name sealed(patient_given_name)
SELECT p.reason, p.id, p.reason_id, k.subject_id, k.version, k.wrapped, p.family_name,
       p.given_name
  FROM person p
  LEFT JOIN record_key k ON k.subject_id = p.subject AND k.version = p.key_version
 WHERE p.id = $1::uuid;

-- sql: person_list many
-- out: reason sealed(visit_reason, reason_id), id uuid, reason_id uuid,
--      key record_key, family_name sealed(patient_family_name),
--      given_name sealed(patient_given_name)
SELECT p.reason, p.id, p.reason_id, k.subject_id, k.version, k.wrapped, p.family_name,
       p.given_name
  FROM person p
  LEFT JOIN record_key k ON k.subject_id = p.subject AND k.version = p.key_version
 ORDER BY p.id;
