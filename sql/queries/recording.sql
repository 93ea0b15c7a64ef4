-- Recordings of calls. What opens one is sealed under its patient's record key;
-- sound and picture are objects of a store that this database only names.

-- What one needs to begin: the patient's newest key, and what the clinic and the visit
-- say. Locked, so that two who ask at a time come one after the other.
-- sql: recording_prepare one
-- in:  visit_id uuid
-- out: key record_key(patient), clinician_id uuid, status text, allowed int,
--      keep_days int, guests bool
SELECT k.subject_id, k.version, k.wrapped, v.clinician_id, v.status,
       c.recording::bigint AS allowed, c.recording_days::bigint AS keep_days, EXISTS (
           SELECT 1 FROM guest g
            WHERE g.clinic_id = v.clinic_id AND g.visit_id = v.id
              AND g.admitted_at IS NOT NULL AND g.ended_at IS NULL) AS guests
  FROM visit v
  JOIN clinic c ON c.id = v.clinic_id
  JOIN record_key k ON k.clinic_id = v.clinic_id AND k.subject_id = v.patient_id
   AND k.class = 'patient' AND k.wrapped IS NOT NULL
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid
 ORDER BY k.version DESC
 LIMIT 1
   FOR NO KEY UPDATE OF v;

-- sql: recording_insert later
-- in:  id uuid, key record_key, visit_id uuid, patient_id uuid,
--      clinician_id uuid, secret sealed(recording_secret), prefix text,
--      media_type text, now time, keep_until time
INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, secret,
       prefix, media_type, created_at, check_from, keep_until)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::bytea,
       $6::text, $7::text, $8::timestamptz, $8, $9::timestamptz);

-- sql: recording_consent_insert later
-- in:  id uuid, recording_id uuid, account_id uuid, role text, given bool,
--      wording int
INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::text, $5::boolean,
       $6::bigint);

-- A recording as it is shown, of: recording g, the key k of its patient, which is
-- the newest one where nothing is left that is sealed.
-- row: recording
-- out: id uuid, key record_key, visit_id uuid, patient_id uuid,
--      clinician_id uuid, state text, media_type text, duration_s int?,
--      total int?, prefix text, created_at time, started_at time,
--      stopped_at time, checked_at time, keep_until time, deleted_at time,
--      hold_at time, hold_by uuid, hold_reason sealed(recording_hold_reason),
--      patient_plays bool
g.id, k.subject_id, k.version, k.wrapped, g.visit_id, g.patient_id, g.clinician_id,
       g.state, g.media_type, g.duration_s, g.chunks AS total, g.prefix,
       g.created_at, g.started_at, g.stopped_at, g.checked_at, g.keep_until,
       g.deleted_at, g.hold_at, g.hold_by, g.hold_reason,
       c.recording_patient = 1 AS patient_plays

-- sql: recording_get one
-- in:  id uuid
-- out: row recording
SELECT {recording}
  FROM recording g
  JOIN clinic c ON c.id = g.clinic_id
  CROSS JOIN LATERAL (
        SELECT o.subject_id, o.version, o.wrapped FROM record_key o
         WHERE o.clinic_id = g.clinic_id AND o.subject_id = g.patient_id
           AND (g.key_version IS NULL OR o.version = g.key_version)
         ORDER BY o.version DESC LIMIT 1) AS k
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid;

-- The same, locked: of two who change it the second sees what the first did.
-- sql: recording_lock one
-- in:  id uuid
-- out: row recording
SELECT {recording}
  FROM recording g
  JOIN clinic c ON c.id = g.clinic_id
  CROSS JOIN LATERAL (
        SELECT o.subject_id, o.version, o.wrapped FROM record_key o
         WHERE o.clinic_id = g.clinic_id AND o.subject_id = g.patient_id
           AND (g.key_version IS NULL OR o.version = g.key_version)
         ORDER BY o.version DESC LIMIT 1) AS k
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid
   FOR NO KEY UPDATE OF g;

