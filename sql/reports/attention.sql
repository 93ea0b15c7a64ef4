-- report: attention
-- title: What needs attention
-- question: What waits for somebody, when is the next notice due, how long ago was the log checked and were accounts reviewed, and which key is due next?
-- rule: 45 CFR 164.308(a)(1)(ii)(D)
-- permission: report_read
-- column: reviews_open int, Reviews that wait
-- column: oldest_review_at time, The oldest since
-- column: incidents_open int, Incidents that are open
-- column: notice_days int?, Days until the next notice of one is due
-- column: approvals_waiting int, Requests that wait for a second person
-- column: verified_at time, Log last checked
-- column: access_review_at time, Accounts last reviewed
-- column: oldest_key_at time, Oldest key in use since
-- column: dormant int, Staff accounts not used for 90 days
-- column: no_factor int, Staff accounts without a second factor
-- order: place int
--= AU-06
SELECT (SELECT count(*) FROM review r WHERE r.clinic_id = c.id AND r.signed_at IS NULL),
       (SELECT r.created_at FROM review r WHERE r.clinic_id = c.id AND r.signed_at IS NULL
         ORDER BY r.id LIMIT 1),
       (SELECT count(*) FROM incident i WHERE i.clinic_id = c.id AND i.closed_at IS NULL),
       (SELECT min(least(CASE WHEN s.people_on IS NULL THEN s.people_due END,
                         CASE WHEN s.media_on IS NULL THEN s.media_due END,
                         CASE WHEN s.secretary_on IS NULL THEN s.secretary_due END) - s.today)::bigint
          FROM incident i
         CROSS JOIN LATERAL incident_stands(i.clinic_id, i.id, c.time_zone, i.discovered_at,
               i.affected, i.in_state) AS s
         WHERE i.clinic_id = c.id AND i.closed_at IS NULL),
       (SELECT count(*) FROM approval v WHERE v.clinic_id = c.id AND v.state = 'waiting'
           AND v.expires_at > now()),
       (SELECT max(l.at) FROM audit_kinds('{audit.verified}', now() - interval '400 days', now(),
           NULL, false, NULL, NULL, 1) AS l),
       (SELECT max(l.at) FROM audit_kinds('{report.run}', now() - interval '400 days', now(),
           NULL, false, NULL, NULL, NULL) AS l
          JOIN report_asked q ON q.clinic_id = c.id AND q.id = l.record_id
           AND q.report = 'access_review'),
       (SELECT min(k.made) FROM (SELECT max(n.created_at) AS made FROM class_key n
         WHERE n.clinic_id = c.id GROUP BY n.class) AS k),
       (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role <> 'patient'
           AND a.deactivated_at IS NULL
           AND coalesce(a.last_sign_in_at, a.created_at) < now() - interval '90 days'),
       (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role <> 'patient'
           AND a.deactivated_at IS NULL AND a.password_changed_at IS NOT NULL
           AND a.totp_confirmed_at IS NULL),
       1::bigint
  FROM clinic c
 WHERE c.id = current_clinic() AND coalesce($after_place::bigint, 0) < 1
 LIMIT $limit::bigint;
