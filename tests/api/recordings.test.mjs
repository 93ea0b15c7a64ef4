// Recordings of calls: consent in the room, chunks to a store and back by presigned
// addresses, what jobs verify and delete. RC-01 to RC-07.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';

import { startClinic, totp } from '../lib/clinic.mjs';
import { Keys } from '../lib/keys.mjs';
import { Peer } from '../lib/peer.mjs';
import { seal, sha256, unseal, upload as put } from '../lib/recording.mjs';
import { aStore } from '../lib/store.mjs';

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let clinic, store, jobs, doctor, patient, scheduler, admin, officer, ids;

before(async () => {
  store = await aStore();
  clinic = await startClinic({ settings: `join_minutes_before 1440\n${store.settings}`, jobs: store.jobs });
  await store.start(clinic.url);
  jobs = await clinic.startJobs();
  [doctor, patient, scheduler, admin, officer] = await Promise.all(['clinician', 'patient', 'scheduler', 'admin', 'compliance'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (client) => (await client.get('/v1/session')).body.user;
  ids = { doctor: (await me(doctor)).id, patient: (await me(patient)).patient_id, account: (await me(patient)).id };
  await until('a key to sign with', async () => (await clinic.sql('SELECT day FROM store_signer')).length > 0);
});
after(async () => {
  await clinic?.stop();
  await store?.stop();
});

async function until(what, look, ms = 90000) {
  for (const end = Date.now() + ms; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-1500)}`);
  }
}
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.body; };
const refused = (r, status, code) => assert.deepEqual([r.status, r.body?.code], [status, code], r.text);
const stepUp = async (client, person) => {
  await clinic.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: await clinic.accountId(person) });
  ok(await client.post('/v1/session/step-up', { code: totp(person.totp_secret) }));
};
const policy = async (changes) => {
  const was = await admin.get('/v1/clinic/policy');
  ok(await admin.patch('/v1/clinic/policy', changes, { 'if-match': was.headers.etag }));
};

let slot = 0;
const opened = [];
/** A visit in its call, with both sockets in the room. */
async function call() {
  let id;
  for (; !id;) {
    const starts = new Date(Date.now() + 60000 * (10 + 5 * slot++)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await scheduler.create('/v1/visits', { patient_id: ids.patient, clinician_id: ids.doctor, duration_minutes: 5, starts_at: starts, reason: 'recorded' });
    if (made.body?.code !== 'slot_taken') ({ id } = ok(made, 201));
  }
  ok(await patient.post(`/v1/visits/${id}/check-in`));
  const peer = (client) => new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`, { headers: { authorization: `Bearer ${client.token}` } });
  const pat = peer(patient), doc = peer(doctor);
  await pat.hello();
  await doc.hello();
  ok(await doctor.post(`/v1/visits/${id}/admit`));
  await pat.hear('admitted');
  opened.push(pat, doc);
  return { id, pat, doc, again: () => peer(patient), leave: () => { pat.ws.close(); doc.ws.close(); } };
}
const ask = async (c) => ok(await doctor.create(`/v1/visits/${c.id}/recordings`, {}), 201);
/** A recording that everybody agreed to. */
async function recording() {
  const c = await call();
  const made = await ask(c);
  await c.pat.hear('recording', (m) => m.id === made.id && m.state === 'consent');
  c.pat.say({ type: 'consent', recording: made.id, given: true });
  for (const p of [c.pat, c.doc]) await p.hear('recording', (m) => m.id === made.id && m.state === 'recording');
  return { ...c, ...made };
}
const stateOf = async (id) => ok(await doctor.get(`/v1/recordings/${id}`)).state;

const presign = (r, index, object) => doctor.post(`/v1/recordings/${r.id}/chunks`, { index, bytes: object.length, sha256: sha256(object) });
const upload = (r, index, object) => put(doctor, r, index, object);
const media = Array.from({ length: 3 }, (_, i) => Buffer.concat([Buffer.from(`piece ${i} `), randomBytes(5000)]));
/** One that is in the store, whole: three pieces and an empty last one. */
async function stored() {
  const r = await recording();
  for (const [i, piece] of media.entries()) await upload(r, i, seal(r, i, false, piece));
  await upload(r, 3, seal(r, 3, true, Buffer.alloc(0)));
  ok(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 4, media_type: 'video/webm;codecs=vp8,opus' }));
  await until('stored', async () => (await stateOf(r.id)) === 'stored');
  return r;
}

