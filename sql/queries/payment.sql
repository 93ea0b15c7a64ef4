-- Payments: asked for by operations, opened at the processor and settled by jobs.

-- What the visit costs. The row stays locked until the commit.
-- sql: payment_prepare one
-- in:  visit_id uuid
-- out: patient_id uuid, status text, fee_id uuid, amount_minor int?, currency text
SELECT v.patient_id, v.status, v.fee_id, f.amount_minor, f.currency
  FROM visit v
  LEFT JOIN fee f ON f.clinic_id = v.clinic_id AND f.id = v.fee_id
 WHERE v.clinic_id = current_clinic() AND v.id = $1::uuid
   FOR NO KEY UPDATE OF v;

-- row: payment
-- out: id uuid, visit_id uuid, patient_id uuid, title text, amount_minor int,
--      currency text, state text, checkout_url text, refunded_minor int,
--      dispute text, difference text, created_at time, expires_at time,
--      paid_at time, version int
p.id, p.visit_id, p.patient_id, f.title, p.amount_minor, p.currency, p.state,
       p.checkout_url, p.refunded_minor, p.dispute, p.difference, p.created_at,
       p.expires_at, p.paid_at, p.version

-- The one that stands, of a visit.
-- sql: payment_standing one
-- in:  visit_id uuid
-- out: row payment
SELECT {payment}
  FROM payment p
  JOIN fee f ON f.clinic_id = p.clinic_id AND f.id = p.fee_id
 WHERE p.clinic_id = current_clinic() AND p.visit_id = $1::uuid
   AND p.state NOT IN ('failed', 'expired', 'refunded');

-- sql: payment_get one
-- in:  id uuid
-- out: row payment
SELECT {payment}
  FROM payment p
  JOIN fee f ON f.clinic_id = p.clinic_id AND f.id = p.fee_id
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;

