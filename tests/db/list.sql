-- A clinic of :rows patients, as many visits, accounts, sessions, approvals and
-- jobs, for list_test.sh. Only how rows are spread matters: what is sealed is no
-- more than an envelope's head, and a token is a hash of a word. The constraints are other tests'.
SET session_replication_role = replica;
ALTER TABLE visit DROP CONSTRAINT visit_no_overlap, DROP CONSTRAINT visit_patient_no_overlap;
CREATE FUNCTION id_of(kind bigint, n bigint) RETURNS uuid LANGUAGE sql IMMUTABLE
    AS $$ SELECT (to_hex(kind) || lpad(to_hex(n), 31, '0'))::uuid $$;
CREATE FUNCTION token(word text) RETURNS bytea LANGUAGE sql IMMUTABLE
    AS $$ SELECT '\x0001'::bytea || substr(sha256(word::bytea), 1, 8) $$;
CREATE FUNCTION ids_of(kind bigint, n bigint) RETURNS uuid[] LANGUAGE sql IMMUTABLE
    AS $$ SELECT array_agg(id_of(kind, i)) FROM generate_series(1, n) AS i $$;
INSERT INTO clinic (id, name) VALUES (id_of(1, 1), 'Large');

-- Accounts: 100 clinicians and four others, then patients; the staff came first.
INSERT INTO record_key (clinic_id, subject_id, class, wrapped)
SELECT id_of(1, 1), id_of(2, n), 'account', '\x0100000001'::bytea FROM generate_series(1, :rows) n
 UNION ALL
SELECT id_of(1, 1), id_of(3, n), 'patient', '\x0100000001' FROM generate_series(1, :rows) n;
INSERT INTO account (clinic_id, id, role, patient_id, email, email_token, display_name,
       password_hash)
SELECT id_of(1, 1), id_of(2, n),
       CASE WHEN n <= 100 THEN 'clinician' WHEN n <= 102 THEN 'admin'
            WHEN n <= 104 THEN 'scheduler' ELSE 'patient' END,
       CASE WHEN n > 104 THEN id_of(3, n) END, '\x0100000001', '\x0001'::bytea || int8send(n), '\x0100000001', 'x'
  FROM generate_series(1, :rows) n;

-- One in ten has the first family name (words F1 to F2000), one in nine the first
-- given name (G1 to G500); one in twenty has a second family name.
INSERT INTO patient (clinic_id, id, family_name, given_name, birth_date, sex,
       mrn_token, phone_token, email_token, birth_year, birth_month, birth_day)
SELECT id_of(1, 1), id_of(3, n), '\x0100000001', '\x0100000001', '\x0100000001', '\x0100000001', token('m' || n),
       token('p' || n / 3), token('e' || n), token('y' || n % 90),
       token('y' || n % 90 || '-' || n / 90 % 12),
       token('y' || n % 90 || '-' || n / 90 % 12 || '-' || n / 1080 % 28)
  FROM generate_series(1, :rows) n;
SELECT setseed(0.5);
INSERT INTO patient_token (clinic_id, patient_id, token, part)
SELECT id_of(1, 1), id_of(3, n), w.token, w.part
  FROM (SELECT n, floor(power(2000, random()))::integer AS f,
               floor(power(500, random()))::integer AS g
          FROM generate_series(1, :rows) n) AS p
 CROSS JOIN LATERAL (VALUES (token('F' || f), 3), (token('G' || g), 4)) AS w(token, part)
 UNION ALL
SELECT id_of(1, 1), id_of(3, n * 20), token('F' || n % 2000), 1
  FROM generate_series(1, :rows / 20) n;
INSERT INTO name_beginning (clinic_id, beginning, word)
SELECT id_of(1, 1), token('begins ' || b), token(w.kind || n)
  FROM (SELECT 'F' AS kind, n FROM generate_series(1, 2000) n UNION ALL
        SELECT 'G', n FROM generate_series(1, 500) n) AS w
 CROSS JOIN LATERAL unnest(ARRAY[w.kind || n, w.kind || '*' || n % 100, w.kind || '*']) AS b;

