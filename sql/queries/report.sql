-- What reports need beside their own statements, which are in sql/reports.

-- Names of accounts that a report shows. Staff are named; a patient is an id
-- (whoever is to know asks for the name, and that is an event of its own).
--= AZ-02
-- sql: report_names many
-- in:  ids uuid[]
-- out: id uuid, key record_key, display_name sealed(account_display_name)
SELECT a.id, k.subject_id, k.version, k.wrapped, a.display_name
  FROM unnest($1::uuid[]) AS i(id)
  JOIN account a ON a.clinic_id = current_clinic() AND a.id = i.id
   AND a.patient_id IS NULL
  JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
   AND k.version = a.key_version;

-- What a report was asked for, by the digest that its event names.
-- sql: report_asked_add later
-- in:  id uuid, report text, parameters text
INSERT INTO report_asked (clinic_id, id, report, parameters)
VALUES (current_clinic(), $1::uuid, $2::text, $3::text)
    ON CONFLICT DO NOTHING;
