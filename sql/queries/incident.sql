-- Incidents: what each is and how it stands, what was done about it, and what has to do
-- with it. What people wrote is sealed under the incident's own record key.

-- Whoever inserts an incident has made its record key in the same transaction.
-- sql: incident_insert later
-- in:  id uuid, key record_key, kind text, title sealed(incident_title),
--      description sealed(incident_description), discovered_at time,
--      began_at time, ended_at time, affected int?, in_state int?,
--      created_by uuid, now time
INSERT INTO incident (clinic_id, id, kind, title, description, discovered_at, began_at,
       ended_at, affected, in_state, created_by, created_at)
VALUES (current_clinic(), $1::uuid, $2::text, $3::bytea, $4::bytea, $5::timestamptz,
       $6::timestamptz, $7::timestamptz, $8::bigint, $9::bigint, $10::uuid, $11::timestamptz);

-- An incident as it is shown, of: incident i, its key k, how it stands s, who opened
-- it o and closed it e. Days are left of what is due while it is open and not done.
-- What does not open hides nothing but itself.
-- row: incident
-- out: id uuid, key record_key?, kind text, state text,
--      title sealed(incident_title), description sealed(incident_description),
--      described bool, discovered_at time, began_at time, ended_at time, affected int?,
--      in_state int?, nature text, recipient text, acquired text,
--      mitigation text, delay_on date, people_due date, people_on date,
--      people_days int?, media_due date, media_on date, media_days int?,
--      secretary_due date, secretary_on date, secretary_days int?,
--      conclusion text, outcome sealed(incident_outcome), created_at time,
--      created_by uuid, opener_key record_key?,
--      opener_name sealed(account_display_name, created_by, opener_key),
--      closed_at time, closed_by uuid, closer_key record_key?,
--      closer_name sealed(account_display_name, closed_by, closer_key),
--      version int
i.id, k.subject_id, k.version, k.wrapped, i.kind,
       CASE WHEN i.closed_at IS NULL THEN 'open' ELSE 'closed' END AS state,
       i.title, i.description, i.description IS NOT NULL AS described, i.discovered_at,
       i.began_at, i.ended_at, i.affected,
       i.in_state, s.nature, s.recipient, s.acquired, s.mitigation, s.delay_on,
       s.people_due, s.people_on, CASE WHEN i.closed_at IS NULL AND s.people_on IS NULL
           THEN s.people_due - s.today END::bigint AS people_days,
       s.media_due, s.media_on, CASE WHEN i.closed_at IS NULL AND s.media_on IS NULL
           THEN s.media_due - s.today END::bigint AS media_days,
       s.secretary_due, s.secretary_on, CASE WHEN i.closed_at IS NULL AND s.secretary_on IS NULL
           THEN s.secretary_due - s.today END::bigint AS secretary_days,
       i.conclusion, i.outcome, i.created_at,
       i.created_by, o.subject_id, o.version, o.wrapped, o.display_name,
       i.closed_at, i.closed_by, e.subject_id, e.version, e.wrapped, e.display_name,
       i.version

-- text: incident_joined
  JOIN clinic c ON c.id = i.clinic_id
 CROSS JOIN LATERAL (
       SELECT k.subject_id, k.version, k.wrapped FROM record_key k
        WHERE k.clinic_id = i.clinic_id AND k.subject_id = i.id
          AND k.version = i.key_version OFFSET 0) AS k
 CROSS JOIN LATERAL (
       SELECT s.* FROM incident_stands(i.clinic_id, i.id, c.time_zone, i.discovered_at,
              i.affected, i.in_state) AS s OFFSET 0) AS s
 CROSS JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = i.clinic_id AND a.id = i.created_by OFFSET 0) AS o
  LEFT JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = i.clinic_id AND a.id = i.closed_by OFFSET 0) AS e ON true

-- sql: incident_get one
-- in:  id uuid
-- out: row incident
SELECT {incident}
  FROM incident i
{incident_joined} WHERE i.clinic_id = current_clinic() AND i.id = $1::uuid;

-- Newest first. One branch runs, by the index that fits it.
-- sql: incident_list many
-- in:  state text, before uuid, limit int
-- out: row incident
SELECT {incident}
  FROM ((SELECT q.* FROM incident q
          WHERE $1::text = 'open' AND q.closed_at IS NULL
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $2::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY q.id DESC LIMIT $3::bigint)
         UNION ALL
        (SELECT q.* FROM incident q
          WHERE $1 IS DISTINCT FROM 'open'
            AND ($1 IS NULL OR q.closed_at IS NOT NULL)
            AND q.clinic_id = current_clinic()
            AND q.id < CASE WHEN $2 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY q.id DESC LIMIT $3)) AS i
{incident_joined} ORDER BY i.id DESC;

-- Locked: nothing is added to one that is being closed, and of two who close it at once
-- the second finds it closed.
-- sql: incident_lock one
-- in:  id uuid
-- out: id uuid, key record_key(incident), open bool
SELECT i.id, k.subject_id, k.version, k.wrapped, i.closed_at IS NULL AS open
  FROM incident i
  JOIN record_key k ON k.clinic_id = i.clinic_id AND k.subject_id = i.id
   AND k.version = i.key_version
 WHERE i.clinic_id = current_clinic() AND i.id = $1::uuid
   FOR NO KEY UPDATE OF i;