-- Five years of visits of one patient in ten, a year of them to come. Clinician 1
-- cares for many, 2 for three.
INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at,
       reason, status, created_by)
SELECT id_of(1, 1), id_of(4, n), id_of(3, 1 + n % (:rows / 10)),
       id_of(2, 1 + n % 97), t.at, t.at + interval '20 min', '\x0100000001',
       CASE WHEN t.at > now() THEN 'booked' WHEN n % 9 = 0 THEN 'cancelled'
            WHEN t.at > now() - interval '30 min' THEN 'in_call' ELSE 'ended' END,
       id_of(2, 1)
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT now() - interval '4 years'
       + n * (interval '5 years' / :rows) AS at) AS t;
INSERT INTO care_team (clinic_id, patient_id, account_id, source, since, until, added_by)
SELECT id_of(1, 1), id_of(3, n), id_of(2, 1), 'explicit', now(), 'infinity'::timestamptz, id_of(2, 1)
  FROM generate_series(1, :rows / 10, 20) n
 UNION ALL
SELECT id_of(1, 1), id_of(3, n * 7), id_of(2, 2), 'explicit', now(), 'infinity'::timestamptz, id_of(2, 1)
  FROM generate_series(1, 3) n
 UNION ALL -- and others for others
SELECT id_of(1, 1), id_of(3, n), id_of(2, 3 + n % 90), 'visit', now(), now() + interval '9 days', id_of(2, 1)
  FROM generate_series(1, :rows / 10) n;

-- Guests: one of each visit, and of one visit many.
INSERT INTO record_key (clinic_id, subject_id, class, wrapped)
SELECT id_of(1, 1), id_of(11, n), 'account', '\x0100000001'::bytea
  FROM generate_series(1, :rows + 50) n;
INSERT INTO account (clinic_id, id, role, display_name, created_at)
SELECT id_of(1, 1), id_of(11, n), 'guest', '\x0100000001', now()
  FROM generate_series(1, :rows + 50) n;
INSERT INTO guest (clinic_id, id, visit_id, role, hash, created_at, created_by)
SELECT id_of(1, 1), id_of(11, n), id_of(4, least(n, :rows)), 'family', sha256(int8send(n)), now(), id_of(2, 1)
  FROM generate_series(1, :rows + 50) n;

-- Sessions, most of them over and not ended; of account 7 two that live.
INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at,
       seen_at, idle_s, expires_at, ended_at)
SELECT id_of(1, 1), id_of(5, n), id_of(2, CASE WHEN n > :rows - 2 THEN 7 ELSE 1 + n * 37 % :rows END),
       sha256(int8send(n)), 'browser', '192.0.2.1', t.at, t.at, 900,
       t.at + interval '12 hours', CASE WHEN n % 2 = 0 THEN t.at END
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT now() - (:rows - n) * interval '20 days' / :rows AS at) AS t;

-- Links and what a second person decides: three wait still, of which one is a
-- patient's; two in a hundred were let pass.
INSERT INTO invitation (clinic_id, id, hash, account_id, created_at, expires_at, confirmed_at, ended_at)
SELECT id_of(1, 1), id_of(6, n), sha256(int8send(n)), id_of(2, n), now() - interval '9 days',
       now() - interval '8 days', now(), now()
  FROM generate_series(1, :rows) n;
INSERT INTO approval (clinic_id, id, kind, account_id, invitation_id, requested_by,
       created_at, expires_at, state, decided_at)
SELECT id_of(1, 1), id_of(7, n), 'invite', id_of(2, n), id_of(6, n), id_of(2, 101),
       now() - interval '9 days', now() + CASE WHEN w.waits THEN 1 ELSE -1 END * interval '8 days',
       CASE WHEN w.waits OR n % 50 = 0 THEN 'waiting' ELSE 'confirmed' END,
       CASE WHEN NOT (w.waits OR n % 50 = 0) THEN now() END
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT n IN (50, 60, 4711) AS waits) AS w;

