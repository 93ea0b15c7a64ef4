-- Row-level security, by table: who sees and changes which rows. rows_test.sh
-- loads this, as a superuser, into a database of its own.
--
-- What each role may do is written down once more here, by hand. The tables
-- themselves come from the catalogue: one that is not listed is a fault, and so
-- is one that is listed and holds no row to try with.
CREATE SCHEMA proof;
SET search_path = proof, public;

CREATE TABLE may (
    role     text,
    rel      text,
    rights   text, -- of SELECT, INSERT, UPDATE, DELETE
    clinics  text, -- own; own or nil; every; none: the table belongs to no clinic
    narrowed text, -- which of those rows a command reaches, where not all
    change   text  -- what an UPDATE has to say, where not anything
);
INSERT INTO may (role, rights, clinics, rel) VALUES
    ('server', 'S', 'none', 'installation'),
    ('server', 'S', 'none', 'audit_word'),
    ('server', 'S', 'own or nil', 'audit_tree'),
    ('server', 'S', 'own or nil', 'audit_tile'),
    ('server', 'S', 'own or nil', 'audit_key'),
    ('server', 'S', 'own or nil', 'audit_gone'),
    ('server', 'S', 'none', 'audit_month_gone'),
    ('server', 'SU', 'own', 'clinic'),
    ('server', 'SIU', 'own', 'record_key'),
    ('server', 'SIU', 'own', 'patient'),
    ('server', 'SID', 'own', 'patient_token'),
    ('server', 'SI', 'own', 'name_beginning'),
    ('server', 'SID', 'own', 'account_token'),
    ('server', 'SIU', 'own', 'access_rule'),
    ('server', 'SIU', 'own', 'account'),
    ('server', 'SI', 'own', 'password_history'),
    ('server', 'SD', 'own', 'known_source'),
    ('server', 'SIU', 'own', 'attempt'),
    ('server', 'SIUD', 'own', 'recovery_code'),
    ('server', 'SIU', 'own', 'invitation'),
    ('server', 'SIU', 'own', 'approval'),
    ('server', 'SIU', 'own', 'session'),
    ('server', 'SIU', 'own', 'care_team'),
    ('server', 'SIU', 'own', 'visit'),
    ('server', 'SIU', 'own', 'guest'),
    ('server', 'SIU', 'own', 'recording'),
    ('server', 'SIU', 'own', 'recording_chunk'),
    ('server', 'SI', 'own', 'recording_consent'),
    ('server', 'SIU', 'own', 'review'),
    ('server', 'S', 'none', 'store_signer'),
    ('server', 'SIUD', 'own', 'idempotency'),
    ('server', 'SIU', 'own', 'fee'),
    ('server', 'SIU', 'own', 'payment'),
    ('server', 'SU', 'own', 'payment_difference'),
    ('server', 'SI', 'own', 'payment_refund'),
    ('server', 'SI', 'own', 'payment_event'),
    ('server', 'S', 'own', 'payment_receipt'),
    ('server', 'SI', 'own', 'ledger'),
    ('jobs', 'SU', 'own', 'payment'),
    ('jobs', 'SU', 'own', 'payment_refund'),
    ('jobs', 'SIU', 'own', 'payment_receipt'),
    ('jobs', 'SI', 'own', 'ledger'),
    ('server', 'S', 'own', 'job'),
    ('server', 'S', 'own', 'audit_log'),
    ('server', 'S', 'own', 'audit_background'),
    ('server', 'S', 'own', 'audit'),
    ('server', 'I', 'own, else nil', 'audit_log'),
    ('jobs', 'S', 'none', 'installation'),
    ('jobs', 'S', 'none', 'job_pause'),
    ('jobs', 'S', 'own or nil', 'class_key'),
    ('jobs', 'S', 'own', 'clinic'),
    ('jobs', 'SU', 'own', 'record_key'),
    ('jobs', 'SU', 'own', 'recording'),
    ('jobs', 'SUD', 'own', 'recording_chunk'),
    ('jobs', 'SIU', 'none', 'store_signer'),
    ('jobs', 'SIU', 'every', 'job'),
    ('jobs', 'I', 'own, else nil', 'audit_log'),
    ('reporter', 'S', 'none', 'audit_word'),
    ('reporter', 'S', 'own', 'clinic'),
    ('reporter', 'S', 'own', 'audit_log'),
    ('reporter', 'S', 'own', 'audit_background'),
    ('reporter', 'S', 'own', 'account'),
    ('reporter', 'S', 'own', 'approval'),
    ('reporter', 'S', 'own or nil', 'class_key'),
    ('reporter', 'S', 'own', 'review'),
    ('reporter', 'S', 'own', 'recording'),
    ('reporter', 'S', 'own', 'recording_consent'),
    ('reporter', 'S', 'own', 'payment'),
    ('reporter', 'S', 'own', 'report_asked'),
    ('server', 'SI', 'own', 'report_asked'),
    ('server', 'SI', 'own', 'export'),
    ('server', 'SIU', 'own', 'incident'),
    ('server', 'SI', 'own', 'incident_entry'),
    ('server', 'SI', 'own', 'incident_link'),
    ('server', 'SI', 'own', 'disclosure'),
    ('reporter', 'S', 'own', 'disclosure'),
    ('reporter', 'S', 'own', 'incident'),
    ('reporter', 'S', 'own', 'incident_entry'),
    ('reporter', 'S', 'own', 'incident_link'),
    ('server', 'SI', 'own', 'report_run'),
    ('server', 'S', 'own', 'report_part'),
    ('jobs', 'S', 'own', 'report_asked'),
    ('jobs', 'SU', 'own', 'report_run'),
    ('jobs', 'SID', 'own', 'report_part'),
    ('reporter', 'S', 'own', 'audit');
