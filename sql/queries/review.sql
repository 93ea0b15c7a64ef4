-- What somebody has to look at afterwards, and the emergency access that is one.

-- The patient's newest key, and for how long their clinic lets a record be opened so.
-- sql: review_prepare one
-- in:  patient_id uuid
-- out: key record_key(patient), minutes int
SELECT k.subject_id, k.version, k.wrapped, c.emergency_minutes::bigint AS minutes
  FROM record_key k
  JOIN clinic c ON c.id = k.clinic_id
 WHERE k.clinic_id = current_clinic() AND k.subject_id = $1::uuid
   AND k.wrapped IS NOT NULL
 ORDER BY k.version DESC
 LIMIT 1;

-- sql: review_insert later
-- in:  id uuid, key record_key, patient_id uuid, account_id uuid,
--      reason sealed(review_reason), now time, access_until time
INSERT INTO review (clinic_id, id, kind, patient_id, account_id, reason, created_at,
       access_until)
VALUES (current_clinic(), $1::uuid, 'emergency_access', $2::uuid, $3::uuid, $4::bytea,
       $5::timestamptz, $6::timestamptz);

-- Newest first. One branch runs, by the index that fits it; OFFSET 0 keeps names
-- from being joined all at once. What does not open hides nothing but itself. From
-- when to when the access was: emergency access while it stands, else the clinic's day.
-- sql: review_list many
-- in:  state text, before uuid, limit int
-- out: id uuid, kind text, state text, patient_id uuid, key record_key?,
--      reason sealed(review_reason), note sealed(review_note),
--      account_id uuid, account_key record_key?,
--      account_note sealed(review_account_note, id, account_key),
--      account_name sealed(account_display_name, account_id, account_key),
--      created_at time, access_until time, rule text, day date, found int?,
--      usual int?, from_at time, to_at time, finding text,
--      signed_by uuid, signer_key record_key?,
--      signer_name sealed(account_display_name, signed_by, signer_key),
--      signed_at time
SELECT v.id, v.kind, CASE WHEN v.signed_at IS NULL THEN 'open' ELSE 'signed' END AS state,
       v.patient_id, k.subject_id, k.version, k.wrapped, v.reason, v.note,
       v.account_id, a.subject_id, a.version, a.wrapped, v.account_note, a.display_name,
       v.created_at, v.access_until, v.rule, v.day, v.found, v.usual,
       CASE WHEN v.day IS NULL THEN v.created_at
            ELSE v.day::timestamp AT TIME ZONE c.time_zone END AS from_at,
       CASE WHEN v.day IS NULL THEN v.access_until
            ELSE (v.day + 1)::timestamp AT TIME ZONE c.time_zone END AS to_at, v.finding,
       v.signed_by, s.subject_id, s.version, s.wrapped, s.display_name, v.signed_at
  FROM ((SELECT q.* FROM review q
          WHERE $1::text = 'open' AND q.signed_at IS NULL
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $2::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY q.id DESC LIMIT $3::bigint)
         UNION ALL
        (SELECT q.* FROM review q
          WHERE $1 IS DISTINCT FROM 'open'
            AND ($1 IS NULL OR q.signed_at IS NOT NULL)
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $2 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY q.id DESC LIMIT $3)) AS v
  JOIN clinic c ON c.id = v.clinic_id
  LEFT JOIN LATERAL (
       SELECT k.subject_id, k.version, k.wrapped FROM record_key k
        WHERE k.clinic_id = v.clinic_id AND k.subject_id = v.patient_id
          AND k.version = v.key_version OFFSET 0) AS k ON true
  CROSS JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = v.clinic_id AND a.id = v.account_id OFFSET 0) AS a
  LEFT JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = v.clinic_id AND a.id = v.signed_by OFFSET 0) AS s ON true
 ORDER BY v.id DESC;

-- How many wait, a hundred at most.
-- sql: review_waiting one
-- out: n int
SELECT count(*) AS n
  FROM (SELECT FROM review
         WHERE clinic_id = current_clinic() AND signed_at IS NULL LIMIT 100) AS w;

-- Locked: of two who sign at once the second finds it signed.
-- sql: review_lock one
-- in:  id uuid
-- out: id uuid, key record_key?(patient), account_key record_key(account),
--      patient_id uuid, account_id uuid, emergency bool, signed_at time
SELECT v.id, k.subject_id, k.version, k.wrapped, a.subject_id, a.version, a.wrapped,
       v.patient_id, v.account_id, v.kind = 'emergency_access' AS emergency, v.signed_at
  FROM review v
  JOIN account o ON o.clinic_id = v.clinic_id AND o.id = v.account_id
  JOIN record_key a ON a.clinic_id = o.clinic_id AND a.subject_id = o.id
   AND a.version = o.key_version
  LEFT JOIN record_key k ON k.clinic_id = v.clinic_id AND k.subject_id = v.patient_id
   AND k.version = v.key_version
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid
   FOR NO KEY UPDATE OF v;

-- One of the two notes: under the patient's key, or that of whom it is about.
-- sql: review_sign exec
-- in:  id uuid, key record_key, account_key record_key, finding text,
--      note sealed(review_note), account_note sealed(review_account_note, id, account_key),
--      signed_by uuid, now time
UPDATE review SET finding = $2::text, note = $3::bytea, account_note = $4::bytea,
       signed_by = $5::uuid, signed_at = $6::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND signed_at IS NULL;

-- Who is told that something is to be reviewed: whoever can, of these roles.
-- sql: review_officers many
-- in:  roles text[], limit int
-- out: id uuid
SELECT a.id FROM account a
 WHERE a.clinic_id = current_clinic() AND a.role = ANY ($1::text[])
   AND a.deactivated_at IS NULL AND a.password_hash IS NOT NULL
 ORDER BY a.id LIMIT $2::bigint;

-- Who is told that a record was opened: the patient, if they have a portal account.
-- sql: review_patient_account one
-- in:  patient_id uuid
-- out: id uuid
SELECT a.id FROM account a
 WHERE a.clinic_id = current_clinic() AND a.patient_id = $1::uuid
   AND a.deactivated_at IS NULL AND a.password_hash IS NOT NULL;
