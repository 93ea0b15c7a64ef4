-- Patients. Every member of a record is sealed; what can be looked up has keyed
-- tokens in patient_token beside it.

-- What a record holds: a new column of fields.def is in all that follows.
-- row: patient_record
-- out: fields(patient)

-- sql: patient_insert later
-- in:  id uuid, key record_key,
--      mrn_token bytes, ssn_token bytes, phone_token bytes, email_token bytes,
--      birth_year bytes, birth_month bytes, birth_day bytes, row patient_record
INSERT INTO patient (clinic_id, id, mrn_token, ssn_token, phone_token, email_token,
       birth_year, birth_month, birth_day, {patient_record: %})
VALUES (current_clinic(), $1::uuid, $2::bytea, $3::bytea, $4::bytea, $5::bytea,
       $6::bytea, $7::bytea, $8::bytea, {patient_record: $%::bytea});

-- sql: patient_get one
-- in:  id uuid
-- out: id uuid, key record_key, version int, row patient_record
SELECT p.id, k.subject_id, k.version, k.wrapped, p.version, {patient_record: p.%}
  FROM patient p
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;

-- Writes the changed members alone, if the version is still the one that the
-- client saw: no row otherwise. Nor while there is a newer key than the row's,
-- unless it is for that one, and all that is sealed is written: `whole`.
--= EN-07
-- sql: patient_update exec
-- in:  id uuid, key record_key, changed text[], version int, now time, whole bool,
--      mrn_token bytes, ssn_token bytes, phone_token bytes, email_token bytes,
--      birth_year bytes, birth_month bytes, birth_day bytes, row patient_record
UPDATE patient SET
       {patient_record: % = CASE WHEN $5::boolean OR '%' = ANY ($2::text[])
            THEN $%::bytea ELSE % END},
       email_by = CASE WHEN 'email' = ANY ($2) THEN current_actor() ELSE email_by END,
       mrn_token = CASE WHEN 'mrn' = ANY ($2) THEN $6::bytea ELSE mrn_token END,
       ssn_token = CASE WHEN 'ssn' = ANY ($2) THEN $7::bytea ELSE ssn_token END,
       phone_token = CASE WHEN 'phone' = ANY ($2) THEN $8::bytea ELSE phone_token END,
       email_token = CASE WHEN 'email' = ANY ($2) THEN $9::bytea ELSE email_token END,
       birth_year = CASE WHEN 'birth_date' = ANY ($2) THEN $10::bytea ELSE birth_year END,
       birth_month = CASE WHEN 'birth_date' = ANY ($2) THEN $11::bytea ELSE birth_month END,
       birth_day = CASE WHEN 'birth_date' = ANY ($2) THEN $12::bytea ELSE birth_day END,
       version = version + 1,
       updated_at = $4::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $3::bigint
   AND ($5 OR NOT EXISTS (
       SELECT 1 FROM record_key k
        WHERE k.clinic_id = current_clinic() AND k.subject_id = $1
          AND k.version > patient.key_version));

-- sql: patient_key one
-- in:  id uuid
-- out: key record_key(patient)
SELECT k.subject_id, k.version, k.wrapped
  FROM record_key k
 WHERE k.clinic_id = current_clinic() AND k.subject_id = $1::uuid
 ORDER BY k.version DESC
 LIMIT 1;

-- sql: patient_token_insert later
-- in:  patients uuid[], tokens bytes[], parts int[]
INSERT INTO patient_token (clinic_id, patient_id, token, part)
SELECT current_clinic(), w.patient_id, w.token, w.part
  FROM unnest($1::uuid[], $2::bytea[], $3::bigint[]) AS w(patient_id, token, part)
ON CONFLICT DO NOTHING;

-- In one order, so that two who bring the same new words wait for one another
-- and do not block each other.
-- sql: name_beginning_insert later
-- in:  beginnings bytes[], words bytes[]
INSERT INTO name_beginning (clinic_id, beginning, word)
SELECT DISTINCT current_clinic(), w.beginning, w.word
  FROM unnest($1::bytea[], $2::bytea[]) AS w(beginning, word)
 ORDER BY w.beginning, w.word
ON CONFLICT DO NOTHING;

-- sql: patient_token_clear later
-- in:  patient_id uuid
DELETE FROM patient_token
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid;

-- sql: patient_lock later
-- in:  id uuid
SELECT FROM patient WHERE clinic_id = current_clinic() AND id = $1::uuid FOR SHARE;

-- sql: account_of_patient one
-- in:  patient_id uuid
-- out: id uuid, key record_key(account)
SELECT a.id, k.subject_id, k.version, k.wrapped
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
 WHERE a.clinic_id = current_clinic() AND a.patient_id = $1::uuid
   FOR UPDATE OF a;

-- sql: account_rename later
-- in:  id uuid, key record_key, display_name sealed(account_display_name)
UPDATE account SET display_name = $2::bytea, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid;
