-- Reports as files. What there is of one tells whoever asked for it, and nobody else.

-- sql: report_run_add later
-- in:  id uuid, account_id uuid, asked_id uuid, job_id uuid, format text, now time,
--      expires_at time
INSERT INTO report_run (clinic_id, id, account_id, asked_id, job_id, format, created_at, expires_at)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::text,
        $6::timestamptz, $7::timestamptz);

-- row: report_run
-- out: id uuid, report text, parameters text, format text, state text, lines int,
--      parts int, bytes int, checkpoint text, sha256 bytes, error text,
--      created_at time, expires_at time
r.id, a.report, a.parameters, r.format,
CASE WHEN r.gone_at IS NOT NULL OR r.expires_at <= now() THEN 'expired'
     WHEN r.error_code IS NOT NULL THEN 'failed'
     WHEN r.done_at IS NOT NULL THEN 'done'
     WHEN j.state = 'dead' THEN 'failed'
     WHEN r.parts > 0 OR j.state = 'running' THEN 'running'
     ELSE 'waiting' END AS state,
r.lines, r.parts, r.bytes, r.checkpoint, r.sha256,
CASE WHEN r.error_code IS NOT NULL THEN r.error_code
     WHEN r.done_at IS NULL AND j.state = 'dead' THEN j.error_code END AS error,
r.created_at, r.expires_at

-- text: of_what
 CROSS JOIN LATERAL (
       SELECT q.report, q.parameters FROM report_asked q
        WHERE q.clinic_id = r.clinic_id AND q.id = r.asked_id OFFSET 0) AS a
  LEFT JOIN LATERAL (
       SELECT w.state, w.error_code FROM job w
        WHERE w.clinic_id = r.clinic_id AND w.id = r.job_id OFFSET 0) AS j ON true

--= AZ-01
-- sql: report_run_get one
-- in:  id uuid
-- out: row report_run
SELECT {report_run}
  FROM report_run r {of_what}
 WHERE r.clinic_id = current_clinic() AND r.id = $1::uuid
   AND r.account_id = current_actor();

-- sql: report_run_list many
-- in:  before uuid, limit int
-- out: row report_run
SELECT {report_run}
  FROM (SELECT o.* FROM report_run o
         WHERE o.clinic_id = current_clinic() AND o.account_id = current_actor()
           AND o.id < CASE WHEN $1::uuid IS NULL
               THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $1 END
         ORDER BY o.id DESC LIMIT $2::bigint) AS r {of_what}
 ORDER BY r.id DESC;

-- For epione-jobs: a run to go on with, which no other process then does. Who asked
-- for it may have left, or be somebody else by now.
-- sql: report_run_take one
-- in:  id uuid
-- out: id uuid, key record_key(job), account_id uuid, role text, left bool,
--      report text, parameters text, format text, place text, lines int, parts int,
--      bytes int, written bool, over bool, created_at time, clinic text
SELECT r.id, k.subject_id, k.version, k.wrapped, r.account_id, o.role,
       o.deactivated_at IS NOT NULL AS left, a.report, a.parameters, r.format,
       r.place, r.lines, r.parts, r.bytes, r.written,
       r.done_at IS NOT NULL OR r.error_code IS NOT NULL OR r.gone_at IS NOT NULL
       OR r.expires_at <= now() AS over, r.created_at, c.name AS clinic
  FROM report_run r
  JOIN report_asked a ON a.clinic_id = r.clinic_id AND a.id = r.asked_id
  JOIN account o ON o.clinic_id = r.clinic_id AND o.id = r.account_id
  JOIN clinic c ON c.id = r.clinic_id
  LEFT JOIN record_key k ON k.clinic_id = r.clinic_id AND k.subject_id = r.id
 WHERE r.clinic_id = current_clinic() AND r.id = $1::uuid
   FOR UPDATE OF r;

-- sql: report_part_add later
-- in:  id uuid, key record_key, run_id uuid, content sealed_bytes(report_part_content)
INSERT INTO report_part (clinic_id, id, run_id, content)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::bytea);

-- What a portion came to; of two processes that made the same one, only the first
-- is believed.
-- sql: report_run_wrote exec
-- in:  id uuid, parts_before int, parts int, lines int, bytes int, place text,
--      written bool, checkpoint text
UPDATE report_run
   SET parts = $3::bigint, lines = $4::bigint, bytes = $5::bigint, place = $6::text,
       written = $7::boolean, checkpoint = $8::text
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND parts = $2::bigint
   AND NOT written AND error_code IS NULL;

-- sql: report_run_done exec
-- in:  id uuid, sha256 bytes
UPDATE report_run SET sha256 = $2::bytea, done_at = clock_timestamp()
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND written
   AND done_at IS NULL AND error_code IS NULL;

-- It comes to nothing, and nothing of it stays.
-- sql: report_run_failed exec
-- in:  id uuid, error_code text
WITH destroyed AS (
    DELETE FROM record_key
     WHERE clinic_id = current_clinic() AND subject_id = $1::uuid AND class = 'job'),
parts AS (
    DELETE FROM report_part WHERE clinic_id = current_clinic() AND run_id = $1)
UPDATE report_run SET error_code = $2::text
 WHERE clinic_id = current_clinic() AND id = $1 AND done_at IS NULL;

-- sql: report_part_get one
-- in:  id uuid
-- out: id uuid, key record_key, content sealed_bytes(report_part_content)
SELECT p.id, k.subject_id, k.version, k.wrapped, p.content
  FROM report_part p
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.run_id
   AND k.version = p.key_version
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;
