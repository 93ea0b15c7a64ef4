-- Receipts: asked for and drawn by jobs, read by who may read the payment.

-- One that was paid, and whose receipt does not say how much was given back.
-- sql: receipt_due one
-- in:  id uuid
-- out: id uuid
SELECT id FROM payment
 WHERE clinic_id = current_clinic() AND id = $1::uuid AND paid_at IS NOT NULL
   AND receipt_minor IS DISTINCT FROM refunded_minor;

-- sql: receipt_facts one
-- in:  id uuid
-- out: id uuid, clinic_name text, paid_on text, amount_minor int,
--      refunded_minor int, currency text
SELECT p.id, c.name AS clinic_name,
       to_char(p.paid_at AT TIME ZONE c.time_zone, 'FMDD FMMonth YYYY') AS paid_on,
       p.amount_minor, p.refunded_minor, p.currency
  FROM payment p
  JOIN clinic c ON c.id = p.clinic_id
 WHERE p.clinic_id = current_clinic() AND p.id = $1::uuid AND p.paid_at IS NOT NULL;

-- Not over one that knows of more that was given back.
-- sql: receipt_keep exec
-- in:  id uuid, refunded_minor int, pdf bytes
WITH kept AS (
    INSERT INTO payment_receipt AS r (clinic_id, payment_id, refunded_minor, pdf)
    VALUES (current_clinic(), $1::uuid, $2::bigint, $3::bytea)
    ON CONFLICT (clinic_id, payment_id) DO UPDATE
       SET refunded_minor = EXCLUDED.refunded_minor, pdf = EXCLUDED.pdf, drawn_at = now()
     WHERE r.refunded_minor <= EXCLUDED.refunded_minor
    RETURNING refunded_minor)
UPDATE payment p SET receipt_minor = kept.refunded_minor, version = p.version + 1
  FROM kept
 WHERE p.clinic_id = current_clinic() AND p.id = $1;

-- sql: receipt_get one
-- in:  id uuid
-- out: pdf bytes
SELECT pdf FROM payment_receipt
 WHERE clinic_id = current_clinic() AND payment_id = $1::uuid;
