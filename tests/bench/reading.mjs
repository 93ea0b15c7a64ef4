// Reading a patient against pgbench, and by its statements against those of
// before; reading while others sign in.
import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import path from 'node:path';
import { top, Client } from '../lib/clinic.mjs';
import { cpuUs, endedUs, median, out, parentOf, run, wrk } from './tools.mjs';

const CONNECTIONS = 32, SECONDS = 2, ROUNDS = 9;
const TOGETHER = 4; // reads of one trip: a worker of the server takes up to 8
const BLOCK_MS = 250, BLOCKS = 14, WARM_BLOCKS = 2;
// as src/data/db.c connects
const SERVER_OPTIONS = '-c statement_timeout=5000 -c idle_in_transaction_session_timeout=15000 -c client_connection_check_interval=1000 -c jit=off';
const PACED_SECONDS = 3, PACED_ROUNDS = 7; // few requests: a p99 needs time

const record = {
  family_name: 'Bench', given_name: 'Bertha Maria', birth_date: '1980-02-29', sex: 'female', ssn: '078-05-1120',
  phone: '+1 555 014 9987', email: 'bench@example.org', address: { line1: '1 Quay', city: 'Oslo', postal_code: '0150', country: 'NO' },
  language: 'nb', emergency_contact: { name: 'Per', phone: '+47 2222 3333' }, insurance: { payer: 'Acme', member_id: 'A-77' },
};

/** The text of a statement of the server's, as sqlgen made it. */
function query(name) {
  const made = fs.readFileSync(path.join(top, 'build/gen/sql.c'), 'utf8');
  const found = new RegExp(`\\.name = "${name}",\\s+\\.text = ((?:"(?:[^"\\\\]|\\\\.)*"\\s*)+)`).exec(made);
  if (!found) throw new Error(`no statement ${name}`);
  return found[1].match(/"(?:[^"\\]|\\.)*"/g).map((line) => JSON.parse(line)).join('');
}

/** The same of before (old_reads.sql). */
const queryOld = (name, text) => new RegExp(`^-- sql: ${name} .*\\n(?:--.*\\n)*([^]*?;)`, 'm').exec(text)[1];

