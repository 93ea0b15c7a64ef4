-- What the gate asks around every operation: whose session it is, how the
-- actor stands to the record, that it happened, and whether it happened before.

-- sql: relation_get one
-- in:  kind text, subject uuid
-- out: patient_id uuid, is_self bool, is_care bool, is_part bool
SELECT patient_id, is_self, is_care, is_part
  FROM relation($1::text, $2::uuid, current_clinic(), current_actor());

-- sql: context_set later
-- in:  clinic uuid, actor uuid
SELECT set_config('epione.clinic', coalesce($1::uuid::text, ''), true),
       set_config('epione.actor', coalesce($2::uuid::text, ''), true);

-- A refusal may come before any clinic is known: nil stands for it.
-- sql: audit_insert later
-- in:  clinic_id uuid, event text, action text, outcome text, actor_id uuid,
--      actor_role text, session_id uuid, purpose text, patient_id uuid,
--      record_id uuid, returned uuid[], address text, request_id uuid,
--      operation text
INSERT INTO audit (clinic_id, event, action, outcome, actor_id, actor_role,
       session_id, purpose, patient_id, record_id, returned, address,
       request_id, operation)
VALUES (coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'), $2::text,
       $3::text, $4::text, $5::uuid, $6::text, $7::uuid, $8::text, $9::uuid,
       $10::uuid, coalesce($11::uuid[], '{}'), $12::text, $13::uuid, $14::text);

-- One statement, so that a second request with the same key waits here for the
-- first to commit or roll back, and then sees what it left. A row without a
-- status is our own: whoever takes a key finishes it in the same transaction.
-- Keys of yesterday are forgotten on the way.
-- sql: idempotency_take one
-- in:  actor_id uuid, operation text, key_hash bytes, request_hash bytes
-- out: fresh bool, request_hash bytes, status int?, answer bytes
WITH forgotten AS (
    DELETE FROM idempotency
     WHERE clinic_id = current_clinic() AND actor_id = $1::uuid
       AND (operation, key_hash) <> ($2::text, $3::bytea)
       AND created_at < now() - interval '24 hours')
INSERT INTO idempotency AS i (clinic_id, actor_id, operation, key_hash,
       request_hash)
VALUES (current_clinic(), $1::uuid, $2::text, $3::bytea, $4::bytea)
ON CONFLICT (clinic_id, actor_id, operation, key_hash) DO UPDATE
   SET (request_hash, status, answer, created_at) = (
       SELECT CASE WHEN o.old THEN excluded.request_hash ELSE i.request_hash END,
              CASE WHEN NOT o.old THEN i.status END,
              CASE WHEN NOT o.old THEN i.answer END,
              CASE WHEN o.old THEN now() ELSE i.created_at END
         FROM (SELECT i.created_at < now() - interval '24 hours' AS old) AS o)
RETURNING i.status IS NULL AS fresh, i.request_hash, i.status::bigint, i.answer;

-- sql: idempotency_finish later
-- in:  actor_id uuid, operation text, key_hash bytes, status int, answer bytes
UPDATE idempotency SET status = $4::bigint, answer = $5::bytea
 WHERE clinic_id = current_clinic() AND actor_id = $1::uuid
   AND operation = $2::text AND key_hash = $3::bytea;

-- sql: sessions_ended many
-- in:  clinics uuid[], ids uuid[], active uuid[]
-- out: id uuid
SELECT id FROM sessions_ended($1::uuid[], $2::uuid[], $3::uuid[]);
