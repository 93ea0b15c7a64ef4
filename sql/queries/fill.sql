-- What fills a demo clinic (epione-demo fill), as the tables' owner. Patients
-- are written by the statements of patient.sql, like any other. Here is the rest,
-- in the past: nobody's day is changed by it.

-- How much there is, and how many of the accounts are this clinic's.
-- sql: fill_count one
-- in:  accounts uuid[]
-- out: patients int, visits int, events int, sessions int, known int
SELECT (SELECT count(*) FROM patient WHERE clinic_id = current_clinic()),
       (SELECT count(*) FROM visit WHERE clinic_id = current_clinic()),
       (SELECT count(*) FROM audit_log WHERE clinic_id = current_clinic()),
       (SELECT count(*) FROM session WHERE clinic_id = current_clinic()),
       (SELECT count(*) FROM account
         WHERE clinic_id = current_clinic() AND id = ANY ($1::uuid[]));

-- Whose visits and events are made next.
-- sql: fill_patients many
-- in:  after uuid, limit int
-- out: id uuid, key record_key(patient)
SELECT p.id, k.subject_id, k.version, k.wrapped
  FROM patient p
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 WHERE p.clinic_id = current_clinic()
   AND k.wrapped IS NOT NULL AND ($1::uuid IS NULL OR p.id > $1)
 ORDER BY p.id
 LIMIT $2::bigint;

-- One that is over, whichever way: it overlaps with nothing.
-- sql: fill_visit later
-- in:  id uuid, key record_key, patient_id uuid, clinician_id uuid,
--      starts_at time, ends_at time, reason sealed(visit_reason), status text
INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at,
       reason, status, arrived_at, admitted_at, ended_at, created_by, created_at)
SELECT current_clinic(), $1::uuid, $2::uuid, $3::uuid, v.starts_at, v.ends_at,
       $6::bytea, v.status,
       CASE WHEN v.status = 'ended' THEN v.starts_at - interval '4 min' END,
       CASE WHEN v.status = 'ended' THEN v.starts_at + interval '1 min' END,
       v.ends_at, $3, v.starts_at - interval '9 days'
  FROM (SELECT $4::timestamptz AS starts_at, $5::timestamptz AS ends_at,
               $7::text AS status) AS v;

-- Events, evenly over a span: nine of ten look, one in twenty changes something,
-- one in fifty is refused, one in thirty is a list of ten.
-- sql: fill_events exec
-- in:  n int, from_at time, to_at time, actors uuid[], patients uuid[]
INSERT INTO audit_log (clinic_id, at, actor_id, actor_role, session, event,
       action, outcome, operation, purpose, patient_id, returned, address,
       request_id)
SELECT current_clinic(),
       $2::timestamptz + (i - 1) * ($3::timestamptz - $2) / $1::bigint,
       ($4::uuid[])[1 + i % cardinality($4)], w.clinician,
       (random() * 9e18)::bigint,
       CASE WHEN i % 30 = 3 THEN w.listed WHEN i % 20 = 1 THEN w.updated
            ELSE w.seen END,
       CASE WHEN i % 30 <> 3 AND i % 20 = 1 THEN 'U' ELSE 'R' END::"char",
       CASE WHEN i % 50 = 7 THEN w.not_found END,
       CASE WHEN i % 30 = 3 THEN w.search WHEN i % 20 = 1 THEN w.patch
            ELSE w.show END,
       w.treat,
       CASE WHEN i % 30 <> 3
            THEN ($5::uuid[])[1 + floor(random() * cardinality($5))::integer] END,
       CASE WHEN i % 30 = 3 AND i % 50 <> 7 THEN ARRAY(
            SELECT ($5)[1 + (i * 7 + j * 13) % cardinality($5)]
              FROM generate_series(1, 10) AS j) END,
       ('192.0.2.' || i % 200)::inet, gen_random_uuid()
  FROM generate_series(1, $1) AS i
 CROSS JOIN (SELECT audit_word('clinician') AS clinician, audit_word('TREAT') AS treat,
       audit_word('not_found') AS not_found, audit_word('patient.read') AS seen,
       audit_word('patient_read') AS show, audit_word('patient.updated') AS updated,
       audit_word('patient_patch') AS patch, audit_word('patient.searched') AS listed,
       audit_word('patient_search') AS search OFFSET 0) AS w;

-- The months that these events lie in.
-- sql: fill_months one
-- in:  from_at time
-- out: made int
SELECT audit_months($1::timestamptz, now())::bigint AS made;

-- Sessions of the last four weeks, all over: signed out, or run idle.
-- sql: fill_sessions exec
-- in:  n int, accounts uuid[]
INSERT INTO session (clinic_id, id, account_id, hash, client, user_agent,
       address, created_at, seen_at, idle_s, expires_at, factor_at, ended_at)
SELECT current_clinic(),
       (lpad(to_hex((extract(epoch FROM s.at) * 1000)::bigint), 12, '0') || '7'
           || substr(s.r, 1, 3) || '8' || substr(s.r, 4, 15))::uuid,
       ($2::uuid[])[1 + s.i % cardinality($2)],
       sha256(uuid_send(gen_random_uuid())), 'browser',
       'Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0',
       '192.0.2.' || s.i % 200, s.at, s.at + interval '20 min', 900,
       s.at + interval '12 hours', s.at + interval '10 s',
       CASE WHEN s.i % 2 = 0 THEN s.at + interval '21 min' END
  FROM (SELECT i, md5(random()::text) AS r,
               now() - interval '28 days' + random() * interval '27 days' AS at
          FROM generate_series(1, $1::bigint) AS i) AS s;

-- What the planner knows of these tables.
-- sql: fill_analyze later
ANALYZE record_key, patient, patient_token, name_beginning, visit, care_team,
    audit_log, session;
