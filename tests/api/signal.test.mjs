// The call's signaling over real sockets, on the real server with two workers:
// contract.md "Signaling", TR-06 to TR-13, SE-02, AZ-05.
import assert from 'node:assert/strict';
import { createHash, randomBytes } from 'node:crypto';
import { execFileSync } from 'node:child_process';
import https from 'node:https';
import test, { after, before } from 'node:test';
import { startClinic } from '../lib/clinic.mjs';
import { Peer, sdp } from '../lib/peer.mjs';
import { patient as patiently } from '../lib/patience.mjs';
import { eventually } from '../lib/processes.mjs';

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let clinic, doctor, patient, scheduler, admin, ids;
let slot = 0;

before(async () => {
  clinic = await startClinic({ settings: 'join_minutes_before 1440\n' });
  [doctor, patient, scheduler, admin] = await Promise.all(['clinician', 'patient', 'scheduler', 'admin'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (client) => (await client.get('/v1/session')).body.user;
  ids = { doctor: (await me(doctor)).id, patient: (await me(patient)).patient_id, account: (await me(patient)).id };
});

after(() => clinic?.stop());

/** A visit of five minutes, at a time of its own, all of them open to join. */
async function visit(whose = ids.patient) {
  for (;;) {
    const starts = new Date(Date.now() + 60000 * (10 + 5 * slot++));
    const made = await scheduler.create('/v1/visits', {
      patient_id: whose, clinician_id: ids.doctor, duration_minutes: 5,
      starts_at: starts.toISOString().replace(/\.\d+Z/, 'Z'), reason: 'signaling',
    });
    if (made.body?.code === 'slot_taken') continue; // one of the demo's own
    assert.equal(made.status, 201, made.text);
    return made.body.id;
  }
}

const address = (id) => `${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`;
const bearer = (client) => ({ authorization: `Bearer ${client.token}` });
const peer = (id, client, options = {}) => new Peer(address(id), { headers: bearer(client), ...options });

async function waiting() {
  const id = await visit();
  assert.equal((await patient.post(`/v1/visits/${id}/check-in`)).status, 200);
  const pat = peer(id, patient), doc = peer(id, doctor);
  await pat.hello();
  await doc.hello();
  return { id, pat, doc };
}

/** Both in the call, both have read everything. */
async function call() {
  const c = await waiting();
  assert.equal((await doctor.post(`/v1/visits/${c.id}/admit`)).status, 200);
  await c.pat.hear('admitted');
  await c.pat.hear('joined');
  await c.doc.hear('admitted');
  c.pat.heard = [];
  c.doc.heard = [];
  return c;
}

const candidate = (to, n) => ({ type: 'candidate', to, candidate: { candidate: `candidate:${n} 1 udp 1 192.0.2.1 9`, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: null } });
const offer = (to, text = sdp()) => ({ type: 'description', to, description: { type: 'offer', sdp: text } });
const unbroken = (...peers) => { for (const p of peers) assert.deepEqual(p.gaps, []); };
const stop = (...peers) => { for (const p of peers) p.stop(); };

/** A handshake by hand: the answer's status and headers. */
const shake = (id, headers) => new Promise((done, failed) => {
  const rq = https.request(`${clinic.url}/v1/visits/${id}/signal`, {
    rejectUnauthorized: false, agent: false,
    headers: { upgrade: 'websocket', connection: 'Upgrade', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==', 'sec-websocket-version': '13', 'sec-websocket-protocol': 'epione.signal.v1', ...headers },
  }, (rs) => { rs.resume(); done({ status: rs.statusCode, headers: rs.headers }); });
  rq.on('upgrade', (rs, socket) => { socket.destroy(); done({ status: rs.statusCode, headers: rs.headers }); });
  rq.on('error', failed);
  rq.end();
});

test('only who may come in gets a socket', async () => { //= TR-06, TR-07: our own Origin only; no session, no upgrade
  const id = await visit();
  const good = await shake(id, bearer(doctor));
  assert.equal(good.status, 101);
  assert.equal(good.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo='); // RFC 6455 1.3
  assert.equal(good.headers['sec-websocket-protocol'], 'epione.signal.v1');

  assert.equal((await shake(id, {})).status, 401);
  assert.equal((await shake(id, { authorization: 'Bearer ' + 'A'.repeat(43) })).status, 401);
  const other = await clinic.signIn(clinic.people.patient2);
  const nobody = '00000000-0000-4000-8000-000000000000';
  for (const [client, where] of [[other, id], [scheduler, id], [admin, id], [doctor, nobody]])
    assert.equal((await shake(where, bearer(client))).status, 404); //= TR-11: not a participant

  const browser = await clinic.signIn(clinic.people.clinician, { browser: true });
  const cookie = browser.cookie;
  assert.equal((await shake(id, { cookie, origin: clinic.url })).status, 101);
  for (const origin of ['https://evil.example', 'null', clinic.url + '.evil.example', clinic.url.replace('https', 'http')])
    assert.equal((await shake(id, { cookie, origin })).status, 403, origin);
  assert.equal((await shake(id, { cookie })).status, 403);
  assert.equal((await shake(id, { ...bearer(doctor), origin: 'https://evil.example' })).status, 403);

  assert.equal((await shake(id, { ...bearer(doctor), 'sec-websocket-protocol': 'chat' })).status, 400);
  const old = await shake(id, { ...bearer(doctor), 'sec-websocket-version': '8' });
  assert.equal(old.status, 426);
  assert.equal(old.headers['sec-websocket-version'], '13');
  assert.equal((await doctor.get(`/v1/visits/${id}/signal`)).status, 426);
  const rows = await clinic.audit(`event = 'visit.joined' AND record_id = '${id}' AND outcome = 'ok'`);
  assert.ok(rows.length >= 2);
});

test('the queue says how many stand before, and for how long', async () => {
  const others = [];
  for (const name of ['Before', 'Now']) { // two more patients of the same clinician, due before ours
    const made = await scheduler.create('/v1/patients', { family_name: name, given_name: 'Una', birth_date: '1990-01-01', sex: 'other' });
    assert.equal(made.status, 201, made.text);
    const id = await visit(made.body.id);
    assert.equal((await scheduler.post(`/v1/visits/${id}/check-in`)).status, 200);
    others.push(id);
  }
  const id = await visit();
  assert.equal((await patient.post(`/v1/visits/${id}/check-in`)).status, 200);
  const pat = peer(id, patient);
  await pat.hello();
  const first = await pat.hear('queue');
  assert.equal(first.position, 3);
  await clinic.sql(`UPDATE visit SET starts_at = starts_at - interval '1 day' - interval '1 hour', ends_at = ends_at - interval '1 day' - interval '1 hour' WHERE id = :'id'`, { id: others[0] }); // forgotten since yesterday: nobody waits for that
  assert.equal((await pat.hear('queue', (m) => m.position === 2, 12000)).position, 2);
  assert.equal((await doctor.post(`/v1/visits/${others[1]}/admit`)).status, 200);
  await clinic.sql(`UPDATE visit SET admitted_at = now() + interval '195 minutes' WHERE id = :'id'`, { id: others[1] });
  const next = await pat.hear('queue', (m) => m.position === 1 && m.wait_estimate_minutes > 190, 12000);
  assert.ok(next.wait_estimate_minutes <= 200, 'as long as that call was booked for');
  for (const other of others) await clinic.sql(`UPDATE visit SET status = 'ended' WHERE id = :'id'`, { id: other });
  assert.ok((await pat.hear('queue', (m) => m.wait_estimate_minutes < 190, 12000)).wait_estimate_minutes > 0);
  unbroken(pat);
  stop(pat);
  assert.equal((await scheduler.post(`/v1/visits/${id}/cancel`)).status, 200);
});

test('a clinician to whom a visit belongs no more is sent out of its room', async () => { //= TR-11
  const id = await visit();
  const pat = peer(id, patient), doc = peer(id, doctor);
  await pat.hello();
  await doc.hello();
  const next = (await scheduler.get('/v1/users?role=clinician')).body.items.find((u) => u.id !== ids.doctor);
  const { headers } = await scheduler.get(`/v1/visits/${id}`);
  const moved = await scheduler.patch(`/v1/visits/${id}`, { clinician_id: next.id, starts_at: new Date(Date.now() + 20 * 3600e3).toISOString() }, { 'if-match': headers.etag });
  assert.equal(moved.status, 200, moved.text);
  assert.equal(await doc.closing(), 4403);
  assert.equal(await pat.closing(), 1012);
  assert.equal((await shake(id, bearer(doctor))).status, 404);
  await pat.hello();
  stop(pat);
});

test('a visit from the waiting room to the end', async () => {
  const { id, pat, doc } = await waiting();
  assert.equal(pat.welcome.admitted, false);
  assert.equal(pat.welcome.role, 'patient');
  assert.deepEqual(pat.welcome.participants, []);
  assert.equal(pat.welcome.resumed, false);
  assert.ok(Array.isArray(pat.welcome.ice_servers));
  const queue = await pat.hear('queue');
  assert.equal(queue.position, 1);
  assert.ok(Number.isInteger(queue.wait_estimate_minutes) && queue.wait_estimate_minutes >= 0);
  assert.equal(doc.welcome.admitted, true);
  const [other] = doc.welcome.participants;
  assert.deepEqual([other.id, other.role, other.admitted], [pat.self, 'patient', false]);

  for (const m of [offer(doc.self), candidate(doc.self, 1), { type: 'state', audio: true, video: true, screen: false }, { type: 'admit', participant: pat.self }]) {
    pat.say(m); //= TR-11: who was not admitted sends nothing to the others
    assert.equal((await pat.hear('error')).ref, m.type);
  }
  pat.say({ type: 'ping', t: 7.5 });
  assert.equal((await pat.hear('pong')).t, 7.5);
  assert.deepEqual(doc.heard.map((m) => m.type), []);

  doc.say({ type: 'admit', participant: pat.self });
  assert.equal((await pat.hear('admitted')).participant.id, pat.self);
  assert.equal((await doc.hear('admitted')).participant.id, pat.self);
  assert.equal((await pat.hear('joined')).participant.id, doc.self);
  assert.equal((await doctor.get(`/v1/visits/${id}`)).body.status, 'in_call');
  const [row] = await clinic.audit(`event = 'visit.admitted' AND record_id = '${id}'`);
  assert.deepEqual([row.outcome, row.actor_id, row.actor_role], ['ok', ids.doctor, 'clinician']);

  const text = sdp('a=ice-ufrag:Zürich "✓"\r\na=ice-pwd:x/y+z\\');
  pat.say(offer(doc.self, text));
  const got = await doc.hear('description');
  assert.equal(got.description.sdp, text); //= TR-13: byte for byte
  assert.equal(got.from, pat.self);
  doc.say({ type: 'description', to: pat.self, description: { type: 'answer', sdp: sdp() } });
  assert.equal((await pat.hear('description')).from, doc.self);
  doc.say({ type: 'candidate', to: pat.self, candidate: null });
  assert.equal((await pat.hear('candidate')).candidate, null);
  doc.say({ type: 'state', audio: true, video: false, screen: true });
  const state = await pat.hear('state');
  assert.deepEqual([state.from, state.audio, state.video, state.screen], [doc.self, true, false, true]);

  assert.equal((await doctor.post(`/v1/visits/${id}/end`)).status, 200);
  for (const p of [pat, doc]) {
    assert.equal((await p.hear('ended')).reason, 'ended');
    assert.equal(await p.closing(), 4410);
  }
  unbroken(pat, doc);
  await assert.rejects(peer(id, patient).open(), { status: 409 });
});

test('a client stamps nothing and reaches nobody elsewhere', async () => {
  const here = await call(), there = await call();
  const refused = async (m, code) => { here.pat.say(m); const e = await here.pat.hear('error'); assert.deepEqual([e.ref, e.code], [m.type, code]); };
  await refused({ ...offer(here.doc.self), from: here.doc.self }, 'unknown_field');
  await refused({ ...candidate(here.doc.self, 1), seq: 1 }, 'unknown_field');
  await refused(offer(there.doc.self), 'not_found'); //= TR-11: refused, and logged
  await refused(candidate(here.pat.self, 1), 'not_found');
  assert.ok(await eventually(() => /signal_stranger/.test(clinic.log)));
  //= TR-12: no fingerprint, sha-1, keys in the clear, plain RTP
  for (const bad of ['v=1\r\n', sdp().replace(/a=finger.*\r\n/, ''), sdp().replace('sha-256', 'sha-1'), sdp('a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj'), sdp().replace('UDP/TLS/RTP/SAVPF', 'RTP/AVP')])
    await refused(offer(here.doc.self, bad), 'invalid_field');
  assert.deepEqual([here.doc.heard, there.doc.heard], [[], []]);
  stop(here.pat, here.doc, there.pat, there.doc);
});

//= TR-13: what names no transport, or one over TCP, comes out as it went in
test('descriptions without a live section, and over TCP, are relayed', async () => {
  const { pat, doc } = await call();
  for (const text of ['v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\n',
    sdp().replace('UDP/TLS/RTP', 'TCP/DTLS/RTP')]) {
    doc.say(offer(pat.self, text));
    assert.equal((await pat.hear('description')).description.sdp, text);
  }
  const refusal = sdp().replace('audio 9', 'audio 0').replace(/a=finger.*\r\n/, '');
  pat.say({ type: 'description', to: doc.self, description: { type: 'answer', sdp: refusal } });
  assert.equal((await doc.hear('description')).description.sdp, refusal);
  stop(pat, doc);
});

test('many rooms over both workers: nothing lost, nothing twice', async () => {
  const rooms = [];
  for (let i = 0; i < 8; i++) rooms.push(await call());
  await Promise.all(rooms.map(async ({ pat, doc }) => {
    for (let round = 0; round < 6; round++) {
      doc.say(candidate(pat.self, `${round}a`));
      if (round > 0) await pat.hear('candidate');
      pat.drop(); // with what is on its way to it
      for (let i = 0; i < 20; i++) doc.say(candidate(pat.self, `${round}-${i}`));
      await sleep(20 * round);
      const self = pat.self;
      assert.equal((await pat.resume()).resumed, true); // wherever it lands
      assert.equal(pat.self, self);
      for (let i = 0; i < 20; i++) await pat.hear('candidate', (m) => m.candidate.candidate.startsWith(`candidate:${round}-${i} `));
      pat.say({ type: 'ping', t: round });
      await pat.hear('pong');
    }
    unbroken(pat, doc);
    assert.deepEqual(doc.heard.map((m) => m.type), []); // it noticed nothing
  }));
  for (const { pat, doc } of rooms) stop(pat, doc);
});

test('what cannot be replayed is a fresh place', async () => {
  const { pat, doc } = await call();
  const before = pat.self;
  pat.drop();
  pat.token = 'A'.repeat(43);
  assert.equal((await pat.resume()).resumed, false);
  assert.notEqual(pat.self, before);
  assert.equal((await doc.hear('left')).participant.id, before);
  assert.equal((await doc.hear('joined')).participant.id, pat.self);
  stop(pat, doc);
});

test('a newer connection of the same account replaces the older', async () => {
  const { id, pat, doc } = await call();
  const again = peer(id, patient);
  await again.hello();
  assert.equal(await pat.closing(), 4409);
  const left = await doc.hear('left');
  assert.equal(left.reason, 'removed');
  assert.equal((await doc.hear('joined')).participant.id, again.self);
  again.say({ type: 'leave' });
  assert.equal(await again.closing(), 1000);
  assert.equal((await doc.hear('left')).reason, 'left');
  stop(doc);
});

test('close codes', async () => {
  const { id, doc } = await call();
  const code = async (act, ms) => { const p = peer(id, patient); await p.hello(); act(p); return p.closing(ms); };
  assert.equal(await code((p) => p.say('{"type":')), 4400);
  assert.equal(await code((p) => p.say('{"type":"shout"}')), 4400);
  assert.equal(await code((p) => p.say(Buffer.from('{"type":"leave"}'))), 1003);
  assert.equal(await code((p) => p.say(JSON.stringify({ type: 'ping', t: 'x'.repeat(65536) }))), 1009);
  assert.equal(await code((p) => p.ws.send(Buffer.from([0x22, 0xff, 0xfe, 0x22]), { binary: false })), 1007);
  const mute = peer(id, patient);
  await mute.open();
  const t = Date.now();
  assert.equal(await mute.closing(13000), 4408);
  assert.ok(Date.now() - t > 8500);

  const parts = peer(id, patient);
  await parts.hello();
  doc.heard = [];
  const text = JSON.stringify(offer(doc.self, sdp('a=x:' + 'é'.repeat(20000))));
  const bytes = Buffer.from(text);
  parts.ws.send(bytes.subarray(0, 10000), { fin: false, binary: false });
  parts.ws.send(bytes.subarray(10000, 10001), { fin: false, binary: false });
  parts.ws.send(bytes.subarray(10001), { fin: true, binary: false });
  assert.equal((await doc.hear('description')).description.sdp, JSON.parse(text).description.sdp);
  stop(parts, doc);
});

test('a noisy client is closed, another call goes on at its pace', async () => { //= TR-09: a second for join, offer and answer
  const loud = await call(), calm = await waiting();
  for (let i = 0; i < 2000; i++) loud.pat.say(candidate(loud.doc.self, i));
  const t = Date.now();
  assert.equal((await doctor.post(`/v1/visits/${calm.id}/admit`)).status, 200);
  await calm.pat.hear('admitted');
  calm.pat.say(offer(calm.doc.self));
  await calm.doc.hear('description');
  calm.doc.say({ type: 'description', to: calm.pat.self, description: { type: 'answer', sdp: sdp() } });
  await calm.pat.hear('description');
  assert.ok(Date.now() - t < patiently(1000), `${Date.now() - t} ms`);
  assert.equal(await loud.pat.closing(), 4429);
  stop(loud.doc, calm.pat, calm.doc);
});

test('garbage of every kind leaves the server standing', async () => { //= TR-10: JSON that is none, depth, random bytes
  const { id, doc } = await call();
  const types = ['hello', 'description', 'candidate', 'admit', 'state', 'leave', 'ping'];
  const junk = ['', '[', '{}', 'nul', '"\ud800"', '{"type":1}', '{"a":'.repeat(5000), '['.repeat(30000), '{"type":"ping","t":1,"t":2}', '{"type":"ping","t":1e99999}', '\u0000',
    ...types.flatMap((type) => [null, 1, [], {}, '', '\u0000', 'x'.repeat(5000), { type }].map((v) => JSON.stringify({ type, to: v, t: v, description: v, candidate: v, participant: v, audio: v, resume: v, last_seq: v })))];
  for (const text of junk) {
    const p = peer(id, patient);
    await p.open();
    p.say({ type: 'hello' });
    p.say(text);
    p.say(randomBytes(200).toString('latin1'));
    await p.closing();
    assert.ok([4400, 1000].includes(p.code), `${p.code}: ${text.slice(0, 60)}`);
  }
  doc.say({ type: 'ping', t: 1 });
  await doc.hear('pong');
  assert.equal((await doctor.get('/readyz')).status, 200);
  assert.doesNotMatch(clinic.log, /worker_restarted|Sanitizer/);
  stop(doc);
});

test('the end of a session closes its sockets within 5 s', async () => { //= SE-02, AZ-05: 4401; so does a deactivated account
  const id = await visit();
  const mine = await clinic.signIn(clinic.people.clinician);
  const p = peer(id, mine), q = peer(id, doctor);
  await p.open();
  let t = Date.now();
  assert.equal((await mine.delete('/v1/session')).status, 204);
  assert.equal(await p.closing(6000), 4401);
  assert.ok(Date.now() - t <= patiently(5000), `${Date.now() - t} ms`);
  await assert.rejects(p.open(), { status: 401 });

  await q.hello();
  t = Date.now();
  assert.equal((await admin.post(`/v1/users/${ids.doctor}/deactivate`)).status, 200);
  assert.equal(await q.closing(6000), 4401);
  assert.ok(Date.now() - t <= patiently(5000), `${Date.now() - t} ms`);
  assert.equal((await admin.post(`/v1/users/${ids.doctor}/reactivate`)).status, 200);
  doctor = await clinic.signIn(clinic.people.clinician);
});

test('a sweep looks each of its sessions up once, whatever else there is', async () => { //= SE-02: the answer is in time with 10,000 sockets, too
  const rows = await clinic.sql(`BEGIN;
    INSERT INTO session SELECT clinic_id, gen_random_uuid(), account_id, sha256(n::text::bytea), client, '', address, now(),
           now() - n % 2 * interval '30 seconds', 3600, CASE n % 10 WHEN 0 THEN now() ELSE now() + interval '1 hour' END
      FROM (SELECT * FROM session LIMIT 1) one, generate_series(1, 2000) n;
    CREATE TEMP TABLE asked AS SELECT array_agg(clinic_id) AS clinics, array_agg(id) AS ids, array_agg(id) FILTER (WHERE seen_at < now()) AS active
      FROM session WHERE created_at = now();
    CREATE TEMP TABLE before AS SELECT seq_scan, idx_scan FROM pg_stat_xact_user_tables WHERE relname = 'session';
    CREATE TEMP TABLE ended AS SELECT e.id FROM asked, sessions_ended(clinics, ids, active) AS e;
    SELECT s.seq_scan - b.seq_scan AS whole, s.idx_scan - b.idx_scan AS single, (SELECT count(*) FROM ended) AS ended,
           (SELECT count(*) FROM session WHERE created_at = now() AND seen_at > now()) AS touched
      FROM pg_stat_xact_user_tables s, before b WHERE relname = 'session';
    ROLLBACK;`);
  // a thousand sessions of calls are stale: found once more, to be touched
  assert.deepEqual(rows, [{ whole: '0', single: '3000', ended: '200', touched: '1000' }]);
});

test('a call is activity; waiting for one, or being left in one, is not', async () => { //= SE-02: an active call keeps its session, as far as the absolute limit
  const hash = (client) => createHash('sha256').update(client.token).digest('hex');
  const age = async (client, rest) => assert.equal((await clinic.sql(`UPDATE session SET seen_at = now() - make_interval(secs => idle_s - ${rest}) WHERE hash = decode('${hash(client)}', 'hex') AND ended_at IS NULL RETURNING id`)).length, 1);
  const left = async (client) => Date.parse((await client.get('/v1/session', { 'x-background': '1' })).body.idle_expires_at) - Date.now();
  const [ours, theirs] = await Promise.all([clinic.signIn(clinic.people.clinician), clinic.signIn(clinic.people.patient)]);
  // four rooms: their homes, and the workers that the sockets come to, are some of each
  const rooms = await Promise.all([0, 1, 2, 3].map(async () => {
    const id = await visit();
    assert.equal((await theirs.post(`/v1/visits/${id}/check-in`)).status, 200);
    const pat = peer(id, theirs), doc = peer(id, ours);
    await Promise.all([pat.hello(), doc.hello()]);
    return { id, pat, doc };
  }));

  await age(ours, 4);
  await age(theirs, 4);
  const [idle, lonely] = await Promise.all([Promise.all(rooms.map(({ pat }) => pat.closing(10000))), Promise.all(rooms.map(({ doc }) => doc.closing(10000)))]);
  assert.deepEqual([idle, lonely], [[4401, 4401, 4401, 4401], [4401, 4401, 4401, 4401]], 'a patient before the door, a clinician who has not let them in');

  const [again, back] = await Promise.all([clinic.signIn(clinic.people.clinician), clinic.signIn(clinic.people.patient)]);
  await Promise.all(rooms.map(async (room) => {
    Object.assign(room, { pat: peer(room.id, back), doc: peer(room.id, again) });
    await Promise.all([room.pat.hello(), room.doc.hello()]);
    assert.equal((await again.post(`/v1/visits/${room.id}/admit`)).status, 200);
    await room.pat.hear('admitted');
  }));
  // long enough for a sweep to come by
  await age(again, 15);
  await age(back, 15);
  for (const end = Date.now() + patiently(30000); await left(again) < 60000 || await left(back) < 60000; await sleep(200)) assert.ok(Date.now() < end, 'two in a call are both at work');
  assert.deepEqual(rooms.map(({ pat, doc }) => [pat.code, doc.code]), Array(4).fill([undefined, undefined]));

  for (const { pat } of rooms) pat.say({ type: 'leave' });
  await Promise.all(rooms.map(({ doc }) => doc.hear('left')));
  await age(again, 12);
  const alone = peer(rooms[0].id, again);
  Object.assign(alone, { token: rooms[0].doc.token, lastSeq: rooms[0].doc.lastSeq });
  await alone.resume();
  assert.ok(await left(again) < 13000, 'a socket that comes back by itself is nobody at the desk');
  assert.deepEqual(await Promise.all([alone, ...rooms.slice(1).map(({ doc }) => doc)].map((doc) => doc.closing(18_000))), [4401, 4401, 4401, 4401], 'the other has left');

  const talking = await call();
  await clinic.sql(`UPDATE session SET expires_at = now() WHERE hash = decode('${hash(doctor)}', 'hex')`);
  assert.equal(await talking.doc.closing(6000), 4401, 'no call outlasts the absolute limit');
  stop(talking.pat);
  doctor = await clinic.signIn(clinic.people.clinician);
});

test('a dead peer is noticed within 15 s, and has two minutes to come back', async () => {
  const { id, doc, pat } = await call();
  pat.drop();
  const deaf = peer(id, patient, { autoPong: false });
  Object.assign(deaf, { token: pat.token, lastSeq: pat.lastSeq });
  assert.equal((await deaf.resume()).resumed, true);
  const t = Date.now();
  await deaf.closing(16000);
  assert.ok(Date.now() - t <= patiently(15000), `${Date.now() - t} ms`);
  doc.say(candidate(deaf.self, 1));
  deaf.options.autoPong = true;
  assert.equal((await deaf.resume()).resumed, true);
  await deaf.hear('candidate');
  unbroken(deaf);
  stop(deaf, doc);
});

test('a slow reader is cut off, alone', async () => {
  const { pat, doc } = await call();
  const calm = await call();
  const memory = () => execFileSync('ps', ['-o', 'rss=', '--ppid', String(clinic.server.pid)]).toString().split('\n').reduce((sum, kib) => sum + Number(kib), 0);
  const before = memory();
  const big = offer(pat.self, sdp('a=x:' + 'x'.repeat(60000)));
  assert.doesNotMatch(clinic.log, /signal_slow_reader/);
  pat.ws._socket.pause();
  const t = Date.now();
  let sent = 0, answers = 0;
  doc.ws.on('message', (m) => { if (m.includes('"pong"')) answers++; });
  for (; !/signal_slow_reader/.test(clinic.log) && Date.now() - t < patiently(60_000); sent++) {
    doc.say(big);
    if (sent % 25 === 0) doc.say({ type: 'ping', t: sent });
    await sleep(25);
  }
  pat.ws._socket.resume();
  await pat.closing(15000);
  assert.match(clinic.log, /signal_slow_reader/);
  assert.equal(doc.code, undefined);
  assert.ok(answers > 3);
  calm.doc.say(candidate(calm.pat.self, 1));
  await calm.pat.hear('candidate');
  assert.equal((await pat.resume()).type, 'welcome');
  const grown = memory() - before;
  assert.ok(grown < 64 * 1024, `${grown} KiB more after ${sent} messages`);
  stop(pat, doc, calm.pat, calm.doc);
});

test('while the database is away, a call goes on', async () => { //= AZ-07: what needs no record needs no database
  const { pat, doc } = await call();
  await clinic.database('stop');
  const end = Date.now() + 6000; // three sweeps for ended sessions
  for (let i = 0; Date.now() < end; i++) {
    pat.say(candidate(doc.self, i));
    doc.say(candidate(pat.self, i));
    await doc.hear('candidate');
    await pat.hear('candidate');
    await sleep(200);
  }
  await clinic.database('start');
  await clinic.untilReady();
  assert.deepEqual([pat.code, doc.code], [undefined, undefined]);
  pat.drop();
  assert.equal((await pat.resume()).resumed, true);
  unbroken(pat, doc);
  stop(pat, doc);
});

/** Comes back as a browser does: at once, and again until it is let in. */
async function back(p) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    const before = p.welcome;
    p.code = undefined;
    if (!await p.open().then(() => true, () => false)) continue;
    p.say({ type: 'hello', resume: p.token, last_seq: p.lastSeq });
    while (p.welcome === before && p.code === undefined) await sleep(5);
    p.heard = p.heard.filter((m) => m.type !== 'welcome');
    if (p.welcome !== before) return p.welcome;
  }
  throw new Error(`not let in again: ${p.code}`);
}

const worker = (n) => {
  const list = execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(clinic.server.pid)]).toString().split('\n');
  return Number(list.find((l) => l.includes(`wrk ${n}]`)).trim().split(' ')[0]);
};
const homeOf = (id) => 1 + Buffer.from(id.slice(-8), 'hex').readUInt32LE() % 2; // src/edge/bus.c

