-- report: incidents
-- title: Incidents
-- question: Which incidents were discovered, how was each judged by the four factors, when was or is each notice due, and when was it given?
-- rule: 45 CFR 164.308(a)(6)(ii), 164.402(2), 164.404, 164.406, 164.408, 164.412, 164.414(b)
-- permission: report_read
-- period: 2200
-- column: discovered_at time, Discovered
-- column: incident_id uuid, Incident
-- column: kind text, Kind
-- column: state text, State
-- column: affected int?, People
-- column: in_state int?, Of one state
-- column: nature text, Nature and extent
-- column: recipient text, Who got it
-- column: acquired text, Acquired or viewed
-- column: mitigation text, Mitigated
-- column: conclusion text, Conclusion
-- column: delay_on date, Police asked to wait until
-- column: people_due date, People due
-- column: people_on date, People told
-- column: media_due date, Media due
-- column: media_on date, Media told
-- column: secretary_due date, Secretary due
-- column: secretary_on date, Secretary told
-- column: created_by account, Opened by (id)
-- column: created_by_name name(created_by), Opened by
-- column: closed_at time, Closed
-- column: closed_by account, Closed by (id)
-- column: closed_by_name name(closed_by), Closed by
-- order: at_us int, id uuid
--= OP-05, PR-08
SELECT i.discovered_at, i.id, i.kind, CASE WHEN i.closed_at IS NULL THEN 'open' ELSE 'closed' END,
       i.affected, i.in_state, s.nature, s.recipient, s.acquired, s.mitigation, i.conclusion,
       s.delay_on, s.people_due, s.people_on, s.media_due, s.media_on, s.secretary_due,
       s.secretary_on, i.created_by, i.closed_at, i.closed_by, us_of(i.discovered_at), i.id
  FROM (SELECT q.clinic_id, q.id, q.kind, q.discovered_at, q.affected, q.in_state, q.conclusion,
               q.created_by, q.closed_at, q.closed_by
          FROM incident q
         WHERE q.clinic_id = current_clinic()
           AND q.discovered_at >= $from::timestamptz AND q.discovered_at < $to::timestamptz
           AND q.discovered_at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
           AND ($after_id::uuid IS NULL OR (q.discovered_at, q.id) > (at_us($after_at_us), $after_id))
         ORDER BY q.discovered_at, q.id
         LIMIT $limit::bigint) AS i
  JOIN clinic c ON c.id = i.clinic_id
 CROSS JOIN LATERAL (
       SELECT s.* FROM incident_stands(i.clinic_id, i.id, c.time_zone, i.discovered_at,
              i.affected, i.in_state) AS s OFFSET 0) AS s
 ORDER BY i.discovered_at, i.id;
