// Reading a patient against pgbench; reading while others sign in.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { top, Client } from '../lib/clinic.mjs';
import { cpuUs, endedUs, median, parentOf, run, wrk } from './tools.mjs';

const CONNECTIONS = 32, SECONDS = 2, ROUNDS = 9;
const PACED_SECONDS = 3, PACED_ROUNDS = 7; // few requests: a p99 needs time

const record = {
  family_name: 'Bench', given_name: 'Bertha Maria', birth_date: '1980-02-29', sex: 'female', ssn: '078-05-1120',
  phone: '+1 555 014 9987', email: 'bench@example.org', address: { line1: '1 Quay', city: 'Oslo', postal_code: '0150', country: 'NO' },
  language: 'nb', emergency_contact: { name: 'Per', phone: '+47 2222 3333' }, insurance: { payer: 'Acme', member_id: 'A-77' },
};

/** A statement of sql/queries by its name, its parameters as pgbench's variables. */
function statement(name, values, variables) {
  for (const file of fs.readdirSync(path.join(top, 'sql/queries'))) {
    const text = fs.readFileSync(path.join(top, 'sql/queries', file), 'utf8');
    const found = new RegExp(`^-- sql: ${name} .*\\n((?:--.*\\n)*)([^]*?;)`, 'm').exec(text);
    if (!found) continue;
    values.forEach((v, i) => variables.push('-D', `${name}${i + 1}=${v}`));
    return found[2].replace(/\$(\d+)/g, (_, n) => `:${name}${n}`);
  }
  throw new Error(`no statement ${name} in sql/queries`);
}

export async function setUp(clinic) {
  const doctor = await clinic.signIn(clinic.people.clinician);
  const made = await doctor.create('/v1/patients', { ...record, mrn: `B-${randomUUID()}` });
  if (made.status !== 201) throw new Error(made.text);
  const target = `/v1/patients/${made.body.id}`;
  const seen = await doctor.get(target);
  if (seen.status !== 200 || seen.body.insurance.payer !== 'Acme') throw new Error(seen.text);
  return { token: doctor.token, target, id: made.body.id, request: seen.headers['x-request-id'], doctor };
}

/** The same statements by pgbench, one after the other in one transaction. */
async function pgbenchScript(clinic, at) {
  const [row] = await clinic.sql(`SELECT clinic_id, event, action, actor_id, actor_role, session, purpose, patient_id, abbrev(address) AS address, operation FROM audit_log WHERE request_id = :'id'`, { id: at.request });
  const [{ hash }] = await clinic.sql(`SELECT hash FROM session WHERE account_id = :'id' AND ended_at IS NULL ORDER BY created_at DESC LIMIT 1`, { id: row.actor_id });
  const variables = [];
  const steps = [
    'BEGIN;',
    statement('session_enter', [hash, 'false', 'patient', at.id], variables),
    statement('patient_get', [at.id], variables),
    statement('audit_insert', [row.clinic_id, row.event, row.action, null, row.actor_id, row.actor_role, row.session,
      row.purpose, row.patient_id, row.patient_id, '{}', row.address, at.request, row.operation, 1], variables),
    'COMMIT;',
  ];
  const file = path.join(clinic.dir, 'bench.sql');
  fs.writeFileSync(file, steps.join('\n') + '\n');
  const url = (await run(path.join(top, 'tools/cluster.sh'), ['url', path.join(clinic.dir, 'pg'), 'server'])).stdout.trim();
  return async (clients) => {
    const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', '-f', file, '-c', String(clients), '-j', '2', '-T', String(SECONDS), ...variables, url]);
    if (/number of failed transactions: [1-9]/.test(stdout)) throw new Error(stdout);
    return { rate: Number(/tps = ([\d.]+)/.exec(stdout)[1]), count: Number(/actually processed: (\d+)/.exec(stdout)[1]) };
  };
}

