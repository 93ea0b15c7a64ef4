// A great many people at once: sockets that are open and say nothing, and
// whether the workers share what comes.
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { Client } from '../lib/clinic.mjs';
import { cpuUs, family, memoryKib, Pairs, parentOf, run, sleep, upgrade, wrk } from './tools.mjs';

const VISITS = 5000, CLIENTS = 5, SETTLE_MS = 15000, REST_S = 20;
const FAIR = { connections: 64, seconds: 3 };

const token = (i) => createHash('sha256').update(`bench ${i}`).digest('base64url');

/** A visit every 15 s, none beside another, and a session for each end of each. */
export async function people(clinic) {
  const [patient, doctor] = await Promise.all(['patient', 'clinician'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (c) => (await c.get('/v1/session')).body;
  const [p, d] = [await me(patient), await me(doctor)];
  for (const c of [patient, doctor]) c.close();
  await clinic.sql(`
    UPDATE visit SET status = 'cancelled' WHERE clinician_id = :'doctor' OR patient_id = :'patient';
    INSERT INTO visit (clinic_id, id, patient_id, clinician_id, starts_at, ends_at, reason, status, created_by)
    SELECT a.clinic_id, md5('visit' || i)::uuid, :'patient', :'doctor', now() - interval '20 hours' + i * interval '15 seconds',
           now() - interval '20 hours' + (i + 1) * interval '15 seconds', one.reason, 'arrived', a.id
      FROM account a, generate_series(0, ${VISITS - 1}) i, (SELECT reason FROM visit WHERE patient_id = :'patient' LIMIT 1) one
     WHERE a.id = :'doctor';
    INSERT INTO session
    SELECT (jsonb_populate_record(s, jsonb_build_object('id', md5('session' || (2 * i + side)),
            'hash', sha256(convert_to(rtrim(translate(encode(sha256(convert_to('bench ' || (2 * i + side), 'UTF8')), 'base64'), '+/', '-_'), '='), 'UTF8'))))).*
      FROM generate_series(0, ${VISITS - 1}) i,
           (SELECT DISTINCT ON (account_id) session AS s, (account_id = :'doctor')::int AS side FROM session
             WHERE account_id IN (:'doctor', :'account') AND ended_at IS NULL ORDER BY account_id, created_at DESC) one;
    ANALYZE visit, session;`, { patient: p.user.patient_id, account: p.user.id, doctor: d.user.id });
  const ids = await clinic.sql(`SELECT md5('visit' || i)::uuid AS id FROM generate_series(0, ${VISITS - 1}) i`);
  return ids.flatMap(({ id }, i) => [0, 1].map((side) => [
    upgrade(clinic.port, `/v1/visits/${id}/signal`, ['Sec-WebSocket-Protocol: epione.signal.v1', `Authorization: Bearer ${token(2 * i + side)}`]),
    JSON.stringify({ type: 'hello' }), 'none']));
}

const workers = (pid) => family(pid).filter((p) => fs.readFileSync(`/proc/${p}/cmdline`, 'latin1').includes('[wrk'));
const descriptors = (pid) => workers(pid).map((p) => fs.readdirSync(`/proc/${p}/fd`).length);
/** The largest part of a whole: 0.5 when two share evenly. */
const largest = (parts) => Math.max(...parts) / parts.reduce((a, b) => a + b);
const postmaster = async (clinic) => parentOf(Number((await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer'`))[0].pid));

export async function idle(clinic, say) {
  const most = Number((await run('sh', ['-c', 'ulimit -Hn'])).stdout) - 100;
  const lines = (await people(clinic)).slice(0, most), n = lines.length;
  await clinic.stopServer(); // what others left in its pools would not count
  await clinic.startServer();
  const { pid } = clinic.server, database = await postmaster(clinic);
  await sleep(1000);
  const before = memoryKib(family(pid)), empty = descriptors(pid);
  const part = Math.ceil(n / CLIENTS), began = Date.now();
  const loads = Array.from({ length: CLIENTS }, (_, i) => new Pairs(clinic.port, 'none', lines.slice(i * part, (i + 1) * part)));
  try {
    await Promise.all(loads.map((l) => l.ask('open')));
    const seconds = (Date.now() - began) / 1000;
    await sleep(SETTLE_MS);
    const each = (memoryKib(family(pid)) - before) / n;
    const share = largest(descriptors(pid).map((d, i) => d - empty[i]));
    const cpu = [cpuUs(pid), cpuUs(database)];
    await sleep(REST_S * 1000);
    const [ours, theirs] = [cpuUs(pid) - cpu[0], cpuUs(database) - cpu[1]].map((us) => us / REST_S / 1e4);
    const open = descriptors(pid).reduce((a, d, i) => a + d - empty[i], 0);
    if (open < n) throw new Error(`${n - open} of ${n} sockets were lost`);
    say(`idle: ${n} sockets, ${before} KiB before them, ${each.toFixed(1)} KiB each; ${ours.toFixed(1)} % of a core, PostgreSQL ${theirs.toFixed(1)} %; share ${share.toFixed(2)}; opened in ${seconds.toFixed(0)} s`);
    return [
      { what: `Memory of an idle TLS WebSocket, ${n} of them`, ours: `${each.toFixed(1)} KiB`, value: each, aim: 25, unit: 'KiB', least: false },
      { what: 'Processor time at rest with all of them, of a core; beside it PostgreSQL\'s', ours: `${ours.toFixed(1)} %`, other: `${theirs.toFixed(1)} %`, value: ours, aim: 10, unit: '%', least: false },
      { what: `Opened by ${CLIENTS} clients: handshake, session, right, audit row, hello`, ours: `${(n / seconds).toFixed(0)}/s` },
      { what: 'Largest share of one of two workers: of these sockets', ours: `${(100 * share).toFixed(0)} %`, value: 100 * share, aim: 55, unit: '%', least: false },
    ];
  } finally {
    for (const l of loads) l.close();
    // theirs are ids out of order: a later sign-in would pass for the oldest session, and give way
    await clinic.sql(`UPDATE session SET ended_at = now() WHERE id IN (SELECT md5('session' || i)::uuid FROM generate_series(0, ${2 * VISITS - 1}) i)`);
    for (let i = 0; i < 100 && descriptors(pid).some((d, w) => d > empty[w] + 10); i++) await sleep(200);
  }
}

const answered = async (client) => {
  const { text } = await client.get('/metrics');
  const count = {};
  for (const [, w, n] of text.matchAll(/^epione_answers_total\{worker="(\d+)",class="2xx"\} (\d+)$/gm)) count[w] = Number(n);
  return Object.values(count);
};

export async function fair(clinic, say) {
  const probe = new Client(clinic.url), { pid } = clinic.server, rows = [];
  const before = await answered(probe), empty = descriptors(pid);
  const load = wrk(`${clinic.url}/healthz`, FAIR);
  await sleep(FAIR.seconds * 500);
  const connections = descriptors(pid).map((d, i) => d - empty[i]);
  await load;
  const requests = (await answered(probe)).map((n, i) => n - before[i]);
  probe.close();
  say(`fair: connections ${connections}, requests ${requests}`);
  for (const [what, parts] of [['connections', connections], ['requests', requests]])
    rows.push({ what: `The same: of ${what}, ${FAIR.connections} clients that ask without a pause`, ours: `${(100 * largest(parts)).toFixed(0)} %`, value: 100 * largest(parts), aim: 60, unit: '%', least: false });
  return rows;
}