test('a clinic records nothing until its policy says so', async () => {
  const c = await call();
  assert.deepEqual([c.doc.welcome.records, ok(await admin.get('/v1/clinic/policy')).recording], [false, 0]);
  refused(await doctor.create(`/v1/visits/${c.id}/recordings`, {}), 409, 'recording_off');
  await policy({ recording: 1, recording_days: 30 });
  assert.equal((await ask(c)).state, 'consent');
  c.leave();
});

//= RC-01
test('it begins when everybody has agreed, everybody hears of it, and each answer is a row', async () => {
  const c = await call();
  assert.equal(c.doc.welcome.records, true);
  const once = randomUUID();
  const made = ok(await doctor.create(`/v1/visits/${c.id}/recordings`, {}, once), 201);
  //= EN-01: whoever lost the answer gets it again, and no row has its key in clear
  assert.deepEqual(ok(await doctor.create(`/v1/visits/${c.id}/recordings`, {}, once), 201), made);
  const kept = await clinic.sql(`SELECT encode(secret, 'hex') AS raw FROM recording WHERE id = :'id' UNION ALL SELECT encode(answer, 'hex') FROM idempotency WHERE operation = 'recording_create' AND answer IS NOT NULL`, made);
  assert.ok(kept.length >= 2 && kept.every(({ raw }) => raw.length > 64));
  for (const { raw } of kept)
    for (const clear of [Buffer.from(made.key, 'base64'), Buffer.from(made.key), Buffer.from(made.id)]) assert.ok(!raw.includes(clear.toString('hex')));
  assert.deepEqual([made.state, Buffer.from(made.key, 'base64').length, Buffer.from(made.nonce_prefix, 'base64').length], ['consent', 32, 7]);
  refused(await doctor.create(`/v1/visits/${c.id}/recordings`, {}), 409, 'already_done');
  refused(await doctor.post(`/v1/recordings/${made.id}/start`), 409, 'no_consent');
  refused(await presign(made, 0, Buffer.alloc(20)), 409, 'wrong_status');
  for (const p of [c.pat, c.doc]) assert.equal((await p.hear('recording')).state, 'consent');
  c.pat.say({ type: 'consent', recording: made.id, given: true });
  for (const p of [c.pat, c.doc]) assert.equal((await p.hear('recording')).state, 'recording');
  const seen = ok(await patient.get(`/v1/recordings/${made.id}`));
  assert.deepEqual([seen.state, seen.participants.map((p) => [p.role, p.given, p.wording])], ['recording', [['clinician', true, 1], ['patient', true, 1]]]);
  assert.ok(Math.abs(Date.parse(seen.retention_until) - Date.parse(seen.created_at) - 30 * 86400e3) < 2000);
  // one who took a yes back: at once, for everybody
  c.pat.say({ type: 'consent', recording: made.id, given: false });
  for (const p of [c.pat, c.doc]) assert.deepEqual(await p.hear('recording').then((m) => [m.state, m.reason]), ['stopped', 'withdrawn']);
  await until('stopped', async () => (await stateOf(made.id)) === 'stopped');
  assert.deepEqual(await clinic.sql(`SELECT role, given, wording FROM recording_consent WHERE recording_id = :'id' ORDER BY at`, made),
    [['clinician', 't'], ['patient', 't'], ['patient', 'f']].map(([role, given]) => ({ role, given, wording: '1' })));
  assert.deepEqual((await clinic.audit(`record_id = '${made.id}' AND outcome = 'ok' AND action <> 'R'`)).map((e) => e.event), ['recording.asked', 'recording.asked', 'recording.answered', 'recording.started', 'recording.answered'], 'and that its key was given out once more');
  c.leave();
  // answers that the room was not there to hear are no less
  const quiet = await call(), unheard = await ask(quiet);
  await clinic.sql(`INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording)
    SELECT g.clinic_id, gen_random_uuid(), g.id, a.id, 'patient', true, 1 FROM recording g JOIN account a ON a.patient_id = g.patient_id WHERE g.id = :'id'`, unheard);
  ok(await doctor.post(`/v1/recordings/${unheard.id}/start`));
  for (const p of [quiet.pat, quiet.doc]) await p.hear('recording', (m) => m.id === unheard.id && m.state === 'recording');
  quiet.leave();
});

