// Fuzzes a running server: requests and WebSocket frames by a grammar, then
// mutated, cut in pieces, half closed and reset. "grammar" is the clinic's own,
// over TLS as it serves; "plain" is tests/edge/app.c on the same Kore without
// TLS, where bytes and FINs arrive just as they were cut. tools/fuzz.sh builds
// both with ASan and UBSan, and runs this.
//
//   BUILD=build/asan node tests/fuzz/grammar.mjs grammar|plain SECONDS [SEED]
//
// A finding is: a worker that ends, a client beside it that is not served, an
// answer of 500 or a close of 1011, a word of a sanitizer in the log.
//= IN-08: HTTP and WebSocket as a whole, under ASan and UBSan
import { execFileSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { Duplex } from 'node:stream';
import tls from 'node:tls';
import { connect, serve } from '../edge/lib.mjs';
import { startClinic, top } from '../lib/clinic.mjs';
import { patient } from '../lib/patience.mjs';

const kind = process.argv[2] === 'plain' ? 'plain' : 'grammar';
const seconds = Number(process.argv[3] ?? 20);
const seed = Number(process.argv[4] ?? Date.now() % 1e6);
const ABREAST = 16;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));

// The dice: the same inputs for the same seed (though not the same moments).
let state = seed;
const dice = (n) => { // mulberry32
  state = (state + 0x6d2b79f5) | 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) % n;
};
const one = (list) => list[dice(list.length)];
const often = (n) => dice(n) !== 0;
const bytes = (n) => Buffer.from(Array.from({ length: n }, () => dice(256)));
const times = (n, f) => Array.from({ length: n }, f);

