-- Unusual access: the rules as a clinic has them, and the look for what they find.

-- sql: access_rules_version one
-- out: version int
SELECT access_rules_version AS version FROM clinic WHERE id = current_clinic();

-- What holds of each rule, in their order, and what it came to in so many weeks.
-- sql: access_rule_list many
-- in:  rules text[], enabled int[], thresholds int[], weeks int
-- out: rule text, enabled bool, threshold int, found int, reviewed int,
--      justified int
SELECT r.rule, CASE WHEN a.rule IS NULL THEN r.enabled <> 0 ELSE a.enabled END AS enabled,
       CASE WHEN a.rule IS NULL THEN r.threshold ELSE a.threshold END AS threshold,
       v.found, v.reviewed, v.justified
  FROM unnest($1::text[], $2::bigint[], $3::bigint[])
       WITH ORDINALITY AS r(rule, enabled, threshold, place)
  LEFT JOIN access_rule a ON a.clinic_id = current_clinic() AND a.rule = r.rule
 CROSS JOIN LATERAL (
       SELECT count(*) AS found, count(v.finding) AS reviewed,
              count(*) FILTER (WHERE v.finding = 'justified') AS justified
         FROM review v
        WHERE v.clinic_id = current_clinic() AND v.rule = r.rule
          AND v.created_at > now() - make_interval(weeks => $4::bigint::integer) OFFSET 0) AS v
 ORDER BY r.place;

-- Of two who change them at once the second has an old view.
-- sql: access_rules_step exec
-- in:  version int
UPDATE clinic SET access_rules_version = access_rules_version + 1
 WHERE id = current_clinic() AND access_rules_version = $1::bigint;

-- sql: access_rule_set later
-- in:  rule text, enabled bool, threshold int
INSERT INTO access_rule (clinic_id, rule, enabled, threshold)
VALUES (current_clinic(), $1::text, $2::boolean, $3::bigint)
    ON CONFLICT (clinic_id, rule) DO UPDATE
       SET enabled = EXCLUDED.enabled, threshold = EXCLUDED.threshold;

-- sql: access_watch one
-- in:  rules text[], enabled int[], thresholds int[], settle_s int, batch int
-- out: events int
SELECT access_watch($1::text[], $2::bigint[], $3::bigint[], $4::bigint, $5::bigint) AS events;
