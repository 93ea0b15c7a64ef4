-- Accounts as administrators see them, and as colleagues choose from them.

-- An account, of: account a with key k, its last invitation i, the approval p
-- that waits. $1 is now.
-- row: user
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      role text, patient_id uuid, active bool, state text, locked bool,
--      totp_enrolled bool, compromised_at time, password_changed_at time,
--      last_sign_in_at time, created_at time, created_by uuid, version int,
--      invitation_id uuid, invitation_state text, invitation_mailed bool,
--      invitation_expires_at time, approval_id uuid, approval_kind text,
--      approval_role text, email sealed(account_email)
a.id, k.subject_id, k.version, k.wrapped, a.display_name, a.role, a.patient_id,
       a.deactivated_at IS NULL AS active,
       account_state(a.deactivated_at, a.password_hash, i.state) AS state,
       EXISTS (SELECT 1 FROM attempt t
                WHERE t.clinic_id = a.clinic_id AND t.account_id = a.id
                  AND attempt_closed(t, $1::timestamptz)) AS locked,
       a.totp_confirmed_at IS NOT NULL AS totp_enrolled, a.compromised_at,
       a.password_changed_at, a.last_sign_in_at, a.created_at, a.created_by,
       a.version, i.id AS invitation_id, i.state AS invitation_state,
       coalesce(i.mailed, false) AS invitation_mailed,
       i.expires_at AS invitation_expires_at,
       p.id AS approval_id, p.kind AS approval_kind, p.role AS approval_role

-- text: last_invitation
(SELECT v.id, v.mailed, v.expires_at,
       invitation_state(v.confirmed_at, v.ended_at, v.tries, v.expires_at, $1) AS state
  FROM invitation v
 WHERE v.clinic_id = a.clinic_id AND v.account_id = a.id AND NOT v.own_reset
 ORDER BY v.id DESC LIMIT 1)

-- text: waiting_approval
(SELECT q.id, q.kind, q.role FROM approval q
 WHERE q.clinic_id = a.clinic_id AND q.account_id = a.id
   AND q.state = 'waiting' AND q.expires_at > $1
 ORDER BY q.id DESC LIMIT 1)

-- Without a role, those who work here: that somebody is a patient is for
-- administrators who ask for it. Addresses are theirs alone, too.
--= AZ-02
-- Newest first: who was just invited is on the first page. One branch runs, by
-- the index that fits it: those who work here are few beside patients. OFFSET 0
-- keeps their keys from being joined all at once.
-- sql: user_list many
-- in:  now time, as_admin bool, before uuid, limit int, role text
-- out: row user
SELECT {user}, CASE WHEN $2::boolean THEN a.email END AS email
  FROM ((SELECT s.* FROM account s
          WHERE $5::text IS DISTINCT FROM 'patient'
            AND s.role IN ('admin', 'clinician', 'scheduler', 'compliance')
            AND ($5 IS NULL OR s.role = $5) AND s.clinic_id = current_clinic()
            AND s.id < CASE WHEN $3::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $3 END
          ORDER BY s.id DESC LIMIT $4::bigint)
         UNION ALL
        (SELECT s.* FROM account s
          WHERE $5 = 'patient' AND $2 AND s.role = 'patient'
            AND s.clinic_id = current_clinic()
            AND s.id < CASE WHEN $3 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $3 END
          ORDER BY s.id DESC LIMIT $4)) AS a
  JOIN LATERAL (SELECT r.subject_id, r.version, r.wrapped FROM record_key r
        WHERE r.clinic_id = a.clinic_id AND r.subject_id = a.id
          AND r.version = a.key_version OFFSET 0) AS k ON true
  LEFT JOIN LATERAL {last_invitation} AS i ON $2
  LEFT JOIN LATERAL {waiting_approval} AS p ON $2
 ORDER BY a.id DESC;

-- sql: user_get one
-- in:  now time, id uuid
-- out: row user
SELECT {user}, a.email
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
  LEFT JOIN LATERAL {last_invitation} AS i ON true
  LEFT JOIN LATERAL {waiting_approval} AS p ON true
 WHERE a.clinic_id = current_clinic() AND a.id = $2::uuid AND a.role <> 'guest';

-- Administrators who can sign in, locked in order: two of them who would take
-- each other away come one after the other, and the second is refused.
-- sql: user_admins_lock many
-- out: id uuid
SELECT id FROM account
 WHERE clinic_id = current_clinic() AND role = 'admin'
   AND deactivated_at IS NULL AND password_hash IS NOT NULL
 ORDER BY id
   FOR NO KEY UPDATE;

-- sql: user_update exec
-- in:  id uuid, key record_key, display_name sealed(account_display_name),
--      version int
UPDATE account SET display_name = $2::bytea, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $3::bigint;

-- sql: user_role_set exec
-- in:  id uuid, role text
UPDATE account SET role = $2::text, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND patient_id IS NULL;

-- sql: user_deactivate exec
-- in:  id uuid, now time
UPDATE account SET deactivated_at = $2::timestamptz, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND deactivated_at IS NULL;

-- sql: user_reactivate exec
-- in:  id uuid
UPDATE account SET deactivated_at = NULL, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND deactivated_at IS NOT NULL;

--= IA-16
-- sql: user_compromise exec
-- in:  id uuid, now time
UPDATE account SET compromised_at = $2::timestamptz, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- The password opens nothing from now on, and with `totp` the authenticator
-- neither; the link that follows sets both anew. The history keeps the hash.
--= IA-19, IA-20
-- sql: user_reset exec
-- in:  id uuid, totp bool
WITH codes AS (
    DELETE FROM recovery_code
     WHERE $2::boolean AND clinic_id = current_clinic() AND account_id = $1::uuid)
UPDATE account SET password_hash = NULL,
       totp_seed = CASE WHEN NOT $2 THEN totp_seed END,
       totp_pending = NULL,
       totp_confirmed_at = CASE WHEN NOT $2 THEN totp_confirmed_at END,
       totp_last_step = CASE WHEN NOT $2 THEN totp_last_step ELSE 0 END,
       version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1;