/** What is fuzzed: {port, plain, pid, log(), asks(), stop()}; and what to say to it. */
let server, tokens, ids, host, socketPath, joining, routes, fitting;
const theClinicsRoutes = () => [...readFileSync(path.join(top, 'src/tables/routes.def'), 'utf8').matchAll(/^ROUTE\( *(\w+), +"([^"]+)"/gm)]
  .map(([, method, where]) => [method, where])
  .filter(([method, where]) => !(method === 'DELETE' && where.startsWith('/v1/session')) && !where.startsWith('/v1/account'));

// Values
const id = () => (often(4) ? one(ids) : one([ids[0].toUpperCase(), '0'.repeat(36), '-', `${ids[0]}0`, '{id}']));
const odd = () => one(['', 'x', 'é', '\u202e', '\\u0000', '\\ud800', 'x'.repeat(dice(3000)), "' OR 1=1--", '%s%n', '2030-01-01T10:00:00Z', '1990-02-30', `${dice(2 ** 31)}`, '<script>', 'a@b.example', '+1 555', id()]);
const json = (depth = 0) => {
  const kind = dice(depth > 6 ? 4 : 7);
  if (kind < 2) return `"${odd()}"`;
  if (kind === 2) return one(['0', '-1', '30', '1e9', '1e999', '9223372036854775808', '01', 'NaN', '1.5']);
  if (kind === 3) return one(['true', 'false', 'null', 'nul', '']);
  if (kind === 4) return `[${times(dice(4), () => json(depth + 1)).join(one([',', ',', ',,', ' ']))}]`;
  return object(depth + 1);
};
const members = ['family_name', 'given_name', 'birth_date', 'sex', 'mrn', 'address', 'insurance', 'phone', 'email', 'password', 'client', 'code', 'reason', 'starts_at', 'duration_minutes', 'patient_id', 'clinician_id', 'display_name', 'role', 'type', 'to', 'description', 'candidate', 'sdp', 'resume', 'last_seq', 't', '__proto__'];
const object = (depth = 0) => `{${times(dice(6), () => `"${often(12) ? one(members) : odd()}"${often(20) ? ':' : '='}${json(depth)}`).join(',')}}`;
const person = () => ({ family_name: `F${odd()}`, given_name: 'G', birth_date: '1990-01-01', sex: 'other', address: { city: odd() } });
const theClinicsFitting = { // a body that its place may take
  'POST /v1/patients': person,
  'PATCH /v1/patients/{id}': () => one([{ language: odd() }, { address: { city: odd(), line1: null } }, { phone: `+1 ${dice(1e9)}` }, { insurance: null }, person()]),
  'POST /v1/visits': () => ({ patient_id: one(ids), clinician_id: ids[2], starts_at: `203${dice(10)}-0${1 + dice(9)}-1${dice(10)}T1${dice(10)}:00:00Z`, duration_minutes: 5 + dice(60), reason: `r${odd()}` }),
  'PATCH /v1/visits/{id}': () => ({ reason: `r${odd()}`, duration_minutes: 5 + dice(500) }),
  'POST /v1/session': () => ({ email: odd(), password: odd(), client: 'api' }),
  'POST /v1/invitations/{token}/accept': () => ({ password: odd() }),
};
const body = (place) => (often(3) ? JSON.stringify((fitting[place] ?? one(Object.values(fitting)))()) : one([object, json, () => '{"a":'.repeat(dice(300)), () => 'x'.repeat(dice(9000)), () => '\0'.repeat(dice(99)), () => ''])());

// Requests
const query = () => (often(3) ? '' : `?${times(dice(5), () => `${one([...members, 'limit', 'cursor', 'from', 'to'])}=${one([encodeURIComponent(one(['x', '5', 'é', id()])), '%', '%zz', '%00', '%ff', '+', ''])}`).join('&')}`);
const target = (where) => where.replace('{token}', () => one(['A'.repeat(43), 'A', 'B'.repeat(200)])).replace(/\{\w+\}/g, id);
const wildTarget = () => one(['/', '*', '', '/v1', '//', `http://${host}/v1/session`, '/assets/app.css', '/v1/openapi.json', '/healthz', '/readyz', '/metrics', '/%00', '/%2e%2e/', `/${'a'.repeat(dice(4000))}`, '/v1/\x1b\xff', '/?', '/#']);
const header = () => one([
  () => `Content-Length: ${one(['0', '5', '-1', '+3', '5 5', '', '99999999', '18446744073709551615', '262144', '262145'])}`,
  () => `Transfer-Encoding: ${one(['chunked', 'identity', 'x', ''])}`,
  () => `Connection: ${one(['close', 'keep-alive', 'Upgrade', 'close, Upgrade', ''])}`,
  () => `Cookie: ${one([`__Host-epione=${one(tokens)}`, '=', ';;=', 'a=b; '.repeat(dice(90)), '__Host-epione=', `__Host-epione=${'A'.repeat(dice(900))}`])}`,
  () => `Authorization: ${one(['Bearer', `Bearer ${one(tokens)}`, 'Basic eDp4', 'x'.repeat(dice(900))])}`,
  () => `Origin: ${one([`https://${host}`, 'null', 'https://evil.example', ''])}`,
  () => `If-Match: ${one(['"1"', '*', 'W/"1"', '"', '"99999999999999999999"'])}`,
  () => `Idempotency-Key: ${one(['k', `k${dice(1e6)}`, '\xff\xfe', 'x'.repeat(65), ''])}`,
  () => `User-Agent: ${one(['\xc3', 'u'.repeat(dice(3000)), ''])}`,
  () => `Expect: ${one(['100-continue', 'x'])}`,
  () => `Host: ${one([host, 'evil', '', '[::1', 'a:b:c'])}`,
  () => `Upgrade: ${one(['websocket', 'h2c', ''])}`,
  () => `Content-Type: ${one(['application/json', 'text/plain', 'multipart/form-data; boundary=', ''])}`,
  () => `X-${'y'.repeat(dice(99))}: ${'z'.repeat(dice(999))}`,
  () => one([':novalue', 'nocolon', 'X : y', ' folded', '\tx: y', 'X-\x80: 1', 'X: \xff', 'X: a\0b', '']),
])();
const eol = () => (often(40) ? '\r\n' : one(['\n', '\r', '\r\n\r\n', '\0\r\n', '']));
function request() {
  const [method, where] = often(3) ? one(routes) : one(Object.keys(fitting)).split(' ');
  const wild = !often(4);
  const text = wild || method === 'GET' || method === 'DELETE' ? '' : body(`${method} ${where}`);
  const lines = [`${wild ? one(['GET', 'HEAD', 'OPTIONS', 'TRACE', 'get', 'A'.repeat(300), '']) : method} ${wild ? wildTarget() : target(where) + (method === 'GET' ? query() : '')} ${often(9) ? 'HTTP/1.1' : one(['HTTP/1.0', 'HTTP/2.0', 'HTTP/', ''])}`];
  if (often(20)) lines.push(`Host: ${host}`);
  if (often(6)) lines.push(`Authorization: Bearer ${one(tokens)}`);
  if (text !== '' && often(12)) lines.push('Content-Type: application/json');
  if (method === 'PATCH' && often(3)) lines.push('If-Match: "1"');
  if (text !== '') lines.push(`Content-Length: ${Math.max(0, Buffer.byteLength(text) + (often(8) ? 0 : dice(9) - 4))}`);
  if (!often(2)) lines.push(...times(dice(often(9) ? 4 : 90), header));
  return Buffer.concat([Buffer.from(lines.map((l) => l + eol()).join('') + eol(), 'latin1'), Buffer.from(text)]);
}

// Frames
const upgrade = () => Buffer.from(`GET ${socketPath} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${often(9) ? one(joining) : one(tokens)}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: ${often(20) ? 13 : 8}\r\nSec-WebSocket-Key: ${bytes(16).toString('base64')}\r\nSec-WebSocket-Protocol: epione.signal.v1\r\n\r\n`);
const message = () => one([
  ...(kind === 'plain' ? [() => `close:${dice(6000)}`, () => `flood:${dice(40)}`, () => 'ping', () => 'seen'] : []),
  () => '{"type":"hello"}', () => '{"type":"leave"}',
  () => `{"type":"hello","resume":"${odd()}","last_seq":${dice(9)}}`,
  () => `{"type":"ping","t":${json()}}`,
  () => `{"type":"state","audio":true,"video":${json()},"screen":false}`,
  () => `{"type":"description","to":"${id()}","description":{"type":"${one(['offer', 'answer', 'rollback', 'x'])}","sdp":"v=0\\r\\n${one(['', 'm=audio 9 UDP/TLS/RTP/SAVPF 0\\r\\n', 'a=crypto:1\\r\\n', odd()])}"}}`,
  () => `{"type":"candidate","to":"${id()}","candidate":${json()}}`,
  () => `{"type":"admit","participant":"${id()}"}`,
  object, json, () => bytes(dice(300)).toString('latin1'),
])();
function frame() {
  const op = often(3) ? 1 : one([0, 2, 8, 9, 10, 3, 7, 11, 15]);
  const data = op === 8 && often(3) ? Buffer.concat([Buffer.from([dice(256), dice(256)]), bytes(dice(130))]) : op > 7 ? bytes(dice(130)) : Buffer.from(often(12) ? message() : 'x'.repeat(dice(70000)));
  const length = often(15) ? BigInt(data.length) : one([0n, 125n, 126n, 65535n, 65537n, 2n ** 31n, 2n ** 63n, 2n ** 64n - 1n]);
  const form = often(12) ? (length < 126n ? 7 : length < 65536n ? 16 : 64) : one([16, 64]);
  const head = Buffer.alloc(form === 7 ? 2 : form === 16 ? 4 : 10);
  head[0] = (often(8) ? 0x80 : 0) | (often(25) ? 0 : dice(8) << 4) | op;
  const masked = often(25);
  head[1] = (masked ? 0x80 : 0) | (form === 7 ? Number(length) : form === 16 ? 126 : 127);
  if (form === 16) head.writeUInt16BE(Number(length & 0xffffn), 2);
  if (form === 64) head.writeBigUInt64BE(length, 2);
  if (!masked) return Buffer.concat([head, data]);
  const mask = bytes(4);
  return Buffer.concat([head, mask, data.map((b, i) => b ^ mask[i & 3])]);
}

function mutate(input) {
  let b = Buffer.from(input);
  for (let k = dice(4); k > 0 && b.length > 0; k--) {
    const p = dice(b.length);
    b = one([
      () => { b[p] = dice(256); return b; },
      () => { b[p] ^= 1 << dice(8); return b; },
      () => Buffer.concat([b.subarray(0, p), b.subarray(p + dice(20))]),
      () => Buffer.concat([b.subarray(0, p), b.subarray(Math.max(0, p - dice(40)), p), b.subarray(p)]),
      () => Buffer.concat([b.subarray(0, p), Buffer.alloc(dice(60), dice(256)), b.subarray(p)]),
      () => b.subarray(0, p),
    ])();
  }
  return b;
}

// Connections
const tally = { connections: 0, sockets: 0, bytes: 0, answers: {} };
const findings = [];
const recent = [];
function answered(data, unasked) {
  for (const [, status] of data.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)) tally.answers[status] = (tally.answers[status] ?? 0) + 1;
  if (/^HTTP\/1\.1 500 /m.test(data)) findings.push(`answered 500: ${data.slice(-300)}`);
  if (unasked && data.includes('\x88\x02\x03\xf3')) findings.push('closed with 1011');
}

