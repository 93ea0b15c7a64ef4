-- Copies of a patient's record that were asked for.

-- sql: export_insert later
-- in:  id uuid, patient_id uuid, requested_by uuid, format text, now time,
--      expires_at time
INSERT INTO export (clinic_id, id, patient_id, requested_by, format, created_at, expires_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::text, $5::timestamptz,
       $6::timestamptz);

-- Who asked for it takes it, and nobody else.
--= AZ-01
-- sql: export_get one
-- in:  id uuid, patient_id uuid
-- out: id uuid, format text, created_at time, expires_at time
SELECT e.id, e.format, e.created_at, e.expires_at
  FROM export e
 WHERE e.clinic_id = current_clinic() AND e.id = $1::uuid
   AND e.patient_id = $2::uuid AND e.requested_by = current_actor();

-- Who cares or cared for a patient, and whoever the copy names beside.
-- sql: export_people many
-- in:  patient_id uuid, after uuid, limit int
-- out: id uuid, key record_key, display_name sealed(account_display_name)
SELECT a.id, k.subject_id, k.version, k.wrapped, a.display_name
  FROM (SELECT v.clinician_id AS id FROM visit v
         WHERE v.clinic_id = current_clinic() AND v.patient_id = $1::uuid
         UNION
        SELECT t.account_id FROM care_team t
         WHERE t.clinic_id = current_clinic() AND t.patient_id = $1
         UNION
        SELECT g.clinician_id FROM recording g
         WHERE g.clinic_id = current_clinic() AND g.patient_id = $1) AS s
 CROSS JOIN LATERAL ( -- they are few, and the planner does not know it
        SELECT * FROM account o
         WHERE o.clinic_id = current_clinic() AND o.id = s.id OFFSET 0) AS a
 CROSS JOIN LATERAL (
        SELECT o.subject_id, o.version, o.wrapped FROM record_key o
         WHERE o.clinic_id = a.clinic_id AND o.subject_id = a.id
           AND o.version = a.key_version OFFSET 0) AS k
 WHERE $2::uuid IS NULL OR s.id > $2
 ORDER BY s.id
 LIMIT $3::bigint;
