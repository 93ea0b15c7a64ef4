-- An account's own secrets: password, authenticator. Creating accounts, too.

-- Whoever inserts an account has made its record key in the same transaction.
-- sql: account_insert exec
-- in:  id uuid, key record_key, role text, patient_id uuid,
--      email sealed(account_email), email_token bytes,
--      display_name sealed(account_display_name), created_by uuid, now time
INSERT INTO account (clinic_id, id, role, patient_id, email, email_token,
       display_name, created_by, created_at)
VALUES (current_clinic(), $1::uuid, $2::text, $3::uuid, $4::bytea, $5::bytea,
       $6::bytea, $7::uuid, $8::timestamptz);

-- The account of a patient, with nil for its id if there is none, and who wrote
-- the address of the record.
-- sql: account_to_invite one
-- in:  patient_id uuid
-- out: id uuid, key record_key, email sealed(account_email), active bool,
--      deactivated bool, email_by uuid
SELECT a.id, k.subject_id, k.version, k.wrapped, a.email,
       a.password_hash IS NOT NULL AS active,
       a.deactivated_at IS NOT NULL AS deactivated, p.email_by
  FROM patient p
  LEFT JOIN account a ON a.clinic_id = p.clinic_id AND a.patient_id = p.id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;

-- Only of an account that nobody has opened yet: an address that somebody signs
-- in with is not changed under them.
-- sql: account_email_set exec
-- in:  id uuid, key record_key, email sealed(account_email), email_token bytes
UPDATE account SET email = $2::bytea, email_token = $3::bytea,
       version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND password_hash IS NULL;

-- sql: account_secret one
-- in:  id uuid
-- out: id uuid, key record_key, email sealed(account_email),
--      display_name sealed(account_display_name), clinic_name text,
--      password_hash text, min_length int, history int
SELECT a.id, k.subject_id, k.version, k.wrapped, a.email, a.display_name,
       c.name AS clinic_name, a.password_hash,
       c.password_min_length::bigint AS min_length,
       c.password_history::bigint AS history
  FROM account a
  JOIN clinic c ON c.id = a.clinic_id
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid
   AND a.deactivated_at IS NULL;

-- sql: password_history_list many
-- in:  account_id uuid, limit int
-- out: password_hash text
SELECT password_hash FROM password_history
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid
 ORDER BY set_at DESC
 LIMIT $2::bigint;

-- Only in place of the hash that was checked: two changes at once cannot both
-- stand. The new one joins the history at once.
--= IA-15, IA-16, IA-17: the clock starts again, and a change clears the mark
-- sql: password_set exec
-- in:  account_id uuid, password_hash text, was text, now time
WITH changed AS (
    UPDATE account SET password_hash = $2::text,
           password_changed_at = $4::timestamptz, compromised_at = NULL
     WHERE clinic_id = current_clinic() AND id = $1::uuid
       AND password_hash IS NOT DISTINCT FROM $3::text
    RETURNING clinic_id, id)
INSERT INTO password_history (clinic_id, account_id, password_hash, set_at)
SELECT clinic_id, id, $2, clock_timestamp() FROM changed;

-- Whoever opens an account signs in by its address from now on, in one clinic.
--= IA-01
-- sql: sign_in_claim later
-- in:  account_id uuid
UPDATE account SET sign_in_token = email_token
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND sign_in_token IS NULL;

-- The same password under the costs of today.
--= IA-18
-- sql: password_rehash later
-- in:  account_id uuid, password_hash text, was text
UPDATE account SET password_hash = $2::text
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND password_hash = $3::text;

-- sql: account_factor one
-- in:  id uuid
-- out: id uuid, key record_key, email sealed(account_email),
--      totp_seed sealed(account_totp_seed),
--      totp_pending sealed(account_totp_pending),
--      last_step int, window int, clinic_name text
SELECT a.id, k.subject_id, k.version, k.wrapped, a.email, a.totp_seed, a.totp_pending,
       a.totp_last_step AS last_step, c.totp_window_steps::bigint AS window,
       c.name AS clinic_name
  FROM account a
  JOIN clinic c ON c.id = a.clinic_id
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid
   AND a.deactivated_at IS NULL;

--= IA-05: of two uses of one code, over all workers, one finds a row here
-- sql: totp_step_take exec
-- in:  id uuid, step int
UPDATE account SET totp_last_step = $2::bigint
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND totp_last_step < $2;

-- By the clock of the log: an attempt that failed within the same second, and
-- before, did not fail since.
-- sql: account_signed_in later
-- in:  id uuid
UPDATE account SET last_sign_in_at = clock_timestamp()
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

--= IA-08: the seed counts for nothing before its first right code
-- sql: totp_offer exec
-- in:  id uuid, key record_key, totp_pending sealed(account_totp_pending)
UPDATE account SET totp_pending = $2::bytea
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: totp_confirm exec
-- in:  id uuid, key record_key, totp_seed sealed(account_totp_seed), step int,
--      now time
UPDATE account SET totp_seed = $2::bytea, totp_pending = NULL,
       totp_confirmed_at = $4::timestamptz, totp_last_step = $3::bigint
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND totp_pending IS NOT NULL;

-- sql: account_token_clear later
-- in:  account_id uuid
DELETE FROM account_token
 WHERE clinic_id = current_clinic() AND account_id = $1::uuid;

-- sql: account_token_insert later
-- in:  account_id uuid, tokens bytes[], parts int[]
INSERT INTO account_token (clinic_id, account_id, token, part)
SELECT current_clinic(), $1::uuid, w.token, w.part
  FROM unnest($2::bytea[], $3::bigint[]) AS w(token, part)
    ON CONFLICT DO NOTHING;
