-- Invitations: a link that opens an account once, within a day.

-- A newer link makes the older ones void.
--= IA-19: single use, 256 random bits, 24 hours
-- sql: invitation_insert later
-- in:  hash bytes, account_id uuid, now time, expires_at time
WITH void AS (
    UPDATE invitation SET used_at = $3::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $2::uuid
       AND used_at IS NULL)
INSERT INTO invitation (clinic_id, hash, account_id, created_at, expires_at)
VALUES (current_clinic(), $1::bytea, $2, $3, $4::timestamptz);

-- The account that a live invitation is for; no row otherwise.
-- sql: invitation_find one
-- in:  hash bytes
-- out: clinic_id uuid, account_id uuid, role text
SELECT clinic_id, account_id, role FROM invitation_find($1::bytea);

-- sql: invitation_use exec
-- in:  hash bytes, now time
UPDATE invitation SET used_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND hash = $1::bytea
   AND used_at IS NULL AND expires_at > clock_timestamp();

-- sql: invitation_void later
-- in:  account_id uuid, now time
UPDATE invitation SET used_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid AND used_at IS NULL;
