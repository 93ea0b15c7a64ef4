-- report: access
-- title: What was done
-- question: Who saw, made or changed what in a period, whose record was it, and from where?
-- rule: 45 CFR 164.312(b), 164.308(a)(1)(ii)(D)
-- permission: report_read
-- period: 2200
-- parameter: actor_id account, Person
-- parameter: action choice R|C|U|D|E, Kind of act
-- column: at time, Time
-- column: actor_id account, Person's id
-- column: actor_name name(actor_id), Person
-- column: actor_role role, Role
-- column: event event, What
-- column: patient_id patient, Patient
-- column: record_id uuid, Record
-- column: returned int, Records in the list
-- column: purpose text, Why
-- column: address text, From
-- column: times int, Times
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.actor_id, e.actor_role, e.event, e.patient_id, e.record_id,
       CASE WHEN e.returned IS NULL THEN 0 ELSE cardinality(e.returned) END::bigint,
       e.purpose, e.address, e.count + coalesce((
           SELECT b.more FROM audit_background b
            WHERE b.clinic_id = current_clinic() AND b.first_seq = e.seq), 0),
       e.seq, e.at_us, e.seq
  FROM audit_page($from::timestamptz, $to::timestamptz, $actor_id::uuid, NULL,
       $action::text, 'ok', at_us($after_at_us::bigint), $after_seq_no::bigint,
       $limit::bigint, false, NULL) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
 ORDER BY e.at_us DESC, e.seq DESC;
