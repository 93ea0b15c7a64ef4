-- The keys of a day that addresses of the store are signed with. epione-jobs makes
-- them of its credentials; whoever presigns reads today's.

-- sql: store_signer_put later
-- in:  day date, access_key text, sealed bytes
INSERT INTO store_signer (day, access_key, sealed)
VALUES ($1::date, $2::text, $3::bytea)
ON CONFLICT (day) DO UPDATE SET access_key = excluded.access_key,
       sealed = excluded.sealed, made_at = clock_timestamp();

-- sql: store_signer_get one
-- in:  day date
-- out: access_key text, sealed bytes
SELECT access_key, sealed FROM store_signer WHERE day = $1::date;
