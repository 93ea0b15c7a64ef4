-- report: access_review
-- title: Accounts and their rights
-- question: Who has an account, with which rights, given by whom, and is it used and well protected?
-- rule: 45 CFR 164.308(a)(3)(ii)(B), 164.308(a)(4)(ii)(C)
-- permission: report_read
-- parameter: who choice staff|patients = staff, Accounts of
-- parameter: dormant_days int 1..3650 = 90, Dormant after so many days
-- column: account_id account, Account
-- column: name name(account_id), Name
-- column: role role, Role
-- column: state text, State
-- column: created_at time, Made
-- column: granted_by account, Given by (id)
-- column: granted_by_name name(granted_by), Given by
-- column: confirmed_by account, Confirmed by (id)
-- column: confirmed_by_name name(confirmed_by), Confirmed by
-- column: changed_at time, Last change of rights
-- column: last_sign_in_at time, Last sign-in
-- column: password_days int?, Age of the password in days
-- column: factor text, Second factor
-- column: dormant bool, Dormant
-- order: id uuid
--= AZ-12
SELECT a.id, a.role,
       CASE WHEN a.deactivated_at IS NOT NULL THEN 'deactivated'
            WHEN a.compromised_at IS NOT NULL THEN 'password must be changed'
            WHEN a.password_changed_at IS NULL THEN 'not opened yet' ELSE 'active' END,
       a.created_at, coalesce(g.requested_by, a.created_by), g.decided_by,
       coalesce(g.decided_at, a.created_at), a.last_sign_in_at,
       extract(day FROM now() - a.password_changed_at)::bigint,
       CASE WHEN a.totp_confirmed_at IS NULL THEN 'none' ELSE 'authenticator' END,
       a.deactivated_at IS NULL AND coalesce(a.last_sign_in_at, a.created_at)
           < now() - make_interval(days => $dormant_days::bigint::integer), a.id
  FROM (SELECT o.* FROM (
           (SELECT s.id, s.role, s.deactivated_at, s.compromised_at, s.password_changed_at,
                   s.created_at, s.created_by, s.last_sign_in_at, s.totp_confirmed_at
              FROM account s
             WHERE $who::text = 'staff' AND s.clinic_id = current_clinic() AND s.role IN ('admin', 'clinician', 'scheduler', 'compliance')
               AND s.id > CASE WHEN $after_id::uuid IS NULL
                   THEN '00000000-0000-0000-0000-000000000000' ELSE $after_id END
             ORDER BY s.id LIMIT $limit::bigint)
            UNION ALL
           (SELECT p.id, p.role, p.deactivated_at, p.compromised_at, p.password_changed_at,
                   p.created_at, p.created_by, p.last_sign_in_at, p.totp_confirmed_at
              FROM account p
             WHERE $who = 'patients' AND p.clinic_id = current_clinic() AND p.patient_id IS NOT NULL
               AND p.id > CASE WHEN $after_id IS NULL
                   THEN '00000000-0000-0000-0000-000000000000' ELSE $after_id END
             ORDER BY p.id LIMIT $limit)) AS o
         ORDER BY o.id LIMIT $limit) AS a
  LEFT JOIN LATERAL (
       SELECT v.requested_by, v.decided_by, v.decided_at FROM approval v
        WHERE v.clinic_id = current_clinic() AND v.account_id = a.id
          AND v.kind IN ('invite', 'role') AND v.state = 'confirmed'
        ORDER BY v.decided_at DESC LIMIT 1) AS g ON true
 ORDER BY a.id;
