-- report: accounts_changed
-- title: Joiners, leavers, changed rights
-- question: Which accounts were opened, closed or given other rights, and by whom?
-- rule: 45 CFR 164.308(a)(3)(ii)(C), 164.308(a)(4)(ii)(C)
-- permission: report_read
-- period: 2200
-- column: at time, Time
-- column: event event, What
-- column: account_id account, Account
-- column: name name(account_id), Name
-- column: detail text, Detail
-- column: actor_id account, By (id)
-- column: actor_name name(actor_id), By
-- column: seq int, Event
-- order: at_us int, seq_no int
SELECT e.at, e.event, coalesce(v.account_id, e.record_id),
       CASE WHEN v.kind = 'role' THEN 'role: ' || v.role ELSE replace(v.kind, '_', ' ') END,
       e.actor_id, e.seq, e.at_us, e.seq
  FROM audit_kinds('{user.created,user.updated,user.deactivated,user.reactivated,user.unlocked,user.password_reset,user.totp_reset,user.compromised,invitation.accepted,invitation.sent,approval.confirmed,approval.refused,patient.invited}',
       $from::timestamptz, $to::timestamptz, NULL, false, at_us($after_at_us::bigint),
       $after_seq_no::bigint, $limit::bigint) AS l
 CROSS JOIN LATERAL audit_entry_of(l) AS e
  LEFT JOIN approval v ON v.clinic_id = current_clinic() AND v.id = e.record_id
 ORDER BY e.at_us DESC, e.seq DESC;