-- Newest first. care_of: what that clinician has in their care. One branch runs,
-- by the index that fits it.
-- sql: recording_list many
-- in:  patient_id uuid, visit_id uuid, care_of uuid, before uuid, limit int
-- out: row recording
SELECT {recording}
  FROM ((SELECT r.* FROM recording r -- of one visit
          WHERE $2::uuid IS NOT NULL AND r.visit_id = $2
            AND r.clinic_id = current_clinic()
            AND ($1::uuid IS NULL OR r.patient_id = $1)
            AND r.id < CASE WHEN $4::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND ($3::uuid IS NULL OR EXISTS (
                SELECT 1 FROM visit_relation(r.visit_id, r.clinic_id, $3) v
                 WHERE v.is_care OR v.is_part))
          ORDER BY r.id DESC LIMIT $5::bigint)
         UNION ALL
        (SELECT r.* FROM recording r -- of one patient
          WHERE $2 IS NULL AND $1 IS NOT NULL AND r.patient_id = $1
            AND r.clinic_id = current_clinic()
            AND r.id < CASE WHEN $4 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
            AND ($3 IS NULL OR EXISTS (
                SELECT 1 FROM visit_relation(r.visit_id, r.clinic_id, $3) v
                 WHERE v.is_care OR v.is_part))
          ORDER BY r.id DESC LIMIT $5)
         UNION ALL
        (SELECT r.* FROM recording r -- of the clinic
          WHERE $2 IS NULL AND $1 IS NULL AND $3 IS NULL
            AND r.clinic_id = current_clinic()
            AND r.id < CASE WHEN $4 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
          ORDER BY r.id DESC LIMIT $5)
         UNION ALL
        (SELECT r.* -- of whom a clinician sees or saw
           FROM (SELECT o.id FROM (
                        SELECT DISTINCT patient_id FROM care_team
                         WHERE $2 IS NULL AND $1 IS NULL AND account_id = $3
                           AND clinic_id = current_clinic()) AS t
                  CROSS JOIN LATERAL (
                        SELECT r.id, r.visit_id, r.clinic_id FROM recording r
                         WHERE r.clinic_id = current_clinic()
                           AND r.patient_id = t.patient_id
                           AND r.id < CASE WHEN $4 IS NULL
                               THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $4 END
                           AND EXISTS (
                               SELECT 1 FROM visit_relation(r.visit_id, r.clinic_id, $3) v
                                WHERE v.is_care OR v.is_part)
                         ORDER BY r.id DESC LIMIT $5) AS o
                  ORDER BY o.id DESC LIMIT $5) AS m
          CROSS JOIN LATERAL (
                SELECT * FROM recording w
                 WHERE w.clinic_id = current_clinic() AND w.id = m.id OFFSET 0) AS r)) AS g
  JOIN clinic c ON c.id = g.clinic_id
 CROSS JOIN LATERAL ( -- a page is short, and the planner does not know it
        SELECT o.subject_id, o.version, o.wrapped FROM record_key o
         WHERE o.clinic_id = g.clinic_id AND o.subject_id = g.patient_id
           AND (g.key_version IS NULL OR o.version = g.key_version)
         ORDER BY o.version DESC LIMIT 1) AS k
 ORDER BY g.id DESC LIMIT $5;

-- What opens it; for who has the right to play it, or is about to record.
-- sql: recording_secret one
-- in:  id uuid
-- out: id uuid, key record_key, secret sealed(recording_secret)
SELECT g.id, k.subject_id, k.version, k.wrapped, g.secret
  FROM recording g
  JOIN record_key k ON k.clinic_id = g.clinic_id AND k.subject_id = g.patient_id
   AND k.version = g.key_version
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid;

-- The last answer of each who was asked.
-- sql: recording_people many
-- in:  recording_id uuid
-- out: account_id uuid, role text, given bool, wording int, at time,
--      key record_key, display_name sealed(account_display_name, account_id)
SELECT s.account_id, s.role, s.given, s.wording, s.at, k.subject_id, k.version,
       k.wrapped, a.display_name
  FROM (SELECT DISTINCT ON (account_id) * FROM recording_consent
         WHERE clinic_id = current_clinic() AND recording_id = $1::uuid
         ORDER BY account_id, at DESC, id DESC) AS s
  JOIN account a ON a.clinic_id = s.clinic_id AND a.id = s.account_id
  JOIN record_key k ON k.clinic_id = s.clinic_id AND k.subject_id = s.account_id
   AND k.version = a.key_version
 ORDER BY s.at;

