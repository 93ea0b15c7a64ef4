-- report: reports_run
-- title: Reports that were run
-- question: Who ran which report, when, and with which parameters?
-- rule: 45 CFR 164.308(a)(1)(ii)(D), 164.312(b)
-- permission: report_read
-- period: 2200
-- parameter: actor_id account, Person
-- column: at time, Time
-- column: actor_id account, Person's id
-- column: actor_name name(actor_id), Person
-- column: report text, Report
-- column: parameters text, Parameters
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.actor_id, a.report, a.parameters, e.seq, e.at_us, e.seq
  FROM audit_kinds('{report.run}', $from::timestamptz, $to::timestamptz,
       $actor_id::uuid, false, at_us($after_at_us::bigint), $after_seq_no::bigint, $limit::bigint) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
  JOIN report_asked a ON a.clinic_id = current_clinic() AND a.id = e.record_id
 ORDER BY e.at_us DESC, e.seq DESC;
