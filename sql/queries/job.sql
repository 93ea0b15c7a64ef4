-- Jobs: asked for by operations, taken and ended by epione-jobs, looked at by
-- administrators. All times are the database's, so that no clock of another
-- host can lose a job or run it early.

-- Whoever inserts a job with a payload has made its record key in the same
-- transaction. The notice travels with the commit.
-- sql: job_insert later
-- in:  id uuid, key record_key, kind text, once text, record_id uuid,
--      payload sealed(job_payload), after_s int
WITH added AS (
    INSERT INTO job (clinic_id, id, kind, key, run_at, record_id, payload)
    VALUES (current_clinic(), $1::uuid, $2::text, $3::text,
            clock_timestamp() + make_interval(secs => $6::bigint), $4::uuid,
            $5::bytea)
    RETURNING 1)
SELECT pg_notify('epione_job', '') FROM added;

-- What is due by the clock, once a period: the period is the key. None is made
-- while one of the kind still waits, nor after the clock went back to a period
-- before the last.
-- sql: job_schedule exec
-- in:  kinds text[], every_s int[]
INSERT INTO job (clinic_id, id, kind, key, run_at)
SELECT '00000000-0000-0000-0000-000000000000', gen_random_uuid(), s.kind, s.key,
       clock_timestamp()
  FROM (SELECT k.kind, lpad(floor(extract(epoch FROM clock_timestamp())
               / k.every_s)::bigint::text, 12, '0') AS key
          FROM unnest($1::text[], $2::bigint[]) AS k(kind, every_s)) AS s
 WHERE NOT EXISTS (
       SELECT 1 FROM job j
        WHERE j.clinic_id = '00000000-0000-0000-0000-000000000000'
          AND j.kind = s.kind
          AND (j.key >= s.key OR j.state IN ('waiting', 'running')))
ON CONFLICT DO NOTHING;

-- Takes at most `room` of each kind: those that wait, and those whose process
-- did not end them within its lease.
-- sql: job_claim many
-- in:  kinds text[], room int[], lease_s int
-- out: clinic_id uuid, id uuid, kind text, lease uuid, attempts int,
--      record_id uuid, has_payload bool
WITH due AS MATERIALIZED (
    SELECT d.clinic_id, d.id
      FROM unnest($1::text[], $2::bigint[]) AS k(kind, room)
     CROSS JOIN LATERAL (
           SELECT j.clinic_id, j.id FROM job j
            WHERE j.kind = k.kind AND j.state IN ('waiting', 'running')
              AND j.run_at <= clock_timestamp()
            ORDER BY j.run_at
            LIMIT k.room FOR UPDATE SKIP LOCKED) AS d
     WHERE NOT EXISTS (SELECT 1 FROM job_pause p WHERE p.kind IN (k.kind, '*')))
UPDATE job j
   SET state = 'running', lease = gen_random_uuid(), attempts = j.attempts + 1,
       run_at = clock_timestamp() + make_interval(secs => $3::bigint)
  FROM due
 WHERE j.clinic_id = due.clinic_id AND j.id = due.id
RETURNING j.clinic_id, j.id, j.kind, j.lease, j.attempts, j.record_id,
          j.payload IS NOT NULL AS has_payload;

-- How long until one of these kinds is due; no row if none waits.
-- sql: job_next one
-- in:  kinds text[]
-- out: wait_ms int
SELECT greatest(0, ceil(1000 * extract(epoch FROM min(n.run_at) - clock_timestamp())))::bigint
       AS wait_ms
  FROM unnest($1::text[]) AS k(kind)
 CROSS JOIN LATERAL (
       SELECT j.run_at FROM job j
        WHERE j.kind = k.kind AND j.state IN ('waiting', 'running')
        ORDER BY j.run_at LIMIT 1) AS n
 WHERE NOT EXISTS (SELECT 1 FROM job_pause p WHERE p.kind IN (k.kind, '*'))
HAVING min(n.run_at) IS NOT NULL;

-- sql: job_open one
-- in:  id uuid
-- out: id uuid, key record_key, payload sealed(job_payload)
SELECT j.id, k.subject_id, k.version, k.wrapped, j.payload
  FROM job j
  JOIN record_key k ON k.clinic_id = j.clinic_id AND k.subject_id = j.id
   AND k.version = j.key_version
 WHERE j.clinic_id = current_clinic() AND j.id = $1::uuid;

-- Only by whoever took it last. The payload goes, and the key that opens its
-- copies in backups of after this hour.
-- sql: job_done exec
-- in:  clinic_id uuid, id uuid, lease uuid
WITH destroyed AS (
    DELETE FROM record_key
     WHERE clinic_id = $1::uuid AND subject_id = $2::uuid AND class = 'job')
UPDATE job SET state = 'done', lease = NULL, payload = NULL, error_code = NULL,
       run_at = clock_timestamp(), ended_at = clock_timestamp()
 WHERE clinic_id = coalesce($1, '00000000-0000-0000-0000-000000000000')
   AND id = $2 AND state = 'running' AND lease = $3::uuid;

-- There is more of the same: it is due at once.
-- sql: job_again exec
-- in:  clinic_id uuid, id uuid, lease uuid
UPDATE job SET state = 'waiting', lease = NULL, attempts = 0, error_code = NULL,
       run_at = clock_timestamp()
 WHERE clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
   AND id = $2::uuid AND state = 'running' AND lease = $3::uuid;

