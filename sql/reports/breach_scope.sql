-- report: breach_scope
-- title: Whom a breach concerns
-- question: Whose records did an account, a session or an address reach, a lost key open or a stolen backup hold, what of them, is it sealed there, and by when is each person to be told?
-- rule: 45 CFR 164.402, 164.404(a), (b), 164.414(b), 164.308(a)(6)(ii)
-- permission: report_read
-- period: 2200
-- parameter: actor_id account one, Person
-- parameter: session session one, Session
-- parameter: address network one, Address or network
-- parameter: key_version int 1..1000000 one, Version of the class key of patients
-- parameter: backup_at instant one, Backup made at
-- parameter: discovered_at instant, Discovered at
-- column: patient_id patient, Patient
-- column: data text, What of the record
-- column: events int?, Events
-- column: first_at time, First
-- column: last_at time, Last
-- column: sealed bool, Sealed there
-- column: class_version int?, Version of the class key
-- column: notify_by date, To be told by
-- order: id uuid
--= PR-07
SELECT s.patient_id, s.data, s.events, s.first_at, s.last_at, s.sealed, s.class_version,
       (coalesce($discovered_at::timestamptz, now()) AT TIME ZONE c.time_zone)::date + 60,
       s.patient_id
  FROM breach_scope($from::timestamptz, $to::timestamptz, $actor_id::uuid, $session::text,
       $address::text, $key_version::bigint, $backup_at::timestamptz, $after_id::uuid,
       $limit::bigint) AS s
  JOIN clinic c ON c.id = current_clinic()
 ORDER BY s.patient_id;
