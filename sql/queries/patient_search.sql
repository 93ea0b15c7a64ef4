-- Searches. Each gives candidates: whoever asks opens and compares them. A value is
-- looked for by its token under each version of the index key, an array. A member
-- that is neither shown nor asked for is not even opened. A record whose key was
-- destroyed is left out inside of the limit: a page of such would look like the
-- last one.
--
-- Names are sealed, so that no index can have them in their order: the order is
-- that of ids, which is that in which patients were taken in, exact names first.

-- Who is found, of: patient p with key k. $1 are the members asked for; via and
-- part say how, and are each search's own.
-- row: patient_found
-- out: id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), sex sealed(patient_sex),
--      mrn sealed(patient_mrn), ssn sealed(patient_ssn), phone sealed(patient_phone),
--      email sealed(patient_email), via bytes, part int
p.id, k.subject_id, k.version, k.wrapped,
       p.family_name, p.given_name, p.birth_date, p.sex, p.mrn,
       CASE WHEN 'ssn' = ANY ($1::text[]) THEN p.ssn END AS ssn,
       p.phone,
       CASE WHEN 'email' = ANY ($1) THEN p.email END AS email

-- Who has a number, an address or a birth date (as far as both are known), and
-- the names besides.
-- sql: patient_search_number many
-- in:  asked text[], after uuid, limit int, care_of uuid,
--      beginnings bytes[], groups int[], names int[], group_count int,
--      mrn bytes[], ssn bytes[], phone bytes[], email bytes[],
--      year bytes[], month bytes[], day bytes[]
-- out: row patient_found
WITH candidate AS (
    SELECT id FROM patient WHERE clinic_id = current_clinic() AND mrn_token = ANY ($9::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic() AND ssn_token = ANY ($10::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic() AND phone_token = ANY ($11::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic() AND email_token = ANY ($12::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($13::bytea[]) AND birth_month = ANY ($14::bytea[]) AND birth_day = ANY ($15::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($13) AND birth_month = ANY ($14) AND birth_day IS NULL AND cardinality($15) > 0
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($13) AND birth_month = ANY ($14) AND cardinality($15) = 0
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($13) AND birth_month IS NULL AND cardinality($14) > 0
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($13) AND cardinality($14) = 0),
page AS (
    SELECT c.id
      FROM candidate c
     WHERE (SELECT true FROM record_key k
             WHERE k.clinic_id = current_clinic() AND k.subject_id = c.id
               AND k.wrapped IS NOT NULL LIMIT 1)
       AND ($2::uuid IS NULL OR c.id > $2)
       AND ($4::uuid IS NULL OR EXISTS (
           SELECT 1 FROM care_team t
            WHERE t.clinic_id = current_clinic() AND t.patient_id = c.id
              AND t.account_id = $4 AND t.until > now()))
       AND ($8::bigint = 0 OR
            (SELECT h.n FROM bears_names(c.id, $5::bytea[], $6::bigint[], $7::bigint[]) AS h) = $8)
     ORDER BY c.id
     LIMIT $3::bigint)
SELECT {patient_found},
       NULL::bytea AS via, 0::bigint AS part
  FROM page c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 ORDER BY p.id;

-- Whose name is exactly that: a token, or two of one patient. The rarer of two
-- is walked, in the order of ids, and the other one looked up for each; one alone
-- is not counted. Under
-- row-level security CASE may go into the index's condition, coalesce may not.
-- sql: patient_search_exact many
-- in:  asked text[], after uuid, limit int,
--      tokens bytes[], parts int[], other_tokens bytes[], other_parts int[],
--      year bytes[]
-- out: row patient_found
WITH asked AS (
    SELECT w.*,
           CASE WHEN w.b IS NOT NULL THEN (SELECT count(*) FROM (
               SELECT 1 FROM patient_token t
                WHERE t.clinic_id = current_clinic() AND t.token = w.a AND t.part = w.a_part
                LIMIT 1000) AS x) END AS a_count,
           CASE WHEN w.b IS NOT NULL THEN (SELECT count(*) FROM (
               SELECT 1 FROM patient_token t
                WHERE t.clinic_id = current_clinic() AND t.token = w.b AND t.part = w.b_part
                LIMIT 1000) AS x) END AS b_count
      FROM unnest($4::bytea[], $5::bigint[], $6::bytea[], $7::bigint[])
           AS w(a, a_part, b, b_part)),
wanted AS (
    SELECT a, a_part, b, b_part FROM asked WHERE b IS NULL OR a_count <= b_count
    UNION ALL
    SELECT b, b_part, a, a_part FROM asked WHERE a_count > b_count AND b IS NOT NULL),
page AS (
    SELECT DISTINCT c.patient_id
      FROM wanted w
     CROSS JOIN LATERAL (
        SELECT t.patient_id
          FROM patient_token t
         WHERE t.clinic_id = current_clinic()
           AND t.token = w.a AND t.part = w.a_part
           AND t.patient_id > CASE WHEN $2::uuid IS NULL
               THEN '00000000-0000-0000-0000-000000000000' ELSE $2 END
           AND (SELECT true FROM record_key k
                 WHERE k.clinic_id = current_clinic() AND k.subject_id = t.patient_id
                   AND k.wrapped IS NOT NULL LIMIT 1)
           AND (w.b IS NULL OR (
               SELECT true FROM patient_token o
                WHERE o.clinic_id = current_clinic() AND o.patient_id = t.patient_id
                  AND o.token = w.b AND o.part = w.b_part))
           AND (cardinality($8::bytea[]) = 0 OR (
               SELECT b.birth_year = ANY ($8) FROM patient b
                WHERE b.clinic_id = current_clinic() AND b.id = t.patient_id))
         ORDER BY t.patient_id
         LIMIT $3::bigint) AS c
     ORDER BY c.patient_id
     LIMIT $3)
SELECT {patient_found},
       NULL::bytea AS via, 0::bigint AS part
  FROM page c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 ORDER BY p.id;

-- Which of several words is borne by the fewest: it is the one to walk. Counted as
-- far as it matters.
-- sql: patient_search_rarest one
-- in:  beginnings bytes[], groups int[], names int[]
-- out: grp int
SELECT d.grp
  FROM (SELECT DISTINCT g AS grp FROM unnest($2::bigint[]) AS g) AS d
 ORDER BY (SELECT count(*) FROM (
        SELECT 1
          FROM unnest($1::bytea[], $2, $3::bigint[]) AS w(beginning, grp, name)
          JOIN name_beginning b ON b.clinic_id = current_clinic() AND b.beginning = w.beginning
          JOIN patient_token t ON t.clinic_id = b.clinic_id AND t.token = b.word
         WHERE w.grp = d.grp AND w.name IN (3, 2 - t.part % 2)
         LIMIT 2000) AS x), d.grp
 LIMIT 1;

-- Who has a word that begins so, word by word, and the other words besides. The
-- function walks: PostgreSQL would rather sort all who match.
-- sql: patient_search_beginning many
-- in:  asked text[], after_word bytes, after_part int, after uuid, limit int,
--      beginnings bytes[], groups int[], names int[], group_count int, walked int,
--      exact bytes[], exact_name int, year bytes[]
-- out: row patient_found
SELECT {patient_found},
       c.word AS via, c.part::bigint AS part
  FROM patients_beginning($2::bytea, $3::bigint, $4::uuid, $5::bigint,
       $6::bytea[], $7::bigint[], $8::bigint[], $9::bigint, $10::bigint,
       $11::bytea[], $12::bigint, $13::bytea[]) AS c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 ORDER BY c.word, c.part, p.id;

-- Those of a clinician's own patients who have all of the words; part is 1 for
-- whoever is exactly the one that was asked for. Driven from the team: it is small.
-- sql: patient_search_team many
-- in:  asked text[], after_exact int, after uuid, limit int, care_of uuid,
--      beginnings bytes[], groups int[], names int[], group_count int,
--      tokens bytes[], parts int[], other_tokens bytes[], other_parts int[],
--      year bytes[]
-- out: row patient_found
WITH found AS MATERIALIZED (
    SELECT c.patient_id, (
        SELECT count(*) FROM unnest($10::bytea[], $11::bigint[], $12::bytea[], $13::bigint[])
               AS w(a, a_part, b, b_part)
         WHERE (SELECT true FROM patient_token t
                 WHERE t.clinic_id = current_clinic() AND t.patient_id = c.patient_id
                   AND t.token = w.a AND t.part = w.a_part)
           AND (w.b IS NULL OR (SELECT true FROM patient_token t
                 WHERE t.clinic_id = current_clinic() AND t.patient_id = c.patient_id
                   AND t.token = w.b AND t.part = w.b_part))) > 0 AS exact
      FROM care_team c
     WHERE c.clinic_id = current_clinic() AND c.account_id = $5::uuid
       AND c.until > now()
       AND (SELECT true FROM record_key k
             WHERE k.clinic_id = current_clinic() AND k.subject_id = c.patient_id
               AND k.wrapped IS NOT NULL LIMIT 1)
       AND (SELECT h.n FROM bears_names(c.patient_id, $6::bytea[], $7::bigint[], $8::bigint[]) AS h) = $9::bigint
       AND (cardinality($14::bytea[]) = 0 OR (
           SELECT b.birth_year = ANY ($14) FROM patient b
            WHERE b.clinic_id = current_clinic() AND b.id = c.patient_id))),
page AS (
    SELECT patient_id, exact::int::bigint AS exact
      FROM found
     WHERE $3::uuid IS NULL OR exact::int < $2::bigint
        OR (exact::int = $2 AND patient_id > $3)
     ORDER BY exact DESC, patient_id
     LIMIT $4::bigint)
SELECT {patient_found},
       NULL::bytea AS via, c.exact AS part
  FROM page c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.patient_id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 ORDER BY c.exact DESC, p.id;

-- Two that are taken in at once see one another: the later of the same family
-- name and year of birth waits for the end of the earlier.
-- sql: patient_alike_lock later
-- in:  family bytes, year bytes
SELECT pg_advisory_xact_lock(hashtextextended(
       current_clinic()::text || encode($1::bytea || $2::bytea, 'hex'), 0));

-- Who may have these names and this birth date, as far as both are known, and
-- whether the one for whom it is asked may see the record (anyone's, if NULL). Of
-- a year alone there are too many to look at: of these, who is written the same.
-- sql: patient_alike many
-- in:  beginnings bytes[], groups int[], names int[], group_count int,
--      family bytes[], single bool, year bytes[], month bytes[], day bytes[],
--      care_of uuid, limit int
-- out: id uuid, key record_key,
--      family_name sealed(patient_family_name), given_name sealed(patient_given_name),
--      birth_date sealed(patient_birth_date), seen bool
WITH candidate AS (
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($7::bytea[]) AND birth_month = ANY ($8::bytea[]) AND birth_day = ANY ($9::bytea[])
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($7) AND birth_month = ANY ($8) AND birth_day IS NULL AND cardinality($9) > 0
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($7) AND birth_month = ANY ($8) AND cardinality($9) = 0
    UNION ALL
    SELECT id FROM patient WHERE clinic_id = current_clinic()
       AND birth_year = ANY ($7) AND birth_month IS NULL AND cardinality($8) > 0
    UNION ALL
    SELECT t.patient_id FROM patient_token t
     WHERE t.clinic_id = current_clinic() AND t.token = ANY ($5::bytea[]) AND t.part = 3
       AND cardinality($8) = 0
       AND (SELECT b.birth_year = ANY ($7) FROM patient b
             WHERE b.clinic_id = current_clinic() AND b.id = t.patient_id)),
named AS MATERIALIZED (
    SELECT c.id
      FROM candidate c
     WHERE (SELECT h.n FROM bears_names(c.id, $1::bytea[], $2::bigint[], $3::bigint[]) AS h) = $4::bigint)
SELECT p.id, k.subject_id, k.version, k.wrapped,
       p.family_name, p.given_name, p.birth_date,
       $10::uuid IS NULL OR EXISTS (
           SELECT 1 FROM care_team t
            WHERE t.clinic_id = current_clinic() AND t.patient_id = c.id
              AND t.account_id = $10 AND t.until > now()) AS seen
  FROM named c
  JOIN patient p ON p.clinic_id = current_clinic() AND p.id = c.id
  JOIN record_key k ON k.clinic_id = p.clinic_id AND k.subject_id = p.id
   AND k.version = p.key_version
 WHERE k.wrapped IS NOT NULL AND (p.given_name IS NULL) = $6::boolean
 ORDER BY c.id
 LIMIT $11::bigint;
