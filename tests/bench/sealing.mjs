// The sealed log: how fast it is sealed, what a second's events cost, how fast all of it
// is checked against what the hashes alone would take, and how much room it needs.
import path from 'node:path';
import { totp } from '../lib/clinic.mjs';
import { cpuUs, ownUs, run, sleep } from './tools.mjs';

const EVENTS = Number(process.env.BENCH_LOG ?? 1_000_000);
const RATE = 2000, SECONDS = 20;
/** Transactions a second in which they come. */
const TURNS = 10;
/** Of an entry with its first byte, on average; what openssl is asked for. */
const ENTRY = 512;

const one = async (clinic, text) => Number(Object.values((await clinic.sql(text))[0])[0]);
/** So many events at once; the last of them, and up to which all are sealed, as it was before. */
async function happen(clinic, n) {
  const [r] = await clinic.sql(`WITH made AS (INSERT INTO audit_log (clinic_id, actor_id, session, request_id, patient_id, event, operation, actor_role, purpose, action, address)
    SELECT (SELECT id FROM clinic LIMIT 1), md5((g % 40)::text)::uuid, g, gen_random_uuid(), md5((g % 50000)::text)::uuid, w.e, w.o, w.r, w.p, 'R', '192.0.2.7'
      FROM generate_series(1, ${n}) g, (SELECT audit_word('patient.read') AS e, audit_word('patient_read') AS o, audit_word('clinician') AS r, audit_word('TREAT') AS p OFFSET 0) w
    RETURNING tx, seq) SELECT max(m.tx) AS tx, max(m.seq) AS seq, s.tx AS sealed_tx, s.seq AS sealed_seq FROM made m, audit_sealed s GROUP BY s.tx, s.seq`);
  return { last: [Number(r.tx), Number(r.seq)], sealed: [Number(r.sealed_tx), Number(r.sealed_seq)] };
}
const sealedTo = async (clinic) => {
  const [r] = await clinic.sql('SELECT tx, seq FROM audit_sealed');
  return [Number(r.tx), Number(r.seq)];
};
const reaches = (sealed, last) => sealed[0] > last[0] || (sealed[0] === last[0] && sealed[1] >= last[1]);

/** Once all is sealed up to this event: how many were, a second, from now on. */
async function drained(clinic, last) {
  const leaves = () => one(clinic, 'SELECT coalesce(sum(size), 0) FROM audit_tree');
  const began = performance.now(), were = await leaves();
  while (!reaches(await sealedTo(clinic), last)) await sleep(50);
  return (await leaves() - were) / ((performance.now() - began) / 1000);
}

