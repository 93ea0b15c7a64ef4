-- What a second person has to confirm before it holds.

-- A newer request of its kind stands for the older ones: of links the newest
-- alone works.
-- sql: approval_insert later
-- in:  id uuid, kind text, account_id uuid, role text, invitation_id uuid,
--      requested_by uuid, now time, expires_at time, recording_id uuid
WITH gone AS (
    UPDATE approval SET expires_at = $7::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $3::uuid
       AND state = 'waiting' AND expires_at > $7
       AND (kind = 'role') = ($2::text = 'role')
       AND recording_id IS NOT DISTINCT FROM $9::uuid)
INSERT INTO approval (clinic_id, id, kind, account_id, role, invitation_id,
       requested_by, created_at, expires_at, recording_id)
VALUES (current_clinic(), $1::uuid, $2, $3, $4::text, $5::uuid, $6::uuid, $7,
       $8::timestamptz, $9);

-- How many could decide what this person asks for about that account: nobody
-- who cannot sign in counts, nor who asks, nor whom it is about.
-- sql: approval_deciders one
-- in:  roles text[], requested_by uuid, account_id uuid
-- out: n int
SELECT count(*) AS n FROM account
 WHERE clinic_id = current_clinic() AND role = ANY ($1::text[])
   AND role IN ('admin', 'clinician', 'scheduler', 'compliance')
   AND deactivated_at IS NULL AND password_hash IS NOT NULL
   AND totp_confirmed_at IS NOT NULL
   AND id <> $2::uuid AND id <> $3::uuid;

-- Locked: of two who decide at once the second finds it decided.
-- sql: approval_get one
-- in:  id uuid, now time
-- out: id uuid, kind text, account_id uuid, role text, invitation_id uuid,
--      requested_by uuid, state text, account_role text, patient_id uuid,
--      account_active bool, recording_id uuid
SELECT p.id, p.kind, p.account_id, p.role, p.invitation_id, p.requested_by,
       approval_state(p.state, p.expires_at, $2::timestamptz) AS state,
       a.role AS account_role, a.patient_id,
       a.deactivated_at IS NULL AS account_active, p.recording_id
  FROM approval p
  JOIN account a ON a.clinic_id = p.clinic_id AND a.id = p.account_id
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid
   FOR NO KEY UPDATE OF p;

-- sql: approval_decide exec
-- in:  id uuid, state text, decided_by uuid, now time
UPDATE approval SET state = $2::text, decided_by = $3::uuid,
       decided_at = $4::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'waiting'
   AND expires_at > $4;

-- What waits about an account, or was asked for by it, waits no longer; what waits
-- about a recording that it made is not about it.
--= AZ-05: who has left, or has another role, has asked for nothing
-- sql: approval_drop later
-- in:  account_id uuid, now time
UPDATE approval SET expires_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND state = 'waiting'
   AND ((account_id = $1::uuid AND recording_id IS NULL) OR requested_by = $1)
   AND expires_at > $2;

-- Newest first. patients_only: of patients' accounts. account_id: about this
-- one alone. One branch runs, by the index that fits it; OFFSET 0 keeps what is
-- few from being looked for among many, and names from being joined all at once.
-- sql: approval_list many
-- in:  state text, patients_only bool, account_id uuid, before uuid, limit int,
--      now time
-- out: id uuid, kind text, role text, state text, created_at time,
--      expires_at time, decided_at time,
--      account_id uuid, account_key record_key,
--      account_name sealed(account_display_name, account_id, account_key),
--      account_email sealed(account_email, account_id, account_key),
--      account_role text, patient_id uuid,
--      requested_by uuid, requester_key record_key,
--      requester_name sealed(account_display_name, requested_by, requester_key),
--      decided_by uuid, decider_key record_key,
--      decider_name sealed(account_display_name, decided_by, decider_key)
SELECT p.id, p.kind, p.role, approval_state(p.state, p.expires_at, $6) AS state,
       p.created_at, p.expires_at, p.decided_at,
       p.account_id, a.subject_id, a.version, a.wrapped, a.display_name, a.email,
       a.role AS account_role, a.patient_id,
       p.requested_by, r.subject_id, r.version, r.wrapped, r.display_name,
       p.decided_by, d.subject_id, d.version, d.wrapped, d.display_name
  FROM ((SELECT q.* FROM approval q -- of one account
          WHERE $3::uuid IS NOT NULL AND q.account_id = $3
            AND ($1::text IS NULL OR
                 approval_state(q.state, q.expires_at, $6::timestamptz) = $1)
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $4::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND (NOT $2::boolean OR (SELECT s.patient_id FROM account s
                 WHERE s.clinic_id = q.clinic_id AND s.id = q.account_id) IS NOT NULL)
          ORDER BY q.id DESC LIMIT $5::bigint)
         UNION ALL
        (SELECT q.* -- that somebody can decide
           FROM (SELECT w.* FROM approval w
                  WHERE $3 IS NULL AND $1 = 'waiting'
                    AND w.state = 'waiting' AND w.expires_at > $6
                    AND w.clinic_id = current_clinic() OFFSET 0) AS q
          WHERE q.id < CASE WHEN $4 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND (NOT $2 OR (SELECT s.patient_id FROM account s
                 WHERE s.clinic_id = q.clinic_id AND s.id = q.account_id) IS NOT NULL)
          ORDER BY q.id DESC LIMIT $5)
         UNION ALL
        (SELECT q.* FROM approval q -- in another state
          WHERE $3 IS NULL AND $1 <> 'waiting'
            AND q.state = CASE WHEN $1 = 'expired' THEN 'waiting' ELSE $1 END
            AND approval_state(q.state, q.expires_at, $6) = $1
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $4 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND (NOT $2 OR (SELECT s.patient_id FROM account s
                 WHERE s.clinic_id = q.clinic_id AND s.id = q.account_id) IS NOT NULL)
          ORDER BY q.id DESC LIMIT $5)
         UNION ALL
        (SELECT q.* FROM approval q -- all
          WHERE $3 IS NULL AND $1 IS NULL
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $4 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND (NOT $2 OR (SELECT s.patient_id FROM account s
                 WHERE s.clinic_id = q.clinic_id AND s.id = q.account_id) IS NOT NULL)
          ORDER BY q.id DESC LIMIT $5)) AS p
  CROSS JOIN LATERAL (
       SELECT a.display_name, a.email, a.role, a.patient_id,
              k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = p.clinic_id AND a.id = p.account_id OFFSET 0) AS a
  CROSS JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = p.clinic_id AND a.id = p.requested_by OFFSET 0) AS r
  LEFT JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = p.clinic_id AND a.id = p.decided_by OFFSET 0) AS d ON true
 ORDER BY p.id DESC;

-- How much waits for this person to decide.
-- sql: approval_waiting one
-- in:  actor uuid, patients_only bool, now time
-- out: n int
SELECT count(*) AS n
  FROM approval p
  JOIN account a ON a.clinic_id = p.clinic_id AND a.id = p.account_id
 WHERE p.clinic_id = current_clinic() AND p.state = 'waiting'
   AND p.expires_at > $3::timestamptz
   AND p.requested_by <> $1::uuid AND p.account_id <> $1
   AND (NOT $2::boolean OR a.patient_id IS NOT NULL);
