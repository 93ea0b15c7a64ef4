-- Mail: whom it goes to, read when it is asked for; and in whose name.

-- sql: mail_account one
-- in:  id uuid
-- out: id uuid, key record_key, email sealed(account_email),
--      patient_id uuid, patient_key record_key,
--      language sealed(patient_language, patient_id, patient_key)
SELECT a.id, k.subject_id, k.version, k.wrapped, a.email,
       p.id AS patient_id, pk.subject_id, pk.version, pk.wrapped, p.language
  FROM account a
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version
  LEFT JOIN guest g ON g.clinic_id = a.clinic_id AND g.id = a.id AND g.role = 'patient'
  LEFT JOIN visit v ON v.clinic_id = g.clinic_id AND v.id = g.visit_id
  LEFT JOIN patient p ON p.clinic_id = a.clinic_id
   AND p.id = CASE WHEN v.id IS NULL THEN a.patient_id ELSE v.patient_id END
  LEFT JOIN record_key pk ON pk.clinic_id = p.clinic_id AND pk.subject_id = p.id
   AND pk.version = p.key_version
 WHERE a.clinic_id = current_clinic() AND a.id = $1::uuid;

-- sql: mail_clinic one
-- out: name text
SELECT name FROM clinic WHERE id = current_clinic();

-- For the operator, who knows an address.
-- sql: mail_account_find one
-- in:  email_tokens bytes[]
-- out: id uuid
SELECT id FROM account
 WHERE clinic_id = current_clinic() AND email_token = ANY ($1::bytea[]);
