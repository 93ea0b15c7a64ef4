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

-- As it is shown, of: payment p, its fee f, its patient t with key k.
-- row: payment
-- out: id uuid, visit_id uuid, patient_id uuid, key record_key,
--      family_name sealed(patient_family_name, patient_id),
--      given_name sealed(patient_given_name, patient_id), title text,
--      amount_minor int, currency text, state text, checkout_url text,
--      refunded_minor int, dispute text, difference text, created_at time,
--      created_us int, expires_at time, paid_at time, restricted bool,
--      receipt bool, version int
p.id, p.visit_id, p.patient_id, k.subject_id, k.version, k.wrapped, t.family_name,
       t.given_name, f.title, p.amount_minor, p.currency, p.state, p.checkout_url,
       p.refunded_minor, p.dispute, p.difference, p.created_at,
       us_of(p.created_at) AS created_us, p.expires_at, p.paid_at, p.restricted,
       (p.receipt_minor IS NOT NULL) AS receipt, p.version

-- text: payment_joined
  JOIN fee f ON f.clinic_id = p.clinic_id AND f.id = p.fee_id
  JOIN patient t ON t.clinic_id = p.clinic_id AND t.id = p.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.patient_id
   AND k.version = t.key_version

-- The one that stands, of a visit.
-- sql: payment_standing one
-- in:  visit_id uuid
-- out: row payment
SELECT {payment}
  FROM payment p
{payment_joined} WHERE p.clinic_id = current_clinic() AND p.visit_id = $1::uuid
   AND p.state NOT IN ('failed', 'expired', 'refunded');

-- sql: payment_get one
-- in:  id uuid
-- out: row payment
SELECT {payment}
  FROM payment p
{payment_joined} WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid;