/** Not even TLS: a handshake that breaks off, or noise. */
function noise() {
  return new Promise((done) => {
    const s = net.connect(server.port, '127.0.0.1', () => {
      s.write(one([() => bytes(dice(200)), () => Buffer.from([0x16, 3, 1, dice(3), dice(256), 1, ...bytes(dice(60))]), () => request()])());
      setTimeout(() => { one([() => s.destroy(), () => s.resetAndDestroy(), () => s.end()])(); setTimeout(() => { s.destroy(); done(); }, 20); }, dice(30));
    });
    s.on('error', () => {});
  });
}

/** Keeps node's TLS off the TCP socket itself, which it does not survive to have reset. */
function between(wire) {
  const pipe = new Duplex({
    read() {},
    write(chunk, _, done) { wire.write(chunk, () => done()); },
    final(done) { wire.end(done); },
    destroy(error, done) { wire.destroy(); done(error); },
  });
  wire.on('data', (d) => pipe.push(d));
  wire.on('end', () => pipe.push(null));
  wire.on('close', () => pipe.destroy());
  return pipe;
}

async function send(stream, wire, chunk) {
  const mode = dice(8);
  if (mode === 0) // in two
    for (const p of [chunk.subarray(0, dice(chunk.length + 1))]) {
      stream.write(p);
      await sleep(dice(8));
      chunk = chunk.subarray(p.length);
    }
  if (mode === 1) // byte by byte, at first
    for (let i = Math.min(40, chunk.length); i > 0; i--) {
      stream.write(chunk.subarray(0, 1));
      chunk = chunk.subarray(1);
      if (!often(9)) await sleep(1);
    }
  stream.write(chunk);
  if (mode === 2) await sleep(dice(20));
  return !wire.destroyed;
}