INSERT INTO may (role, rights, clinics, rel, narrowed, change) VALUES
    ('server', 'S', 'own or nil', 'class_key', $$class <> 'audit'$$, NULL),
    ('server', 'I', 'own', 'job', $$state = 'waiting' AND attempts = 0$$, NULL),
    ('server', 'U', 'own', 'job', $$state = 'dead'$$, $$state = 'waiting', ended_at = NULL$$),
    ('jobs', 'I', 'own', 'class_key', $$class <> 'audit'$$, NULL),
    ('jobs', 'D', 'own', 'record_key', $$class = 'job'$$, NULL),
    ('jobs', 'S', 'own', 'account', $$patient_id IS NULL$$, NULL);
UPDATE may SET role = 'epione_' || role;

-- Functions that run as the owner pass by row-level security: those that a role
-- may call are few, and each was looked at.
CREATE TABLE lent (role text, functions text[]);
INSERT INTO lent VALUES
    ('epione_server', '{attempt_take, audit_background_note, audit_days, audit_found, audit_nobody, audit_page, audit_words, guest_find, invitation_find, payment_find, reset_ask, session_open, sessions_ended, sign_in_take, source_note}'),
    ('epione_jobs', '{access_watch, audit_background_close, audit_months, audit_retain, audit_sealed_to, audit_tile_put, audit_tree_of, audit_tree_put, audit_unsealed, audit_words, checkpoints_due, keys_watch, payment_compare, payment_reconcile, recordings_due, reset_link, sweep_attempts, sweep_idempotency, sweep_invitations, sweep_jobs, sweep_reports, sweep_sessions, sweep_strangers}'),
    ('epione_reporter', '{audit_kinds, audit_oldest, audit_page, audit_refused, breach_scope}');

-- The clinics: the installation's own (nil), and two that know nothing of each other.
CREATE FUNCTION clinics() RETURNS SETOF uuid LANGUAGE sql
    AS $$ SELECT repeat(n::text, 32)::uuid FROM generate_series(0, 2) n $$;