//= RC-01
test('a no, a hang-up of the clinician and a newcomer who has not agreed end it', async () => {
  const c = await call();
  const first = await ask(c);
  await c.pat.hear('recording', (m) => m.state === 'consent');
  c.pat.say({ type: 'consent', recording: first.id, given: false });
  assert.equal((await c.doc.hear('recording', (m) => m.state === 'stopped')).reason, 'refused');
  await until('stopped', async () => (await stateOf(first.id)) === 'stopped');
  c.pat.say({ type: 'consent', recording: first.id, given: true });
  assert.equal((await c.pat.hear('error')).code, 'wrong_status');
  // over HTTP, as another page would
  const second = await ask(c);
  await c.pat.hear('recording', (m) => m.id === second.id);
  ok(await patient.post(`/v1/recordings/${second.id}/consent`, { given: true }));
  await c.pat.hear('recording', (m) => m.id === second.id && m.state === 'recording');
  // whoever comes back has agreed already; by another's eyes they have not
  const again = c.again();
  await again.hello();
  assert.equal((await again.hear('recording')).state, 'recording');
  await clinic.sql(`DELETE FROM recording_consent WHERE recording_id = :'id' AND role = 'patient'; SELECT pg_notify('epione_recording', :'visit' || ' recording')`, { id: second.id, visit: c.id });
  assert.equal((await again.hear('recording', (m) => m.state === 'stopped')).reason, 'newcomer');
  await until('stopped', async () => (await stateOf(second.id)) === 'stopped');
  const third = await ask(c);
  await again.hear('recording', (m) => m.id === third.id);
  c.doc.say({ type: 'leave' });
  assert.deepEqual(await again.hear('recording', (m) => m.id === third.id && m.state === 'stopped').then((m) => m.reason), 'left');
  again.ws.close();
  await until('stopped', async () => (await stateOf(third.id)) === 'stopped');
});

//= RC-03, RC-04, RC-05
test('an address is good for one piece, as it was said to be, and for nothing else', async () => {
  const r = await recording();
  const object = seal(r, 0, false, media[0]);
  const answer = await presign(r, 0, object);
  const { url, headers, expires_at } = ok(answer);
  assert.equal(answer.headers['cache-control'], 'no-store');
  const u = new URL(url);
  assert.equal(u.origin, `http://localhost:${store.port}`);
  assert.match(u.pathname, /^\/recordings\/[0-9a-f]{32}\/[0-9a-f]{32}$/);
  assert.ok(!url.includes(r.id) && Number(u.searchParams.get('X-Amz-Expires')) <= 300);
  assert.ok(Date.parse(expires_at) <= Date.now() + 301e3);
  for (const name of ['host', 'content-length', 'content-type', 'x-amz-checksum-sha256']) assert.ok(u.searchParams.get('X-Amz-SignedHeaders').split(';').includes(name), name);
  const tried = async (to, init) => (await fetch(to, init)).status;
  const put = { method: 'PUT', headers, body: object };
  assert.equal(await tried(url, { ...put, body: object.subarray(1) }), 403, 'another length');
  assert.equal(await tried(url, { ...put, headers: { ...headers, 'content-type': 'text/html' } }), 403, 'another type');
  assert.equal(await tried(url, { ...put, headers: { ...headers, 'x-amz-checksum-sha256': sha256(Buffer.from('x')) } }), 403, 'another checksum');
  const other = Buffer.from(object);
  other[0] ^= 1;
  assert.equal(await tried(url, { ...put, body: other }), 400, 'other bytes');
  assert.equal(await tried(url, { method: 'GET', headers }), 403, 'another method');
  assert.equal(await tried(url.replace(/.(?=&X-Amz-Sig)/, '9'), put), 403, 'a changed parameter');
  assert.equal(await tried(u.origin + u.pathname, put), 403, 'unsigned');
  for (const anonymous of [u.pathname, '/recordings', '/recordings?list-type=2', '/recordings?versions']) assert.equal(await tried(u.origin + anonymous), 403, anonymous);
  assert.equal(store.files().length, 0, 'nothing of that was kept');
  assert.equal(await tried(url, put), 200);
  assert.deepEqual(store.read(u.pathname.slice('/recordings/'.length)), object);
  assert.notDeepEqual(store.read(u.pathname.slice('/recordings/'.length)).subarray(0, 4), Buffer.from('1a45dfa3', 'hex'));
  // again, for the same piece: the same object. Another piece of this number: never
  assert.equal(new URL(ok(await presign(r, 0, object)).url).pathname, u.pathname);
  refused(await presign(r, 0, other), 409, 'already_done');
  for (const [field, value] of [['sha256', 'A'.repeat(44)], ['bytes', 15], ['bytes', 16777217], ['index', -1]]) {
    const bad = await doctor.post(`/v1/recordings/${r.id}/chunks`, { index: 1, bytes: 20, sha256: sha256(object), [field]: value });
    assert.deepEqual([bad.status, bad.body.field], [422, field], bad.text);
  }
  for (const index of ['x', '-1', '01', '100000', '0x0']) assert.equal((await doctor.post(`/v1/recordings/${r.id}/chunks/${index}/done`)).status, 404, index);
  refused(await doctor.post(`/v1/recordings/${r.id}/chunks/7/done`), 404, 'not_found');
  assert.equal((await patient.post(`/v1/recordings/${r.id}/chunks`, {})).status, 404);
  for (const log of [clinic.log, jobs.log]) assert.ok(!/X-Amz|TESTKEY|TESTSECRET/.test(log), 'no address and no credential in a log');
  const page = await doctor.get('/', { accept: 'text/html' });
  assert.match(page.headers['content-security-policy'], new RegExp(`connect-src 'self' http://localhost:${store.port};`));
  ok(await doctor.post(`/v1/recordings/${r.id}/stop`));
  assert.equal((await r.pat.hear('recording', (m) => m.state === 'stopped')).id, r.id);
  r.leave();
});

