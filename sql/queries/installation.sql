-- The installation and its clinics: made by the operator, as the owner.

-- sql: installation_get one
-- out: root_check bytes, created_at time
SELECT root_check, created_at FROM installation;

-- sql: installation_insert exec
-- in:  root_check bytes
INSERT INTO installation (root_check) VALUES ($1::bytea) ON CONFLICT DO NOTHING;

-- sql: clinic_insert exec
-- in:  id uuid, name text
INSERT INTO clinic (id, name) VALUES ($1::uuid, $2::text);

-- By id or by exact name.
-- sql: clinic_find many
-- in:  id uuid, name text
-- out: id uuid, name text, created_at time
SELECT id, name, created_at FROM clinic
 WHERE ($1::uuid IS NULL OR id = $1) AND ($2::text IS NULL OR name = $2)
 ORDER BY created_at, id;

--= EN-07: age and use of every key
-- sql: key_status many
-- out: clinic_id uuid, class text, version int, created_at time, records int,
--      seals int, seals_max int
SELECT c.clinic_id, c.class, c.version, c.created_at,
       count(r.subject_id) AS records,
       coalesce(sum(r.seals), 0)::bigint AS seals,
       coalesce(max(r.seals), 0) AS seals_max
  FROM class_key c
  LEFT JOIN record_key r ON r.clinic_id = c.clinic_id AND r.class = c.class
       AND r.class_version = c.version
 GROUP BY c.clinic_id, c.class, c.version, c.created_at
 ORDER BY c.clinic_id, c.class, c.version;
