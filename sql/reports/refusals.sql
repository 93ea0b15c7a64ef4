-- report: refusals
-- title: Refused attempts
-- question: Who was refused what, and when? Strangers too, where the clinic has the server for itself.
-- rule: 45 CFR 164.308(a)(5)(ii)(C), 164.308(a)(6)(ii), 164.312(b)
-- permission: report_read
-- period: 2200
-- parameter: actor_id account, Person
-- column: at time, Time
-- column: actor_id account, Person's id
-- column: actor_name name(actor_id), Person
-- column: actor_role role, Role
-- column: event event, What
-- column: outcome outcome, Reason
-- column: patient_id patient, Patient
-- column: record_id uuid, Record
-- column: address text, From
-- column: times int, Times
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.actor_id, e.actor_role, e.event, e.outcome, e.patient_id,
       e.record_id, e.address, e.count, e.seq, e.at_us, e.seq
  FROM audit_refused($from::timestamptz, $to::timestamptz, $actor_id::uuid,
       at_us($after_at_us::bigint), $after_seq_no::bigint, $limit::bigint) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
 ORDER BY e.at_us DESC, e.seq DESC;