-- sql: job_failed one
-- in:  clinic_id uuid, id uuid, lease uuid, error_code text, final bool,
--      tries int, give_up_s int, wait_s int
-- out: dead bool
UPDATE job j SET state = CASE WHEN e.dead THEN 'dead' ELSE 'waiting' END,
       lease = NULL, error_code = $4::text,
       ended_at = CASE WHEN e.dead THEN clock_timestamp() END,
       run_at = clock_timestamp() + CASE WHEN e.dead THEN interval '0'
                ELSE make_interval(secs => $8::bigint) END
  FROM (SELECT o.clinic_id, o.id, $5::boolean OR o.attempts >= $6::bigint
               OR clock_timestamp() > o.asked_at + make_interval(secs => $7::bigint)
               AS dead
          FROM job o
         WHERE o.clinic_id = coalesce($1::uuid, '00000000-0000-0000-0000-000000000000')
           AND o.id = $2::uuid AND o.state = 'running' AND o.lease = $3::uuid
           FOR UPDATE) AS e
 WHERE j.clinic_id = e.clinic_id AND j.id = e.id
RETURNING e.dead;

-- row: job
-- out: id uuid, kind text, state text, attempts int, run_at time,
--      error_code text, record_id uuid, created_at time

-- sql: job_list many
-- in:  state text, before uuid, limit int
-- out: row job
SELECT {job: j.%}
  FROM ((SELECT {job: w.%} FROM job w
          WHERE $1::text IS NULL AND w.clinic_id = current_clinic()
            AND w.id < CASE WHEN $2::uuid IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY w.id DESC LIMIT $3::bigint)
         UNION ALL
        (SELECT {job: w.%} FROM job w
          WHERE w.state = $1 AND w.clinic_id = current_clinic()
            AND w.id < CASE WHEN $2 IS NULL
                THEN 'ffffffff-ffff-ffff-ffff-ffffffffffff' ELSE $2 END
          ORDER BY w.id DESC LIMIT $3)) AS j
 ORDER BY j.id DESC;

-- sql: job_get one
-- in:  id uuid
-- out: row job
SELECT {job: %} FROM job
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- Its tries and its time begin anew.
-- text: job_retried
WITH told AS (SELECT pg_notify('epione_job', ''))
UPDATE job SET state = 'waiting', attempts = 0, error_code = NULL,
       run_at = clock_timestamp(), asked_at = clock_timestamp(), ended_at = NULL
  FROM told

-- sql: job_retry exec
-- in:  id uuid
{job_retried} WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'dead';

-- For the operator: every clinic's and the installation's.
-- sql: job_list_all many
-- in:  state text, limit int
-- out: clinic_id uuid, id uuid, kind text, state text, attempts int,
--      run_at time, error_code text
SELECT clinic_id, id, kind, state, attempts, run_at, error_code FROM job
 WHERE ($1::text IS NULL AND state <> 'done') OR state = $1
 ORDER BY created_at DESC, id DESC
 LIMIT $2::bigint;

-- sql: job_retry_any exec
-- in:  id uuid
{job_retried} WHERE id = $1::uuid AND state = 'dead';

-- sql: job_pause exec
-- in:  kind text
INSERT INTO job_pause (kind) VALUES ($1::text) ON CONFLICT DO NOTHING;

-- sql: job_resume exec
-- in:  kind text
WITH told AS (SELECT pg_notify('epione_job', ''))
DELETE FROM job_pause USING told WHERE $1::text = '*' OR kind = $1;

-- For the metrics of epione-jobs.
-- sql: job_counts many
-- in:  kinds text[]
-- out: kind text, waiting int, running int, dead int, oldest_s int
SELECT k.kind,
       (SELECT count(*) FROM job j WHERE j.kind = k.kind AND j.state = 'waiting'
           AND j.state IN ('waiting', 'running')) AS waiting,
       (SELECT count(*) FROM job j WHERE j.kind = k.kind AND j.state = 'running'
           AND j.state IN ('waiting', 'running')) AS running,
       (SELECT count(*) FROM job j WHERE j.kind = k.kind AND j.state = 'dead') AS dead,
       coalesce((SELECT greatest(0, extract(epoch FROM clock_timestamp() - j.run_at))::bigint
                   FROM job j WHERE j.kind = k.kind AND j.state IN ('waiting', 'running')
                  ORDER BY j.run_at LIMIT 1), 0) AS oldest_s
  FROM unnest($1::text[]) AS k(kind);

-- sql: sweep_sessions one
-- in:  batch int
-- out: n int
SELECT sweep_sessions($1::bigint) AS n;

-- sql: sweep_invitations one
-- in:  batch int
-- out: n int
SELECT sweep_invitations($1::bigint) AS n;

-- sql: sweep_idempotency one
-- in:  batch int
-- out: n int
SELECT sweep_idempotency($1::bigint) AS n;

-- sql: sweep_attempts one
-- in:  batch int
-- out: n int
SELECT sweep_attempts($1::bigint) AS n;

-- sql: sweep_strangers one
-- in:  batch int
-- out: n int
SELECT sweep_strangers($1::bigint) AS n;

-- sql: sweep_jobs one
-- in:  batch int
-- out: n int
SELECT sweep_jobs($1::bigint) AS n;

-- sql: sweep_reports one
-- in:  batch int
-- out: n int
SELECT sweep_reports($1::bigint) AS n;

-- The coming months of the log; one missed costs a move later, and no event.
-- sql: audit_months one
-- out: made int
SELECT audit_months(now(), now() + interval '3 months')::bigint AS made;

-- What pages read by themselves in hours that are over.
-- sql: audit_background_close one
-- in:  batch int
-- out: n int
SELECT audit_background_close($1::bigint) AS n;
