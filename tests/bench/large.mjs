// What is asked most, of a clinic of a thousand patients and of a hospital: a call
// must cost the same. Takes an hour or so and gigabytes of disk: `make bench-large`.
import fs from 'node:fs';
import { filled, names, plaintext } from './searching.mjs';
import { median, postmasterRestart } from './tools.mjs';

const PATIENTS = Number(process.env.BENCH_PATIENTS ?? 1_000_000);
const VISITS = Number(process.env.BENCH_VISITS ?? 1_000_000);
const EVENTS = Number(process.env.BENCH_EVENTS ?? 10_000_000);
const FEW = 1000, CALLS = 60, COLD_MS = 50, PAGE = 50;

const ago = (days) => new Date(Date.now() - days * 86400e3).toISOString();

/** What is asked, by whom: a name and a call. */
function questions(who, searches, at) {
  const log = (filter) => () => who.officer.get(`/v1/audit?limit=${PAGE}&${filter}`);
  const list = {
    'the log: refusals': log('outcome=denied'),
    'the log: an outcome that is rare': log('outcome=error'),
    'the log: what one person did': log(`actor_id=${at.clinician}`),
    'the log: who saw one patient': log(`patient_id=${at.patient}`),
    'the log: an action': log('action=C'),
    'the log: an action and a patient': log(`action=D&patient_id=${at.patient}`),
    'the log: an hour half a year ago': log(`from=${ago(180)}&to=${ago(180 - 1 / 24)}`),
    'the log: an hour two years ago, of which there is nothing': log(`from=${ago(730)}&to=${ago(730 - 1 / 24)}`),
    'the report of accesses, a day of it': () => who.officer.get(`/v1/reports/access?from=${ago(31)}&to=${ago(30)}`),
    'one patient': () => who.desk.get(`/v1/patients/${at.patient}`),
    'visits of a clinician, no dates': () => who.doctor.get('/v1/visits'),
    'visits of those who have arrived': () => who.desk.get('/v1/visits?status=arrived'),
    'visits of one patient': () => who.desk.get(`/v1/visits?patient_id=${at.patient}`),
    'payments': () => who.desk.get('/v1/payments'),
    'reviews': () => who.officer.get('/v1/reviews'),
  };
  for (const [what, terms] of Object.entries(searches))
    list[`search for ${what}`] = () => who.desk.search({ ...terms, limit: 20 });
  return list;
}

async function timed(what, call) {
  const began = performance.now(), r = await call();
  if (r.status !== 200) throw new Error(`${what}: ${r.status} ${r.text}`);
  return performance.now() - began;
}

/** ms of each question: the first time, and the median and the 59th of 60 after that. */
async function asked(list) {
  const found = {};
  for (const [what, call] of Object.entries(list)) {
    const cold = await timed(what, call), warm = [];
    for (let i = 0; i < CALLS; i++) warm.push(await timed(what, call));
    warm.sort((a, b) => a - b);
    found[what] = { cold, warm: median(warm), late: warm.at(-2) };
  }
  return found;
}

/** PostgreSQL begins anew with buffers of this size; its files are read from the
 * disk again, where this process may ask the kernel for that. */
async function afresh(clinic, buffers) {
  await clinic.sql(`ALTER SYSTEM SET shared_buffers = '${buffers}'`);
  await postmasterRestart(clinic);
  try {
    fs.writeFileSync('/proc/sys/vm/drop_caches', '3');
    return true;
  } catch {
    return false;
  }
}

async function bytes(clinic, tables, n) {
  const [{ sum }] = await clinic.sql(`SELECT sum(pg_total_relation_size(c.oid)) AS sum FROM pg_class c
    WHERE c.relkind = 'r' AND (c.relname = ANY (:'tables'::text[]) OR EXISTS (SELECT FROM pg_inherits i
      WHERE i.inhrelid = c.oid AND i.inhparent::regclass::text = ANY (:'tables'::text[])))`, { tables: `{${tables}}` });
  return Math.round(Number(sum) / n);
}

async function people(clinic) {
  const who = { desk: await clinic.signIn(clinic.people.scheduler), officer: await clinic.signIn(clinic.people.compliance), doctor: await clinic.signIn(clinic.people.clinician) };
  return { ...who, close: () => Object.values(who).forEach((c) => c.close()) };
}

export async function large(clinic, say) {
  const [{ id: clinician }] = await clinic.sql(`SELECT clinician_id AS id FROM visit LIMIT 1`);
  const ids = { patient: clinic.people.patient.patient_id, clinician };
  await filled(clinic, say, { patients: FEW, events: 10 * FEW, visits: FEW });
  let who = await people(clinic);
  const small = await asked(questions(who, { 'a family name': { family_name: 'Smith' } }, ids));
  who.close();
  await filled(clinic, say, { patients: PATIENTS, events: EVENTS, visits: VISITS });
  await plaintext(clinic);
  const rows = [
    { what: `A patient of ${PATIENTS}, with indexes and key`, ours: `${await bytes(clinic, 'patient,patient_token,name_beginning,record_key', PATIENTS)} B`, value: await bytes(clinic, 'patient,patient_token,name_beginning,record_key', PATIENTS), aim: 2048, unit: 'B', least: false },
    { what: `An event of ${EVENTS}, with indexes`, ours: `${await bytes(clinic, 'audit_log', EVENTS)} B`, value: await bytes(clinic, 'audit_log', EVENTS), aim: 200, unit: 'B', least: false },
  ];
  for (const buffers of ['64MB', '1GB']) {
    const dropped = await afresh(clinic, buffers);
    who = await people(clinic);
    const found = await asked(questions(who, await names(clinic, who.desk), ids));
    who.close();
    for (const [what, t] of Object.entries(found)) {
      const before = small[what] ?? small['search for a family name'];
      say(`large, ${buffers}: ${what}: cold ${t.cold.toFixed(1)} ms, then ${t.warm.toFixed(1)} (at most ${t.late.toFixed(1)}); of a thousand ${before.warm.toFixed(1)}`);
      rows.push(
        { what: `${what}, ${buffers} of buffers: first answer${dropped ? ', nothing of it in memory' : ' since PostgreSQL began'}`, ours: `${t.cold.toFixed(1)} ms`, value: t.cold, aim: COLD_MS, unit: 'ms', least: false },
        { what: 'The same, later, against a clinic of a thousand', ours: `${t.warm.toFixed(1)} ms`, other: `${before.warm.toFixed(1)} ms`, ratio: t.warm / before.warm, aim: 1.5, least: false });
    }
  }
  return rows;
}
