-- report: unusual_access
-- title: Unusual access
-- question: Which opening of records did the rules find unusual, whose was it, and what did the review find?
-- rule: 45 CFR 164.308(a)(1)(ii)(D), 164.312(b)
-- permission: report_read
-- period: 2200
-- column: created_at time, Found
-- column: review_id uuid, Review
-- column: rule text, Rule
-- column: day time, Day
-- column: account_id account, Person's id
-- column: name name(account_id), Person
-- column: patient_id patient, Patient
-- column: found int?, What was counted
-- column: usual int?, Their usual day
-- column: finding text, Finding
-- column: signed_at time, Reviewed
-- column: signed_by account, Reviewed by (id)
-- column: signed_by_name name(signed_by), Reviewed by
-- column: open_days int?, Waits for days
-- order: at_us int, id uuid
--= AU-07
SELECT r.created_at, r.id, r.rule, r.day::timestamp AT TIME ZONE c.time_zone, r.account_id,
       r.patient_id, r.found, r.usual, r.finding, r.signed_at, r.signed_by,
       CASE WHEN r.signed_at IS NULL THEN extract(day FROM now() - r.created_at) END::bigint,
       us_of(r.created_at), r.id
  FROM review r
  JOIN clinic c ON c.id = r.clinic_id
 WHERE r.clinic_id = current_clinic() AND r.kind = 'unusual_access'
   AND r.created_at >= $from::timestamptz AND r.created_at < $to::timestamptz
   AND r.created_at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
   AND ($after_id::uuid IS NULL OR (r.created_at, r.id) > (at_us($after_at_us), $after_id))
 ORDER BY r.created_at, r.id
 LIMIT $limit::bigint;