/** Processor time of all that seals, in µs: epione-jobs, and what works for it in PostgreSQL. */
async function spent(clinic, jobs) {
  const pids = await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE usename = 'epione_jobs'`);
  if (pids.length === 0) throw new Error('epione-jobs has no connection');
  return { ours: cpuUs(jobs.pid), theirs: new Map(pids.map(({ pid }) => [pid, ownUs(pid)])) };
}

/** Shares of a core for RATE events a second, which come evenly; and the longest from when
 * who wrote an event knows that it is there to the first look that finds it sealed. */
async function steady(clinic, jobs) {
  const before = await spent(clinic, jobs), began = performance.now(), waiting = [];
  let late = 0, n = 0;
  const look = (sealed, at) => {
    while (waiting.length > 0 && reaches(sealed, waiting[0].last)) late = Math.max(late, at - waiting.shift().at);
  };
  while (n < RATE * SECONDS) {
    const { last, sealed } = await happen(clinic, RATE / TURNS);
    waiting.push({ last, at: performance.now() });
    look(sealed, performance.now());
    n += RATE / TURNS;
    await sleep(Math.max(0, began + n / RATE * 1000 - performance.now()));
  }
  const seconds = (performance.now() - began) / 1000, after = await spent(clinic, jobs);
  for (; waiting.length > 0; await sleep(50)) {
    const sealed = await sealedTo(clinic);
    look(sealed, performance.now());
  }
  const share = (us) => us / 1e4 / seconds;
  return { rate: n / seconds, late: late / 1000, ours: share(after.ours - before.ours),
    theirs: share([...after.theirs].reduce((sum, [pid, us]) => sum + us - (before.theirs.get(pid) ?? 0), 0)) };
}

/** SHA-256 of so many bytes, a second, on all cores. */
async function hashes() {
  const { stdout } = await run('openssl', ['speed', '-mr', '-seconds', '2', '-bytes', String(ENTRY), '-multi', '2', '-evp', 'sha256']);
  return Number(stdout.match(/^\+F:\d+:[^:]*:([\d.]+)/m)[1]) / ENTRY;
}

export async function sealing(clinic, say) {
  const jobs = await clinic.startJobs();
  await drained(clinic, (await happen(clinic, 1)).last);
  const { rate: written, late, ours, theirs } = await steady(clinic, jobs);
  say(`sealing: ${written.toFixed(0)} events a second take ${ours.toFixed(1)} % of a core, ${theirs.toFixed(1)} % in PostgreSQL, sealed within ${late.toFixed(1)} s`);
  await jobs.kill();
  let last;
  for (let n = 0; n < EVENTS; n += 100_000) ({ last } = await happen(clinic, 100_000));
  const again = await clinic.startJobs(), rate = await drained(clinic, last);
  await again.kill();
  say(`sealing: ${rate.toFixed(0)} events a second at most`);
  const all = await one(clinic, 'SELECT count(*) FROM audit_log');
  const bytes = await one(clinic, `SELECT sum(pg_total_relation_size(inhrelid)) FROM pg_inherits WHERE inhparent = 'audit_log'::regclass`) / all;
  const seal = await one(clinic, `SELECT pg_total_relation_size('audit_tile')`) / all;
  await clinic.sql('VACUUM ANALYZE audit_log');
  const began = performance.now();
  await clinic.ctl('audit', 'verify', '--config', path.join(clinic.dir, 'epione.conf'), '--database', await clinic.address('owner'));
  const verified = all / ((performance.now() - began) / 1000), most = await hashes();
  say(`sealing: ${verified.toFixed(0)} events a second are checked; openssl hashes ${most.toFixed(0)} entries`);
  const officer = await clinic.signIn(clinic.people.compliance), to = new Date(Date.now() + 60_000).toISOString();
  await clinic.sql('UPDATE account SET totp_last_step = 0');
  const fresh = await officer.post('/v1/session/step-up', { code: totp(clinic.people.compliance.totp_secret) });
  if (fresh.status !== 200) throw new Error(`step-up: ${fresh.status} ${fresh.text}`);
  const asked = performance.now();
  const report = await officer.get(`/v1/reports/access?from=${new Date(Date.now() - 86400e3).toISOString()}&to=${to}`, { accept: 'text/csv' });
  if (report.status !== 200) throw new Error(`report: ${report.status} ${report.text}`);
  const told = (performance.now() - asked) / 1000, lines = report.text.split('\n').length - 2;
  officer.close();
  say(`sealing: a report of ${lines} events in ${told.toFixed(1)} s`);
  return [
    { what: `Processor time of epione-jobs to seal ${written.toFixed(0)} events a second, of a core; beside it PostgreSQL's in its connections`, ours: `${ours.toFixed(1)} %`, other: `${theirs.toFixed(1)} %`, value: ours, aim: 10, unit: '%' },
    { what: 'Until an event is sealed, at that rate', ours: `${late.toFixed(1)} s`, value: late, aim: 5, unit: 's' },
    { what: 'Events sealed a second, at most', ours: rate.toFixed(0) },
    { what: `Events checked a second by \`audit verify\`, of ${all}, against SHA-256 of as many entries by openssl on two cores`, ours: verified.toFixed(0), other: most.toFixed(0), ratio: verified / most, value: verified, aim: 666667, least: true },
    { what: `The report of accesses, ${lines} events as CSV`, ours: `${told.toFixed(1)} s` },
    { what: 'Bytes for an event, with its indexes; and for its seal', ours: `${bytes.toFixed(0)} + ${seal.toFixed(0)}` },
  ];
}