//= RC-02, RC-04, RC-06
test('what is missing is named; what is whole is played, each time written down', async () => {
  const r = await recording();
  for (const i of [0, 2]) await upload(r, i, seal(r, i, false, media[i]));
  ok(await presign(r, 1, seal(r, 1, false, media[1]))); // and never put there
  refused(await doctor.post(`/v1/recordings/${r.id}/playback`), 409, 'wrong_status');
  refused(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 2 }), 409, 'wrong_status');
  assert.equal(ok(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 4, media_type: 'video/webm;codecs=vp8,opus' })).state, 'checking');
  await until('incomplete', async () => (await stateOf(r.id)) === 'incomplete');
  const halfway = ok(await doctor.get(`/v1/recordings/${r.id}`));
  assert.deepEqual(halfway.missing, [1, 3]);
  assert.deepEqual(halfway.chunks.map((c) => [c.index, c.state]), [[0, 'stored'], [1, 'missing'], [2, 'stored']]);
  await upload(r, 1, seal(r, 1, false, media[1]));
  await upload(r, 3, seal(r, 3, true, Buffer.alloc(0)));
  ok(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 4 }));
  await until('stored', async () => (await stateOf(r.id)) === 'stored');
  for (const client of [doctor, patient]) {
    const answer = await client.post(`/v1/recordings/${r.id}/playback`, {});
    const play = ok(answer);
    assert.equal(answer.headers['cache-control'], 'no-store');
    assert.deepEqual([play.total, play.chunks.map((c) => [c.index, c.last]), play.media_type], [4, [[0, false], [1, false], [2, false], [3, true]], 'video/webm;codecs=vp8,opus']);
    const pieces = [];
    for (const c of play.chunks) {
      const object = Buffer.from(await (await fetch(c.url)).arrayBuffer());
      assert.equal(sha256(object), c.sha256);
      pieces.push(unseal(play, r.id, c.index, c.last, object));
    }
    assert.deepEqual(Buffer.concat(pieces), Buffer.concat(media));
    // in another place, or as the end, a piece does not open
    const first = Buffer.from(await (await fetch(play.chunks[0].url)).arrayBuffer());
    for (const [index, last] of [[1, false], [0, true]]) assert.throws(() => unseal(play, r.id, index, last, first));
  }
  assert.equal(ok(await doctor.post(`/v1/recordings/${r.id}/playback`, { from: 1, count: 2 })).chunks.length, 2);
  const looks = await clinic.sql(`SELECT actor_role, patient_id FROM audit WHERE event = 'recording.played' AND outcome = 'ok' AND record_id = :'id' ORDER BY seq`, r);
  assert.deepEqual(looks, ['clinician', 'patient', 'clinician'].map((actor_role) => ({ actor_role, patient_id: ids.patient })));
  assert.ok(ok(await patient.get(`/v1/patients/${ids.patient}/accesses?limit=100`)).items.some((e) => e.event === 'recording.played'));
  // compliance sees that it is there, and not what is in it
  const known = await officer.get(`/v1/recordings?visit_id=${r.id === '' ? '' : ok(await officer.get(`/v1/recordings/${r.id}`)).visit_id}`);
  assert.deepEqual(ok(known).items.map((i) => [i.id, i.state]), [[r.id, 'stored']]);
  assert.ok(!/key|secret|prefix/.test(known.text));
  assert.equal((await officer.post(`/v1/recordings/${r.id}/playback`)).status, 404);
  assert.ok(ok(await patient.get('/v1/recordings')).items.every((i) => i.patient_id === ids.patient));
  assert.ok(ok(await doctor.get(`/v1/recordings?patient_id=${ids.patient}`)).items.length > 0);
  const other = await clinic.signIn(clinic.people.clinician2);
  assert.ok(!ok(await other.get('/v1/recordings')).items.some((i) => i.id === r.id));
  for (const path of ['', '/playback']) assert.equal((await other.request(path ? 'POST' : 'GET', `/v1/recordings/${r.id}${path}`, path ? {} : undefined)).status, 404);
  await policy({ recording_patient: 0 });
  assert.equal((await patient.post(`/v1/recordings/${r.id}/playback`)).status, 404);
  await policy({ recording_patient: 1 });
  r.leave();
});

