-- Guests: who comes to one visit by a link, as an account of the same id.

-- What an invitation needs of its visit, and a guest who says the patient's birth
-- date.
-- sql: guest_visit one
-- in:  visit_id uuid
-- out: status text, starts_at time, ends_at time, patient_id uuid, key record_key,
--      birth_date sealed(patient_birth_date, patient_id)
SELECT v.status, v.starts_at, v.ends_at, p.id AS patient_id, k.subject_id, k.version,
       k.wrapped, p.birth_date
  FROM visit v
  JOIN patient p ON p.clinic_id = v.clinic_id AND p.id = v.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version AND k.wrapped IS NOT NULL
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid;

-- Who counts a visit's guests counts alone: of many that come together none would
-- see the others. It is asked for first, since a statement sees what was committed
-- when it began.
-- sql: guests_lock later
-- in:  visit_id uuid
SELECT FROM visit WHERE clinic_id = current_clinic() AND id = $1::uuid
   FOR NO KEY UPDATE;

-- Not more of a visit than so many that are good: no row then.
-- sql: guest_insert exec
-- in:  id uuid, visit_id uuid, role text, hash bytes, created_by uuid, now time,
--      most int
INSERT INTO guest (clinic_id, id, visit_id, role, hash, created_by, created_at)
SELECT current_clinic(), $1::uuid, $2::uuid, $3::text, $4::bytea, $5::uuid,
       $6::timestamptz
 WHERE (SELECT count(*) FROM guest
         WHERE clinic_id = current_clinic() AND visit_id = $2
           AND ended_at IS NULL AND tries < 3) < $7::bigint;

-- sql: guest_mailed later
-- in:  id uuid, mail_id uuid
UPDATE guest SET mail_id = $2::uuid
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- The newest first. present: has a session that lives.
-- sql: guest_list many
-- in:  visit_id uuid, before uuid, limit int, now time
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      email sealed(account_email), role text, created_at time, joined_at time,
--      admitted bool, ended bool, present bool, job_state text, job_error text
SELECT g.id, k.subject_id, k.version, k.wrapped, a.display_name, a.email, g.role,
       g.created_at, g.joined_at, g.admitted_at IS NOT NULL AS admitted,
       g.ended_at IS NOT NULL OR g.tries >= 3 AS ended, EXISTS (
           SELECT 1 FROM session s
            WHERE s.clinic_id = g.clinic_id AND s.account_id = g.id
              AND s.ended_at IS NULL AND s.expires_at > $4::timestamptz) AS present,
       m.state AS job_state, m.error_code AS job_error
  FROM guest g
  JOIN account a ON a.clinic_id = g.clinic_id AND a.id = g.id
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
  LEFT JOIN LATERAL (
       SELECT j.state, j.error_code FROM job j
        WHERE j.clinic_id = g.clinic_id AND j.id = g.mail_id OFFSET 0) AS m ON true
 WHERE g.clinic_id = current_clinic() AND g.visit_id = $1::uuid
   AND g.id < CASE WHEN $2::uuid IS NULL
       THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
 ORDER BY g.id DESC
 LIMIT $3::bigint;

-- sql: guest_get one
-- in:  id uuid, visit_id uuid
-- out: role text, visit_status text, present bool
SELECT g.role, v.status AS visit_status,
       g.joined_at IS NOT NULL AND g.ended_at IS NULL AS present
  FROM guest g
  JOIN visit v ON v.clinic_id = g.clinic_id AND v.id = g.visit_id
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid AND g.visit_id = $2::uuid;

-- sql: guest_find one
-- in:  hash bytes
-- out: clinic_id uuid, id uuid, visit_id uuid, patient_id uuid, role text,
--      clinic_name text
SELECT clinic_id, id, visit_id, patient_id, role, clinic_name FROM guest_find($1::bytea);

-- Counted before the birth date is looked at: tries that arrive together cannot
-- all slip through.
-- sql: guest_try exec
-- in:  id uuid
UPDATE guest SET tries = tries + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND tries < 3
   AND ended_at IS NULL;

-- sql: guest_tries_clear later
-- in:  id uuid
UPDATE guest SET tries = 0
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- Whoever comes by the link has to be let in, also if somebody who came by it
-- before was.
-- sql: guest_joined_note exec
-- in:  id uuid, now time
UPDATE guest SET joined_at = $2::timestamptz, admitted_at = NULL
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL;

-- sql: guest_name one
-- in:  id uuid
-- out: id uuid, key record_key, display_name sealed(account_display_name)
SELECT a.id, k.subject_id, k.version, k.wrapped, a.display_name
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid;

-- Not more of a visit than so many at a time.
-- sql: guest_admit exec
-- in:  id uuid, visit_id uuid, now time, most int
UPDATE guest SET admitted_at = $3::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL
   AND (SELECT count(*) FROM guest o
         WHERE o.clinic_id = current_clinic() AND o.visit_id = $2::uuid
           AND o.id <> $1 AND o.admitted_at IS NOT NULL
           AND o.ended_at IS NULL) < $4::bigint;

-- sql: guest_end exec
-- in:  id uuid, now time
UPDATE guest SET ended_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL;
