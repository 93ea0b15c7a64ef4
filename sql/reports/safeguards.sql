-- report: safeguards
-- title: Safeguards
-- question: How is each rule of the Security Rule that software can serve met here, what shows it now, and what is left to the clinic?
-- rule: 45 CFR 164.308, 164.310, 164.312, 164.314, 164.316
-- permission: report_read
-- column: rule text, Rule
-- column: safeguard text, What it asks
-- column: met text, How it is met here
-- column: evidence text, Evidence of this installation, now
-- column: duty text, Left to the clinic
-- order: place int
WITH facts AS MATERIALIZED (
    SELECT c.*,
           (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role IN ('admin', 'clinician', 'scheduler', 'compliance')
               AND a.deactivated_at IS NULL) AS staff,
           (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role IN ('admin', 'clinician', 'scheduler', 'compliance')
               AND a.deactivated_at IS NULL AND a.password_changed_at IS NOT NULL
               AND a.totp_confirmed_at IS NULL) AS no_factor,
           (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role IN ('admin', 'clinician', 'scheduler', 'compliance')
               AND a.deactivated_at IS NULL
               AND coalesce(a.last_sign_in_at, a.created_at) < now() - interval '90 days') AS dormant,
           (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role IN ('admin', 'clinician', 'scheduler', 'compliance')
               AND a.deactivated_at IS NOT NULL) AS gone,
           (SELECT count(*) FROM account a WHERE a.clinic_id = c.id AND a.role = 'compliance'
               AND a.deactivated_at IS NULL) AS officers,
           (SELECT count(*) FROM approval v WHERE v.clinic_id = c.id AND v.state = 'waiting'
               AND v.expires_at > now()) AS waiting,
           (SELECT max(k.created_at) FROM class_key k WHERE k.clinic_id = c.id) AS newest_key,
           (SELECT count(*) FROM class_key k WHERE k.clinic_id = c.id) AS keys,
           (SELECT max(l.at) FROM audit_kinds('{report.run}', now() - interval '400 days', now(),
               NULL, false, NULL, NULL, NULL) AS l
              JOIN report_asked q ON q.clinic_id = c.id AND q.id = l.record_id
               AND q.report = 'access_review') AS reviewed,
           (SELECT max(l.at) FROM audit_kinds('{audit.verified}', now() - interval '400 days', now(),
               NULL, false, NULL, NULL, 1) AS l) AS verified,
           (SELECT count(*) FROM audit_kinds('{session.created,session.factor,session.recovered}',
               now() - interval '30 days', now(), NULL, true, NULL, NULL, NULL)) AS failed,
           audit_oldest() AS logged_since,
           (SELECT count(*) FROM incident i WHERE i.clinic_id = c.id AND i.closed_at IS NULL) AS incidents,
           (SELECT count(*) FROM recording r WHERE r.clinic_id = c.id AND r.hold_at IS NOT NULL) AS held
      FROM clinic c WHERE c.id = current_clinic())