-- Newest first. One branch runs, by the index that fits it.
-- sql: payment_list many
-- in:  patient_id uuid, visit_id uuid, state text, differs bool, from_at time,
--      to_at time, after_at time, after_id uuid, limit int
-- out: row payment
SELECT {payment}
  FROM ((SELECT p.* FROM payment p -- of one visit
          WHERE $2::uuid IS NOT NULL AND p.visit_id = $2
            AND ($1::uuid IS NULL OR p.patient_id = $1)
            AND ($3::text IS NULL OR p.state = $3)
            AND (NOT $4::boolean OR p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= CASE WHEN $7::timestamptz IS NULL
                THEN 'infinity' ELSE $7 END
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < ($7, $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- of one patient
          WHERE $2 IS NULL AND $1 IS NOT NULL AND p.patient_id = $1
            AND ($3::text IS NULL OR p.state = $3)
            AND (NOT $4::boolean OR p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= CASE WHEN $7::timestamptz IS NULL
                THEN 'infinity' ELSE $7 END
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < ($7, $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- what the processor says otherwise
          WHERE $2 IS NULL AND $1 IS NULL AND $4
            AND (p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND ($3 IS NULL OR p.state = $3)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= CASE WHEN $7::timestamptz IS NULL
                THEN 'infinity' ELSE $7 END
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < ($7, $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- in a state that most are not in
          WHERE $2 IS NULL AND $1 IS NULL AND NOT $4
            AND $3 <> 'paid' AND p.state <> 'paid' AND p.state = $3
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= CASE WHEN $7::timestamptz IS NULL
                THEN 'infinity' ELSE $7 END
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < ($7, $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- of the clinic, or those that are paid
          WHERE $2 IS NULL AND $1 IS NULL AND NOT $4
            AND ($3 IS NULL OR $3 = 'paid')
            AND ($3 IS NULL OR p.state = 'paid')
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= CASE WHEN $7::timestamptz IS NULL
                THEN 'infinity' ELSE $7 END
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < ($7, $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)) AS p
  JOIN fee f ON f.clinic_id = p.clinic_id AND f.id = p.fee_id
 ORDER BY p.created_at DESC, p.id DESC
 LIMIT $9;

-- sql: payment_insert later
-- in:  id uuid, visit_id uuid, patient_id uuid, fee_id uuid, amount_minor int,
--      currency text, created_by uuid
WITH made AS (
    INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor,
           currency, created_by)
    VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::uuid, $5::bigint,
           $6::text, $7::uuid)
    RETURNING *)
INSERT INTO ledger (clinic_id, payment_id, kind, debit, credit, amount_minor, currency)
SELECT clinic_id, id, 'opened', 'patient', 'income', amount_minor, currency FROM made;

-- Refunds

-- Only of what is paid and not being given back: of two, one finds it so.
-- sql: payment_refund_begin exec
-- in:  id uuid, amount_minor int
UPDATE payment SET state = 'refunding', updated_at = now(), version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'paid'
   AND dispute IS DISTINCT FROM 'open' AND dispute IS DISTINCT FROM 'lost'
   AND amount_minor - refunded_minor >= $2::bigint;

-- sql: payment_refund_key one
-- in:  patient_id uuid
-- out: key record_key(patient)
SELECT k.subject_id, k.version, k.wrapped FROM record_key k
 WHERE k.clinic_id = current_clinic() AND k.subject_id = $1::uuid
   AND k.wrapped IS NOT NULL;

-- sql: payment_refund_insert later
-- in:  id uuid, key record_key, payment_id uuid, patient_id uuid,
--      amount_minor int, reason sealed(payment_refund_reason), created_by uuid
INSERT INTO payment_refund (clinic_id, id, payment_id, patient_id, amount_minor,
       reason, created_by)
VALUES (current_clinic(), $1::uuid, $2::uuid, $3::uuid, $4::bigint, $5::bytea,
       $6::uuid);

-- Events

-- sql: payment_find one
-- in:  checkout text, intent text, own uuid
-- out: clinic_id uuid, id uuid
SELECT clinic_id, id FROM payment_find($1::text, $2::text, $3::uuid);

-- No row: it came before.
-- sql: payment_event_insert exec
-- in:  id text, payment_id uuid
INSERT INTO payment_event (clinic_id, id, payment_id)
VALUES (current_clinic(), $1::text, $2::uuid)
ON CONFLICT DO NOTHING;

-- Jobs

-- sql: payment_order one
-- in:  id uuid
-- out: id uuid, amount_minor int, currency text, state text, checkout_id text,
--      intent_id text
SELECT id, amount_minor, currency, state, checkout_id, intent_id FROM payment
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: payment_opened exec
-- in:  id uuid, checkout_id text, checkout_url text, expires_at time
UPDATE payment SET state = 'open', checkout_id = $2::text, checkout_url = $3::text,
       expires_at = $4::timestamptz, updated_at = now(), version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'opening';

-- sql: payment_settle one
-- in:  id uuid, intent text, amount int, currency text, paid bool, ended text,
--      refunded int, cost int, cost_currency text, dispute text
-- out: state text
SELECT payment_settle($1::uuid, $2::text, $3::bigint, $4::text, $5::boolean,
       $6::text, $7::bigint, $8::bigint, $9::text, $10::text) AS state;

-- sql: payment_refund_waiting one
-- in:  id uuid
-- out: id uuid, payment_id uuid, amount_minor int, state text, intent_id text,
--      currency text
SELECT r.id, r.payment_id, r.amount_minor, r.state, p.intent_id, p.currency
  FROM payment_refund r
  JOIN payment p ON p.clinic_id = r.clinic_id AND p.id = r.payment_id
 WHERE r.clinic_id = current_clinic() AND r.id = $1::uuid;

-- sql: payment_refund_end exec
-- in:  id uuid, state text, external_id text
UPDATE payment_refund SET state = $2::text, external_id = $3::text
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'waiting';

-- sql: payment_reconcile one
-- in:  batch int
-- out: n int
SELECT payment_reconcile($1::bigint) AS n;
