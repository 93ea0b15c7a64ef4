// The database dies, hangs, restarts; a client leaves. Nothing hangs, nothing
// is half done, and no worker is lost.
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client, startClinic } from '../lib/clinic.mjs';
import { patience, patient as patiently } from '../lib/patience.mjs';
import { alive, eventually } from '../lib/processes.mjs';

const sleep = (ms) => new Promise((r) => setTimeout(r, ms));
let clinic, front;
before(async () => {
  clinic = await startClinic({ settings: 'request_seconds 5\nsearch_seconds 2\n' });
  front = await clinic.signIn(clinic.people.scheduler);
});
after(async () => {
  front?.close();
  await clinic?.stop();
});

const workers = () => execFileSync('pgrep', ['-P', String(serverPid())]).toString().trim().split('\n').sort().join();
const serverPid = () => Number(readFileSync(path.join(clinic.dir, 'epione.pid'), 'utf8'));
const postmaster = () => {
  const file = readdirSync(path.join(clinic.dir, 'pg'), { recursive: true }).find((f) => f.endsWith('postmaster.pid'));
  return Number(readFileSync(path.join(clinic.dir, 'pg', file), 'utf8').split('\n')[0]);
};

async function untilWell(ms) {
  for (const late = patience(ms); !late(); await sleep(50)) {
    const r = await front.get(`/v1/patients/${clinic.patients[0]}`).catch(() => null);
    if (r?.status === 200) return true;
  }
  return false;
}

/** Clients that read and write until told to stop, or the test ends; every outcome is kept. */
function load(t, n) {
  let on = true;
  const outcomes = [];
  const one = async () => {
    const c = new Client(clinic.url, { role: 'scheduler' });
    c.token = front.token;
    while (on) {
      const began = Date.now(), key = randomUUID();
      const r = await c.create('/v1/patients', { family_name: 'Load', given_name: key, birth_date: '2000-01-01', sex: 'female' }, key).catch((e) => ({ status: 0, text: e.message }));
      outcomes.push({ status: r.status, ms: Date.now() - began, id: r.body?.id, key, error: r.status === 0 ? r.text : undefined });
    }
    c.close();
  };
  const all = Promise.all(Array.from({ length: n }, one));
  const stop = async () => { on = false; await all; };
  t.after(stop);
  return { outcomes, stop };
}

test('PostgreSQL killed with -9 under load: answers or 503, and well again within 5 s', async (t) => {
  const before = workers(), l = load(t, 16);
  await sleep(1000);
  const pid = postmaster();
  process.kill(pid, 'SIGKILL');
  assert.ok(await eventually(() => !alive(pid)));
  await sleep(700);
  await clinic.database('start');
  assert.ok(await untilWell(5000), 'well within 5 s of its return');
  await sleep(500);
  await l.stop();
  const odd = l.outcomes.filter((o) => ![201, 503].includes(o.status));
  assert.deepEqual(odd, []);
  assert.ok(l.outcomes.some((o) => o.status === 201));
  assert.ok(Math.max(...l.outcomes.map((o) => o.ms)) < patiently(7000), 'none hangs past its deadline');
  assert.equal(workers(), before, 'no worker restarts');
  // what was answered with 201 is there, and opens
  const ids = l.outcomes.filter((o) => o.id).slice(-30);
  for (const o of ids) assert.equal((await front.get(`/v1/patients/${o.id}`)).body?.given_name, o.key);
});

test('PostgreSQL restarted under load: the same', async (t) => {
  const before = workers(), l = load(t, 8);
  await sleep(500);
  await clinic.database('stop');
  await sleep(300);
  await clinic.database('start');
  assert.ok(await untilWell(5000));
  await l.stop();
  assert.deepEqual(l.outcomes.filter((o) => ![201, 503].includes(o.status)), []);
  assert.equal(workers(), before);
});

test('a database that hangs: 503 at the deadline, and the rest goes on after', async () => {
  const rows = await clinic.sql(`SELECT pid FROM pg_stat_activity WHERE usename = 'epione_server'`);
  for (const r of rows) process.kill(Number(r.pid), 'SIGSTOP');
  const began = Date.now();
  const r = await front.get(`/v1/patients/${clinic.patients[0]}`);
  assert.equal(r.status, 503);
  assert.ok(Date.now() - began < patiently(8000));
  assert.ok(r.headers['retry-after']);
  for (const row of rows) try { process.kill(Number(row.pid), 'SIGCONT'); } catch { /* ended meanwhile */ }
  assert.ok(await untilWell(5000));
});

