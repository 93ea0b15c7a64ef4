// Do the rules for unusual access find who snoops, and how much do they find beside? A
// made-up year of a clinic with planted snoops, looked through by the server's own
// rules: recall, and false alarms a week, of each rule.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { top } from '../lib/clinic.mjs';
import { run } from './tools.mjs';

const PATIENTS = Number(process.env.BENCH_PATIENTS ?? 4000);
const CLINICIANS = 8, DESK = 8, VISITS = 12, PLANTED = 12, SLEEPING = 60, WEEKS = 52, GIVEN_UP_S = 1200;
const SEED = 0.42;

/** Every rule as it stands without an officer: name, on, threshold. */
export const rulesAsShipped = () => [...readFileSync(path.join(top, 'src/tables/access_rules.def'), 'utf8')
  .matchAll(/^RULE\( (\w+),\s+(true|false),\s+(\d+),/gm)].map(([, name, on, threshold]) => ({ name, on: on === 'true' ? 1 : 0, threshold: Number(threshold) }));

/** Patients as the demo has them, and people who work there, called as patients are. */
async function peopled(clinic, say) {
  say(`snooping: ${PATIENTS} patients, ${CLINICIANS + DESK} who work there, a year of days`);
  await run(path.join(top, process.env.BUILD ?? 'build', 'epione-demo'), ['fill',
    '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner'),
    '--people', path.join(clinic.dir, 'people.json'), '--patients', String(PATIENTS)],
  { env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') }, timeout: GIVEN_UP_S * 1000 });
  const desk = await clinic.signIn(clinic.people.scheduler);
  const some = await clinic.sql(`SELECT id FROM patient WHERE created_at > now() - interval '1 hour' ORDER BY md5(id::text) LIMIT ${CLINICIANS + DESK}`);
  for (const [i, { id }] of some.entries()) {
    const { body } = await desk.get(`/v1/patients/${id}`);
    await clinic.operator('user', 'add', '--role', i < CLINICIANS ? 'clinician' : 'scheduler', '--email', `works${i}@bench.example`, '--name', `${['Alex', 'Robin', 'Kim', 'Sam'][i % 4]} ${body.family_name}`);
  }
  desk.close();
}

/**
 * A year without a snoop: on each working day each clinician has visits, reads the
 * record and ends the visit; the desk reads each record before it, and of others it
 * books visits, changes them, or just answers a question. A few work late, or from home.
 */
const ordinary = `
  SELECT setseed(${SEED});
  CREATE TABLE public.bench_staff AS SELECT row_number() OVER (ORDER BY role, id) - 1 AS n, id, role, clinic_id FROM account
   WHERE role IN ('clinician', 'scheduler') AND password_hash IS NULL;
  CREATE TABLE public.bench_patient AS SELECT row_number() OVER (ORDER BY md5(id::text)) - 1 AS n, id, clinic_id, family_name FROM patient;
  UPDATE patient SET created_at = now() - interval '4 years';
  DELETE FROM audit_log;
  SET session_replication_role = replica;
  CREATE TABLE public.bench_slot AS
  SELECT v.day, v.clinician, v.at, p.id AS patient
    FROM (SELECT d::date AS day, s.id AS clinician, d + interval '13 hours' + i * interval '20 min' AS at,
                 floor(random() * (SELECT count(*) - ${SLEEPING} FROM public.bench_patient))::bigint AS n
            FROM generate_series(date_trunc('day', now()) - interval '366 days', date_trunc('day', now()) - interval '2 days', interval '1 day') AS d
           CROSS JOIN (SELECT * FROM public.bench_staff WHERE role = 'clinician') AS s
           CROSS JOIN generate_series(0, ${VISITS - 1}) AS i
           WHERE extract(isodow FROM d) < 6) AS v
    JOIN public.bench_patient p ON p.n = v.n;
  INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at, reason, status, created_by)
  SELECT p.clinic_id, gen_random_uuid(), s.patient, s.clinician, s.at, s.at + interval '20 min', p.family_name, 'ended', s.clinician
    FROM public.bench_slot s JOIN public.bench_patient p ON p.id = s.patient;
  SET session_replication_role = DEFAULT;
  CREATE TABLE public.bench_event (at timestamptz, who uuid, role text, patient uuid, event text, action text, address inet, rule text);
  INSERT INTO public.bench_event
  SELECT at, clinician, 'clinician', patient, e.event, e.action, CASE WHEN md5(day::text || clinician::text) < '02' THEN '203.0.113.9' ELSE '192.0.2.7' END::inet, NULL
    FROM public.bench_slot CROSS JOIN (VALUES ('patient.read', 'R'), ('visit.ended', 'E')) AS e(event, action);
  INSERT INTO public.bench_event
  SELECT s.at - interval '30 min' + random() * interval '20 min', k.id, 'scheduler', s.patient, 'patient.read', 'R', '192.0.2.7', NULL
    FROM public.bench_slot s
    JOIN public.bench_staff k ON k.n = ${CLINICIANS} + abs(hashtext(s.patient::text || s.day::text)) % ${DESK};
  -- who calls: nine of ten are booked or changed, the tenth only asked something
  INSERT INTO public.bench_event
  SELECT c.at, c.who, 'scheduler', p.id, e.event, e.action, '192.0.2.7', NULL
    FROM (SELECT d + interval '13 hours' + random() * interval '8 hours' AS at, k.id AS who,
                 floor(random() * (SELECT count(*) - ${SLEEPING} FROM public.bench_patient))::bigint AS n,
                 random() < 0.9 AS works
            FROM (SELECT DISTINCT day AS d FROM public.bench_slot) AS d
           CROSS JOIN (SELECT * FROM public.bench_staff WHERE role = 'scheduler') AS k
           CROSS JOIN generate_series(1, 10) AS i) AS c
    JOIN public.bench_patient p ON p.n = c.n
   CROSS JOIN (VALUES ('patient.read', 'R', true), ('visit.booked', 'C', false)) AS e(event, action, always)
   WHERE e.always OR c.works;
  -- once in a while one stays late
  INSERT INTO public.bench_event
  SELECT e.at + interval '7 hours', e.who, e.role, e.patient, e.event, e.action, e.address, NULL
    FROM public.bench_event e WHERE md5(e.who::text || e.at::date::text) < '01' AND e.event = 'patient.read' AND random() < 0.5`;

/** Snoops: for each rule so many, on days of the second half of the year. */
const snoops = `
  SELECT setseed(${SEED});
  CREATE TABLE public.bench_snoop AS
  SELECT r.rule, i, (SELECT id FROM public.bench_staff k WHERE k.role = 'scheduler' ORDER BY md5(r.rule || i || k.id) LIMIT 1) AS who,
         (SELECT DISTINCT ON (md5(day::text || r.rule || i)) day FROM public.bench_slot WHERE day > now() - interval '180 days' AND day < now() - interval '20 days' ORDER BY md5(day::text || r.rule || i) LIMIT 1) AS day
    FROM unnest('{same_name,colleague,household,dormant,many_records,odd_hours,repeated,vip,new_network}'::text[]) AS r(rule)
   CROSS JOIN generate_series(1, ${PLANTED}) AS i;
  ALTER TABLE public.bench_snoop ADD patient uuid;
  UPDATE public.bench_snoop s SET patient = (SELECT p.id FROM public.bench_patient p
     WHERE NOT EXISTS (SELECT FROM visit v WHERE v.patient_id = p.id AND abs(extract(epoch FROM v.starts_at - s.day)) < 86400 * 20)
       AND CASE s.rule
           WHEN 'same_name' THEN EXISTS (SELECT FROM patient_token t JOIN account_token a ON a.token = t.token AND a.part = 1 AND a.account_id = s.who WHERE t.patient_id = p.id AND t.part IN (1, 3))
           WHEN 'dormant' THEN NOT EXISTS (SELECT FROM public.bench_event e WHERE e.patient = p.id)
           ELSE true END
     ORDER BY md5(p.id::text || s.rule || s.i) LIMIT 1);
  -- a colleague's own record, by the address; a home, by the telephone number of one's own; a mark
  UPDATE patient p SET email_token = (SELECT t.token FROM account_token t WHERE t.part = 3 AND t.account_id <> s.who ORDER BY md5(t.account_id::text || s.i) LIMIT 1)
    FROM public.bench_snoop s WHERE s.rule = 'colleague' AND s.patient = p.id;
  UPDATE patient q SET email_token = (SELECT t.token FROM account_token t WHERE t.part = 3 AND t.account_id = s.who),
         phone_token = (SELECT p.phone_token FROM patient p WHERE p.id = s.patient)
    FROM public.bench_snoop s WHERE s.rule = 'household' AND q.id = (SELECT b.id FROM public.bench_patient b WHERE b.id <> s.patient ORDER BY md5(b.id::text || s.i || 'own') LIMIT 1);
  UPDATE patient p SET vip = p.family_name FROM public.bench_snoop s WHERE s.rule = 'vip' AND s.patient = p.id;
  INSERT INTO public.bench_event
  SELECT s.day + n.hour * interval '1 hour' - n.back * interval '1 day' + random() * interval '50 min', s.who, 'scheduler',
         CASE WHEN s.rule IN ('many_records', 'odd_hours', 'new_network') THEN p.id ELSE s.patient END,
         'patient.read', 'R', CASE WHEN s.rule = 'new_network' THEN ('198.51.' || s.i || '.9')::inet ELSE '192.0.2.7' END, s.rule
    FROM public.bench_snoop s
   CROSS JOIN LATERAL generate_series(1, CASE s.rule WHEN 'many_records' THEN 90 WHEN 'odd_hours' THEN 5 WHEN 'new_network' THEN 15 WHEN 'repeated' THEN 4 ELSE 1 END) AS g
   CROSS JOIN LATERAL (SELECT CASE s.rule WHEN 'odd_hours' THEN 7 ELSE 17 END AS hour, CASE s.rule WHEN 'repeated' THEN 2 * (g - 1) ELSE 0 END AS back) AS n
    -- whoever: another patient for each
    JOIN public.bench_patient p ON p.n = (s.i * 91 + g * 7) % 2000;
  SELECT audit_months(now() - interval '13 months', now());
  INSERT INTO audit_log (at, clinic_id, event, action, actor_id, actor_role, patient_id, address, request_id, operation, purpose)
  SELECT e.at, s.clinic_id, audit_word(e.event), e.action::"char", e.who, audit_word(e.role), e.patient, e.address, gen_random_uuid(), audit_word('made_up'), audit_word('TREAT')
    FROM public.bench_event e JOIN public.bench_staff s ON s.id = e.who ORDER BY e.at;
  UPDATE access_watched SET tx = 0, seq = 0;
  ANALYZE`;

/** The day of a snoop's finding, or one of the two weeks that a rule looks back over. */
const counted = `
  SELECT r.rule, (SELECT count(*) FROM public.bench_snoop s WHERE s.rule = r.rule) AS planted,
         (SELECT count(*) FROM public.bench_snoop s WHERE s.rule = r.rule AND EXISTS (SELECT FROM review v
           WHERE v.rule = r.rule AND v.account_id = s.who AND (v.patient_id IS NULL OR v.patient_id = s.patient) AND v.day BETWEEN s.day - 8 AND s.day)) AS caught,
         (SELECT count(*) FROM review v WHERE v.rule = r.rule AND NOT EXISTS (SELECT FROM public.bench_snoop s
           WHERE v.account_id = s.who AND (v.patient_id IS NULL OR v.patient_id = s.patient) AND v.day BETWEEN s.day - 8 AND s.day)) AS wrong
    FROM unnest(:'rules'::text[]) AS r(rule)`;

export async function snooping(clinic, say) {
  await peopled(clinic, say);
  await clinic.sql(ordinary);
  await clinic.sql(snoops);
  const rules = rulesAsShipped(), list = (values) => `{${values.join(',')}}`;
  const [{ events }] = await clinic.sql(`SELECT count(*) AS events FROM audit_log`);
  const began = Date.now();
  for (let n = 1, all = 0; n > 0; all += n) {
    [{ n }] = (await clinic.sql(`SELECT access_watch(:'names'::text[], :'on'::bigint[], :'thresholds'::bigint[], 0, 1000) AS n`,
      { names: list(rules.map((r) => r.name)), on: list(rules.map((r) => r.on)), thresholds: list(rules.map((r) => r.threshold)) })).map((r) => ({ n: Number(r.n) }));
    if (all % 20000 === 0) say(`snooping: ${all} of ${events} events looked through`);
  }
  const ms = Date.now() - began;
  const rows = (await clinic.sql(counted, { rules: list(rules.map((r) => r.name)) })).map((r) => {
    const share = Number(r.caught) / Number(r.planted);
    return { what: `Snoops found by ${r.rule}, of ${r.planted} planted; beside it false alarms a week`, ours: `${Math.round(100 * share)} %`, other: (Number(r.wrong) / WEEKS).toFixed(1), value: share, aim: 0.9, least: true };
  });
  const [{ weekly }] = await clinic.sql(`SELECT count(*)::numeric / ${WEEKS} AS weekly FROM review WHERE kind = 'unusual_access'`);
  return [...rows, { what: `All that the officer has to review, a week, of ${events} events in a year`, ours: Number(weekly).toFixed(1) },
    { what: 'Time to look through them, an event', ours: `${(1000 * ms / Number(events)).toFixed(0)} µs` }];
}