-- At least one row of each table for a clinic; of those whose policies tell rows
-- apart, one on either side.
CREATE FUNCTION fill(c uuid) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    b8 bytea := substr(sha256(uuid_send(c)), 1, 8);
    b10 bytea := substr(sha256(uuid_send(c)), 1, 10);
    b32 bytea := sha256(uuid_send(c));
    n uuid := gen_random_uuid();
BEGIN
    INSERT INTO class_key (clinic_id, class, version, wrapped) VALUES (c, 'patient', 1, b8), (c, 'audit', 1, b8);
    INSERT INTO audit_tree VALUES (c, 1, b32);
    INSERT INTO audit_tile VALUES (c, 0, 0, b32, 1, 1);
    INSERT INTO audit_key VALUES (c, 1, b32);
    INSERT INTO audit_gone VALUES (c, 0, 1, '2000-01-01');
    INSERT INTO audit_log (clinic_id, request_id, event, operation, purpose, action) VALUES (c, n, 1, 1, 1, 'R');
    INSERT INTO audit_background (clinic_id, hour, what, first_seq, first_at, last_at, request_id) VALUES (c, now(), sha256(c::text::bytea), 1, now(), now(), n);
    INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES (c, n, 'k', 'waiting', now());
    INSERT INTO job (clinic_id, id, kind, key, run_at, state, lease) VALUES (c, gen_random_uuid(), 'k', 'taken', now(), 'running', n);
    INSERT INTO job (clinic_id, id, kind, key, run_at, attempts) VALUES (c, gen_random_uuid(), 'k', 'tried', now(), 3);
    INSERT INTO job (clinic_id, id, kind, key, run_at, state, ended_at) VALUES (c, gen_random_uuid(), 'k', 'dead', now(), 'dead', now());
    IF c = '00000000-0000-0000-0000-000000000000' THEN
        RETURN;
    END IF;
    INSERT INTO clinic (id, name) VALUES (c, 'Clinic ' || c);
    INSERT INTO record_key (clinic_id, subject_id, class, wrapped) VALUES (c, n, 'patient', b8), (c, gen_random_uuid(), 'job', b8);
    INSERT INTO patient (clinic_id, id, family_name, sex) VALUES (c, n, b8, b8);
    INSERT INTO patient_token VALUES (c, n, b10, 1);
    INSERT INTO name_beginning VALUES (c, b10, b10);
    INSERT INTO account (clinic_id, id, role, email, email_token, display_name) VALUES (c, n, 'clinician', b8, b10, b8);
    INSERT INTO account (clinic_id, id, role, patient_id, email, email_token, display_name)
        VALUES (c, gen_random_uuid(), 'patient', n, b8, substr(b32, 9, 10), b8);
    INSERT INTO account_token VALUES (c, n, b10, 1);
    INSERT INTO access_rule VALUES (c, 'vip', true, 1);
    INSERT INTO access_day VALUES (c, n, '2000-01-01', 1, 1, '{}');
    INSERT INTO password_history VALUES (c, n, 'hash', now());
    INSERT INTO known_source (clinic_id, account_id, kind, token) VALUES (c, n, 'network', b32);
    INSERT INTO attempt (clinic_id, account_id, factor) VALUES (c, n, 'password');
    INSERT INTO recovery_code VALUES (c, n, b32);
    INSERT INTO invitation (clinic_id, id, hash, account_id, expires_at) VALUES (c, n, b32, n, now());
    INSERT INTO approval (clinic_id, id, kind, account_id, invitation_id, requested_by, created_at, expires_at)
        VALUES (c, n, 'invite', n, n, n, now(), now());
    INSERT INTO session (clinic_id, id, account_id, hash, client, address, created_at, seen_at, idle_s, expires_at)
        VALUES (c, n, n, b32, 'api', '', now(), now(), 60, now());
    INSERT INTO care_team (clinic_id, patient_id, account_id, source, since, until, added_by)
        VALUES (c, n, n, 'explicit', now(), now(), n);
    INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at, reason, created_by)
        VALUES (c, n, n, n, now(), now() + interval '1 hour', b8, n);
    INSERT INTO review (clinic_id, id, kind, patient_id, account_id, reason, created_at, access_until)
        VALUES (c, n, 'emergency_access', n, n, b8, now(), now());
    INSERT INTO guest (clinic_id, id, visit_id, role, hash, created_at, created_by)
        VALUES (c, n, n, 'family', b32, now(), n);
    INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency) VALUES (c, n, 'a', 'A', 100, 'USD');
    INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor, currency, created_by)
        VALUES (c, n, n, n, n, 100, 'USD', n);
    INSERT INTO payment_refund (clinic_id, id, payment_id, patient_id, amount_minor, reason, created_by)
        VALUES (c, n, n, n, 100, b8, n);
    INSERT INTO payment_difference (clinic_id, id, reference, kind, amount_minor, currency, moved_at)
        VALUES (c, n, 'txn', 'charge', 100, 'USD', now());
    INSERT INTO payment_event (clinic_id, id, payment_id) VALUES (c, 'evt', n);
    INSERT INTO payment_receipt (clinic_id, payment_id, refunded_minor, pdf) VALUES (c, n, 0, b8);
    INSERT INTO ledger (clinic_id, id, payment_id, kind, debit, credit, amount_minor, currency)
        VALUES (c, n, n, 'opened', 'patient', 'income', 100, 'USD');
    INSERT INTO idempotency (clinic_id, actor_id, operation, key_hash, request_hash) VALUES (c, n, 'o', b32, b32);
    INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, prefix, created_at, check_from, keep_until)
        VALUES (c, n, n, n, n, md5(c::text), now(), now(), now());
    INSERT INTO recording_chunk (clinic_id, recording_id, index, object, bytes, sha256, asked_at)
        VALUES (c, n, 0, md5(c::text) || '/' || md5(c::text), 16, b32, now());
    INSERT INTO report_asked (clinic_id, id, report, parameters) VALUES (c, n, 'access', '{}');
    INSERT INTO report_run (clinic_id, id, account_id, asked_id, job_id, format, created_at, expires_at)
        VALUES (c, n, n, n, n, 'csv', now(), now() + interval '1 day');
    INSERT INTO report_part (clinic_id, id, run_id, content) VALUES (c, n, n, b32 || b8);
    INSERT INTO export (clinic_id, id, patient_id, requested_by, format, created_at, expires_at)
        VALUES (c, n, n, n, 'fhir', now(), now() + interval '1 day');
    INSERT INTO incident (clinic_id, id, kind, title, discovered_at, created_at, created_by)
        VALUES (c, n, 'other', b8, now(), now(), n);
    INSERT INTO incident_entry (clinic_id, id, incident_id, kind, at, body, created_at, created_by)
        VALUES (c, n, n, 'note', now(), b8, now(), n);
    INSERT INTO incident_link (clinic_id, id, incident_id, account_id, created_at, created_by) VALUES (c, n, n, n, now(), n);
    INSERT INTO disclosure (clinic_id, id, patient_id, at, basis, created_at, created_by) VALUES (c, n, n, now(), 'copy', now(), n);
    INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording) VALUES (c, n, n, n, 'clinician', true, 1);