-- What goes on in a visit, and who has agreed to it; no row: nothing does.
-- sql: recording_room one
-- in:  visit_id uuid
-- out: id uuid, state text, agreed uuid[]
SELECT g.id, g.state, ARRAY(SELECT recording_agreed(g.id)) AS agreed
  FROM recording g
 WHERE g.clinic_id = current_clinic() AND g.visit_id = $1::uuid
   AND g.state IN ('consent', 'recording');

-- Begins only if nobody's last word was no, and its patient's was yes.
--= RC-01
-- sql: recording_begin exec
-- in:  id uuid, now time
UPDATE recording g SET state = 'recording', started_at = $2::timestamptz
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid AND g.state = 'consent'
   AND EXISTS (SELECT 1 FROM visit v
        WHERE v.clinic_id = g.clinic_id AND v.id = g.visit_id AND v.status = 'in_call')
   AND EXISTS (SELECT 1 FROM account a
        WHERE a.clinic_id = g.clinic_id AND a.patient_id = g.patient_id
          AND a.id IN (SELECT recording_agreed(g.id)))
   AND NOT EXISTS (SELECT 1 FROM recording_consent s
        WHERE s.clinic_id = g.clinic_id AND s.recording_id = g.id
          AND s.account_id NOT IN (SELECT recording_agreed(g.id)));

-- sql: recording_end exec
-- in:  id uuid, now time
UPDATE recording SET state = 'stopped', stopped_at = $2::timestamptz
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND state IN ('consent', 'recording');

-- A piece is what it was said to be first: no row otherwise.
-- sql: recording_chunk_ask one
-- in:  recording_id uuid, index int, object text, bytes int, sha256 bytes, now time
-- out: object text
INSERT INTO recording_chunk AS c (clinic_id, recording_id, index, object, bytes,
       sha256, asked_at)
VALUES (current_clinic(), $1::uuid, $2::bigint, $3::text, $4::bigint, $5::bytea,
       $6::timestamptz)
ON CONFLICT (clinic_id, recording_id, index) DO UPDATE SET asked_at = excluded.asked_at
   WHERE c.bytes = excluded.bytes AND c.sha256 = excluded.sha256
RETURNING c.object;

-- sql: recording_chunk_done exec
-- in:  recording_id uuid, index int, now time
UPDATE recording_chunk SET done_at = $3::timestamptz, seen_at = NULL, fault = NULL
 WHERE clinic_id = current_clinic() AND recording_id = $1::uuid
   AND index = $2::bigint;

-- sql: recording_chunk_doubt exec
-- in:  recording_id uuid, index int
UPDATE recording_chunk SET seen_at = NULL
 WHERE clinic_id = current_clinic() AND recording_id = $1::uuid
   AND index = $2::bigint;

-- sql: recording_chunks many
-- in:  recording_id uuid, from int, limit int
-- out: index int, object text, bytes int, sha256 bytes, done_at time,
--      seen_at time, fault text
SELECT index, object, bytes, sha256, done_at, seen_at, fault
  FROM recording_chunk
 WHERE clinic_id = current_clinic() AND recording_id = $1::uuid
   AND index >= $2::bigint
 ORDER BY index LIMIT $3::bigint;

-- What is missing of so many pieces, a hundred at most.
-- sql: recording_missing many
-- in:  recording_id uuid, total int
-- out: index int
SELECT n.index
  FROM generate_series(0, $2::bigint - 1) AS n(index)
  LEFT JOIN recording_chunk c ON c.clinic_id = current_clinic()
   AND c.recording_id = $1::uuid AND c.index = n.index
   AND c.done_at IS NOT NULL AND c.fault IS NULL
 WHERE c.index IS NULL
 ORDER BY n.index LIMIT 100;

