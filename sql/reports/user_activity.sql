-- report: user_activity
-- title: What a person did
-- question: What did this person do or try to do in a period?
-- rule: 45 CFR 164.312(b), 164.308(a)(1)(ii)(D), 164.308(a)(3)(ii)(A)
-- permission: report_read
-- period: 2200
-- parameter: actor_id account required, Person
-- column: at time, Time
-- column: event event, What
-- column: outcome outcome, Outcome
-- column: patient_id patient, Patient
-- column: record_id uuid, Record
-- column: returned int, Records in the list
-- column: purpose text, Why
-- column: address text, From
-- column: session text, Session
-- column: times int, Times
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.event, e.outcome, e.patient_id, e.record_id,
       CASE WHEN e.returned IS NULL THEN 0 ELSE cardinality(e.returned) END::bigint,
       e.purpose, e.address, e.session, e.count + coalesce((
           SELECT b.more FROM audit_background b
            WHERE b.clinic_id = current_clinic() AND b.first_seq = e.seq), 0),
       e.seq, e.at_us, e.seq
  FROM audit_page($from::timestamptz, $to::timestamptz, $actor_id::uuid, NULL,
       NULL, NULL, at_us($after_at_us::bigint), $after_seq_no::bigint,
       $limit::bigint, false, NULL) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
 ORDER BY e.at_us DESC, e.seq DESC;