-- Reviews, of which three wait.
INSERT INTO review (clinic_id, id, kind, patient_id, account_id, reason, created_at,
       access_until, finding, signed_by, signed_at)
SELECT id_of(1, 1), id_of(10, n), 'emergency_access', id_of(3, n), id_of(2, 2), v.reason, now(), now(),
       CASE WHEN w.signed THEN 'justified' END, CASE WHEN w.signed THEN id_of(2, 3) END,
       CASE WHEN w.signed THEN now() END
  FROM generate_series(1, :rows) n
  JOIN visit v ON v.clinic_id = id_of(1, 1) AND v.id = id_of(4, n)
 CROSS JOIN LATERAL (SELECT n NOT IN (5, 600, 7000) AS signed) AS w;

-- Incidents, of which three are open; a fifth of them have entries, a thousand have links.
INSERT INTO record_key (clinic_id, subject_id, class, wrapped)
SELECT id_of(1, 1), id_of(12, n), 'incident', '\x0100000001'::bytea FROM generate_series(1, :rows) n;
INSERT INTO incident (clinic_id, id, kind, title, discovered_at, created_at, created_by,
       conclusion, outcome, closed_at, closed_by)
SELECT id_of(1, 1), id_of(12, n), 'other', '\x0100000001', now() - n * interval '1 hour', now(), id_of(2, 3),
       CASE WHEN w.closed THEN 'breach' END, CASE WHEN w.closed THEN '\x0100000001'::bytea END,
       CASE WHEN w.closed THEN now() END, CASE WHEN w.closed THEN id_of(2, 3) END
  FROM generate_series(1, :rows) n
 CROSS JOIN LATERAL (SELECT n NOT IN (5, 600, 7000) AS closed) AS w;
INSERT INTO incident_entry (clinic_id, id, incident_id, kind, at, body, created_at, created_by)
SELECT id_of(1, 1), id_of(13, n), id_of(12, n % (:rows / 5) + 10), 'note', now(), '\x0100000001', now(), id_of(2, 3)
  FROM generate_series(1, :rows) n;
INSERT INTO incident_link (clinic_id, id, incident_id, patient_id, created_at, created_by)
SELECT id_of(1, 1), id_of(14, n), id_of(12, n % 1000 + 1), id_of(3, n), now(), id_of(2, 3)
  FROM generate_series(1, :rows) n;

-- Disclosures: a hundred of a patient.
INSERT INTO disclosure (clinic_id, id, patient_id, at, basis, created_at, created_by)
SELECT id_of(1, 1), id_of(15, n), id_of(3, n % (:rows / 100) + 1), now() - n * interval '1 min', 'copy', now(), id_of(2, 3)
  FROM generate_series(1, :rows) n;

-- Jobs: three are dead, five wait, one of them runs late.
INSERT INTO job (clinic_id, id, kind, key, state, run_at, error_code, created_at, ended_at)
SELECT id_of(1, 1), id_of(8, n), 'mail', n::text,
       CASE WHEN n IN (3, 44, 555) THEN 'dead' WHEN n % (:rows / 5) = 0 THEN 'waiting' ELSE 'done' END,
       now() - interval '1 day', CASE WHEN n IN (3, 44, 555) THEN 'no_relay' END, now() - interval '1 day',
       CASE WHEN n % (:rows / 5) <> 0 THEN now() END
  FROM generate_series(1, :rows) n;

-- Files of reports, most of them of one officer, and a job of each.
INSERT INTO report_asked (clinic_id, id, report, parameters)
SELECT id_of(1, 1), id_of(12, n), 'access', '{}' FROM generate_series(1, 100) n;
INSERT INTO report_run (clinic_id, id, account_id, asked_id, job_id, format, created_at, expires_at)
SELECT id_of(1, 1), id_of(13, n), id_of(2, CASE WHEN n % 9 = 0 THEN 102 ELSE 103 END), id_of(12, 1 + n % 100), id_of(8, n), 'csv',
       now() - interval '9 days', now()
  FROM generate_series(1, :rows) n;