async function connection() {
  if (!often(25)) return noise();
  const socket = !often(3);
  const plain = socket ? [upgrade(), ...times(1 + dice(12), frame)] : times(1 + dice(4), request);
  const chunks = plain.map((c, i) => (often(3) || (socket && i === 0) ? c : mutate(c)));
  recent.push(Buffer.concat(chunks));
  if (recent.length > 80) recent.shift();
  const wire = net.connect(server.port, '127.0.0.1');
  const stream = server.plain ? wire : tls.connect({ socket: between(wire), servername: 'localhost', rejectUnauthorized: false });
  let data = '', over = false;
  stream.setEncoding('latin1');
  stream.on('data', (d) => { data += d; });
  for (const s of [wire, stream]) s.on('error', () => { over = true; });
  stream.on('close', () => { over = true; });
  await new Promise((done) => { stream.once(server.plain ? 'connect' : 'secureConnect', done); stream.once('close', done); wire.once('close', done); });
  tally.connections++;
  tally.sockets += Number(socket);
  for (const c of chunks) {
    if (over || !(await send(stream, wire, c))) break;
    tally.bytes += c.length;
    if (socket && c === chunks[0]) for (let i = 0; i < 50 && !over && data === '' && often(90); i++) await sleep(10);
  }
  const end = dice(6);
  if (end === 0) wire.resetAndDestroy();
  else if (end === 1) stream.end();
  for (let i = 2 + dice(15); i > 0 && !over && end !== 0; i--) await sleep(10);
  // a close that the peer began, or that the test's application was told, is theirs
  answered(data, socket && kind !== 'plain' && !plain.some((f, i) => i > 0 && (f[0] & 15) === 8));
  stream.destroy();
  wire.destroy();
}

// The watch: others are served, by the same processes
const workers = () => execFileSync('ps', ['-o', 'pid=,args=', '--ppid', String(server.pid)]).toString().split('\n').filter((l) => /wrk/.test(l)).map((l) => l.trim().split(' ')[0]).sort().join();
const alarm = /ERROR: (Address|Leak)Sanitizer|AddressSanitizer:|runtime error:|exited with status [^0]|killed by|sandbox violation/;
async function watch(before) {
  const at = Date.now();
  const status = await server.asks().catch(String);
  if (status !== 200) findings.push(`another client is not served: ${status}`);
  if (Date.now() - at > patient(10_000)) findings.push(`another client waited ${Date.now() - at} ms`);
  if (workers() !== before) findings.push(`workers ${before} are now ${workers()}`);
  if (alarm.test(server.log())) findings.push('the log has a report');
}

