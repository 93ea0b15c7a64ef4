// RFC 6455 on the real server, frame by frame, and readers that do not read.
// The signaling's own rules are in signal.test.mjs; each case of the frames,
// by Autobahn's numbers, in tests/edge.
import assert from 'node:assert/strict';
import { after, afterEach, before, test } from 'node:test';

import { closeCode, closing, connect, family, frame, frames, next, resident, sleep, upgrade } from '../edge/lib.mjs';
import { startClinic } from '../lib/clinic.mjs';
import { Peer, sdp } from '../lib/peer.mjs';
import { problem, uuid } from '../lib/problem.mjs';
import { patient as patiently } from '../lib/patience.mjs';

const CONT = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
let clinic, desk, doctor, patient, ids, calm, workers, open;
let slot = 0;

const children = () => Object.entries(family({ child: clinic.server }));
const memory = () => children().reduce((sum, [pid]) => sum + resident(pid), 0);

before(async () => {
  clinic = await startClinic({ settings: 'join_minutes_before 1440\n' });
  [desk, doctor, patient] = await Promise.all(['scheduler', 'clinician', 'patient'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (client) => (await client.get('/v1/session')).body.user;
  ids = { doctor: (await me(doctor)).id, patient: (await me(patient)).patient_id };
  calm = await call();
  open = await visit();
  workers = children().map(([pid]) => pid).sort();
  assert.ok(workers.length >= 3, workers.join());
});
after(async () => {
  for (const p of [calm?.pat, calm?.doc]) p?.stop();
  for (const c of [desk, doctor, patient]) c?.close();
  await clinic?.stop();
  assert.doesNotMatch(clinic?.log ?? '', /worker_restarted|Sanitizer|runtime error|sandbox violation/);
});
// Whatever one socket was sent: a call goes on, in the same workers.
afterEach(async () => {
  assert.ok(await pace(calm) < patiently(1000));
  assert.deepEqual(children().map(([pid]) => pid).sort(), workers);
});

async function visit() {
  for (;;) {
    const starts = new Date(Date.now() + 60_000 * (10 + 5 * slot++)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await desk.create('/v1/visits', { patient_id: ids.patient, clinician_id: ids.doctor, duration_minutes: 5, starts_at: starts, reason: 'sockets' });
    if (made.body?.code === 'slot_taken') continue; // one of the demo's own
    assert.equal(made.status, 201, made.text);
    return made.body.id;
  }
}

const peer = (id, client) => new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`, { headers: { authorization: `Bearer ${client.token}` } });
async function call() {
  const id = await visit();
  assert.equal((await patient.post(`/v1/visits/${id}/check-in`)).status, 200);
  const pat = peer(id, patient), doc = peer(id, doctor);
  await pat.hello();
  await doc.hello();
  assert.equal((await doctor.post(`/v1/visits/${id}/admit`)).status, 200);
  await pat.hear('admitted');
  await doc.hear('admitted');
  return { id, pat, doc };
}

/** How long a message takes from one end of a call to the other and back, in ms. */
async function pace({ pat, doc }) {
  const at = Date.now();
  const line = (to, n) => ({ type: 'candidate', to, candidate: { candidate: `candidate:${n} 1 udp 1 192.0.2.1 9`, sdpMid: '0', sdpMLineIndex: 0, usernameFragment: null } });
  doc.say(line(pat.self, at));
  await pat.hear('candidate');
  pat.say(line(doc.self, at));
  await doc.hear('candidate');
  return Date.now() - at;
}

/** A request to become a socket, by hand. */
const asking = (change = (s) => s) => change(upgrade(`Authorization: Bearer ${patient.token}\r\nSec-WebSocket-Protocol: epione.signal.v1\r\n`, `/v1/visits/${open}/signal`).replace('Host: localhost', `Host: localhost:${clinic.port}`));
async function socket() {
  const c = await connect({ port: clinic.port });
  c.inbox = [];
  c.write(asking());
  c.handshake = await c.response();
  assert.equal(c.handshake.status, 101);
  return c;
}
const hello = '{"type":"hello"}';

//= TR-07: the handshake of RFC 6455, 4.2, and nothing that only looks like it
test('a handshake, and what is none', async () => {
  const c = await socket();
  assert.equal(c.handshake.headers['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.match(c.handshake.headers['x-request-id'], uuid);
  assert.equal(c.handshake.headers['sec-websocket-extensions'], undefined);
  c.destroy();
  const joined = async () => (await clinic.audit(`event = 'visit.joined' AND record_id = '${open}' AND outcome = 'ok'`)).length;
  const had = await joined();
  for (const [change, status] of [
    [(s) => s.replace(/Sec-WebSocket-Key.*\r\n/, ''), 400], [(s) => s.replace('dGhlIHNhbXBsZSBub25jZQ==', 'AAAA'), 400], [(s) => s.replace('Sec-WebSocket-Key', 'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Key'), 400],
    [(s) => s.replace('Connection: Upgrade', 'Connection: keep-alive'), 400], [(s) => s.replace('HTTP/1.1', 'HTTP/1.0'), 400], [(s) => s.replace('epione.signal.v1', 'epione.signal.v2'), 400], [(s) => s.replace(/Sec-WebSocket-Protocol.*\r\n/, ''), 400],
    [(s) => s.replace('GET', 'HEAD'), 400], [(s) => s.replace('GET', 'POST'), 405],
    [(s) => s.replace('Upgrade: websocket', 'Upgrade: h2c'), 426], [(s) => s.replace(/Upgrade: websocket\r\n/, ''), 426], [(s) => s.replace('Version: 13', 'Version: 14'), 426], [(s) => s.replace(/Sec-WebSocket-Version.*\r\n/, ''), 426],
    [(s) => s.replace(/Authorization.*\r\n/, ''), 401], [(s) => s.replace(/\/visits\/[0-9a-f-]+/, '/visits/00000000-0000-4000-8000-000000000000'), 404],
    [(s) => s.replace('Sec-WebSocket-Version', 'Origin: https://evil.example\r\nSec-WebSocket-Version'), 403],
  ]) {
    const text = asking(change);
    const d = await connect({ port: clinic.port });
    d.write(text);
    const r = await d.response(undefined, { head: text.startsWith('HEAD') });
    if (text.startsWith('HEAD')) assert.equal(r.status, status);
    else problem({ ...r, text: r.body, body: JSON.parse(r.body) }, status, undefined, text);
    if (status === 426) assert.deepEqual([r.headers['sec-websocket-version'], r.headers.upgrade], ['13', 'websocket']);
    d.destroy();
  }
  const list = await connect({ port: clinic.port });
  list.write(asking((s) => s.replace('Upgrade: websocket', 'Upgrade: h2c, WebSocket').replace('Connection: Upgrade', 'Connection: keep-alive, Upgrade').replace('epione.signal.v1', 'chat, epione.signal.v1')));
  assert.equal((await list.response()).status, 101);
  list.destroy();
  assert.equal(await joined(), had + 1, 'what became no socket was recorded as one');
});

test('frames before the 101 are no frames', async () => {
  for (const early of [frame(TEXT, hello), Buffer.from('X\r\n\r\n')]) {
    const c = await connect({ port: clinic.port });
    await c.together(asking(), early);
    assert.equal((await c.response()).status, 400);
    c.destroy();
  }
});

//= TR-08: each violation has its close code, and ends that socket alone
const part = (op, data) => frame(op, data, { fin: false });
const bytes = (...b) => Buffer.from(b);
for (const [name, code, ...parts] of [
  ['no mask', 1002, frame(TEXT, hello, { masked: false })],
  ...[1, 2, 4].map((rsv) => [`RSV ${rsv}`, 1002, frame(TEXT, hello, { rsv })]),
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) => [`opcode ${op}`, 1002, frame(op, hello)]),
  ['a ping of 126', 1002, frame(PING, 'x'.repeat(126))],
  ['a ping in parts', 1002, part(PING, 'x')],
  ['the end of no message', 1002, frame(CONT, hello)],
  ['a message within a message', 1002, part(TEXT, '{'), frame(TEXT, hello)],
  ['a length in a longer form', 1002, frame(TEXT, hello, { form: 16 })],
  ['a length of 2^63', 1002, bytes(0x81, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)],
  ['a length of 2^63 - 1', 1009, bytes(0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 1, 2, 3, 4)],
  ['65537 bytes', 1009, frame(TEXT, 'x'.repeat(65537))],
  ['65537 bytes in parts', 1009, part(TEXT, 'x'.repeat(65000)), frame(CONT, 'x'.repeat(537))],
  ['bytes', 1003, frame(BINARY, hello)],
  ['bytes in parts', 1003, part(BINARY, '{"type"'), frame(CONT, ':"hello"}')],
  ['no UTF-8', 1007, frame(TEXT, bytes(0x22, 0xff, 0x22))],
  ['no UTF-8 in a part', 1007, part(TEXT, bytes(0x22, 0xff))],
  ['half a character at the end', 1007, part(TEXT, bytes(0x22, 0xc3)), frame(CONT, '')],
  ['no JSON', 4400, frame(TEXT, 'hello')],
  ['nothing', 4400, frame(TEXT, '')],
  ['close with 1005', 1002, frame(CLOSE, closing(1005))],
  ['close with 999', 1002, frame(CLOSE, closing(999))],
  ['close with 5000', 1002, frame(CLOSE, closing(5000))],
  ['close of one byte', 1002, frame(CLOSE, 'x')],
  ['close for a reason that is no text', 1007, frame(CLOSE, Buffer.concat([closing(1000), bytes(0xc3)]))],
  ['close', 1000, frame(CLOSE, closing(1000))],
  ['close with nothing', 1000, frame(CLOSE)],
  ['close with 4999 and a reason', 4999, frame(CLOSE, closing(4999, 'adieu'))],
  ['a message after a close', 1000, frame(CLOSE, closing(1000)), frame(TEXT, hello), frame(PING, 'x')],
])
  test(`a socket that sends ${name}: ${code}`, async () => {
    const c = await socket();
    c.write(...parts);
    const last = await next(c);
    assert.equal(last?.op, CLOSE, 'the first word is not a close');
    assert.equal(last.data.readUInt16BE(0), code);
    c.write(frame(CLOSE, closing(code === 1002 ? 1000 : code))); // ignored, or the answer
    assert.ok(await c.until(() => c.over), 'still open');
    assert.deepEqual(frames(c), []);
    c.destroy();
  });

test('a message in pieces of any size, with pings between them', async () => {
  const c = await socket();
  c.write(frame(PING, 'before'));
  assert.deepEqual(await next(c), { op: PONG, fin: 1, data: Buffer.from('before') });
  const pieces = [part(TEXT), ...[...Buffer.from('{"type":"hello"}')].flatMap((b) => [part(CONT, bytes(b)), frame(PING, bytes(b))]), frame(CONT)];
  for (const b of Buffer.concat(pieces)) c.write(bytes(b));
  let f;
  do f = await next(c); while (f?.op === PONG);
  assert.equal(JSON.parse(f.data.toString()).type, 'welcome');
  // and of the largest size: told that it is none of ours, not cut off
  c.write(frame(TEXT, JSON.stringify({ type: 'ping', t: 1 }).padEnd(65536)));
  do f = await next(c); while (f?.op === TEXT && !/pong/.test(f.data.toString()));
  assert.equal(JSON.parse(f.data.toString()).t, 1);
  c.destroy();
});

//= TR-09: who does not read costs a bounded queue, then its own socket; nobody waits for it
test('four that do not read, four calls that go on', async () => {
  const slow = [], others = [];
  for (let i = 0; i < 4; i++) slow.push(await call());
  for (let i = 0; i < 4; i++) others.push(await call());
  const had = memory();
  const cut = () => (clinic.log.match(/signal_slow_reader/g) ?? []).length;
  const begun = cut(), big = (to) => ({ type: 'description', to, description: { type: 'offer', sdp: sdp('a=x:' + 'x'.repeat(60_000)) } });
  for (const { pat } of slow) pat.ws._socket.pause();
  let worst = 0, most = 0, sent = 0;
  // quickly, whatever the others' pace: who answers no ping for 15 s is cut off for that
  const on = () => cut() - begun < 4 && Date.now() < end, end = Date.now() + 120_000;
  const writing = Promise.all(slow.map(async ({ doc, pat }) => {
    for (; on(); await sleep(25)) if (doc.code === undefined) { doc.say(big(pat.self)); sent++; }
  }));
  while (on()) {
    worst = Math.max(worst, ...await Promise.all(others.map(pace)));
    most = Math.max(most, memory() - had);
    await sleep(25);
  }
  await writing;
  assert.equal(cut() - begun, 4, `after ${sent} messages to all`);
  assert.ok(worst < patiently(1000), `a calm call waited ${worst} ms`);
  assert.ok(most < 24 * 1024, `${most} KiB more`); // four queues, and what four places hold to be heard again
  for (const { doc } of slow) assert.equal(doc.code, undefined); // who wrote to them is still there
  for (const { pat, doc } of slow) {
    pat.ws._socket.resume();
    await pat.closing(15_000);
    pat.code = undefined;
    await pat.resume(); // what was missed may be too much to hear again: then a fresh place
    assert.ok(pat.self);
    doc.stop();
    pat.stop();
  }
  for (const { pat, doc } of others) {
    assert.deepEqual([pat.gaps, doc.gaps], [[], []]);
    pat.stop();
    doc.stop();
  }
});

test('a reader that stops when told to close is not waited for', async () => {
  const c = await socket();
  c.write(frame(TEXT, 'no JSON'));
  assert.equal(await closeCode(c), 4400);
  c.wire.socket.pause();
  await sleep(2600);
  c.wire.socket.resume();
  assert.ok(await c.until(() => c.over, 2000));
  c.destroy();
});
