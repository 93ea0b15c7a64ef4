-- Who cares for whom: what makes a clinician's right to a record.

-- Adds an active clinician of the clinic; 0 rows if the account is none.
-- Somebody who left the team comes back to it.
-- sql: care_team_add exec
-- in:  patient_id uuid, account_id uuid, added_by uuid, now time
INSERT INTO care_team AS t (clinic_id, patient_id, account_id, since, added_by)
SELECT a.clinic_id, $1::uuid, a.id, $4::timestamptz, $3::uuid
  FROM account a
 WHERE a.clinic_id = current_clinic() AND a.id = $2::uuid
   AND a.role = 'clinician' AND a.deactivated_at IS NULL
ON CONFLICT (clinic_id, patient_id, account_id) DO UPDATE
   SET since = CASE WHEN t.ended_at IS NULL THEN t.since ELSE excluded.since END,
       added_by = CASE WHEN t.ended_at IS NULL THEN t.added_by ELSE excluded.added_by END,
       ended_at = NULL;

-- The same where the account is known to be a clinician: who books or creates.
-- sql: care_team_join later
-- in:  patient_id uuid, account_id uuid, added_by uuid, now time
INSERT INTO care_team AS t (clinic_id, patient_id, account_id, since, added_by)
VALUES (current_clinic(), $1::uuid, $2::uuid, $4::timestamptz, $3::uuid)
ON CONFLICT (clinic_id, patient_id, account_id) DO UPDATE
   SET since = excluded.since, added_by = excluded.added_by, ended_at = NULL
 WHERE t.ended_at IS NOT NULL;

-- sql: care_team_leave exec
-- in:  patient_id uuid, account_id uuid, now time
UPDATE care_team SET ended_at = $3::timestamptz
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid
   AND account_id = $2::uuid AND ended_at IS NULL;