test('searches that get nowhere keep nobody else out, and say what to do', async () => {
  const release = await clinic.hold('LOCK TABLE patient_token IN ACCESS EXCLUSIVE MODE');
  const crowd = Array.from({ length: 4 }, () => Object.assign(new Client(clinic.url, { role: 'scheduler' }), { token: front.token }));
  const answers = [];
  let on = true;
  // more than their queue is refused at once; and who was asks again, as long as others have work
  const searches = crowd.flatMap((c) => Array.from({ length: 60 }, async () => {
    do answers.push(await c.search({ family_name: 'Load' })); while (on && (await sleep(1000), on));
  }));
  while (answers.length === 0) await sleep(5);
  for (let i = 0; i < 20; i++) assert.equal((await front.get(`/v1/patients/${clinic.patients[0]}`)).status, 200);
  (await clinic.signIn(clinic.people.clinician)).close();
  on = false;
  await Promise.all(searches);
  for (const r of answers) {
    assert.deepEqual([r.status, r.body.code], [503, 'too_broad']);
    assert.ok(Number(r.headers['retry-after']) >= 1);
  }
  for (const c of crowd) c.close();
  await release();
  assert.equal((await front.search({ family_name: 'Load' })).status, 200);
});

test('a server that starts before its database waits for it', async () => {
  await clinic.stopServer();
  await clinic.database('stop');
  const starting = clinic.startServer();
  starting.catch(() => {});
  const probe = new Client(clinic.url);
  assert.ok(await eventually(() => probe.get('/healthz').then((r) => r.status === 200, () => false)), 'it is there');
  await sleep(1000);
  assert.equal((await probe.get('/readyz')).status, 503);
  assert.equal((await probe.get('/healthz')).status, 200);
  probe.close();
  await clinic.database('start');
  await starting;
  assert.ok(await untilWell(5000));
});

test('clients that leave in the middle leave their work to be finished', async () => {
  const [{ n: before }] = await clinic.sql(`SELECT count(*) AS n FROM audit WHERE event = 'patient.created'`);
  const gone = Array.from({ length: 40 }, (_, i) => {
    const c = new Client(clinic.url, { role: 'scheduler' });
    c.token = front.token;
    const p = c.create('/v1/patients', { family_name: 'Gone', given_name: `n${i}`, birth_date: '2000-01-01', sex: 'male' });
    p.catch(() => {});
    setTimeout(() => c.close(), 5 + i);
    return p.then(() => 1, () => 0);
  });
  await Promise.all(gone);
  const live = async () => [...(await front.get('/metrics')).text.matchAll(/epione_fibers\{[^}]*\} (\d+)/g)].map((m) => Number(m[1]));
  assert.ok(await eventually(async () => { const all = await live(); return all.length === 2 && all[0] + all[1] <= 6; }), `fibers end: ${await live()}`);
  const [{ n: after }] = await clinic.sql(`SELECT count(*) AS n FROM audit WHERE event = 'patient.created'`);
  const [{ n: rows }] = await clinic.sql(`SELECT count(*) AS n FROM audit a WHERE event = 'patient.created' AND outcome = 'ok' AND NOT EXISTS (SELECT FROM patient p WHERE p.id = a.record_id)`);
  assert.ok(Number(after) >= Number(before));
  assert.equal(rows, '0', 'no audit row without its record');
});

//= AU-01: no audit row, no answer
test('when the audit row cannot be written nothing is disclosed or changed', async () => {
  await clinic.sql('ALTER TABLE audit_log RENAME TO audit_away');
  try {
    const r = await front.get(`/v1/patients/${clinic.patients[0]}`);
    assert.ok([500, 503].includes(r.status), String(r.status));
    assert.doesNotMatch(r.text, /family_name/);
    const w = await front.create('/v1/patients', { family_name: 'Unseen', given_name: 'Unseen', birth_date: '2000-01-01', sex: 'male' });
    assert.ok(w.status >= 500);
  } finally {
    await clinic.sql('ALTER TABLE audit_away RENAME TO audit_log');
  }
  assert.ok(await untilWell(5000));
});
