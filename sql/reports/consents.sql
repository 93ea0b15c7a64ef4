-- report: consents
-- title: Consents to recording
-- question: Who agreed to being recorded, or did not, when, and to which wording?
-- rule: 45 CFR 164.508(c), 164.316(b)(1)(ii)
-- permission: report_read
-- period: 2200
-- column: at time, Time
-- column: recording_id uuid, Recording
-- column: patient_id patient, Patient
-- column: account_id account, Person's id
-- column: name name(account_id), Person
-- column: role role, Role
-- column: given bool, Agreed
-- column: wording int, Version of the wording
-- order: at_us int, id uuid
SELECT c.at, c.recording_id, (SELECT r.patient_id FROM recording r
           WHERE r.clinic_id = current_clinic() AND r.id = c.recording_id),
       c.account_id, c.role, c.given, c.wording, us_of(c.at), c.id
  FROM (SELECT o.* FROM recording_consent o
         WHERE o.clinic_id = current_clinic()
           AND o.at >= $from::timestamptz AND o.at < $to::timestamptz
           AND o.at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
           AND ($after_id::uuid IS NULL OR (o.at, o.id) > (at_us($after_at_us), $after_id))
         ORDER BY o.at, o.id
         LIMIT $limit::bigint) AS c
 ORDER BY c.at, c.id;
