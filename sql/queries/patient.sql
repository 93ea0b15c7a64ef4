-- Patients. Every member of a record is sealed; what can be looked up has keyed
-- tokens in patient_token beside it.

-- sql: patient_insert later
-- in:  id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email), address sealed(patient_address),
--      language sealed(patient_language),
--      emergency_contact sealed(patient_emergency_contact),
--      insurance sealed(patient_insurance),
--      mrn_token bytes, ssn_token bytes, phone_token bytes, email_token bytes,
--      birth_year bytes, birth_month bytes, birth_day bytes
INSERT INTO patient (clinic_id, id, family_name, given_name, birth_date, sex,
       mrn, ssn, phone, email, address, language, emergency_contact, insurance,
       mrn_token, ssn_token, phone_token, email_token,
       birth_year, birth_month, birth_day)
VALUES (current_clinic(), $1::uuid, $2::bytea, $3::bytea, $4::bytea, $5::bytea,
       $6::bytea, $7::bytea, $8::bytea, $9::bytea, $10::bytea, $11::bytea,
       $12::bytea, $13::bytea, $14::bytea, $15::bytea, $16::bytea, $17::bytea,
       $18::bytea, $19::bytea, $20::bytea);

-- sql: patient_get one
-- in:  id uuid
-- out: id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email), address sealed(patient_address),
--      language sealed(patient_language),
--      emergency_contact sealed(patient_emergency_contact),
--      insurance sealed(patient_insurance), version int
SELECT p.id, k.subject_id, k.version, k.wrapped,
       p.family_name, p.given_name, p.birth_date, p.sex, p.mrn, p.ssn, p.phone,
       p.email, p.address, p.language, p.emergency_contact, p.insurance,
       p.version
  FROM patient p
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;

-- Writes the changed members alone, if the version is still the one that the
-- client saw: no row otherwise.
-- sql: patient_update exec
-- in:  id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email), address sealed(patient_address),
--      language sealed(patient_language),
--      emergency_contact sealed(patient_emergency_contact),
--      insurance sealed(patient_insurance),
--      changed text[], version int, now time,
--      mrn_token bytes, ssn_token bytes, phone_token bytes, email_token bytes,
--      birth_year bytes, birth_month bytes, birth_day bytes
UPDATE patient SET
       family_name = CASE WHEN 'family_name' = ANY ($14::text[]) THEN $2::bytea ELSE family_name END,
       given_name = CASE WHEN 'given_name' = ANY ($14) THEN $3::bytea ELSE given_name END,
       birth_date = CASE WHEN 'birth_date' = ANY ($14) THEN $4::bytea ELSE birth_date END,
       sex = CASE WHEN 'sex' = ANY ($14) THEN $5::bytea ELSE sex END,
       mrn = CASE WHEN 'mrn' = ANY ($14) THEN $6::bytea ELSE mrn END,
       ssn = CASE WHEN 'ssn' = ANY ($14) THEN $7::bytea ELSE ssn END,
       phone = CASE WHEN 'phone' = ANY ($14) THEN $8::bytea ELSE phone END,
       email = CASE WHEN 'email' = ANY ($14) THEN $9::bytea ELSE email END,
       email_by = CASE WHEN 'email' = ANY ($14) THEN current_actor() ELSE email_by END,
       address = CASE WHEN 'address' = ANY ($14) THEN $10::bytea ELSE address END,
       language = CASE WHEN 'language' = ANY ($14) THEN $11::bytea ELSE language END,
       emergency_contact = CASE WHEN 'emergency_contact' = ANY ($14) THEN $12::bytea ELSE emergency_contact END,
       insurance = CASE WHEN 'insurance' = ANY ($14) THEN $13::bytea ELSE insurance END,
       mrn_token = CASE WHEN 'mrn' = ANY ($14) THEN $17::bytea ELSE mrn_token END,
       ssn_token = CASE WHEN 'ssn' = ANY ($14) THEN $18::bytea ELSE ssn_token END,
       phone_token = CASE WHEN 'phone' = ANY ($14) THEN $19::bytea ELSE phone_token END,
       email_token = CASE WHEN 'email' = ANY ($14) THEN $20::bytea ELSE email_token END,
       birth_year = CASE WHEN 'birth_date' = ANY ($14) THEN $21::bytea ELSE birth_year END,
       birth_month = CASE WHEN 'birth_date' = ANY ($14) THEN $22::bytea ELSE birth_month END,
       birth_day = CASE WHEN 'birth_date' = ANY ($14) THEN $23::bytea ELSE birth_day END,
       version = version + 1,
       updated_at = $16::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $15::bigint;

-- sql: patient_token_insert later
-- in:  patient_id uuid, tokens bytes[], parts int[]
INSERT INTO patient_token (clinic_id, patient_id, token, part)
SELECT current_clinic(), $1::uuid, w.token, w.part
  FROM unnest($2::bytea[], $3::bigint[]) AS w(token, part)
ON CONFLICT DO NOTHING;

-- In one order, so that two who bring the same new words wait for one another
-- and do not block each other.
-- sql: name_beginning_insert later
-- in:  beginnings bytes[], words bytes[]
INSERT INTO name_beginning (clinic_id, beginning, word)
SELECT current_clinic(), w.beginning, w.word
  FROM unnest($1::bytea[], $2::bytea[]) AS w(beginning, word)
 ORDER BY w.beginning, w.word
ON CONFLICT DO NOTHING;

-- sql: patient_token_clear later
-- in:  patient_id uuid, parts int[]
DELETE FROM patient_token
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid
   AND part = ANY ($2::bigint[]);

-- sql: patient_lock later
-- in:  id uuid
SELECT FROM patient WHERE clinic_id = current_clinic() AND id = $1::uuid FOR SHARE;

-- sql: account_of_patient one
-- in:  patient_id uuid
-- out: id uuid, key record_key(account)
SELECT a.id, k.subject_id, k.version, k.wrapped
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 WHERE a.clinic_id = current_clinic() AND a.patient_id = $1::uuid
   FOR UPDATE OF a;

-- sql: account_rename later
-- in:  id uuid, key record_key, display_name sealed(account_display_name)
UPDATE account SET display_name = $2::bytea, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid;
