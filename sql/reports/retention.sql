-- report: retention
-- title: What is kept, and how long
-- question: What is kept for how long, how much of it is there, since when, what is due to go, and what is on hold?
-- rule: 45 CFR 164.316(b)(2)(i), 164.310(d)(2)(i), 164.528(a)
-- permission: report_read
-- column: kind text, Kind
-- column: kept text, Kept
-- column: count int?, How many
-- column: oldest_at time, Oldest
-- column: due int?, Due to go
-- column: held int?, On hold
-- order: place int
SELECT k.kind, k.kept, k.count, k.oldest_at, k.due, k.held, k.place
  FROM (SELECT 1::bigint AS place, 'Audit log' AS kind, c.audit_years || ' years; then a month of it goes at a time' AS kept,
               NULL::bigint AS count, audit_oldest() AS oldest_at, 0::bigint AS due, c.audit_hold::bigint AS held
          FROM clinic c WHERE c.id = current_clinic()
         UNION ALL
        SELECT 2, 'Recordings', c.recording_days || ' days from the call',
               r.count, r.oldest_at, r.due, r.held
          FROM clinic c
         CROSS JOIN (SELECT count(*) AS count, min(created_at) AS oldest_at,
                            count(*) FILTER (WHERE keep_until < now() AND hold_at IS NULL) AS due,
                            count(*) FILTER (WHERE hold_at IS NOT NULL) AS held
                       FROM recording
                      WHERE clinic_id = current_clinic() AND state <> 'deleted') AS r
         WHERE c.id = current_clinic()
         UNION ALL
        SELECT 3, 'Consents to recording', 'as long as the clinic is here; nothing deletes them',
               count(*), min(at), 0, NULL FROM recording_consent WHERE clinic_id = current_clinic()
         UNION ALL
        SELECT 4, 'Payments and receipts', 'as long as the clinic is here; nothing deletes them',
               count(*), min(created_at), 0, NULL FROM payment WHERE clinic_id = current_clinic()
         UNION ALL
        SELECT 5, 'Accounts of who left', 'as long as the clinic is here: the log names them',
               count(*), min(deactivated_at), 0, NULL FROM account
         WHERE clinic_id = current_clinic() AND deactivated_at IS NOT NULL
         UNION ALL
        SELECT 6, 'Reports that were asked for', 'their parameters, as long as the log that names them',
               count(*), min(first_at), 0, NULL FROM report_asked WHERE clinic_id = current_clinic()
         UNION ALL
        SELECT 7, 'Incidents', 'six years at least; nothing deletes them',
               count(*), min(created_at), 0, NULL FROM incident WHERE clinic_id = current_clinic()
         UNION ALL
        SELECT 8, 'Disclosures', 'six years at least; nothing deletes them',
               count(*), min(at), 0, NULL FROM disclosure WHERE clinic_id = current_clinic()
       ) AS k
 WHERE k.place > coalesce($after_place::bigint, 0)
 ORDER BY k.place
 LIMIT $limit::bigint;
