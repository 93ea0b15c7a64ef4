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

-- Are rows of other clinics hidden from whoever asks?
-- sql: store_blind one
-- out: blind bool
SELECT row_security_active('recording_chunk') AS blind;

-- Names in the store that no chunk bears, of any clinic. What was deleted just now
-- may still have been listed.
-- sql: store_strangers many
-- in:  names text[]
-- out: name text
SELECT n.name
  FROM unnest($1::text[]) AS n(name)
  LEFT JOIN recording g ON g.prefix = split_part(n.name, '/', 1)
 WHERE NOT EXISTS (
       SELECT 1 FROM recording_chunk c
        WHERE c.clinic_id = g.clinic_id AND c.recording_id = g.id
          AND c.object = n.name)
   AND (g.deleted_at IS NULL
        OR g.deleted_at < clock_timestamp() - interval '10 minutes');

-- Chunks that the store said it has, and whose names are not among these, of those
-- after one name and up to another ('' : to the end).
-- sql: store_missing many
-- in:  names text[], after text, upto text, limit int
-- out: object text
SELECT c.object
  FROM recording g
  JOIN recording_chunk c ON c.clinic_id = g.clinic_id AND c.recording_id = g.id
 WHERE g.state <> 'deleting' AND c.done_at IS NOT NULL
   AND g.prefix COLLATE "C" >= left($2::text, 32)
   AND ($3::text = '' OR g.prefix COLLATE "C" <= left($3, 32))
   AND c.object COLLATE "C" > $2
   AND ($3 = '' OR c.object COLLATE "C" <= $3)
   AND NOT EXISTS (SELECT 1 FROM unnest($1::text[]) AS n(name) WHERE n.name = c.object)
 ORDER BY c.object COLLATE "C" LIMIT $4::bigint;