END $$;

-- What there is to be guarded, and the column that names its clinic.
CREATE VIEW relation AS
    SELECT c.oid, c.relname::text AS rel, c.relkind, c.relrowsecurity AS guarded,
           CASE WHEN c.relname = 'clinic' THEN 'id' ELSE (SELECT a.attname::text FROM pg_attribute a
               WHERE a.attrelid = c.oid AND a.attname = 'clinic_id') END AS key
      FROM pg_class c
     WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'm', 'f');

CREATE FUNCTION held(role text, oid oid, command text) RETURNS boolean LANGUAGE sql
    AS $$ SELECT has_table_privilege(role, oid, command) OR (command IN ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
            AND has_any_column_privilege(role, oid, command)) $$;

-- How many rows a statement reaches as a role in a clinic; -1 if it is refused,
-- -2 if the rows do not stand it. Nothing of it, or of what was done before it, stays.
CREATE FUNCTION tried(role text, clinic uuid, statement text, first text DEFAULT NULL)
    RETURNS bigint LANGUAGE plpgsql SET search_path = public AS $$
DECLARE
    n bigint;
BEGIN
    IF first IS NOT NULL THEN
        EXECUTE first;
    END IF;
    PERFORM set_config('epione.clinic', coalesce(clinic::text, ''), true);
    EXECUTE format('SET LOCAL ROLE %I', role);
    EXECUTE statement;
    GET DIAGNOSTICS n = ROW_COUNT;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION
    WHEN SQLSTATE 'UNDO0' THEN RETURN n;
    WHEN insufficient_privilege THEN RETURN -1;
    WHEN check_violation THEN RETURN -2;