/** The same with its parameters as pgbench's variables; one without a value is NULL. */
export function statement(name, values, variables) {
  values.forEach((v, i) => { if (v !== null) variables.push('-D', `${name}${i + 1}=${v}`); });
  return query(name).replace(/\$(\d+)/g, (_, n) => `:${name}${n}`) + ';';
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

/** What the server gave the statements of a read as parameters. */
export async function parameters(clinic, at) {
  const [row] = await clinic.sql(`SELECT clinic_id, event, action, actor_id, actor_role, session, purpose, patient_id, abbrev(address) AS address, operation FROM audit_log WHERE request_id = :'id'`, { id: at.request });
  const [{ hash }] = await clinic.sql(`SELECT hash FROM session WHERE account_id = :'id' AND ended_at IS NULL ORDER BY created_at DESC LIMIT 1`, { id: row.actor_id });
  return {
    hash,
    audit: [row.clinic_id, row.event, row.action, null, row.actor_id, row.actor_role, row.session, row.purpose,
      row.patient_id, row.patient_id, '{}', row.address, at.request, row.operation, 1],
  };
}

/** For libpq's programs, whose command line is everybody's to read. */
const passwords = (clinic) => ({ ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') });

/** The same statements by pgbench, one after the other in one transaction. */
async function pgbenchScript(clinic, at) {
  const { hash, audit } = await parameters(clinic, at), variables = [];
  const steps = [
    'BEGIN;',
    statement('session_enter', [hash, null, 'false', 'patient', at.id], variables),
    statement('patient_get', [at.id], variables),
    statement('audit_insert', [...audit, '{}'], variables),
    'COMMIT;',
  ];
  return pgbenchOf(clinic, 'bench', steps, variables, SECONDS);
}

/** A script of pgbench's, prepared, as the server's role: so many clients → {rate, count}. */
export async function pgbenchOf(clinic, name, steps, variables, seconds) {
  const file = path.join(clinic.dir, `${name}.sql`);
  fs.writeFileSync(file, steps.join('\n') + '\n');
  const database = await clinic.address('server');
  return async (clients) => {
    const { stdout } = await run('pgbench', ['-n', '-M', 'prepared', '-f', file, '-c', String(clients), '-j', '2', '-T', String(seconds), ...variables, database], { env: passwords(clinic) });
    if (/number of failed transactions: [1-9]/.test(stdout)) throw new Error(stdout);
    return { rate: Number(/tps = ([\d.]+)/.exec(stdout)[1]), count: Number(/actually processed: (\d+)/.exec(stdout)[1]) };
  };
}

export const postmaster = async (clinic) => parentOf(Number((await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`))[0].pid));

export async function reading(clinic, say) {
  const at = await setUp(clinic), pgbench = await pgbenchScript(clinic, at), database = await postmaster(clinic);
  const target = clinic.url + at.target, before = Number((await clinic.sql('SELECT count(*) AS n FROM audit'))[0].n);
  const ours = [], same = [], wide = [], cpu = [], otherCpu = [];
  let answered = 0;
  for (let i = 0; i < ROUNDS; i++) {
    // the children of this process are the clients; they count when they ended
    const all = () => [cpuUs(clinic.server.pid), cpuUs(database), endedUs()];
    const c = all(), r = await wrk(target, { connections: CONNECTIONS, seconds: SECONDS, token: at.token });
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

/** The script of tests/bench/round_trips.c: of statements that travel together, each a name, its text and its values. */
function script(name, trips) {
  const field = (v) => v === null ? '\\N' : String(v).replaceAll('\n', '\\n');
  const lines = [['variant', name]];
  for (const [statementName, text] of new Map(trips.flat().map((t) => [t[0], t])).values()) lines.push(['prepare', `${name}_${statementName}`, text]);
  for (const trip of trips)
    lines.push(...trip.map(([statementName, , values = []]) => ['run', `${name}_${statementName}`, ...values]), ['sync']);
  return lines.map((l) => l.map(field).join('\t') + '\n').join('');
}

/**
 * What PostgreSQL does for a read, against what it did before: the statements
 * as the server sends them, on the same backends in turns, without the server.
 */
export async function statements(clinic, say) {
  const at = await setUp(clinic), { hash, audit } = await parameters(clinic, at);
  const old = fs.readFileSync(path.join(top, 'tests/bench/old_reads.sql'), 'utf8');
  await clinic.sql(`SET ROLE epione_owner;\n${old.slice(0, old.indexOf('-- sql:'))}`);
  const record = ['record', query('patient_get'), [at.id]], begin = ['begin', 'BEGIN'], commit = ['commit', 'COMMIT'];
  const read = [['session', query('session_enter'), [hash, null, 'false', 'patient', at.id]], record,
    ['audit', query('audit_insert'), [...audit, '{"clinician active 4"}']]];
  const text = script('before', [
    [begin, ['session', queryOld('session_enter', old), [hash, 'false', 'patient', at.id, null]], record],
    [['audit', queryOld('audit_insert', old), audit], commit],
  ]) + script('now', [
    [begin, ...read, commit],
  ]) + script('together', [
    [begin, ...Array.from({ length: TOGETHER }, () => read).flat(), commit],
  ]) + 'read\n'.repeat(TOGETHER);
  const rows = [];
  for (const connections of [1, 8]) {
    const child = run(`${out}/round_trips`, [await clinic.address('server'), String(connections), String(BLOCK_MS), String(BLOCKS)], { env: { ...passwords(clinic), PGOPTIONS: SERVER_OPTIONS } });
    child.child.stdin.end(text);
    const blocks = (await child).stdout.trim().split('\n').map((l) => JSON.parse(l));
    const of = (name, what) => blocks.filter((b) => b.variant === name).slice(WARM_BLOCKS).map(what);
    const ratio = (what, name = 'now') => { const a = of(name, what), b = of('before', what); return median(a.map((v, i) => v / b[i])); };
    const rate = (b) => b.reads / b.us * 1e6, cpu = (b) => b.backend_us / b.reads, p99 = (b) => b.p99_us;
    const figures = { rate: ratio(rate), cpu: ratio(cpu), p99: ratio(p99) };
    say(`statements: ${connections} connections: rate ${figures.rate.toFixed(2)}, processor time ${figures.cpu.toFixed(2)}, p99 ${figures.p99.toFixed(2)}; µs now ${median(of('now', cpu)).toFixed(0)}, before ${median(of('before', cpu)).toFixed(0)}`);
    const by = `${connections} connection${connections > 1 ? 's' : ''}`;
    rows.push(
      { what: `Reads by their statements alone, ${by}, against those of before`, ours: `${median(of('now', rate)).toFixed(0)}/s`, other: `${median(of('before', rate)).toFixed(0)}/s`, ratio: figures.rate, ...(connections > 1 ? { aim: 1.6, least: true } : {}) },
      { what: 'Processor time of PostgreSQL for one of them', ours: `${median(of('now', cpu)).toFixed(0)} µs`, other: `${median(of('before', cpu)).toFixed(0)} µs`, ratio: figures.cpu },
      { what: 'p99 of the same', ours: `${(median(of('now', p99)) / 1000).toFixed(2)} ms`, other: `${(median(of('before', p99)) / 1000).toFixed(2)} ms`, ratio: figures.p99, aim: 1, least: false });
    const many = `The same, ${TOGETHER} to a trip`;
    rows.push(
      { what: `${many}: rate`, ours: `${median(of('together', rate)).toFixed(0)}/s`, other: `${median(of('before', rate)).toFixed(0)}/s`, ratio: ratio(rate, 'together'), ...(connections > 1 ? { aim: 2.5, least: true } : {}) },
      { what: `${many}: processor time`, ours: `${median(of('together', cpu)).toFixed(0)} µs`, other: `${median(of('before', cpu)).toFixed(0)} µs`, ratio: ratio(cpu, 'together') },
      { what: `${many}: p99`, ours: `${(median(of('together', p99)) / 1000).toFixed(2)} ms`, other: `${(median(of('before', p99)) / 1000).toFixed(2)} ms`, ratio: ratio(p99, 'together') });
  }
  at.doctor.close();
  return rows;
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
  const at = await setUp(clinic), target = clinic.url + at.target;
  const load = () => wrk(target, { connections: 16, seconds: PACED_SECONDS, token: at.token, script: path.join(top, 'tests/bench/paced.lua') });
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