-- sql: recording_finish exec
-- in:  id uuid, chunks int, media_type text, duration_s int?, now time
UPDATE recording SET state = 'checking', chunks = $2::bigint,
       media_type = coalesce($3::text, media_type),
       duration_s = coalesce($4::bigint, duration_s,
           extract(epoch FROM coalesce(stopped_at, $5::timestamptz) - started_at)::bigint),
       stopped_at = coalesce(stopped_at, $5)
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND started_at IS NOT NULL
   AND state IN ('recording', 'stopped', 'incomplete', 'checking')
   AND NOT EXISTS (SELECT 1 FROM recording_chunk c
        WHERE c.clinic_id = current_clinic() AND c.recording_id = $1
          AND c.index >= $2);

-- sql: recording_hold exec
-- in:  id uuid, key record_key, hold_by uuid,
--      hold_reason sealed(recording_hold_reason), now time
UPDATE recording SET hold_at = $4::timestamptz, hold_by = $2::uuid,
       hold_reason = $3::bytea
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND state NOT IN ('deleting', 'deleted') AND hold_at IS NULL;

-- sql: recording_release exec
-- in:  id uuid, key record_key, hold_reason sealed(recording_hold_reason)
UPDATE recording SET hold_at = NULL, hold_by = NULL, hold_reason = $2::bytea
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND hold_at IS NOT NULL;

-- sql: recording_delete_ask exec
-- in:  id uuid, key record_key, delete_reason sealed(recording_delete_reason)
UPDATE recording SET delete_reason = $2::bytea
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND state NOT IN ('deleting', 'deleted');

-- A second person has agreed. A hold is refused by the table.
-- sql: recording_doom exec
-- in:  id uuid
UPDATE recording SET state = 'deleting'
 WHERE clinic_id = current_clinic() AND id = $1::uuid
   AND state NOT IN ('deleting', 'deleted');

-- For its job, which opens nothing.
-- sql: recording_job one
-- in:  id uuid
-- out: id uuid, patient_id uuid, state text, prefix text
SELECT id, patient_id, state, prefix
  FROM recording
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: recording_unseen many
-- in:  recording_id uuid, limit int
-- out: index int, object text, bytes int, sha256 bytes
SELECT c.index, c.object, c.bytes, c.sha256
  FROM recording_chunk c
  JOIN recording g ON g.clinic_id = c.clinic_id AND g.id = c.recording_id
 WHERE c.clinic_id = current_clinic() AND c.recording_id = $1::uuid
   AND (c.seen_at IS NULL OR c.seen_at < g.check_from)
   AND c.fault IS NULL
 ORDER BY c.index LIMIT $2::bigint;

-- sql: recording_seen later
-- in:  recording_id uuid, seen int[], faulty int[], faults text[]
WITH good AS (
    UPDATE recording_chunk SET seen_at = clock_timestamp()
     WHERE clinic_id = current_clinic() AND recording_id = $1::uuid
       AND index = ANY ($2::bigint[]))
UPDATE recording_chunk c SET fault = f.fault, seen_at = NULL
  FROM unnest($3::bigint[], $4::text[]) AS f(index, fault)
 WHERE c.clinic_id = current_clinic() AND c.recording_id = $1 AND c.index = f.index;

-- All was looked at: is all of it there?
-- sql: recording_conclude exec
-- in:  id uuid
UPDATE recording g SET checked_at = clock_timestamp(),
       state = CASE WHEN g.chunks = (SELECT count(*) FROM recording_chunk c
            WHERE c.clinic_id = g.clinic_id AND c.recording_id = g.id
              AND c.seen_at IS NOT NULL AND c.fault IS NULL)
            THEN 'stored' ELSE 'incomplete' END
 WHERE g.clinic_id = current_clinic() AND g.id = $1::uuid
   AND g.state IN ('checking', 'stored', 'incomplete');

-- What opened it goes, and where it lay; that it was stays.
--= RC-07
-- sql: recording_bury exec
-- in:  id uuid
WITH gone AS (
    DELETE FROM recording_chunk
     WHERE clinic_id = current_clinic() AND recording_id = $1::uuid)
UPDATE recording SET state = 'deleted', secret = NULL, deleted_at = clock_timestamp()
 WHERE clinic_id = current_clinic() AND id = $1 AND state = 'deleting';

-- sql: recordings_due one
-- in:  batch int
-- out: n int
SELECT recordings_due($1::bigint) AS n;