END $$;

-- May somebody who works in `at` (NULL: in no clinic) reach rows of `of`?
CREATE FUNCTION reaches(clinics text, at uuid, of uuid) RETURNS boolean LANGUAGE sql
    AS $$ SELECT CASE clinics
        WHEN 'every' THEN true
        WHEN 'own' THEN coalesce(at = of, false)
        WHEN 'own or nil' THEN coalesce(at = of, false) OR of = '00000000-0000-0000-0000-000000000000'
        WHEN 'own, else nil' THEN of = coalesce(at, '00000000-0000-0000-0000-000000000000') END $$;

CREATE FUNCTION columns(role text, oid oid, command text) RETURNS text[] LANGUAGE sql
    AS $$ SELECT array_agg(quote_ident(attname) ORDER BY attnum) FROM pg_attribute
           WHERE attrelid = oid AND attnum > 0 AND NOT attisdropped AND attidentity = '' AND attgenerated = ''
             AND has_column_privilege(role, oid, attnum, command) $$;

-- Rights that are not as listed, on a table or on columns of it.
CREATE FUNCTION rights(r relation) RETURNS SETOF text LANGUAGE sql AS $$
    SELECT format('%s: %s of %s is %s', l.role, c, r.rel, CASE WHEN h THEN 'granted' ELSE 'not granted' END)
      FROM (SELECT l.role, coalesce(string_agg(o.rights, ''), '') AS rights
              FROM proof.lent l LEFT JOIN proof.may o ON o.role = l.role AND o.rel = r.rel GROUP BY 1) AS l
     CROSS JOIN unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE,REFERENCES,TRIGGER}'::text[]) AS c
     CROSS JOIN LATERAL proof.held(l.role, r.oid, c) AS h
     WHERE h <> (length(c) = 6 AND strpos(l.rights, left(c, 1)) > 0)
$$;

-- What an INSERT of each row of a clinic comes to: it is taken out first, and
-- put in again as the role that works in `at`.
CREATE FUNCTION inserts(m may, r relation, at uuid, of uuid) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    names text := array_to_string(proof.columns(m.role, r.oid, 'INSERT'), ', ');
    line text;
    want bigint;
    got bigint;
BEGIN
    FOR line, want IN EXECUTE format('SELECT to_jsonb(t), CASE WHEN $1 AND %s THEN 1 ELSE -1 END FROM %I t WHERE %I = $2',
            coalesce(m.narrowed, 'true'), r.rel, r.key) USING proof.reaches(m.clinics, at, of), of LOOP
        got := proof.tried(m.role, at,
            format('INSERT INTO %I (%s) SELECT %2$s FROM jsonb_populate_record(NULL::%1$I, %3$L)', r.rel, names, line),
            format('DELETE FROM %I t WHERE to_jsonb(t) = %L', r.rel, line));
        IF got <> want THEN
            RETURN NEXT format('%s in %s: INSERT into %s of %s: %s', m.role, at, r.rel, of, got);
        END IF;
    END LOOP;
