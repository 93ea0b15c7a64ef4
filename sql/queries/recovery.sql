-- Recovery codes: what stands in for an authenticator that is lost.

--= IA-20: hashed; a new set replaces the old one
-- sql: recovery_replace later
-- in:  account_id uuid, hashes bytes[]
WITH gone AS (
    DELETE FROM recovery_code
     WHERE clinic_id = current_clinic() AND account_id = $1::uuid)
INSERT INTO recovery_code (clinic_id, account_id, hash)
SELECT current_clinic(), $1, h FROM unnest($2::bytea[]) AS h;

--= IA-20: single use; of two that arrive together one finds the row unused
-- sql: recovery_use one
-- in:  account_id uuid, hash bytes, now time
-- out: used int, codes_left int
WITH used AS (
    UPDATE recovery_code SET used_at = $3::timestamptz
     WHERE clinic_id = current_clinic() AND account_id = $1::uuid
       AND hash = $2::bytea AND used_at IS NULL
    RETURNING hash)
SELECT (SELECT count(*) FROM used) AS used,
       (SELECT count(*) FROM recovery_code
         WHERE clinic_id = current_clinic() AND account_id = $1
           AND used_at IS NULL AND hash <> $2) AS codes_left;
