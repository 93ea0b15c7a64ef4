-- What a clinic charges, and when it wants it.

-- sql: fee_policy one
-- out: pay_when text, version int
SELECT pay_when, fees_version AS version FROM clinic WHERE id = current_clinic();

-- sql: fee_list many
-- out: code text, title text, amount_minor int, currency text
SELECT code, title, amount_minor, currency FROM fee
 WHERE clinic_id = current_clinic() AND retired_at IS NULL
 ORDER BY code;

-- sql: fee_find one
-- in:  code text
-- out: id uuid
SELECT id FROM fee
 WHERE clinic_id = current_clinic() AND code = $1::text AND retired_at IS NULL;

-- sql: fee_policy_update exec
-- in:  pay_when text, version int
UPDATE clinic SET pay_when = coalesce($1::text, pay_when),
       fees_version = fees_version + 1
 WHERE id = current_clinic() AND fees_version = $2::bigint;

-- Those that are no longer on the list as they stand.
-- sql: fee_retire later
-- in:  codes text[], titles text[], amounts int[], currencies text[], now time
UPDATE fee f SET retired_at = $5::timestamptz
 WHERE f.clinic_id = current_clinic() AND f.retired_at IS NULL
   AND NOT EXISTS (
       SELECT 1 FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
           AS l(code, title, amount_minor, currency)
        WHERE l.code = f.code AND l.title = f.title
          AND l.amount_minor = f.amount_minor AND l.currency = f.currency);

-- Those that are new on it.
-- sql: fee_add later
-- in:  codes text[], titles text[], amounts int[], currencies text[]
INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency)
SELECT current_clinic(), gen_random_uuid(), l.code, l.title, l.amount_minor, l.currency
  FROM unnest($1::text[], $2::text[], $3::bigint[], $4::text[])
       AS l(code, title, amount_minor, currency)
 WHERE NOT EXISTS (
       SELECT 1 FROM fee f
        WHERE f.clinic_id = current_clinic() AND f.code = l.code
          AND f.retired_at IS NULL);