END $$;

-- What another command reaches of a clinic's rows.
CREATE FUNCTION reached(m may, r relation, command text, at uuid, of uuid) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    want bigint;
    got bigint;
    change text := (SELECT coalesce(m.change, min(c) || ' = ' || min(c), r.key || ' = NULL') FROM unnest(proof.columns(m.role, r.oid, 'UPDATE')) c
        WHERE c = ANY (proof.columns(m.role, r.oid, 'SELECT')));
BEGIN
    EXECUTE format('SELECT count(*) FILTER (WHERE $1 AND %s) FROM %I WHERE %I = $2', coalesce(m.narrowed, 'true'), r.rel, r.key)
       INTO want USING proof.reaches(m.clinics, at, of), of;
    got := proof.tried(m.role, at, format(CASE command
        WHEN 'SELECT' THEN 'SELECT FROM %I WHERE %I = %L'
        WHEN 'UPDATE' THEN 'UPDATE %I SET ' || change || ' WHERE %I = %L'
        ELSE 'DELETE FROM %I WHERE %I = %L' END, r.rel, r.key, of));
    IF got <> want THEN
        RETURN NEXT format('%s in %s: %s of %s of %s: %s rows, not %s', m.role, at, command, r.rel, of, got, want);
    END IF;
    -- nor is a row handed to another clinic
    IF command = 'UPDATE' AND want > 0 AND m.clinics <> 'every' AND has_column_privilege(m.role, r.oid, r.key, 'UPDATE')
      AND proof.tried(m.role, at, format('UPDATE %I SET %I = gen_random_uuid() WHERE %2$I = %3$L', r.rel, r.key, of)) <> -1 THEN
        RETURN NEXT format('%s: rows of %s can be given away', m.role, r.rel);
    END IF;
END $$;

-- What does not stand as it should, of one table or of all.
CREATE FUNCTION faults(one text DEFAULT NULL) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
    r proof.relation;
    m proof.may;
    command text;
    at uuid;
    of uuid;
    n bigint;
BEGIN
    FOR r IN SELECT * FROM proof.relation v WHERE one IS NULL OR v.rel = one LOOP
        IF r.key IS NOT NULL AND r.relkind IN ('r', 'p') AND NOT r.guarded THEN
            RETURN NEXT r.rel || ' has no row-level security';
        END IF;
        RETURN QUERY SELECT proof.rights(r);
        FOR m IN SELECT o.* FROM proof.may o WHERE o.rel = r.rel AND o.clinics <> 'none' LOOP
            -- in no clinic, in one and in the other: rows of nil, of the one and of the other
            FOR command, at, of IN SELECT c, nullif(a, '00000000-0000-0000-0000-000000000000'), o
                  FROM unnest('{SELECT,INSERT,UPDATE,DELETE}'::text[]) c, proof.clinics() a, proof.clinics() o
                 WHERE strpos(m.rights, left(c, 1)) > 0 AND proof.held(m.role, r.oid, c) LOOP
                IF command = 'INSERT' THEN
                    RETURN QUERY SELECT proof.inserts(m, r, at, of);
                ELSE
                    RETURN QUERY SELECT proof.reached(m, r, command, at, of);
                END IF;
            END LOOP;
            EXECUTE format('SELECT count(DISTINCT %I) FROM %I', r.key, r.rel) INTO n;
            IF n < 2 THEN
                RETURN NEXT r.rel || ' has no rows of two clinics to try with: proof.fill()';
            END IF;
        END LOOP;
    END LOOP;
    IF coalesce(one, 'job') = 'job' AND proof.tried('epione_server', repeat('1', 32)::uuid,
        $_$UPDATE job SET attempts = 0 WHERE state = 'dead'$_$) <> -1 THEN
        RETURN NEXT 'epione_server: a dead job is changed and stays dead';
    END IF;
    IF one IS NULL THEN
        RETURN QUERY SELECT format('%s may call as its owner: %s', l.role, f.names)
          FROM proof.lent l CROSS JOIN LATERAL (
               SELECT coalesce(array_agg(DISTINCT p.proname::text ORDER BY p.proname::text), '{}') AS names FROM pg_proc p
                WHERE p.pronamespace = 'public'::regnamespace AND p.prosecdef AND has_function_privilege(l.role, p.oid, 'EXECUTE')) f
         WHERE f.names <> l.functions;
        RETURN QUERY SELECT format('%s is listed, and is no table', o.rel) FROM proof.may o
         WHERE o.rel NOT IN (SELECT v.rel FROM proof.relation v);
    END IF;