async function theClinic() {
  const clinic = await startClinic({ settings: 'join_minutes_before 1440\nrequest_seconds 60' });
  host = `localhost:${clinic.port}`;
  const { clinician, clinician2, scheduler, patient } = clinic.people;
  const who = await Promise.all([clinician, scheduler, clinician2].map((p) => clinic.signIn(p)));
  const guest = await clinic.signIn(patient);
  const book = async (hours) => {
    const starts_at = new Date(Date.now() + hours * 3600e3).toISOString().replace(/\.\d+/, '');
    const made = await who[1].create('/v1/visits', { patient_id: patient.patient_id, clinician_id: clinician.id, starts_at, duration_minutes: 30, reason: 'fuzz' });
    if (made.status !== 201) throw new Error(`no visit: ${made.text}`);
    return made.body.id;
  };
  // open for calls, and never named in a request that could end it
  socketPath = `/v1/visits/${await book(7)}/signal`;
  ids = [await book(9), patient.patient_id, clinician.id, ...clinic.patients.slice(0, 3)];
  joining = [who[0].token, guest.token];
  tokens = [...who, guest].map((c) => c.token);
  routes = theClinicsRoutes();
  fitting = theClinicsFitting;
  const bystander = await clinic.signIn(clinic.people.patient2);
  return {
    port: clinic.port, plain: false, pid: clinic.server.pid,
    log: () => clinic.log,
    asks: async () => (await bystander.get('/v1/session')).status,
    async stop() {
      bystander.close();
      return (await clinic.stopServer()).code;
    },
    clear: () => clinic.stop(),
  };
}

async function thePlain() {
  const edge = await serve('fuzz', 48, { plain: true, workers: 2 });
  host = `localhost:${edge.port}`;
  socketPath = '/ws';
  ids = [randomUUID()];
  joining = tokens = ['A'.repeat(43)];
  routes = ['/bare', '/echo?a=b', '/who', '/sleep?3', '/big?90000', '/note', '/inject', '/closed', '/none'].map((where) => ['GET', where]);
  routes.push(['HEAD', '/echo'], ['OPTIONS', '/echo'], ['DELETE', '/sleep?1']);
  const thing = () => ({ a: odd() });
  fitting = { 'POST /echo': thing, 'PUT /sleep?2': thing, 'PATCH /echo?x': thing };
  return {
    port: edge.port, plain: true, pid: edge.child.pid, log: edge.log,
    async asks() {
      const c = await connect(edge);
      c.write('GET /bare HTTP/1.1\r\nHost: localhost\r\n\r\n');
      try {
        return (await c.response(20_000)).status;
      } finally {
        c.destroy();
      }
    },
    stop: () => edge.stop(),
    clear() {},
  };
}

server = await (kind === 'plain' ? thePlain() : theClinic());
const before = workers();
const until = Date.now() + seconds * 1000;
const going = () => Date.now() < until && findings.length === 0;
await Promise.all([
  ...times(ABREAST, async () => { while (going()) await connection(); }),
  (async () => { while (going()) { await watch(before); await sleep(250); } })(),
]);
await watch(before);
const code = await server.stop();
if (code !== 0) findings.push(`the server ended with ${code}`);
if (alarm.test(server.log()) && findings.length === 0) findings.push('the log has a report');
const inputs = createHash('sha256').update(Buffer.concat(recent)).digest('hex').slice(0, 8);
console.log(`${findings.length === 0 ? 'ok' : 'FAIL'} ${kind.padEnd(10)} seed ${seed}: ${tally.connections} connections, ${tally.sockets} of them sockets, ${tally.bytes} bytes; answers ${JSON.stringify(tally.answers)}`);
if (findings.length > 0) {
  const log = server.log();
  const file = path.join(top, 'build/fuzz/found', `${kind}-${seed}-${inputs}`);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, Buffer.concat(recent.map((b, i) => Buffer.concat([Buffer.from(`\n=== ${i}\n`), b]))));
  console.log([...new Set(findings)].slice(0, 5).join('\n'), `\nthe last inputs: ${file}\n`, log.slice(Math.max(0, log.search(alarm) - 200)).slice(0, 6000));
}
await server.clear();
process.exitCode = findings.length === 0 ? 0 : 1;