SELECT s.rule, s.safeguard, s.met, s.evidence, s.duty, s.place
  FROM facts f
 CROSS JOIN LATERAL (VALUES
       (1::bigint, '164.308(a)(1)(ii)(A), (B)', 'Risk analysis and management',
        'The software''s own threats and what meets them are written down (docs/THREATS.md)',
        NULL, 'Analyse the clinic''s own risks, and keep the analysis.'),
       (2, '164.308(a)(1)(ii)(C)', 'Sanctions', 'The log says who did what',
        NULL, 'Have a policy, and apply it.'),
       (3, '164.308(a)(1)(ii)(D)', 'Review of activity',
        'Audit log and reports, each run of which is an event',
        'the log begins ' || coalesce(to_char(f.logged_since AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'),
        'Look at the reports regularly, and note that you did.'),
       (4, '164.308(a)(2)', 'An officer who is responsible', 'A role of their own sees the log and no chart',
        'compliance officers: ' || f.officers, 'Name the officer in writing.'),
       (5, '164.308(a)(3)(ii)(A)', 'Authorisation', 'Rights by role; accounts with sight of charts need two people',
        'requests that wait for a second person: ' || f.waiting, NULL),
       (6, '164.308(a)(3)(ii)(B)', 'Clearance', 'Report "Accounts and their rights"',
        'staff accounts: ' || f.staff || ', not used for 90 days: ' || f.dormant, 'Check people before they get an account.'),
       (7, '164.308(a)(3)(ii)(C)', 'When somebody leaves', 'An account is closed at once, its sessions and calls end',
        'closed staff accounts: ' || f.gone, 'Tell an administrator the same day.'),
       (8, '164.308(a)(4)(ii)(B), (C)', 'Access is given and reviewed', 'Care teams, roles, and the report of accounts',
        'last review ' || coalesce(to_char(f.reviewed AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'),
        'Review the accounts, twice a year at least.'),
       (9, '164.308(a)(5)(ii)(A)', 'Reminders', 'Not served by the software', NULL, 'Train people and remind them.'),
       (10, '164.308(a)(5)(ii)(C)', 'Log-in monitoring', 'Every attempt is an event; people are told of failures',
        'failed sign-ins of known accounts in 30 days: ' || f.failed, NULL),
       (11, '164.308(a)(5)(ii)(D)', 'Passwords', 'Report "Passwords and sign-in policy"',
        f.password_min_length || ' characters at least; ' || CASE WHEN f.password_max_age_days = 0
            THEN 'they do not run out' ELSE 'they run out after ' || f.password_max_age_days || ' days' END, NULL),
       (12, '164.308(a)(6)(ii)', 'Incidents', 'Each is written down, judged by four factors, and its deadlines are counted; the log, sealed, shows what happened',
        'incidents that are open: ' || f.incidents, 'Have a plan, write each incident down, and give the notices.'),
       (13, '164.308(a)(7)(ii)(A), (B)', 'Backup and recovery',
        'All but recordings is in one database, which its own tools save', NULL,
        'Make backups, keep the root key apart from them, and try to restore them. No drill is recorded here.'),
       (14, '164.308(a)(8)', 'Evaluation', 'This report; each safeguard has a test (docs/SAFEGUARDS.md)', NULL,
        'Evaluate after each large change.'),
       (15, '164.308(b)(1), 164.314(a)', 'Business associates', 'Nothing leaves for another system unless it is set up', NULL,
        'Have agreements with the host, the store, the mail relay and the payment processor.'),
       (16, '164.310(a), (b), (c)', 'Buildings and workstations', 'Sessions end without activity',
        'after ' || f.idle_minutes_workforce || ' minutes', 'Guard rooms and screens.'),
       (17, '164.310(d)(1), (2)(i)', 'Media and their disposal', 'What is stored is sealed; a record goes with its key',
        'recordings on hold: ' || f.held, 'Destroy disks and old backups.'),
       (18, '164.312(a)(2)(i)', 'Unique identification', 'One account for each person', 'staff accounts: ' || f.staff,
        'Nobody lends an account.'),
       (19, '164.312(a)(2)(iii)', 'Automatic log-off', 'By the server''s clock',
        'staff ' || f.idle_minutes_workforce || ' minutes, patients ' || f.idle_minutes_patient || ', at most '
            || f.session_hours || ' hours', NULL),
       (20, '164.312(a)(2)(iv)', 'Encryption at rest', 'AES-256-GCM, a key for each record',
        'class keys: ' || f.keys || ', the newest of ' || coalesce(to_char(f.newest_key AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'), NULL),
       (21, '164.312(b)', 'Audit controls', 'An event for each act, in its transaction; no event, no answer',
        'last verified ' || coalesce(to_char(f.verified AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'),
        'Keep checkpoints where nobody here can write, and have the log verified.'),
       (22, '164.312(c)(1), (2)', 'Integrity', 'Sealed values name their place; the log is a signed Merkle tree',
        'last verified ' || coalesce(to_char(f.verified AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'), NULL),
       (23, '164.312(d)', 'Authentication', 'Password and authenticator at every sign-in',
        CASE WHEN f.no_factor = 0 THEN 'all staff who signed in have a second factor'
             ELSE 'staff without a second factor yet, who get no further than setting it up: ' || f.no_factor END, NULL),
       (24, '164.312(e)(1), (2)', 'Transmission', 'TLS 1.2 and 1.3 alone; calls by DTLS-SRTP', NULL, NULL),
       (25, '164.314(b)', 'Group health plans', 'Does not apply to a clinic', NULL, NULL),
       (26, '164.316(b)(1), (2)(i)', 'Documentation, kept six years', 'The log, consents and parameters of reports are not deleted',
        'the log begins ' || coalesce(to_char(f.logged_since AT TIME ZONE 'UTC', 'YYYY-MM-DD'), 'never'),
        'Keep policies and their versions.'))
       AS s(place, rule, safeguard, met, evidence, duty)
 WHERE s.place > coalesce($after_place::bigint, 0)
 ORDER BY s.place
 LIMIT $limit::bigint;