-- Newest first, after that one. One branch runs, by the index that fits it.
-- sql: payment_list many
-- in:  patient_id uuid, visit_id uuid, state text, differs bool, from_at time,
--      to_at time, after_us int, after_id uuid, limit int, currency text
-- out: row payment
SELECT {payment}
  FROM ((SELECT p.* FROM payment p -- of one visit
          WHERE $2::uuid IS NOT NULL AND p.visit_id = $2
            AND ($1::uuid IS NULL OR p.patient_id = $1)
            AND ($3::text IS NULL OR p.state = $3) AND ($10::text IS NULL OR p.currency = $10)
            AND (NOT $4::boolean OR p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- of one patient
          WHERE $2 IS NULL AND $1 IS NOT NULL AND p.patient_id = $1
            AND ($3::text IS NULL OR p.state = $3) AND ($10::text IS NULL OR p.currency = $10)
            AND (NOT $4::boolean OR p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- what the processor says otherwise
          WHERE $2 IS NULL AND $1 IS NULL AND $4
            AND (p.difference IS NOT NULL OR p.dispute IS NOT NULL)
            AND ($3::text IS NULL OR p.state = $3) AND ($10::text IS NULL OR p.currency = $10)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- in a state that most are not in
          WHERE $2 IS NULL AND $1 IS NULL AND NOT $4
            AND $3 <> 'paid' AND p.state <> 'paid' AND p.state = $3
            AND ($10::text IS NULL OR p.currency = $10)
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- in one currency, or those of it that are paid
          WHERE $2 IS NULL AND $1 IS NULL AND NOT $4
            AND $10 IS NOT NULL AND p.currency = $10
            AND ($3 IS NULL OR $3 = 'paid')
            AND ($3 IS NULL OR p.state = 'paid')
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)
         UNION ALL
        (SELECT p.* FROM payment p -- of the clinic, or those that are paid
          WHERE $2 IS NULL AND $1 IS NULL AND NOT $4
            AND $10 IS NULL AND ($3 IS NULL OR $3 = 'paid')
            AND ($3 IS NULL OR p.state = 'paid')
            AND p.clinic_id = current_clinic()
            AND p.created_at >= $5::timestamptz AND p.created_at < $6::timestamptz
            AND p.created_at <= at_us($7::bigint)
            AND ($8::uuid IS NULL OR (p.created_at, p.id) < (at_us($7), $8))
          ORDER BY p.created_at DESC, p.id DESC LIMIT $9::bigint)) AS p
{payment_joined} ORDER BY p.created_at DESC, p.id DESC
 LIMIT $9;

-- What is to be paid and is not, of visits that start in the span; newest first.
-- The last payment that was begun, if one was.
-- sql: payment_due many
-- in:  patient_id uuid, from_at time, to_at time, after_at time, after_id uuid,
--      limit int
-- out: visit_id uuid, patient_id uuid, key record_key,
--      family_name sealed(patient_family_name, patient_id),
--      given_name sealed(patient_given_name, patient_id), starts_at time,
--      status text, title text, amount_minor int, currency text,
--      payment_id uuid, state text
SELECT v.id AS visit_id, v.patient_id, k.subject_id, k.version, k.wrapped,
       t.family_name, t.given_name, v.starts_at, v.status, f.title, f.amount_minor,
       f.currency, p.id AS payment_id, p.state
  FROM ((SELECT w.* FROM visit w -- of one patient
          WHERE $1::uuid IS NOT NULL AND w.patient_id = $1 AND w.due
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $2::timestamptz AND w.starts_at < $3::timestamptz
            AND w.starts_at <= $4::timestamptz
            AND ($5::uuid IS NULL OR (w.starts_at, w.id) < ($4, $5))
          ORDER BY w.starts_at DESC, w.id DESC LIMIT $6::bigint)
         UNION ALL
        (SELECT w.* FROM visit w -- of the clinic
          WHERE $1 IS NULL AND w.due
            AND w.clinic_id = current_clinic()
            AND w.starts_at >= $2 AND w.starts_at < $3
            AND w.starts_at <= $4
            AND ($5 IS NULL OR (w.starts_at, w.id) < ($4, $5))
          ORDER BY w.starts_at DESC, w.id DESC LIMIT $6)) AS v
  JOIN fee f ON f.clinic_id = v.clinic_id AND f.id = v.fee_id
  JOIN patient t ON t.clinic_id = v.clinic_id AND t.id = v.patient_id
  JOIN record_key k ON k.clinic_id = v.clinic_id AND k.subject_id = v.patient_id
   AND k.version = t.key_version
  LEFT JOIN LATERAL (
       SELECT q.id, q.state FROM payment q
        WHERE q.clinic_id = v.clinic_id AND q.visit_id = v.id
        ORDER BY q.created_at DESC, q.id DESC LIMIT 1) AS p ON true
 ORDER BY v.starts_at DESC, v.id DESC
 LIMIT $6;

-- What came in and went out, by the months of the clinic's time zone; the newest
-- first. `disputed`: taken back by banks and not won.
-- sql: payment_months many
-- in:  from_month text, to_month text
-- out: month text, currency text, paid_minor int, refunded_minor int,
--      disputed_minor int, cost_minor int, payout_minor int
SELECT to_char(l.at AT TIME ZONE c.time_zone, 'YYYY-MM') AS month, l.currency,
       coalesce(sum(l.amount_minor) FILTER (WHERE l.kind = 'paid'), 0)::bigint AS paid_minor,
       coalesce(sum(l.amount_minor) FILTER (WHERE l.kind = 'refunded'), 0)::bigint AS refunded_minor,
       coalesce(sum(CASE l.kind WHEN 'disputed' THEN l.amount_minor
                                WHEN 'won' THEN -l.amount_minor ELSE 0 END), 0)::bigint AS disputed_minor,
       coalesce(sum(CASE WHEN l.debit = 'fees' THEN l.amount_minor
                         WHEN l.credit = 'fees' THEN -l.amount_minor ELSE 0 END), 0)::bigint AS cost_minor,
       coalesce(sum(CASE WHEN l.debit = 'bank' THEN l.amount_minor
                         WHEN l.credit = 'bank' THEN -l.amount_minor ELSE 0 END), 0)::bigint AS payout_minor
  FROM clinic c
  JOIN ledger l ON l.clinic_id = c.id
   AND l.at >= ($1 || '-01')::timestamp AT TIME ZONE c.time_zone
   AND l.at < (($2::text || '-01')::timestamp + interval '1 month') AT TIME ZONE c.time_zone
 WHERE c.id = current_clinic() AND l.kind NOT IN ('opened', 'failed', 'expired')
 GROUP BY 1, 2
 ORDER BY 1 DESC, 2;

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

--= PR-04: what a payer asks for stays
-- sql: payment_restrict exec
-- in:  id uuid, restricted bool
UPDATE payment SET restricted = $2::boolean, updated_at = now(), version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- Refunds

-- Only of what is paid and not being given back: of two, one finds it so.
-- sql: payment_refund_begin exec
-- in:  id uuid, amount_minor int
UPDATE payment SET state = 'refunding', updated_at = now(), version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'paid'
   AND dispute IS DISTINCT FROM 'open' AND dispute IS DISTINCT FROM 'lost'
   AND amount_minor - refunded_minor >= $2::bigint;

-- The newest one.
-- sql: payment_refund_key one
-- in:  patient_id uuid
-- out: key record_key(patient)
SELECT k.subject_id, k.version, k.wrapped FROM record_key k
 WHERE k.clinic_id = current_clinic() AND k.subject_id = $1::uuid
   AND k.wrapped IS NOT NULL
 ORDER BY k.version DESC LIMIT 1;

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

-- Who is told of a dispute.
-- sql: payment_keepers many
-- in:  limit int
-- out: id uuid
SELECT a.id FROM account a
 WHERE a.clinic_id = current_clinic() AND a.role IN ('admin', 'scheduler')
   AND a.deactivated_at IS NULL AND a.password_hash IS NOT NULL
 ORDER BY a.id LIMIT $1::bigint;

-- Jobs

-- sql: payment_order one
-- in:  id uuid
-- out: id uuid, amount_minor int, currency text, state text, checkout_id text,
--      intent_id text, clinic_id uuid
SELECT id, amount_minor, currency, state, checkout_id, intent_id, clinic_id
  FROM payment
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: payment_opened exec
-- in:  id uuid, checkout_id text, checkout_url text, expires_at time
UPDATE payment SET state = 'open', checkout_id = $2::text, checkout_url = $3::text,
       expires_at = $4::timestamptz, updated_at = now(), version = version + 1
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND state = 'opening';

-- sql: payment_settle one
-- in:  id uuid, intent text, amount int, currency text, paid bool, ended text,
--      refunded int, cost int, cost_currency text, dispute text,
--      dispute_cost int, dispute_returned int, dispute_currency text
-- out: state text
SELECT payment_settle($1::uuid, $2::text, $3::bigint, $4::text, $5::boolean,
       $6::text, $7::bigint, $8::bigint, $9::text, $10::text, $11::bigint,
       $12::bigint, $13::text) AS state;

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

-- sql: payment_missing exec
-- in:  id uuid
UPDATE payment SET difference = 'missing', updated_at = now()
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: payment_compare one
-- in:  ids text[], kinds text[], amounts int[], currencies text[], intents text[],
--      owns text[], clinics text[], moved int[]
-- out: n int
SELECT payment_compare($1::text[], $2::text[], $3::bigint[], $4::text[], $5::text[],
       $6::text[], $7::text[], $8::bigint[]) AS n;

-- What the processor has and we do not

-- row: payment_difference
-- out: id uuid, reference text, kind text, amount_minor int, currency text,
--      moved_at time, resolved_at time
id, reference, kind, amount_minor, currency, moved_at, resolved_at

-- The newest first: those that nobody has looked at.
-- sql: payment_difference_list many
-- in:  after_at time, after_id uuid, limit int
-- out: row payment_difference
SELECT {payment_difference} FROM payment_difference
 WHERE clinic_id = current_clinic() AND resolved_at IS NULL
   AND moved_at <= $1::timestamptz
   AND ($2::uuid IS NULL OR (moved_at, id) < ($1, $2))
 ORDER BY moved_at DESC, id DESC LIMIT $3::bigint;

-- sql: payment_difference_get one
-- in:  id uuid
-- out: row payment_difference
SELECT {payment_difference} FROM payment_difference
 WHERE clinic_id = current_clinic() AND id = $1::uuid;

-- sql: payment_difference_resolve exec
-- in:  id uuid, by uuid, now time
UPDATE payment_difference SET resolved_at = $3::timestamptz, resolved_by = $2::uuid
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND resolved_at IS NULL;
