-- report: patient_access
-- title: Who saw this patient
-- question: Who opened or changed this patient's record, and who searched or listed and got them?
-- rule: 45 CFR 164.312(b), 164.308(a)(1)(ii)(D), 164.524
-- permission: report_read
-- period: 2200
-- parameter: patient_id patient required, Patient
-- column: at time, Time
-- column: actor_id account, Person's id
-- column: actor_name name(actor_id), Person
-- column: actor_role role, Role
-- column: event event, What
-- column: how text, How
-- column: purpose text, Why
-- column: address text, From
-- column: times int, Times
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.actor_id, e.actor_role, e.event,
       CASE WHEN e.patient_id = $patient_id::uuid THEN 'record' ELSE 'in a list' END,
       e.purpose, e.address, e.count + coalesce((
           SELECT b.more FROM audit_background b
            WHERE b.clinic_id = current_clinic() AND b.first_seq = e.seq), 0),
       e.seq, e.at_us, e.seq
  FROM audit_page($from::timestamptz, $to::timestamptz, NULL, $patient_id::uuid,
       NULL, 'ok', at_us($after_at_us::bigint), $after_seq_no::bigint,
       $limit::bigint, false, NULL) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
 ORDER BY e.at_us DESC, e.seq DESC;
