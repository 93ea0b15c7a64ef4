-- Patients. Every member of a record is sealed; what can be looked up has keyed
-- tokens in patient_token beside it.

--= EN-03: seals counts what this statement seals under the record's key
-- sql: patient_insert later
-- in:  id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email), address sealed(patient_address),
--      language sealed(patient_language),
--      emergency_contact sealed(patient_emergency_contact),
--      insurance sealed(patient_insurance), mrn_token bytes, seals int
WITH counted AS (
    UPDATE record_key SET seals = seals + $15::bigint
     WHERE clinic_id = current_clinic() AND subject_id = $1::uuid)
INSERT INTO patient (clinic_id, id, family_name, given_name, birth_date, sex,
       mrn, ssn, phone, email, address, language, emergency_contact, insurance,
       mrn_token)
VALUES (current_clinic(), $1::uuid, $2::bytea, $3::bytea, $4::bytea, $5::bytea,
       $6::bytea, $7::bytea, $8::bytea, $9::bytea, $10::bytea, $11::bytea,
       $12::bytea, $13::bytea, $14::bytea);

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
SELECT p.id, k.subject_id, k.version, k.box,
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
--      insurance sealed(patient_insurance), mrn_token bytes, seals int,
--      changed text[], version int, now time
WITH written AS (
    UPDATE patient SET
           family_name = CASE WHEN 'family_name' = ANY ($16::text[]) THEN $2::bytea ELSE family_name END,
           given_name = CASE WHEN 'given_name' = ANY ($16) THEN $3::bytea ELSE given_name END,
           birth_date = CASE WHEN 'birth_date' = ANY ($16) THEN $4::bytea ELSE birth_date END,
           sex = CASE WHEN 'sex' = ANY ($16) THEN $5::bytea ELSE sex END,
           mrn = CASE WHEN 'mrn' = ANY ($16) THEN $6::bytea ELSE mrn END,
           ssn = CASE WHEN 'ssn' = ANY ($16) THEN $7::bytea ELSE ssn END,
           phone = CASE WHEN 'phone' = ANY ($16) THEN $8::bytea ELSE phone END,
           email = CASE WHEN 'email' = ANY ($16) THEN $9::bytea ELSE email END,
           address = CASE WHEN 'address' = ANY ($16) THEN $10::bytea ELSE address END,
           language = CASE WHEN 'language' = ANY ($16) THEN $11::bytea ELSE language END,
           emergency_contact = CASE WHEN 'emergency_contact' = ANY ($16) THEN $12::bytea ELSE emergency_contact END,
           insurance = CASE WHEN 'insurance' = ANY ($16) THEN $13::bytea ELSE insurance END,
           mrn_token = CASE WHEN 'mrn' = ANY ($16) THEN $14::bytea ELSE mrn_token END,
           version = version + 1,
           updated_at = $18::timestamptz
     WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $17::bigint
    RETURNING clinic_id, id)
UPDATE record_key k SET seals = k.seals + $15::bigint
  FROM written w
 WHERE k.clinic_id = w.clinic_id AND k.subject_id = w.id;

-- A compound name may give one token twice: the second is the same row.
-- sql: patient_token_insert later
-- in:  patient_id uuid, fields text[], tokens bytes[]
INSERT INTO patient_token (clinic_id, patient_id, field, token)
SELECT current_clinic(), $1::uuid, w.field, w.token
  FROM unnest($2::text[], $3::bytea[]) AS w(field, token)
ON CONFLICT DO NOTHING;

-- sql: patient_token_clear later
-- in:  patient_id uuid, fields text[]
DELETE FROM patient_token
 WHERE clinic_id = current_clinic() AND patient_id = $1::uuid
   AND field = ANY ($2::text[]);

-- Candidates: rows that have every wanted token. Whoever asks opens and compares
-- them. A member that is neither shown nor asked for is not even opened.
-- sql: patient_search many
-- in:  fields text[], tokens bytes[], asked text[], after uuid, limit int,
--      care_of uuid
-- out: id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email)
WITH wanted AS (
    SELECT DISTINCT w.field, w.token
      FROM unnest($1::text[], $2::bytea[]) AS w(field, token)),
candidate AS (
    SELECT t.patient_id
      FROM wanted w
      JOIN patient_token t ON t.field = w.field AND t.token = w.token
     WHERE t.clinic_id = current_clinic()
       AND ($4::uuid IS NULL OR t.patient_id > $4)
       AND ($6::uuid IS NULL OR EXISTS (
           SELECT 1 FROM care_team c
            WHERE c.clinic_id = t.clinic_id AND c.patient_id = t.patient_id
              AND c.account_id = $6 AND c.until > now()))
     GROUP BY t.patient_id
    HAVING count(*) = (SELECT count(*) FROM wanted))
SELECT p.id, k.subject_id, k.version, k.box,
       p.family_name, p.given_name, p.birth_date, p.sex, p.mrn,
       CASE WHEN 'ssn' = ANY ($3::text[]) THEN p.ssn END AS ssn,
       p.phone,
       CASE WHEN 'email' = ANY ($3) THEN p.email END AS email
  FROM candidate c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
 WHERE k.box IS NOT NULL
 ORDER BY p.id
 LIMIT $5::bigint;