-- sql: incident_update exec
-- in:  id uuid, key record_key, kind text, title sealed(incident_title),
--      description sealed(incident_description), discovered_at time,
--      began_at time, ended_at time, affected int?, in_state int?, version int
UPDATE incident SET kind = $2::text, title = $3::bytea, description = $4::bytea,
       discovered_at = $5::timestamptz, began_at = $6::timestamptz,
       ended_at = $7::timestamptz, affected = $8::bigint, in_state = $9::bigint,
       version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND version = $10::bigint
   AND closed_at IS NULL;

-- sql: incident_close exec
-- in:  id uuid, key record_key, conclusion text,
--      outcome sealed(incident_outcome), closed_by uuid, now time
UPDATE incident SET conclusion = $2::text, outcome = $3::bytea, closed_by = $4::uuid,
       closed_at = $5::timestamptz, version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND closed_at IS NULL;

-- What was done

-- sql: incident_entry_insert later
-- in:  id uuid, key record_key, incident_id uuid, kind text, at time,
--      body sealed(incident_entry_body), finding text, until date,
--      created_by uuid, now time
INSERT INTO incident_entry (clinic_id, id, incident_id, kind, at, body, finding, until,
       created_by, created_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::text, $4::timestamptz, $5::bytea,
       $6::text, $7::date, $8::uuid, $9::timestamptz);

-- Newest first.
-- sql: incident_entry_list many
-- in:  incident_id uuid, before uuid, limit int
-- out: id uuid, key record_key?, kind text, at time,
--      body sealed(incident_entry_body), finding text, until date,
--      created_at time, created_by uuid, actor_key record_key?,
--      actor_name sealed(account_display_name, created_by, actor_key)
SELECT e.id, k.subject_id, k.version, k.wrapped, e.kind, e.at, e.body, e.finding, e.until,
       e.created_at, e.created_by, a.subject_id, a.version, a.wrapped, a.display_name
  FROM (SELECT q.* FROM incident_entry q
         WHERE q.clinic_id = current_clinic() AND q.incident_id = $1::uuid
           AND q.id < CASE WHEN $2::uuid IS NULL
               THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
         ORDER BY q.id DESC LIMIT $3::bigint) AS e
 CROSS JOIN LATERAL (
       SELECT k.subject_id, k.version, k.wrapped FROM record_key k
        WHERE k.clinic_id = e.clinic_id AND k.subject_id = e.incident_id
          AND k.version = e.key_version OFFSET 0) AS k
 CROSS JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = e.clinic_id AND a.id = e.created_by OFFSET 0) AS a
 ORDER BY e.id DESC;

-- What has to do with it

-- What is named has to be there, an event in the clinic's own log; no row otherwise.
-- sql: incident_link_insert exec
-- in:  id uuid, incident_id uuid, event_seq int?, account_id uuid,
--      patient_id uuid, created_by uuid, now time
INSERT INTO incident_link (clinic_id, id, incident_id, event_seq, account_id, patient_id,
       created_by, created_at)
SELECT current_clinic(), $1::uuid, $2::uuid, $3::bigint, $4::uuid, $5::uuid, $6::uuid,
       $7::timestamptz
 WHERE ($3 IS NULL OR EXISTS (SELECT FROM audit_found($3) AS e
           WHERE e.clinic_id = current_clinic()))
   AND ($4 IS NULL OR EXISTS (SELECT FROM account a
           WHERE a.clinic_id = current_clinic() AND a.id = $4))
   AND ($5 IS NULL OR EXISTS (SELECT FROM patient p
           WHERE p.clinic_id = current_clinic() AND p.id = $5));

-- Newest first. Staff are named; a patient is an id, as in reports.
-- sql: incident_link_list many
-- in:  incident_id uuid, before uuid, limit int
-- out: id uuid, kind text, seq int?, account_id uuid, account_key record_key?,
--      account_name sealed(account_display_name, account_id, account_key),
--      patient_id uuid, created_at time, created_by uuid
SELECT l.id, CASE WHEN l.event_seq IS NOT NULL THEN 'event'
                  WHEN l.account_id IS NOT NULL THEN 'account' ELSE 'patient' END AS kind,
       l.event_seq AS seq, l.account_id, a.subject_id, a.version, a.wrapped, a.display_name,
       l.patient_id, l.created_at, l.created_by
  FROM (SELECT q.* FROM incident_link q
         WHERE q.clinic_id = current_clinic() AND q.incident_id = $1::uuid
           AND q.id < CASE WHEN $2::uuid IS NULL
               THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
         ORDER BY q.id DESC LIMIT $3::bigint) AS l
  LEFT JOIN LATERAL (
       SELECT a.display_name, k.subject_id, k.version, k.wrapped
         FROM account a
         JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
          AND k.version = a.key_version
        WHERE a.clinic_id = l.clinic_id AND a.id = l.account_id
          AND a.patient_id IS NULL OFFSET 0) AS a ON true
 ORDER BY l.id DESC;