END $$;

-- Would a change be noticed? What it is, if not. `touches` is the table to look
-- at, NULL for all.
CREATE FUNCTION unnoticed(change text, touches text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    n bigint;
BEGIN
    EXECUTE change;
    IF change ~ '^(GRANT|REVOKE)' THEN -- of which there are hundreds
        SELECT count(r) INTO n FROM proof.relation v CROSS JOIN LATERAL proof.rights(v) r WHERE v.rel = touches;
    ELSE
        SELECT count(*) INTO n FROM proof.faults(touches);
    END IF;
    RAISE EXCEPTION USING ERRCODE = 'UNDO0';
EXCEPTION
    WHEN SQLSTATE 'UNDO0' THEN
        RETURN CASE WHEN n = 0 THEN change END;
END $$;

-- Each policy taken out or opened, each lock taken off, each right taken away or
-- given that was not: with the table at which it shows.
CREATE VIEW change AS
    SELECT format('DROP POLICY %I ON %I', policyname, tablename) AS change, tablename::text AS rel FROM pg_policies
    UNION ALL
    SELECT format('ALTER POLICY %I ON %I', policyname, tablename)
           || CASE WHEN cmd <> 'INSERT' THEN ' USING (true)' ELSE '' END
           || CASE WHEN cmd IN ('ALL', 'INSERT', 'UPDATE') THEN ' WITH CHECK (true)' ELSE '' END, tablename
      FROM pg_policies WHERE coalesce(qual, with_check) <> 'true'
    UNION ALL
    SELECT format('ALTER TABLE %I DISABLE ROW LEVEL SECURITY', rel), rel FROM proof.relation WHERE guarded
    UNION ALL
    SELECT format(CASE WHEN proof.held(l.role, v.oid, c) THEN 'REVOKE %s ON %I FROM %I' ELSE 'GRANT %s ON %I TO %I' END, c, v.rel, l.role), v.rel
      FROM proof.relation v, proof.lent l, unnest('{SELECT,INSERT,UPDATE,DELETE,TRUNCATE}'::text[]) c
    UNION ALL
    SELECT format('ALTER VIEW %I RESET (security_invoker)', rel), rel FROM proof.relation WHERE relkind = 'v'
    UNION ALL
    SELECT 'CREATE TABLE public.forgotten (clinic_id uuid, id uuid); GRANT SELECT ON public.forgotten TO epione_server', NULL
    UNION ALL
    SELECT 'CREATE TABLE public.forgotten (clinic_id uuid, id uuid)', NULL
    UNION ALL
    SELECT 'CREATE FUNCTION public.leak() RETURNS SETOF patient LANGUAGE sql SECURITY DEFINER AS $_$ SELECT * FROM patient $_$', NULL;

SET session_replication_role = replica; -- no foreign keys: rows stand alone
INSERT INTO audit_word (word) VALUES ('word'); -- 1
INSERT INTO audit_month_gone VALUES ('2000-01-01', 1, 1);
SELECT fill(c) FROM clinics() c;
