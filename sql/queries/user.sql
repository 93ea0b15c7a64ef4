-- Accounts as administrators see them, and as colleagues choose from them.

-- Without a role, those who work here: that somebody is a patient is for
-- administrators who ask for it. Addresses are theirs alone, too.
--= AZ-02
-- sql: user_list many
-- in:  role text, as_admin bool, after uuid, limit int, now time
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      email sealed(account_email), role text, active bool, invited bool,
--      locked bool
SELECT a.id, k.subject_id, k.version, k.box, a.display_name,
       CASE WHEN $2::boolean THEN a.email END AS email, a.role,
       a.deactivated_at IS NULL AS active, a.password_hash IS NULL AS invited,
       EXISTS (SELECT 1 FROM attempt t
                WHERE t.clinic_id = a.clinic_id AND t.account_id = a.id
                  AND (t.failures >= 100 OR t.blocked_until > $5::timestamptz)) AS locked
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 WHERE a.clinic_id = current_clinic()
   AND CASE WHEN $1::text IS NULL THEN a.role <> 'patient' ELSE a.role = $1 END
   AND ($2 OR a.role <> 'patient')
   AND ($3::uuid IS NULL OR a.id > $3)
 ORDER BY a.id
 LIMIT $4::bigint;

-- sql: user_get one
-- in:  id uuid, now time
-- out: id uuid, key record_key, display_name sealed(account_display_name),
--      email sealed(account_email), role text, patient_id uuid, active bool,
--      invited bool, locked bool, totp_enrolled bool, compromised_at time,
--      password_changed_at time, last_sign_in_at time, created_at time,
--      created_by uuid, version int
SELECT a.id, k.subject_id, k.version, k.box, a.display_name, a.email, a.role,
       a.patient_id, a.deactivated_at IS NULL AS active,
       a.password_hash IS NULL AS invited,
       EXISTS (SELECT 1 FROM attempt t
                WHERE t.clinic_id = a.clinic_id AND t.account_id = a.id
                  AND (t.failures >= 100 OR t.blocked_until > $2::timestamptz)) AS locked,
       a.totp_confirmed_at IS NOT NULL AS totp_enrolled, a.compromised_at,
       a.password_changed_at, a.last_sign_in_at, a.created_at, a.created_by,
       a.version
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid;

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
--      role text, version int
WITH written AS (
    UPDATE account SET display_name = $2::bytea, role = $3::text,
           version = version + 1
     WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $4::bigint
    RETURNING clinic_id, id)
UPDATE record_key k SET seals = k.seals + 1
  FROM written w
 WHERE k.clinic_id = w.clinic_id AND k.subject_id = w.id;

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
