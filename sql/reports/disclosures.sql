-- report: disclosures
-- title: Disclosures
-- question: Whose record was disclosed to others, when, on which ground, and who wrote it down?
-- rule: 45 CFR 164.528
-- permission: report_read
-- period: 2200
-- parameter: patient_id patient, Patient
-- column: at time, Disclosed
-- column: disclosure_id uuid, Disclosure
-- column: patient_id patient, Patient
-- column: basis text, Ground
-- column: suspended_until time, Not told to the patient until
-- column: created_at time, Written down
-- column: created_by account, By (id)
-- column: created_by_name name(created_by), By
-- order: at_us int, id uuid
--= AU-09
SELECT d.at, d.id, d.patient_id, d.basis, d.suspended_until, d.created_at, d.created_by,
       us_of(d.at), d.id
  FROM ((SELECT q.id, q.patient_id, q.at, q.basis, q.suspended_until, q.created_at, q.created_by
           FROM disclosure q
          WHERE $patient_id::uuid IS NULL AND q.clinic_id = current_clinic()
            AND q.at >= $from::timestamptz AND q.at < $to::timestamptz
            AND q.at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
            AND ($after_id::uuid IS NULL OR (q.at, q.id) > (at_us($after_at_us), $after_id))
          ORDER BY q.at, q.id LIMIT $limit::bigint)
         UNION ALL
        (SELECT q.id, q.patient_id, q.at, q.basis, q.suspended_until, q.created_at, q.created_by
           FROM disclosure q
          WHERE q.patient_id = $patient_id AND q.clinic_id = current_clinic()
            AND q.at >= $from AND q.at < $to
            AND q.at >= CASE WHEN $after_at_us IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
            AND ($after_id IS NULL OR (q.at, q.id) > (at_us($after_at_us), $after_id))
          ORDER BY q.at, q.id LIMIT $limit)) AS d
 ORDER BY d.at, d.id;
