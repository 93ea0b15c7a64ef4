-- What a second person has to confirm before it holds.

-- A newer request of its kind stands for the older ones: of links the newest
-- alone works.
-- sql: approval_insert later
-- in:  id uuid, kind text, account_id uuid, role text, invitation_id uuid,
--      requested_by uuid, now time, expires_at time
WITH gone AS (
    UPDATE approval SET expires_at = $7::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $3::uuid
       AND state = 'waiting' AND expires_at > $7
       AND (kind = 'role') = ($2::text = 'role'))
INSERT INTO approval (clinic_id, id, kind, account_id, role, invitation_id,
       requested_by, created_at, expires_at)
VALUES (current_clinic(), $1::uuid, $2, $3, $4::text, $5::uuid, $6::uuid, $7,
       $8::timestamptz);

-- How many could decide what this person asks for about that account: nobody
-- who cannot sign in counts, nor who asks, nor whom it is about.
-- sql: approval_deciders one
-- in:  roles text[], requested_by uuid, account_id uuid
-- out: n int
SELECT count(*) AS n FROM account
 WHERE clinic_id = current_clinic() AND role = ANY ($1::text[])
   AND deactivated_at IS NULL AND password_hash IS NOT NULL
   AND totp_confirmed_at IS NOT NULL
   AND id <> $2::uuid AND id <> $3::uuid;

-- Locked: of two who decide at once the second finds it decided.
-- sql: approval_get one
-- in:  id uuid, now time
-- out: id uuid, kind text, account_id uuid, role text, invitation_id uuid,
--      requested_by uuid, state text, account_role text, patient_id uuid,
--      account_active bool
SELECT p.id, p.kind, p.account_id, p.role, p.invitation_id, p.requested_by,
       CASE WHEN p.state = 'waiting' AND p.expires_at <= $2::timestamptz
            THEN 'expired' ELSE p.state END AS state,
       a.role AS account_role, a.patient_id,
       a.deactivated_at IS NULL AS account_active
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

-- What waits about an account, or was asked for by it, waits no longer.
--= AZ-05: who has left, or has another role, has asked for nothing
-- sql: approval_drop later
-- in:  account_id uuid, now time
UPDATE approval SET expires_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND state = 'waiting'
   AND (account_id = $1::uuid OR requested_by = $1) AND expires_at > $2;

-- Newest first. patients_only: of patients' accounts. account_id: about this
-- one alone.
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
SELECT p.id, p.kind, p.role, p.state, p.created_at, p.expires_at, p.decided_at,
       p.account_id, ak.subject_id, ak.version, ak.wrapped, a.display_name, a.email,
       a.role AS account_role, a.patient_id,
       p.requested_by, rk.subject_id, rk.version, rk.wrapped, r.display_name,
       p.decided_by, dk.subject_id, dk.version, dk.wrapped, d.display_name
  FROM (SELECT q.clinic_id, q.id, q.kind, q.role, q.created_at, q.expires_at,
               q.decided_at, q.account_id, q.requested_by, q.decided_by,
               CASE WHEN q.state = 'waiting' AND q.expires_at <= $6::timestamptz
                    THEN 'expired' ELSE q.state END AS state
          FROM approval q) p
  JOIN account a ON a.clinic_id = p.clinic_id AND a.id = p.account_id
  JOIN record_key ak ON ak.clinic_id = a.clinic_id AND ak.subject_id = a.id
  JOIN account r ON r.clinic_id = p.clinic_id AND r.id = p.requested_by
  JOIN record_key rk ON rk.clinic_id = r.clinic_id AND rk.subject_id = r.id
  LEFT JOIN account d ON d.clinic_id = p.clinic_id AND d.id = p.decided_by
  LEFT JOIN record_key dk ON dk.clinic_id = d.clinic_id AND dk.subject_id = d.id
 WHERE p.clinic_id = current_clinic()
   AND ($1::text IS NULL OR p.state = $1)
   AND (NOT $2::boolean OR a.patient_id IS NOT NULL)
   AND ($3::uuid IS NULL OR p.account_id = $3)
   AND ($4::uuid IS NULL OR p.id < $4)
 ORDER BY p.id DESC
 LIMIT $5::bigint;

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