//= RC-06
test('a piece that was changed, cut or lost in the store is found, and named', async () => {
  const r = await stored();
  const faults = [
    ['checksum', 0, (file) => { const b = readFileSync(file); b[9] ^= 1; writeFileSync(file, b); }],
    ['size', 1, (file) => writeFileSync(file, readFileSync(file).subarray(0, -1))],
  ];
  const names = Object.fromEntries((await clinic.sql(`SELECT index, object FROM recording_chunk WHERE recording_id = :'id'`, r)).map((c) => [c.index, `${store.folder}/${c.object}`]));
  for (const [fault, index, harm] of faults) {
    harm(names[index]);
    ok(await doctor.post(`/v1/recordings/${r.id}/chunks/${index}/fault`, { fault: 'seal' }));
    await until(fault, async () => ok(await doctor.get(`/v1/recordings/${r.id}`)).chunks[index].state === fault);
  }
  await until('incomplete', async () => (await stateOf(r.id)) === 'incomplete');
  assert.deepEqual(ok(await doctor.post(`/v1/recordings/${r.id}/playback`)).chunks.map((c) => c.index), [2, 3], 'what is damaged is not given out');
  assert.ok((await clinic.audit(`record_id = '${r.id}' AND event IN ('recording.chunk_refused', 'recording.verified') AND outcome = 'ok'`)).length >= 2);
  // the month is over: it is looked at without being asked
  const s = await stored();
  await clinic.sql(`UPDATE recording SET checked_at = now() - interval '31 days' WHERE id = :'id'`, s);
  const [{ object }] = await clinic.sql(`SELECT object FROM recording_chunk WHERE recording_id = :'id' AND index = 2`, s);
  rmSync(`${store.folder}/${object}`);
  await sweepNow();
  await until('incomplete', async () => (await stateOf(s.id)) === 'incomplete');
  assert.deepEqual(ok(await doctor.get(`/v1/recordings/${s.id}`)).missing, [2]);
  r.leave();
  s.leave();
});

