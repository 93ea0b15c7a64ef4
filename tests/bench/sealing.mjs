// The sealed log: how fast it is sealed, what a second's events cost, how fast all of it
// is checked against what the hashes alone would take, and how much room it needs.
import path from 'node:path';
import { totp } from '../lib/clinic.mjs';
import { run, sleep, cpuUs } from './tools.mjs';

const EVENTS = Number(process.env.BENCH_LOG ?? 1_000_000);
const RATE = 2000, SECONDS = 20;
/** Of an entry with its first byte, on average; what openssl is asked for. */
const ENTRY = 512;

const one = async (clinic, text) => Number(Object.values((await clinic.sql(text))[0])[0]);
const unsealed = (clinic) => one(clinic, 'SELECT count(*) FROM audit_log l, audit_sealed s WHERE audit_turn(l.tx) >= audit_turn(s.tx) AND (l.tx, l.seq) > (s.tx, s.seq)');
const happen = (clinic, n) => clinic.sql(`INSERT INTO audit_log (clinic_id, actor_id, session, request_id, patient_id, event, operation, actor_role, purpose, action, address)
  SELECT (SELECT id FROM clinic LIMIT 1), md5((g % 40)::text)::uuid, g, gen_random_uuid(), md5((g % 50000)::text)::uuid, w.e, w.o, w.r, w.p, 'R', '192.0.2.7'
    FROM generate_series(1, ${n}) g, (SELECT audit_word('patient.read') AS e, audit_word('patient_read') AS o, audit_word('clinician') AS r, audit_word('TREAT') AS p OFFSET 0) w`);

/** Seconds until all is sealed. */
async function drained(clinic) {
  const began = performance.now();
  while (await unsealed(clinic) > 0) await sleep(50);
  return (performance.now() - began) / 1000;
}

/** Share of a core that epione-jobs takes for RATE events a second; and the worst wait. */
async function steady(clinic, jobs) {
  const before = cpuUs(jobs.pid), began = performance.now();
  let late = 0;
  for (let s = 0; s < SECONDS; s++) {
    await happen(clinic, RATE);
    const at = performance.now();
    while (await unsealed(clinic) > RATE / 10 && performance.now() - at < 900) await sleep(50);
    late = Math.max(late, await one(clinic, 'SELECT coalesce(extract(epoch FROM clock_timestamp() - min(l.at)), 0) FROM audit_log l, audit_sealed s WHERE audit_turn(l.tx) >= audit_turn(s.tx) AND (l.tx, l.seq) > (s.tx, s.seq)'));
    await sleep(Math.max(0, began + (s + 1) * 1000 - performance.now()));
  }
  return { share: (cpuUs(jobs.pid) - before) / 1e4 / ((performance.now() - began) / 1000), late };
}

/** SHA-256 of so many bytes, a second, on all cores. */
async function hashes() {
  const { stdout } = await run('openssl', ['speed', '-mr', '-seconds', '2', '-bytes', String(ENTRY), '-multi', '2', '-evp', 'sha256']);
  return Number(stdout.match(/^\+F:\d+:[^:]*:([\d.]+)/m)[1]) / ENTRY;
}

export async function sealing(clinic, say) {
  const jobs = await clinic.startJobs();
  await drained(clinic);
  const { share, late } = await steady(clinic, jobs);
  say(`sealing: ${RATE} events a second take ${share.toFixed(1)} % of a core, sealed within ${late.toFixed(1)} s`);
  await jobs.kill();
  for (let n = 0; n < EVENTS; n += 100_000) await happen(clinic, 100_000);
  const again = await clinic.startJobs(), rate = EVENTS / await drained(clinic);
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
    { what: `Processor time of epione-jobs to seal ${RATE} events a second`, ours: `${share.toFixed(1)} % of a core`, value: share, aim: 10, unit: '% of a core' },
    { what: 'Until an event is sealed, at that rate', ours: `${late.toFixed(1)} s`, value: late, aim: 5, unit: 's' },
    { what: 'Events sealed a second, at most', ours: rate.toFixed(0) },
    { what: `Events checked a second by \`audit verify\`, of ${all}, against SHA-256 of as many entries by openssl on two cores`, ours: verified.toFixed(0), other: most.toFixed(0), ratio: verified / most, value: verified, aim: 666667, least: true },
    { what: `The report of accesses, ${lines} events as CSV`, ours: `${told.toFixed(1)} s` },
    { what: 'Bytes for an event, with its indexes; and for its seal', ours: `${bytes.toFixed(0)} + ${seal.toFixed(0)}` },
  ];
}
