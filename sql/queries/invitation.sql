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
--      password_min_length int
SELECT clinic_id, invitation_id, account_id, role, confirmed, phrase_hash,
       clinic_name, password_min_length::bigint FROM invitation_find($1::bytea);

-- Whose invitation it is, live or not.
-- sql: invitation_account one
-- in:  id uuid
-- out: account_id uuid
SELECT account_id FROM invitation
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

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

-- sql: invitation_void later
-- in:  account_id uuid, now time
UPDATE invitation SET ended_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid AND ended_at IS NULL;