const postmaster = async (clinic) => parentOf(Number((await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`))[0].pid));

export async function reading(clinic, say) {
  const at = await setUp(clinic), pgbench = await pgbenchScript(clinic, at), database = await postmaster(clinic);
  const url = clinic.url + at.target, before = Number((await clinic.sql('SELECT count(*) AS n FROM audit'))[0].n);
  const ours = [], same = [], wide = [], cpu = [], otherCpu = [];
  let answered = 0;
  for (let i = 0; i < ROUNDS; i++) {
    // the children of this process are the clients; they count when they ended
    const all = () => [cpuUs(clinic.server.pid), cpuUs(database), endedUs()];
    const c = all(), r = await wrk(url, { connections: CONNECTIONS, seconds: SECONDS, token: at.token });
    const d = all(), p = await pgbench(16), e = all();
    cpu.push(d.map((v, j) => (v - c[j]) / r.count));
    otherCpu.push(e.map((v, j) => (v - d[j]) / p.count));
    ours.push(r.rate);
    answered += r.count;
    same.push(p.rate);
    wide.push((await pgbench(CONNECTIONS)).rate);
    say(`reading: ${ours.at(-1).toFixed(0)}/s; pgbench ${same.at(-1).toFixed(0)}/s with 16, ${wide.at(-1).toFixed(0)}/s with ${CONNECTIONS} clients; CPU µs of server, database, client ${cpu.at(-1).map(Math.round)}, with pgbench ${otherCpu.at(-1).map(Math.round)}`);
  }
  const rows = Number((await clinic.sql('SELECT count(*) AS n FROM audit'))[0].n) - before;
  if (rows < answered) throw new Error(`${answered} answers, but ${rows} audit rows`);
  at.doctor.close();
  const best = median(same) >= median(wide) ? same : wide, other = median(best);
  const spent = (list, j) => median(list.map((c) => c[j])).toFixed(0);
  const ratio = median(ours.map((r, i) => r / best[i]));
  return [
    { what: 'Reads of a patient, TLS, against pgbench', ours: `${median(ours).toFixed(0)}/s`, other: `${other.toFixed(0)}/s`, ratio, aim: 0.9, least: true },
    { what: 'Processor time of a read: server and PostgreSQL, against pgbench and PostgreSQL', ours: `${spent(cpu, 0)} + ${spent(cpu, 1)} µs`, other: `${spent(otherCpu, 2)} + ${spent(otherCpu, 1)} µs`,
      ratio: median(cpu.map((c, i) => (c[0] + c[1]) / (otherCpu[i][1] + otherCpu[i][2]))) },
  ];
}

/** Clients that sign in as fast as they can until told to stop. */
function signers(clinic, count) {
  const people = Object.values(clinic.people);
  let over = false, done = 0;
  const all = Array.from({ length: count }, async (_, i) => {
    const p = people[i % people.length], c = new Client(clinic.url);
    while (!over) {
      const r = await c.post('/v1/session', { email: p.email, password: p.password, client: 'api' });
      if (r.status !== 200) throw new Error(`sign-in: ${r.status} ${r.text}`);
      c.token = null;
      done++;
    }
    c.close();
  });
  return async () => { over = true; await Promise.all(all); return done; };
}

export async function signIns(clinic, say) {
  const at = await setUp(clinic), url = clinic.url + at.target;
  const script = path.join(top, 'tests/bench/paced.lua');
  const load = () => wrk(url, { connections: 16, seconds: PACED_SECONDS, token: at.token, script });
  const alone = [], beside = [], ratios = [], rates = [];
  await load();
  for (let i = 0; i < PACED_ROUNDS; i++) {
    const a = await load(), stop = signers(clinic, 8), b = await load(), n = await stop();
    alone.push(a.p99);
    beside.push(b.p99);
    ratios.push(b.p99 / a.p99);
    rates.push(n / PACED_SECONDS);
    say(`sign-ins: p99 ${(a.p99 / 1000).toFixed(1)} ms alone (${a.rate.toFixed(0)}/s), ${(b.p99 / 1000).toFixed(1)} ms beside ${(n / PACED_SECONDS).toFixed(0)} sign-ins/s (${b.rate.toFixed(0)}/s)`);
  }
  at.doctor.close();
  return [{
    what: `p99 of reads beside 8 clients that sign in (${median(rates).toFixed(0)}/s), against reads alone`, ours: `${(median(beside) / 1000).toFixed(1)} ms`,
    other: `${(median(alone) / 1000).toFixed(1)} ms`, ratio: median(ratios), aim: 1.5, least: false,
  }];
}