test('what lies in the store alone, or in the database alone, is named', async () => {
  const look = async (...more) => clinic.ctl('store', 'check', '--orphans', '--config', path.join(clinic.dir, 'epione-jobs.conf'), ...more).then((r) => ({ code: 0, ...r }), (r) => r);
  const orphans = async () => {
    const r = await look('--database', await clinic.address('owner'));
    const [strange, missing] = ['object without row ', 'row without object '].map((what) => r.stdout.split('\n').filter((line) => line.startsWith(what)).map((line) => line.slice(what.length).trim()));
    return { ...r, strange, missing };
  };
  const r = await stored();
  const before = await orphans();
  assert.deepEqual(before.strange, [], before.stdout + before.stderr);
  // more than a page of them, before, between and after those that are ours
  const strange = ['0', '8', 'f'].flatMap((c) => Array.from({ length: 400 }, () => `${c.repeat(32)}/${randomBytes(16).toString('hex')}`)).sort();
  for (const c of ['0', '8', 'f']) mkdirSync(path.join(store.folder, c.repeat(32)));
  for (const object of strange) writeFileSync(path.join(store.folder, object), 'x');
  const [{ object }] = await clinic.sql(`SELECT object FROM recording_chunk WHERE recording_id = :'id' AND index = 1`, r);
  const bytes = store.read(object);
  rmSync(path.join(store.folder, object));
  // what is only asked for need not be there
  await clinic.sql(`UPDATE recording_chunk SET done_at = NULL WHERE recording_id = :'id' AND index = 3`, r);
  const found = await orphans();
  assert.equal(found.code, 1);
  assert.deepEqual(found.strange, strange);
  assert.deepEqual(found.missing.filter((o) => !before.missing.includes(o)), [object]);
  assert.match(found.stdout, /: 1200 objects without a row, /);
  assert.ok(!/TESTSECRET|X-Amz/.test(found.stdout + found.stderr));
  // whoever sees no clinic's rows is told so, and not that all is strange
  const blind = await look();
  assert.deepEqual([blind.code, blind.stdout], [1, ''], blind.stderr);
  assert.match(blind.stderr, /does not see every clinic's recordings: say --database/);
  for (const c of ['0', '8', 'f']) rmSync(path.join(store.folder, c.repeat(32)), { recursive: true });
  writeFileSync(path.join(store.folder, object), bytes);
  const after = await orphans();
  assert.deepEqual([after.strange, after.missing], [[], before.missing]);
  r.leave();
});

async function sweepNow() {
  await clinic.sql(`DELETE FROM job WHERE kind = 'recording.sweep'; INSERT INTO job (clinic_id, id, kind, key, run_at) VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'recording.sweep', 'now', now()); NOTIFY epione_job`);
  await until('swept', async () => (await clinic.sql(`SELECT state FROM job WHERE kind = 'recording.sweep' AND key = 'now'`))[0]?.state === 'done');
}

//= RC-07
test('kept as long as people agreed to, or by a hold; deleted by two people, or by time', async () => {
  const r = await stored();
  const reason = { reason: 'A complaint came in' };
  refused(await officer.post(`/v1/recordings/${r.id}/hold`, reason), 403, 'step_up_required');
  refused(await officer.request('DELETE', `/v1/recordings/${r.id}`, reason), 403, 'step_up_required');
  await stepUp(officer, clinic.people.compliance);
  refused(await officer.post(`/v1/recordings/${r.id}/hold`, {}), 422, 'missing_field');
  assert.equal(ok(await officer.post(`/v1/recordings/${r.id}/hold`, reason)).hold, true);
  refused(await officer.post(`/v1/recordings/${r.id}/hold`, reason), 409, 'wrong_status');
  assert.equal(ok(await officer.get(`/v1/recordings/${r.id}`)).hold.reason, reason.reason);
  refused(await officer.request('DELETE', `/v1/recordings/${r.id}`, reason), 409, 'on_hold');
  //= EN-07: from here on its patient has a newer key; a recording stays under its own
  const keys = new Keys(clinic);
  assert.equal(await keys.newRecordKey('patient', ids.patient), 2);
  await keys.newRecordKey('account', ids.doctor);
  const once = async () => {
    const listed = ok(await doctor.get(`/v1/recordings?patient_id=${ids.patient}&limit=100`)).items.map((i) => i.id);
    assert.equal(new Set(listed).size, listed.length);
    assert.ok(listed.includes(r.id));
  };
  const under = async (which) => (await clinic.sql(`SELECT key_version FROM recording WHERE id = :'id'`, which))[0].key_version;
  await once();
  assert.equal(ok(await officer.get(`/v1/recordings/${r.id}`)).hold.reason, reason.reason);
  assert.equal(ok(await doctor.post(`/v1/recordings/${r.id}/playback`, {})).total, 4);
  await clinic.sql(`UPDATE recording SET keep_until = now() - interval '1 minute' WHERE id = :'id'`, r);
  await sweepNow();
  assert.equal(await stateOf(r.id), 'stored', 'the hold outlasts the time');
  await assert.rejects(clinic.sql(`UPDATE recording SET state = 'deleting' WHERE id = :'id'`, r), /recording_held/);
  ok(await officer.request('DELETE', `/v1/recordings/${r.id}/hold`, reason));
  refused(await officer.request('DELETE', `/v1/recordings/${r.id}/hold`, reason), 409, 'wrong_status');
  assert.equal(await under(r), '1');

  const prefix = (await clinic.sql(`SELECT prefix FROM recording WHERE id = :'id'`, r))[0].prefix;
  const mine = () => store.files().filter((f) => f.includes(prefix)).length;
  assert.equal(mine(), 4);
  // a store that is away: nothing is lost, and it is tried again
  await store.halt();
  await sweepNow();
  await until('a failed try', async () => (await clinic.sql(`SELECT error_code FROM job WHERE kind = 'recording.delete' AND record_id = :'id'`, r))[0]?.error_code === 'store_failed');
  assert.equal(await stateOf(r.id), 'deleting');
  assert.ok(ok(await admin.get('/v1/jobs?state=waiting')).items.some((j) => j.record_id === r.id && j.error_code === 'store_failed'));
  await store.start(clinic.url);
  await clinic.sql(`UPDATE job SET run_at = now() WHERE record_id = :'id' AND state = 'waiting'; NOTIFY epione_job`, r);
  await until('deleted', async () => (await stateOf(r.id)) === 'deleted');
  assert.equal(mine(), 0);
  assert.deepEqual(await clinic.sql(`SELECT secret IS NULL AS gone, deleted_at IS NOT NULL AS dated, (SELECT count(*) FROM recording_chunk c WHERE c.recording_id = r.id) AS chunks FROM recording r WHERE id = :'id'`, r), [{ gone: 't', dated: 't', chunks: '0' }]);
  refused(await doctor.post(`/v1/recordings/${r.id}/playback`), 409, 'wrong_status');
  assert.ok((await clinic.audit(`record_id = '${r.id}' AND event = 'recording.deleted' AND outcome = 'ok'`)).length > 0);

  const s = await stored();
  assert.equal(await under(s), '2');
  await clinic.sql(`UPDATE recording SET hold_reason = NULL WHERE id = :'id'`, r); // of which nothing is left that is sealed
  assert.equal(await under(r), '');
  await once();
  assert.equal(await stateOf(r.id), 'deleted');
  const asked = await officer.request('DELETE', `/v1/recordings/${s.id}`, reason);
  assert.deepEqual([asked.status, asked.body.state], [202, 'waiting'], asked.text);
  refused(await officer.post(`/v1/approvals/${asked.body.approval.id}/confirm`), 409, 'own_request');
  assert.equal(await stateOf(s.id), 'stored', 'not by one alone');
  await stepUp(admin, clinic.people.admin);
  assert.equal(ok(await admin.post(`/v1/approvals/${asked.body.approval.id}/confirm`)).state, 'confirmed');
  await until('deleted', async () => (await stateOf(s.id)) === 'deleted');
  refused(await officer.request('DELETE', `/v1/recordings/${s.id}`, reason), 409, 'wrong_status');
  r.leave();
  s.leave();
});

//= RC-03
test('new credentials sign without a restart', async () => {
  const r = await recording();
  writeFileSync(store.credentials, 'SECONDKEY ANOTHERSECRETANOTHER\nTESTKEY TESTSECRETTESTSECRET\n');
  await until('signed anew', async () => /SECONDKEY/.test(ok(await presign(r, 0, seal(r, 0, false, media[0]))).url));
  await upload(r, 0, seal(r, 0, false, media[0]));
  const [{ raw }] = await clinic.sql(`SELECT string_agg(encode(sealed, 'escape'), '') AS raw FROM store_signer`);
  assert.ok(!raw.includes('SECRET'));
  r.leave();
});
