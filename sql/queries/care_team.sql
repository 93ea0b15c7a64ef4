-- Who cares for whom: what makes a clinician's right to a record. That a visit
-- puts its clinician on the team is seen to where visits are (care_team_follow).

-- Adds an active clinician of the clinic; 0 rows if the account is none. Undoes
-- a removal, and makes one who is there for a visit a member for good.
-- sql: care_team_add exec
-- in:  patient_id uuid, account_id uuid, added_by uuid
INSERT INTO care_team AS t (clinic_id, patient_id, account_id, source, since,
       until, added_by)
SELECT a.clinic_id, $1::uuid, a.id, 'explicit', now(), 'infinity', $3::uuid
  FROM account a
 WHERE a.clinic_id = current_clinic() AND a.id = $2::uuid
   AND a.role = 'clinician' AND a.deactivated_at IS NULL
ON CONFLICT (clinic_id, patient_id, account_id) DO UPDATE
   SET source = 'explicit', until = 'infinity',
       since = CASE WHEN t.until > now() THEN t.since ELSE excluded.since END,
       added_by = CASE WHEN t.until = 'infinity' THEN t.added_by
           ELSE excluded.added_by END,
       removed_at = NULL, removed_by = NULL;

-- The first member of a new record's team: who made it.
-- sql: care_team_begin later
-- in:  patient_id uuid, account_id uuid
INSERT INTO care_team (clinic_id, patient_id, account_id, source, since, until,
       added_by)
VALUES (current_clinic(), $1::uuid, $2::uuid, 'explicit', now(), 'infinity', $2);

-- sql: care_team_remove exec
-- in:  patient_id uuid, account_id uuid, removed_by uuid
UPDATE care_team SET until = now(), removed_at = now(), removed_by = $3::uuid
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid
   AND account_id = $2::uuid AND until > now();

-- Those who can open the record now; until: none for good.
-- sql: care_team_list many
-- in:  patient_id uuid, after uuid, limit int
-- out: account_id uuid, key record_key,
--      display_name sealed(account_display_name, account_id), since time,
--      source text, until time
SELECT t.account_id, k.subject_id, k.version, k.wrapped, a.display_name, t.since,
       t.source, nullif(t.until, 'infinity') AS until
  FROM care_team t
  JOIN account a ON a.clinic_id = t.clinic_id AND a.id = t.account_id
  JOIN record_key k ON k.clinic_id = t.clinic_id AND k.subject_id = t.account_id
   AND k.version = a.key_version
 WHERE t.clinic_id = current_clinic() AND t.patient_id = $1::uuid
   AND t.until > now() AND a.role = 'clinician' AND a.deactivated_at IS NULL
   AND ($2::uuid IS NULL OR t.account_id > $2)
 ORDER BY t.account_id
 LIMIT $3::bigint;

-- Visits of the two whose room somebody may be in.
-- sql: care_team_rooms many
-- in:  patient_id uuid, account_id uuid
-- out: id uuid
SELECT id FROM visit
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid
   AND clinician_id = $2::uuid AND status IN ('booked', 'arrived', 'in_call')
   AND starts_at < now() + interval '1 day'
   AND starts_at > now() - interval '2 days';

-- A new number of days holds for those who are there for a visit, too. Nobody
-- comes back whose last visit is further away than the longest of them.
-- sql: care_team_days_apply later
-- in:  days int
UPDATE care_team
   SET until = visits_end + make_interval(days => $1::bigint::integer)
 WHERE clinic_id = current_clinic() AND source = 'visit'
   AND removed_at IS NULL AND visits_end > now() - interval '366 days';