test('a worker dies under its calls: all come back, under the names of before', async () => {
  for (const victim of [1, 2]) {
    const rooms = [], at = (mine) => rooms.filter((r) => (homeOf(r.id) === victim) === mine);
    while (at(true).length < 2 || at(false).length < 3) rooms.push(await call());
    const peers = rooms.flatMap(({ pat, doc }) => [pat, doc]), homeless = at(true).flatMap(({ pat, doc }) => [pat, doc]);
    const returned = [];
    let lost = 0, over = false;
    for (const p of peers) {
      const was = p.self;
      p.closed.then(async (code) => {
        if (over) return;
        lost++;
        returned.push({ p, was, code, welcome: await back(p), ms: Date.now() - t });
      });
    }
    await sleep(1100); // older than a crash loop's
    const t = Date.now();
    process.kill(worker(victim), 'SIGKILL');
    // a room whose home lives keeps what its lost sockets miss: said by those whose own socket lives
    const missed = (await Promise.all(at(false).flatMap(({ pat, doc }) => [[pat, doc], [doc, pat]]).map(async ([from, to]) => {
      const { closed } = from;
      from.say({ type: 'ping', t: victim });
      return await Promise.race([closed.then(() => false), from.hear('pong').then(() => true)]) && [from, to];
    }))).filter(Boolean);
    for (const [from, to] of missed) from.say(candidate(to.self, 'meanwhile'));
    const here = (p) => returned.some((r) => r.p === p);
    while (!homeless.every(here) || returned.length < lost) {
      assert.ok(Date.now() - t < patiently(8000), 'not back within 8 s');
      await sleep(50);
    }
    for (const { p, was, code, welcome, ms } of returned) {
      assert.ok([1006, 1012].includes(code), String(code));
      assert.equal(p.self, was);
      assert.equal(welcome.resumed, !homeless.includes(p));
      assert.ok(ms < patiently(5000), `${ms} ms`);
    }
    over = true;
    for (const [, to] of missed) await to.hear('candidate');
    for (const { pat, doc } of rooms) {
      for (const [from, to] of [[pat, doc], [doc, pat]]) {
        from.say(offer(to.self));
        assert.equal((await to.hear('description')).from, from.self);
      }
      unbroken(pat, doc);
      for (const p of [pat, doc]) assert.ok(!p.heard.some((m) => m.type === 'left'), 'nobody was told that the other left');
      stop(pat, doc);
    }
  }
});

test('a server that is told to stop says goodbye, and its clients come back', async () => {
  const { pat, doc } = await call();
  const deaf = await call(); // one that does not answer holds nobody up
  deaf.pat.ws._socket.pause();
  const t = Date.now();
  assert.equal((await clinic.stopServer()).code, 0);
  assert.ok(Date.now() - t < patiently(8000), `${Date.now() - t} ms`);
  assert.deepEqual([await pat.closing(), await doc.closing()], [1001, 1001]);
  await clinic.startServer();
  for (const p of [pat, doc]) assert.equal((await p.resume()).resumed, false);
  pat.say(offer(doc.self));
  assert.equal((await doc.hear('description')).from, pat.self);
  stop(pat, doc, deaf.pat, deaf.doc);
});
