-- report: refused_days
-- title: Refused attempts by day
-- question: On which days were how many refused, at the door and inside?
-- rule: 45 CFR 164.308(a)(5)(ii)(C), 164.308(a)(6)(ii)
-- permission: report_read
-- period: 100
-- column: day time, Day
-- column: sign_ins int, Failed sign-ins
-- column: others int, Refused otherwise
-- order: day_us int
--= AU-06, AU-07
SELECT d.day, d.sign_ins, d.others, us_of(d.day)
  FROM (SELECT date_trunc('day', l.at, c.time_zone) AS day,
               coalesce(sum(coalesce(l.count, 1)) FILTER (WHERE s.id IS NOT NULL), 0)::bigint AS sign_ins,
               coalesce(sum(coalesce(l.count, 1)) FILTER (WHERE s.id IS NULL), 0)::bigint AS others
          FROM clinic c
         CROSS JOIN audit_refused($from::timestamptz, $to::timestamptz, NULL, NULL, NULL,
               1000000000) AS l
          LEFT JOIN audit_word s ON s.id = l.event
           AND s.word IN ('session.created', 'session.factor', 'session.recovered')
         WHERE c.id = current_clinic()
         GROUP BY 1) AS d
 WHERE us_of(d.day) > CASE WHEN $after_day_us::bigint IS NULL THEN -9223372036854775808 ELSE $after_day_us END
 ORDER BY d.day
 LIMIT $limit::bigint;
