-- report: keys
-- title: Keys
-- question: How old is each key, how much was sealed with it, and is it still in use?
-- rule: 45 CFR 164.312(a)(2)(iv), 164.312(e)(2)(ii)
-- permission: report_read
-- column: class text, Class
-- column: version int, Version
-- column: created_at time, Made
-- column: age_days int, Age in days
-- column: newest bool, New values use it
-- column: records int?, Keys under it
-- column: seals int?, Values sealed under them
-- column: seals_most int?, Most by one of them
-- column: counted_at time, Counted
-- order: place int
SELECT k.class, k.version, k.created_at, extract(day FROM now() - k.created_at)::bigint,
       k.newest, k.records, k.seals, k.seals_most, k.counted_at, k.place
  FROM (SELECT c.class, c.version, c.created_at, c.records, c.seals, c.seals_most, c.counted_at,
               c.version = max(c.version) OVER (PARTITION BY c.class) AS newest,
               row_number() OVER (ORDER BY c.class, c.version DESC) AS place
          FROM class_key c
         WHERE c.clinic_id = current_clinic()) AS k
 WHERE k.place > coalesce($after_place::bigint, 0)
 ORDER BY k.place
 LIMIT $limit::bigint;
