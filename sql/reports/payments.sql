-- report: payments
-- title: Payments
-- question: What was asked for and paid, given back, disputed, or kept from health plans?
-- rule: 45 CFR 164.522(a)(1)(vi), 164.316(b)(1)(ii)
-- permission: report_read
-- period: 2200
-- column: created_at time, Asked for
-- column: payment_id uuid, Payment
-- column: visit_id uuid, Visit
-- column: patient_id patient, Patient
-- column: amount_minor int, Amount
-- column: currency text, Currency
-- column: state text, State
-- column: paid_at time, Paid
-- column: refunded_minor int, Given back
-- column: dispute text, Dispute
-- column: difference text, Processor differs
-- column: restricted bool, Not for health plans
-- column: created_by account, Asked by (id)
-- column: created_by_name name(created_by), Asked by
-- order: at_us int, id uuid
SELECT p.created_at, p.id, p.visit_id, p.patient_id, p.amount_minor, p.currency,
       p.state, p.paid_at, p.refunded_minor, p.dispute, p.difference, p.restricted,
       p.created_by, us_of(p.created_at), p.id
  FROM payment p
 WHERE p.clinic_id = current_clinic()
   AND p.created_at >= $from::timestamptz AND p.created_at < $to::timestamptz
   AND p.created_at >= CASE WHEN $after_at_us::bigint IS NULL THEN '-infinity' ELSE at_us($after_at_us) END
   AND ($after_id::uuid IS NULL OR (p.created_at, p.id) > (at_us($after_at_us), $after_id))
 ORDER BY p.created_at, p.id
 LIMIT $limit::bigint;
