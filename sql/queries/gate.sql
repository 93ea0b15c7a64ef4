-- What the gate asks around every operation: whose session it is, how the
-- actor stands to the record, that it happened, and whether it happened before.

-- Heard once the transaction is committed, by all who listen.
-- sql: tell later
-- in:  channel text, payload text
SELECT pg_notify($1::text, $2::text);

-- The numbers of the log's words, of which new ones are added.
-- sql: audit_words many
-- in:  words text[]
-- out: id int, word text
SELECT id::bigint, word FROM audit_words($1::text[]);

-- A refusal may come before any clinic is known: nil stands for it. Words are
-- numbers here: every request writes a row. One that travels with the question
-- whose session it is (session_enter) says with which answers it is true: it is
-- written with those alone, and without any always. No row: it was not.
-- sql: audit_insert one
-- in:  clinic_id uuid, event int, action text, outcome int?, actor_id uuid,
--      actor_role int?, session int?, purpose int, patient_id uuid,
--      record_id uuid, returned uuid[], address text, request_id uuid,
--      operation int, count int?, standings text[]
-- out: written bool
INSERT INTO audit_log (clinic_id, event, action, outcome, actor_id, actor_role,
       session, purpose, patient_id, record_id, returned, address,
       request_id, operation, count)
SELECT coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'),
       $2::bigint, $3::text::"char", $4::bigint, $5::uuid, $6::bigint,
       $7::bigint, $8::bigint, $9::uuid, nullif($10::uuid, $9::uuid),
       nullif($11::uuid[], '{}'), nullif($12::text, '')::inet, $13::uuid,
       $14::bigint, nullif($15::bigint, 1)
 WHERE $16::text[] = '{}'
    OR current_setting('epione.standing', true) = ANY ($16::text[])
RETURNING true AS written;

-- A success of a read that a page made by itself: one event an hour, and how often.
-- sql: audit_background later
-- in:  event int, action text, actor_id uuid, actor_role int?, session int?,
--      purpose int, patient_id uuid, record_id uuid, returned uuid[],
--      address text, request_id uuid, operation int
SELECT audit_background_note($1::bigint, $2::text::"char", $3::uuid, $4::bigint,
       $5::bigint, $6::bigint, $7::uuid, nullif($8::uuid, $7::uuid),
       nullif($9::uuid[], '{}'), nullif($10::text, '')::inet, $11::uuid,
       $12::bigint);

-- An event in words, for what does not come with a request.
-- sql: audit_note later
-- in:  clinic_id uuid, event text, action text, actor_role text, purpose text,
--      record_id uuid, request_id uuid, operation text, patient_id uuid
INSERT INTO audit_log (clinic_id, event, action, actor_role, purpose,
       record_id, request_id, operation, patient_id)
VALUES (coalesce($1::uuid, '00000000-0000-0000-0000-000000000000'),
       audit_word($2::text), $3::text::"char", audit_word($4::text),
       audit_word($5::text), $6::uuid, $7::uuid, audit_word($8::text), $9::uuid);

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
