-- report: passwords
-- title: Passwords and sign-in policy
-- question: Which rules for passwords and sessions are in force, where do they differ from NIST SP 800-63B-4 and OWASP ASVS 5, and what makes up for it?
-- rule: 45 CFR 164.308(a)(5)(ii)(D), 164.312(d), 164.312(a)(2)(iii)
-- permission: report_read
-- column: rule text, Rule
-- column: standard text, What the standard asks
-- column: here text, In force here
-- column: differs bool, Differs
-- column: compensation text, What makes up for it
-- order: place int
SELECT p.rule, p.standard, p.here, p.differs,
       CASE WHEN p.differs THEN p.compensation END, p.place
  FROM clinic c
 CROSS JOIN LATERAL (VALUES
       (1::bigint, 'Shortest password', 'SP 800-63B-4 3.1.1.2: 15 characters alone, 8 with a second factor; ASVS 6.2.1: 8, better 15',
        c.password_min_length || ' characters', c.password_min_length < 15,
        'A second factor is asked for at every sign-in, so that 8 suffice; length is measured against guessing, too (zxcvbn), and common passwords are refused.'),
       (2, 'Passwords that run out', 'SP 800-63B-4 3.1.1.2 and ASVS 6.2.10: no change by the calendar, only when a password is known to others',
        CASE WHEN c.password_max_age_days = 0 THEN 'never, unless marked as known to others'
             ELSE 'after ' || c.password_max_age_days || ' days' END, c.password_max_age_days > 0,
        'The clinic decided so (a contract or an insurer may ask for it). People are told in time, and common or used passwords are refused, so that small changes to an old one do not pass. 0 days turns it off.'),
       (3, 'Password known to others', 'SP 800-63B-4 3.1.1.2: has to be changed when there is evidence of that',
        'an administrator marks it, and it opens nothing but its own change', false, NULL),
       (4, 'Passwords used before', 'Neither standard asks for it',
        CASE WHEN c.password_history = 0 THEN 'may be used again'
             ELSE 'the last ' || c.password_history || ' are refused' END, false, NULL),
       (5, 'Rules of composition', 'SP 800-63B-4 3.1.1.2 and ASVS 6.2.5: none', 'none', false, NULL),
       (6, 'Common passwords', 'SP 800-63B-4 3.1.1.2 and ASVS 6.2.4: refused', 'refused', false, NULL),
       (7, 'Second factor', 'SP 800-63B-4 AAL2', 'asked for at every sign-in, of everybody', false, NULL),
       (8, 'Codes before and after', 'RFC 6238 5.2: one step at most',
        c.totp_window_steps || ' step' || CASE WHEN c.totp_window_steps = 1 THEN '' ELSE 's' END, false, NULL),
       (9, 'Guessing', 'SP 800-63B-4 3.2.2: at most 100 failures',
        'delays after ' || c.failures_before_delay || ' failures, fewer than 100 in 30 days', false, NULL),
       (10, 'Staff without activity', 'SP 800-63B-4 2.2.3: an hour at most',
        'signed out after ' || c.idle_minutes_workforce || ' minutes', false, NULL),
       (11, 'Patients without activity', 'SP 800-63B-4 2.2.3: an hour at most',
        'signed out after ' || c.idle_minutes_patient || ' minutes', false, NULL),
       (12, 'Longest session', 'SP 800-63B-4 2.2.3: 24 hours at most',
        c.session_hours || ' hours', false, NULL))
       AS p(place, rule, standard, here, differs, compensation)
 WHERE c.id = current_clinic() AND p.place > coalesce($after_place::bigint, 0)
 ORDER BY p.place
 LIMIT $limit::bigint;
