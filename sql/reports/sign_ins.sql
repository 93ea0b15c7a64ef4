-- report: sign_ins
-- title: Sign-ins
-- question: Who signed in or failed to, from which network, in which hour?
-- rule: 45 CFR 164.308(a)(5)(ii)(C), 164.312(d)
-- permission: report_read
-- period: 100
-- parameter: actor_id account, Person
-- column: hour time, Hour
-- column: actor_id account, Person's id
-- column: actor_name name(actor_id), Person
-- column: actor_role role, Role
-- column: network text, Network
-- column: signed_in int, Signed in
-- column: failed int, Failed
-- order: place int
SELECT s.hour, s.actor_id, s.role, s.network, s.signed_in, s.failed, s.place
  FROM (SELECT g.*, row_number() OVER (ORDER BY g.hour, g.actor_id, g.role, g.network) AS place
          FROM (SELECT audit_hour(l.at) AS hour, l.actor_id, r.word AS role,
                       coalesce(network_of(l.address), 'none') AS network,
                       coalesce(sum(coalesce(l.count, 1)) FILTER (
                           WHERE l.outcome IS NULL AND e.word <> 'session.created'), 0)::bigint AS signed_in,
                       coalesce(sum(coalesce(l.count, 1)) FILTER (
                           WHERE l.outcome IS NOT NULL), 0)::bigint AS failed
                  FROM audit_kinds('{session.created,session.factor,session.recovered}',
                       $from::timestamptz, $to::timestamptz, $actor_id::uuid, NULL, NULL, NULL, NULL) AS l
                  JOIN audit_word e ON e.id = l.event
                  LEFT JOIN audit_word r ON r.id = l.actor_role
                 GROUP BY 1, 2, 3, 4) AS g
         WHERE g.signed_in + g.failed > 0) AS s
 WHERE s.place > coalesce($after_place::bigint, 0)
 ORDER BY s.place
 LIMIT $limit::bigint;
