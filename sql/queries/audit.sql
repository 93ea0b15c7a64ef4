-- Reading the audit trail. Names are opened from the accounts as they are now;
-- a search that returned a patient counts as access to that patient.

-- sql: audit_list many
-- in:  from_at time, to_at time, actor_id uuid, patient_id uuid, action text,
--      outcome text, before int?, limit int
-- out: seq int, at time, event text, action text, outcome text,
--      actor_id uuid, actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id),
--      patient_id uuid, record_id uuid, returned uuid[], address text,
--      request_id uuid, operation text, purpose text
SELECT e.seq, e.at, e.event, e.action, e.outcome, e.actor_id, e.actor_role,
       k.subject_id, k.version, k.box, a.display_name,
       e.patient_id, e.record_id, e.returned, e.address, e.request_id,
       e.operation, e.purpose
  FROM ((SELECT f.* FROM audit_about($4::uuid) s JOIN audit f ON f.seq = s.seq
          WHERE $4 IS NOT NULL AND f.clinic_id = current_clinic()
            AND ($1::timestamptz IS NULL OR f.at >= $1)
            AND ($2::timestamptz IS NULL OR f.at < $2)
            AND ($3::uuid IS NULL OR f.actor_id = $3)
            AND ($5::text IS NULL OR f.action = $5)
            AND ($6::text IS NULL OR f.outcome = $6)
            AND ($7::bigint IS NULL OR f.seq < $7)
          ORDER BY f.seq DESC LIMIT $8::bigint)
         UNION ALL
        (SELECT f.* FROM audit f
          WHERE $4 IS NULL AND f.clinic_id = current_clinic()
            AND ($1 IS NULL OR f.at >= $1)
            AND ($2 IS NULL OR f.at < $2)
            AND ($3 IS NULL OR f.actor_id = $3)
            AND ($5 IS NULL OR f.action = $5)
            AND ($6 IS NULL OR f.outcome = $6)
            AND ($7 IS NULL OR f.seq < $7)
          ORDER BY f.seq DESC LIMIT $8)) AS e
  LEFT JOIN account a ON a.clinic_id = e.clinic_id AND a.id = e.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 ORDER BY e.seq DESC;

-- Who saw this record. A refusal showed nothing and is left out. `besides`
-- leaves out one account: patients know when they looked themselves.
-- sql: patient_accesses many
-- in:  patient_id uuid, besides uuid, before int?, limit int
-- out: seq int, at time, event text, action text, actor_id uuid,
--      actor_role text, key record_key,
--      actor_name sealed(account_display_name, actor_id)
SELECT e.seq, e.at, e.event, e.action, e.actor_id, e.actor_role,
       k.subject_id, k.version, k.box, a.display_name
  FROM audit_about($1::uuid) s
  JOIN audit e ON e.seq = s.seq
  LEFT JOIN account a ON a.clinic_id = e.clinic_id AND a.id = e.actor_id
  LEFT JOIN record_key k ON k.clinic_id = a.clinic_id AND k.subject_id = a.id
 WHERE e.clinic_id = current_clinic() AND e.outcome = 'ok'
   AND ($2::uuid IS NULL OR e.actor_id IS DISTINCT FROM $2)
   AND ($3::bigint IS NULL OR e.seq < $3)
 ORDER BY e.seq DESC
 LIMIT $4::bigint;
