// Searching sealed names against the same names in plaintext under a btree; and
// what readers notice of those who search and filter all they can.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import path from 'node:path';
import { top } from '../lib/clinic.mjs';
import { pgbenchOf, setUp, statement, parameters, postmaster } from './reading.mjs';
import { cpuUs, median, wrk } from './tools.mjs';

const PATIENTS = Number(process.env.BENCH_PATIENTS ?? 40_000);
const EVENTS = Number(process.env.BENCH_EVENTS ?? 200_000);
const CONNECTIONS = 16, SECONDS = 2, ROUNDS = 5, PAGE = 20;
const PACED_SECONDS = 3, PACED_ROUNDS = 5;

/** A clinic with so many patients and events, filled as the demo is. */
export async function filled(clinic, say, { patients = PATIENTS, events = EVENTS, visits = 0 } = {}) {
  say(`${patients} patients, ${visits} visits and ${events} events are filled in (BENCH_PATIENTS, BENCH_VISITS, BENCH_EVENTS)`);
  const filling = spawn(path.join(top, process.env.BUILD ?? 'build', 'epione-demo'), ['fill',
    '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner'),
    '--people', path.join(clinic.dir, 'people.json'), '--patients', String(patients), '--visits', String(visits), '--events', String(events)],
  { env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') }, stdio: ['ignore', 'ignore', 'inherit'] });
  const [code] = await once(filling, 'exit');
  if (code !== 0) throw new Error(`the clinic was not filled: ${code}`);
  await clinic.sql('VACUUM (ANALYZE)'); // as it will be after a while
}

/**
 * The same patients with a name that can be read: the token of the family name
 * stands for it, so that as many bear each as do under the seal. A row is as wide
 * as a record whose fields are not sealed.
 */
export const plaintext = (clinic) => clinic.sql(`
  DROP TABLE IF EXISTS public.plain;
  CREATE TABLE public.plain AS
  SELECT p.id, p.clinic_id, f.token AS family, g.token AS given, 'female' AS sex, '1980-02-29' AS birth_date,
         'MRN-' || left(p.id::text, 8) AS mrn, '+1 555 014 9987' AS phone,
         'somebody@example.org' AS email, repeat('x', 200) AS rest
    FROM patient p
    JOIN LATERAL (SELECT token FROM patient_token t WHERE t.clinic_id = p.clinic_id AND t.patient_id = p.id AND t.part = 3 LIMIT 1) f ON true
    LEFT JOIN LATERAL (SELECT token FROM patient_token t WHERE t.clinic_id = p.clinic_id AND t.patient_id = p.id AND t.part = 4 LIMIT 1) g ON true;
  ALTER TABLE public.plain ADD PRIMARY KEY (clinic_id, id);
  CREATE INDEX plain_name ON public.plain (clinic_id, family, given, id);
  CREATE INDEX plain_family ON public.plain (clinic_id, family, id);
  GRANT SELECT ON public.plain TO epione_server;
  ANALYZE public.plain`).then(() => clinic.sql('VACUUM public.plain'));

/** wrk's script for a search by these terms. */
function searchScript(clinic, name, terms) {
  const file = path.join(clinic.dir, `search-${name}.lua`);
  fs.writeFileSync(file, `wrk.method = "POST"\nwrk.headers["Content-Type"] = "application/json"\nwrk.body = [[${JSON.stringify({ ...terms, limit: PAGE })}]]\n`);
  return file;
}

const DEAREST = { family_name: 'Smith' };

/** Names by how many bear them, as the invented clinic has them. */
export async function names(clinic, desk) {
  const [rare] = await clinic.sql(`SELECT min(id::text) AS id FROM public.plain GROUP BY family HAVING count(*) <= 3 LIMIT 1`);
  return {
    'the dearest family name': DEAREST,
    'the dearest family and given name': { ...DEAREST, given_name: 'Mary' },
    'a rare family name': { family_name: (await desk.get(`/v1/patients/${rare.id}`)).body.family_name },
  };
}

/** What pgbench does for the same: session, page by name, audit row with who was found. */
async function plainSearch(clinic, at, tokens) {
  const { hash, audit } = await parameters(clinic, at), variables = [];
  const name = tokens.given ? `family = '\\x${tokens.family}' AND given = '\\x${tokens.given}'` : `family = '\\x${tokens.family}'`;
  return pgbenchOf(clinic, `plain-${tokens.family.slice(0, 8)}${tokens.given ? '-both' : ''}`, [
    'BEGIN;',
    statement('session_enter', [hash, null, 'false', 'patient', at.id], variables),
    `SELECT array_agg(id)::text AS found, array_agg(p::text)::text AS rows FROM (
      SELECT id, family, given, birth_date, sex, mrn, phone FROM public.plain WHERE clinic_id = '${audit[0]}' AND ${name} ORDER BY id LIMIT ${PAGE + 1}) p
    \\gset`.replaceAll('\n', ' '),
    statement('audit_insert', [...audit, '{}'], variables).replace(':audit_insert11', ':found'),
    'COMMIT;',
  ], variables, SECONDS);
}

/** The tokens of the names of somebody who was found by them. */
async function tokensOf(clinic, at, terms) {
  const found = await at.doctor.search(terms);
  if (found.status !== 200 || found.body.items.length === 0) throw new Error(`nobody is called ${JSON.stringify(terms)}: ${found.text}`);
  const [row] = await clinic.sql(`SELECT encode(family, 'hex') AS family, encode(given, 'hex') AS given FROM public.plain WHERE id = :'id'`, { id: found.body.items[0].id });
  return { family: row.family, given: terms.given_name ? row.given : null };
}

export async function searching(clinic, say) {
  await filled(clinic, say);
  const desk = await clinic.signIn(clinic.people.scheduler), at = await setUp(clinic), database = await postmaster(clinic);
  at.doctor.close();
  at.doctor = desk; // who may search the whole clinic
  await plaintext(clinic);
  const rows = [];
  for (const [what, terms] of Object.entries(await names(clinic, desk))) {
    const script = searchScript(clinic, what.replaceAll(' ', '-'), terms), plain = await plainSearch(clinic, at, await tokensOf(clinic, at, terms));
    const sealed = [], open = [], p99 = [];
    for (let i = 0; i < ROUNDS; i++) {
      const a = cpuUs(database), r = await wrk(`${clinic.url}/v1/patients/search`, { connections: CONNECTIONS, seconds: SECONDS, token: desk.token, script });
      const b = cpuUs(database), p = await plain(CONNECTIONS), c = cpuUs(database);
      sealed.push((b - a) / r.count);
      open.push((c - b) / p.count);
      p99.push(r.p99 / 1000);
      say(`searching for ${what}: ${r.rate.toFixed(0)}/s, p99 ${p99.at(-1).toFixed(1)} ms; PostgreSQL ${sealed.at(-1).toFixed(0)} µs, plaintext ${open.at(-1).toFixed(0)} µs`);
    }
    rows.push(
      { what: `Search among ${PATIENTS} for ${what}: processor time of PostgreSQL, against plaintext`, ours: `${median(sealed).toFixed(0)} µs`, other: `${median(open).toFixed(0)} µs`, ratio: median(sealed.map((s, i) => s / open[i])), aim: 1.5, least: false },
      { what: `The same, p99 with ${CONNECTIONS} clients`, ours: `${median(p99).toFixed(1)} ms`, value: median(p99), aim: 20, unit: 'ms', least: false });
  }
  desk.close();
  return [...rows, ...await starving(clinic, say)];
}

/** A quiet reader beside 32 clients who search for the dearest name and 16 who filter the log. */
async function starving(clinic, say) {
  const at = await setUp(clinic), desk = await clinic.signIn(clinic.people.scheduler), officer = await clinic.signIn(clinic.people.compliance);
  const paced = path.join(top, 'tests/bench/paced.lua'), script = searchScript(clinic, 'dear', DEAREST);
  const read = () => wrk(clinic.url + at.target, { connections: 8, seconds: PACED_SECONDS, token: at.token, script: paced });
  const crowd = () => Promise.all([
    wrk(`${clinic.url}/v1/patients/search`, { connections: 32, seconds: PACED_SECONDS + 1, token: desk.token, script, refusals: true }),
    wrk(`${clinic.url}/v1/audit?outcome=denied&limit=${PAGE}`, { connections: 16, seconds: PACED_SECONDS + 1, token: officer.token, refusals: true })]);
  const alone = [], beside = [], ratios = [], refused = [];
  await read();
  for (let i = 0; i < PACED_ROUNDS; i++) {
    const a = await read(), others = crowd(), b = await read(), [searches, lists] = await others;
    alone.push(a.p99 / 1000);
    beside.push(b.p99 / 1000);
    ratios.push(b.p99 / a.p99);
    refused.push((searches.refused + lists.refused) / (searches.count + lists.count));
    say(`starving: p99 of reads ${beside.at(-1).toFixed(1)} ms beside ${searches.rate.toFixed(0)} searches and ${lists.rate.toFixed(0)} lists a second (${(100 * refused.at(-1)).toFixed(0)} % of them refused), ${alone.at(-1).toFixed(1)} ms alone`);
  }
  for (const c of [at.doctor, desk, officer]) c.close();
  return [{ what: `p99 of a reader beside 32 clients who search for the dearest name and 16 who filter the log (${(100 * median(refused)).toFixed(0)} % of theirs refused, none of the reader's), against alone`,
    ours: `${median(beside).toFixed(1)} ms`, other: `${median(alone).toFixed(1)} ms`, ratio: median(ratios), aim: 2, least: false }];
}