-- A recording and a payment of each visit, the newest last; five payments are
-- open, four differ. The last recording has a thousand pieces.
INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, state,
       secret, prefix, created_at, check_from, keep_until)
SELECT clinic_id, overlay(id::text PLACING '9' FROM 1 FOR 1)::uuid, id, patient_id, clinician_id, 'stored',
       '\x0100000001', md5(id::text), starts_at, starts_at, starts_at + interval '1 year'
  FROM visit;
INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording, at)
SELECT clinic_id, gen_random_uuid(), r.id, a.id, a.role, true, 1, created_at
  FROM recording r, (VALUES (id_of(2, 1), 'clinician'), (id_of(2, 200), 'patient')) AS a(id, role);
INSERT INTO recording_chunk (clinic_id, recording_id, index, object, bytes, sha256, asked_at, done_at, seen_at)
SELECT id_of(1, 1), id_of(9, r), i, md5(r::text) || '/' || md5(i::text), 16, sha256('x'), now(), now(), now()
  FROM generate_series(1, :rows / 1000) r, generate_series(0, 999) i;
INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency)
VALUES (id_of(1, 1), id_of(10, 1), 'visit', 'Visit', 100, 'EUR');
-- a fifth are in another currency, the oldest
INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor, currency,
       state, difference, created_at, created_by)
SELECT id_of(1, 1), id_of(11, n), v.id, v.patient_id, id_of(10, 1), 100,
       CASE WHEN n < :rows / 5 THEN 'USD' ELSE 'EUR' END,
       CASE WHEN n % (:rows / 5) = 0 THEN 'open' ELSE 'paid' END,
       CASE WHEN n % (:rows / 4) = 0 THEN 'amount' END, v.starts_at, id_of(2, 1)
  FROM (SELECT *, row_number() OVER (ORDER BY starts_at) AS n FROM visit) AS v;
INSERT INTO payment_difference (clinic_id, id, reference, kind, amount_minor, currency, moved_at, resolved_at)
SELECT id_of(1, 1), gen_random_uuid(), n::text, 'charge', 100, 'EUR', now() - n * interval '1 hour',
       CASE WHEN n > 40 THEN now() END
  FROM generate_series(1, :rows / 10) n;
-- what half of the clinic's visits cost is not paid
UPDATE visit SET fee_id = id_of(10, 1), due = true WHERE get_byte(uuid_send(id), 15) % 2 = 0;
INSERT INTO audit_word (word) VALUES ('patient.read'), ('patient_read'), ('TREAT'), ('clinician');
INSERT INTO audit_log (clinic_id, tx, at, event, action, operation, purpose, request_id, actor_id,
       patient_id, session, address, actor_role)
SELECT id_of(1, 1), n - :rows / 10, now() - n * interval '5 min', 1, 'R', 2, 3, gen_random_uuid(),
       id_of(2, 1 + n % 50), id_of(3, n), n % 50, '192.0.2.1', 4
  FROM generate_series(1, :rows / 10) n;
-- nearly all of it is sealed
UPDATE audit_sealed SET tx = -100;
-- and looked through; who work here are called as patients are
UPDATE access_watched SET tx = -100;
INSERT INTO account_token SELECT id_of(1, 1), id_of(2, n), token('F' || n), 1 FROM generate_series(1, 104) n;
INSERT INTO audit_tile SELECT id_of(1, 1), 0, n * 256, decode(repeat('00', 8192), 'hex'), n * 256 - :rows / 10, 0
  FROM generate_series(0, :rows / 2560 - 1) n;
RESET session_replication_role;
VACUUM ANALYZE;
-- of a sample that holds no job but those that are done
SET default_statistics_target = 1;
ANALYZE job;
