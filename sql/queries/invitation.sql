-- Invitations: a link that opens an account once, within a day.

-- A newer link makes the older ones void.
--= IA-19: single use, 256 random bits, 24 hours
-- sql: invitation_insert later
-- in:  id uuid, hash bytes, account_id uuid, now time, expires_at time,
--      confirmed bool, mailed bool
WITH void AS (
    UPDATE invitation SET ended_at = $4::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $3::uuid
       AND ended_at IS NULL)
INSERT INTO invitation (clinic_id, id, hash, account_id, created_at, expires_at,
       confirmed_at, mailed)
VALUES (current_clinic(), $1::uuid, $2::bytea, $3, $4, $5::timestamptz,
       CASE WHEN $6::boolean THEN $4 END, $7::boolean);

-- The account that a live invitation is for; no row otherwise.
-- sql: invitation_find one
-- in:  hash bytes
-- out: clinic_id uuid, invitation_id uuid, account_id uuid, role text,
--      confirmed bool, phrase_hash bytes, clinic_name text,
--      password_min_length int, own_reset bool
SELECT clinic_id, invitation_id, account_id, role, confirmed, phrase_hash,
       clinic_name, password_min_length::bigint, own_reset FROM invitation_find($1::bytea);

-- Whose invitation it is, live or not: of those that somebody sent.
-- sql: invitation_account one
-- in:  id uuid
-- out: account_id uuid
SELECT account_id FROM invitation
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND NOT own_reset;

-- A phrase opens the link from now on, for who has both.
-- sql: invitation_confirm exec
-- in:  id uuid, phrase_hash bytes, now time
UPDATE invitation SET confirmed_at = $3::timestamptz, phrase_hash = $2::bytea
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND confirmed_at IS NULL
   AND ended_at IS NULL AND expires_at > $3;

-- Counted before the phrase is looked at: tries that arrive together cannot all
-- slip through.
-- sql: invitation_try exec
-- in:  id uuid
UPDATE invitation SET tries = tries + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND tries < 5
   AND ended_at IS NULL;

-- sql: invitation_tries_clear later
-- in:  id uuid
UPDATE invitation SET tries = 0
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: invitation_use exec
-- in:  id uuid, now time
UPDATE invitation SET ended_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL
   AND confirmed_at IS NOT NULL AND expires_at > clock_timestamp();

-- sql: invitation_end later
-- in:  id uuid, now time
UPDATE invitation SET ended_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND ended_at IS NULL;

-- With them goes what waits for a second person to open one of them.
-- sql: invitation_void later
-- in:  account_id uuid, now time
WITH dropped AS (
    UPDATE approval SET expires_at = $2::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $1::uuid
       AND invitation_id IS NOT NULL AND state = 'waiting' AND expires_at > $2)
UPDATE invitation SET ended_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid AND ended_at IS NULL;

-- Always one row; nil ids where no account has this sign-in name.
--= IA-11
-- sql: reset_ask one
-- in:  job_id uuid, email_tokens bytes[], device bytes, network bytes
-- out: clinic_id uuid, account_id uuid
SELECT clinic_id, account_id
  FROM reset_ask($1::uuid, $2::bytea[], $3::bytea, $4::bytea);

-- sql: reset_link one
-- in:  account_id uuid, link_id uuid, hash bytes
-- out: id uuid, key record_key, email sealed(account_email),
--      patient_id uuid, patient_key record_key,
--      language sealed(patient_language, patient_id, patient_key),
--      expires_at time
SELECT id, key_subject AS subject_id, key_version AS version, key_wrapped AS wrapped,
       email, patient_id, patient_subject, patient_version, patient_wrapped, language,
       expires_at
  FROM reset_link($1::uuid, $2::uuid, $3::bytea);
