-- report: emergency_access
-- title: Emergency access
-- question: Who opened records in an emergency, outside of a care team, and what did the review find?
-- rule: 45 CFR 164.312(a)(2)(ii), 164.308(a)(1)(ii)(D)
-- permission: report_read
-- period: 2200
-- column: created_at time, Opened
-- column: review_id uuid, Review
-- column: patient_id patient, Patient
-- column: account_id account, Person's id
-- column: name name(account_id), Person
-- column: access_until time, Open until
-- column: finding text, Finding
-- column: signed_at time, Reviewed
-- column: signed_by account, Reviewed by (id)
-- column: signed_by_name name(signed_by), Reviewed by
-- column: open_days int?, Waits for days
-- order: at_us int, id uuid
SELECT r.created_at, r.id, r.patient_id, r.account_id, r.access_until, r.finding,
       r.signed_at, r.signed_by,
       CASE WHEN r.signed_at IS NULL THEN extract(day FROM now() - r.created_at) END::bigint,
       us_of(r.created_at), r.id
  FROM review r
 WHERE r.clinic_id = current_clinic() AND r.kind = 'emergency_access'
   AND r.created_at >= $from::timestamptz AND r.created_at < $to::timestamptz
   AND r.created_at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
   AND ($after_id::uuid IS NULL OR (r.created_at, r.id) > (at_us($after_at_us), $after_id))
 ORDER BY r.created_at, r.id
 LIMIT $limit::bigint;
