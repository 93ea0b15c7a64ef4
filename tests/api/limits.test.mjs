// What one address may have, and whose address it is: connections counted
// over all workers, and proxies whose word is taken. Loopback has many
// addresses, and a client may choose its own.
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';

import { freePort, startClinic, top } from '../lib/clinic.mjs';
import { children, eventually, wakeful } from '../lib/processes.mjs';
import { patient as patiently } from '../lib/patience.mjs';

const PROXY = '127.0.0.9', LIMIT = 20;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let clinic, desk, firstRefused;

before(async () => {
  clinic = await startClinic({ env: { EPIONE_SETTINGS: `requests_per_minute 1000000\nsign_ins_per_minute 20\nrequest_seconds 30\nconnections_per_address ${LIMIT}\nnew_connections_per_minute 1000000\nproxy_addresses ${PROXY} 10.0.0.0/8` } });
  desk = await clinic.signIn(clinic.people.scheduler);
});
after(async () => {
  desk?.close();
  await clinic?.stop();
  assert.doesNotMatch(clinic?.log ?? '', /ERROR: (Address|Leak)Sanitizer|runtime error|sandbox violation/i);
});

/** A connection from an address of loopback: what became of it is in `error` and `over`. */
async function dial(from, port = clinic.port) {
  const c = { error: '', over: false, data: '' };
  c.socket = tls.connect({ port, host: '127.0.0.1', localAddress: from, servername: 'localhost', rejectUnauthorized: false });
  c.socket.setEncoding('latin1');
  c.socket.on('data', (d) => { c.data += d; });
  c.socket.on('error', (e) => { c.error = e.code; });
  c.socket.on('close', () => { c.over = true; });
  await new Promise((done) => { c.socket.once('secureConnect', done); c.socket.once('close', done); });
  return c;
}

/** One request with headers of one's own, each line as it is given. */
async function ask(c, target, lines = [], method = 'GET', body = '') {
  c.data = '';
  const host = lines.some((line) => line.startsWith('Host:')) ? [] : [`Host: localhost:${clinic.port}`];
  c.socket.write([`${method} ${target} HTTP/1.1`, ...host, ...lines, ...(body ? ['Content-Type: application/json', `Content-Length: ${body.length}`] : []), '', body].join('\r\n'));
  for (const end = Date.now() + 60_000; ; await sleep(5)) {
    const at = c.data.indexOf('\r\n\r\n');
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(c.data)?.[1] ?? 0);
    if (at > 0 && c.data.length >= at + 4 + length)
      return { status: Number(c.data.slice(9, 12)), head: c.data.slice(0, at), id: /x-request-id: (\S+)/i.exec(c.data)?.[1], text: c.data.slice(at + 4) };
    assert.ok(!c.over && Date.now() < end, `no answer: ${c.error} ${c.data}`);
  }
}

async function once(from, ...request) {
  const c = await dial(from);
  const r = await ask(c, ...request);
  c.socket.destroy();
  return r;
}

const several = (from, n) => Promise.all(Array.from({ length: n }, () => dial(from)));
const within = (list) => list.filter((c) => !c.over);
const hangUp = (list) => list.forEach((c) => c.socket.destroy());
const addressOf = async (r) => (await clinic.sql(`SELECT address FROM audit WHERE request_id = :'id'`, { id: r.id }))[0].address;
/** Has the address so many connections left? Tried until it has, as ends are noticed a moment later. */
async function leaves(from, n) {
  for (const end = Date.now() + 60_000; Date.now() < end; await sleep(100)) {
    const got = await several(from, LIMIT + 5), in_ = within(got).length;
    hangUp(got);
    if (in_ === n) return true;
    await sleep(100);
  }
  return false;
}

//= AZ-10, TR-24: who opens connections without end loses nothing but his own
test('one address has its number of connections, and no other notices', async () => {
  firstRefused = Date.now();
  const got = await several('127.0.0.3', LIMIT * 3), kept = within(got);
  assert.equal(kept.length, LIMIT);
  assert.deepEqual([...new Set(got.filter((c) => c.over).map((c) => c.error))], ['ECONNRESET']);
  for (const c of kept) assert.equal((await ask(c, '/healthz')).status, 200);
  const other = await several('127.0.0.4', LIMIT);
  assert.equal(within(other).length, LIMIT);
  assert.equal((await desk.get('/v1/session')).status, 200);
  hangUp(other);
  hangUp(kept.splice(0, 7));
  assert.ok(await leaves('127.0.0.3', 7));
  for (const c of kept) assert.equal((await ask(c, '/healthz')).status, 200);
  hangUp(kept);
  assert.ok(await leaves('127.0.0.3', LIMIT));
});

test('the log says it once a minute, without the address; /metrics counts', async () => {
  assert.ok(await eventually(() => clinic.log.includes('connections_refused')));
  const said = clinic.log.split('\n').filter((l) => l.includes('connections_refused'));
  assert.ok(said.length <= 1 + (Date.now() - firstRefused) / 60e3, said.join('\n'));
  assert.deepEqual(Object.keys(JSON.parse(said[0])).filter((k) => /count|connections_per_|per_minute/.test(k)), ['count', 'connections_per_address', 'new_connections_per_minute']);
  assert.doesNotMatch(clinic.log, /127\.0\.0\.3/);
  const { text } = await once('127.0.0.1', '/metrics');
  assert.ok(Number(/^epione_connections_refused_total (\d+)$/m.exec(text)[1]) >= LIMIT * 2);
});

//= TR-24, AZ-10: who comes over and over is refused before a handshake is paid for
test('one address has its rate of new connections, over all workers', async () => {
  await clinic.restart({ new_connections_per_minute: 60 }); // 16 at once, then one a second
  try {
    const from = Date.now(), kept = within(await several('127.0.0.3', LIMIT));
    assert.ok(kept.length >= 15 && kept.length <= 17 + (Date.now() - from) / 1000, `${kept.length} came in`);
    const more = await several('127.0.0.3', 5 + Math.ceil((Date.now() - from) / 1000)), refused = more.filter((c) => c.over);
    assert.ok(refused.length > 0 && refused.every((c) => c.error === 'ECONNRESET'), refused.map((c) => c.error).join());
    hangUp(more);
    // those who are in go on, others come in, and a proxy's clients are its own affair
    for (const c of kept) assert.equal((await ask(c, '/healthz')).status, 200);
    assert.equal((await once('127.0.0.4', '/healthz')).status, 200);
    const proxied = await several(PROXY, LIMIT);
    assert.equal(within(proxied).length, LIMIT);
    await sleep(1100);
    assert.equal((await once('127.0.0.3', '/healthz')).status, 200);
    hangUp([...kept, ...proxied]);
  } finally {
    await clinic.restart({ new_connections_per_minute: 1000000 });
  }
});

const workers = () => Object.entries(children(clinic.server.pid)).filter(([, title]) => title.includes('wrk')).map(([pid]) => Number(pid));

test('a worker that dies gives its connections back', async () => {
  const open = within(await several('127.0.0.3', LIMIT));
  assert.equal(open.length, LIMIT);
  assert.equal(workers().length, 2);
  const [victim] = workers();
  process.kill(victim, 'SIGKILL');
  assert.ok(await eventually(() => workers().length === 2 && !workers().includes(victim)), 'another one is there');
  assert.ok(await eventually(() => within(open).length < LIMIT), 'some were at it');
  await sleep(patiently(300)); // all of its sockets end together
  const left = within(open).length;
  assert.ok(left > 0, `${left} are left`);
  assert.ok(await leaves('127.0.0.3', LIMIT - left));
  hangUp(open);
  assert.ok(await leaves('127.0.0.3', LIMIT));
});

test('a proxy of ours has no such limit', async () => {
  const got = await several(PROXY, LIMIT * 2);
  assert.equal(within(got).length, LIMIT * 2);
  hangUp(got);
});

const token = () => `Authorization: Bearer ${desk.token}`;
const record = () => `/v1/patients/${clinic.people.patient.patient_id}`;

//= TR-20: a header is believed as far as those who wrote it are ours
test('whose address is written down', async () => {
  for (const [from, lines, address] of [
    [PROXY, [], PROXY],
    [PROXY, ['X-Forwarded-For: 198.51.100.7'], '198.51.100.7'],
    [PROXY, ['X-Forwarded-For: 203.0.113.1, 198.51.100.7'], '198.51.100.7'],
    [PROXY, ['X-Forwarded-For: 203.0.113.1', 'X-Forwarded-For: 198.51.100.7'], '198.51.100.7'],
    [PROXY, ['X-Forwarded-For: 198.51.100.7', 'x-FORWARDED-for: 10.1.2.3'], '198.51.100.7'],
    [PROXY, ['X-Forwarded-For: 203.0.113.1, 2001:DB8::7'], '2001:db8::7'],
    [PROXY, ['X-Forwarded-For: unknown'], PROXY],
    [PROXY, ['X-Forwarded-For: 203.0.113.1, unknown, 10.1.2.3'], '10.1.2.3'],
    [PROXY, ['X-Forwarded-For:'], PROXY],
    [PROXY, ['X-Real-IP: 203.0.113.1', 'Forwarded: for=203.0.113.1'], PROXY],
    ['127.0.0.3', ['X-Forwarded-For: 198.51.100.7'], '127.0.0.3'],
    ['127.0.0.3', [`X-Forwarded-For: 198.51.100.7, ${PROXY}`], '127.0.0.3'],
    ['127.0.0.8', ['X-Forwarded-For: 10.1.2.3'], '127.0.0.8'],
  ]) {
    const r = await once(from, record(), [token(), ...lines]);
    assert.equal(r.status, 200, `${from} ${lines}: ${r.text}`);
    assert.equal(await addressOf(r), address, `${from} ${lines}`);
  }
});

// without a password: it counts all the same, and nothing is hashed
const guess = (from, ...lines) => once(from, '/v1/session', lines, 'POST', '{}');

//= TR-20, AZ-10: a rate is that of the client behind the proxy, and of nobody whom a header invents
test('whose rate it is', async () => {
  const statuses = async (from, header) => {
    const all = [];
    for (let i = 0; i < 9; i++) all.push((await guess(from, header(i))).status);
    return new Set(all);
  };
  // strangers: each says another address, and is one
  assert.ok((await statuses('127.0.0.5', (i) => `X-Forwarded-For: 198.51.100.${i}`)).has(429));
  // a proxy's clients: one that invents addresses, and then another, who has done nothing
  assert.ok((await statuses(PROXY, (i) => `X-Forwarded-For: 198.51.100.${i}, 203.0.113.5`)).has(429));
  assert.equal((await guess(PROXY, 'X-Forwarded-For: 203.0.113.5')).status, 429);
  assert.equal((await guess(PROXY, 'X-Forwarded-For: 203.0.113.6')).status, 422);
  // of IPv6 one has a /64 to choose from, and it is one
  assert.ok((await statuses(PROXY, (i) => `X-Forwarded-For: 2001:db8:5::${i}`)).has(429));
  assert.equal((await guess(PROXY, 'X-Forwarded-For: 2001:db8:5:1::1')).status, 422);
});

//= TR-24: who is over the rate and asks on pays with connections, of which there is a rate too
test('a refusal for the rate ends the connection, but not that of a proxy', async () => {
  for (const [from, end] of [['127.0.0.10', 'close'], [PROXY, null]]) {
    const c = await dial(from);
    let r;
    for (let i = 0; i < 40 && r?.status !== 429; i++)
      r = await ask(c, '/v1/session', ['X-Forwarded-For: 203.0.113.10'], 'POST', '{}');
    assert.equal(r.status, 429);
    assert.equal(/\r\nconnection: (\w+)/i.exec(r.head)?.[1] ?? null, end);
    if (end === null) await sleep(300);
    assert.equal(end === null ? c.over : await eventually(() => c.over), end !== null, from);
    if (end === null) assert.equal((await ask(c, '/healthz')).status, 200);
    c.socket.destroy();
  }
});

test('pages, health checks and what is not there have a rate, ten times that of requests', async () => {
  await clinic.restart({ requests_per_minute: 60 }); // so 151 at once, then ten a second
  try {
    const last = [];
    for (const [from, target] of [['127.0.0.11', '/healthz'], ['127.0.0.12', '/'], ['127.0.0.13', '/v1x'], [PROXY, '/healthz']]) {
      const c = await dial(from);
      const began = Date.now(), allowed = () => 152 + (Date.now() - began) / 100;
      let r, asked = 0;
      do r = await ask(c, target); while (++asked < allowed() + 40 && r.status !== 429);
      assert.ok(r.status === 429 && asked > 150 && asked < allowed() + 40, `${target}: ${asked}`);
      assert.match(r.head, /\r\nretry-after: 1/i);
      assert.match(r.text, /"code": *"too_many_requests"/);
      last.push(/\r\nconnection: close/i.test(r.head));
      c.socket.destroy();
    }
    assert.deepEqual(last, [true, true, true, false]);
    assert.equal((await once('127.0.0.14', '/healthz')).status, 200);
    assert.equal((await once('127.0.0.11', '/v1/session')).status, 401); // another rate
  } finally {
    await clinic.restart({ requests_per_minute: 1000000 });
  }
});

//= TR-24, AU-01: who is over the rate is looked at no further, and fills no log
test('over the rate nothing is looked at and nothing is written down', async () => {
  await clinic.restart({ requests_per_minute: 60 }); // so 16 at once, then one a second
  const seen = {};
  try {
    const cookie = 'Cookie: __Host-epione=a; __Host-epione=b', foreign = 'Origin: https://elsewhere.example';
    for (const [from, method, target, lines, status] of [
      ['127.0.0.20', 'DELETE', '/v1/session', [foreign], 403],
      ['127.0.0.21', 'GET', '/v1/session', [cookie], 400],
      ['127.0.0.22', 'GET', '/v1/session', ['Authorization: Bearer x'], 401],
      ['127.0.0.23', 'GET', '/v1/nothing', [], 404],
      ['127.0.0.24', 'GET', '/v1/session', ['Host: localhost:1'], 421],
    ]) {
      let looked = 0, over = 0;
      while (over < 10) {
        const r = await once(from, target, lines, method);
        assert.ok([status, 429].includes(r.status), r.text);
        if (r.status === 429) over++;
        else assert.ok(++looked < 100, `${target} ${lines}: no rate, or that of pages`);
      }
      if (status !== 421) seen[from] = looked; // another host's is nobody's here, and no event
    }
  } finally {
    await clinic.restart({ requests_per_minute: 1000000 });
  }
  // the last of what was counted is written when the server ends
  for (const [from, looked] of Object.entries(seen)) {
    const [{ n }] = await clinic.sql(`SELECT sum(coalesce(count, 1)) AS n FROM audit WHERE address = :'a'`, { a: from });
    assert.equal(Number(n), looked, from);
  }
});

//= TR-20, OP-04: /metrics is for this machine, whatever stands between
test('/metrics is not for those who come through a proxy', async () => {
  const status = async (from, ...lines) => (await once(from, '/metrics', lines)).status;
  assert.equal(await status('127.0.0.1'), 200);
  assert.equal(await status('127.0.0.77'), 200);
  // one we know, on this machine: neither in its own name nor in any other
  assert.equal(await status(PROXY), 404);
  for (const a of ['127.0.0.1', '::1', '198.51.100.7', '[::1]:80', PROXY])
    assert.equal(await status(PROXY, `X-Forwarded-For: ${a}`), 404, a);
  // one we were not told of
  for (const h of ['X-Forwarded-For: 127.0.0.1', 'Forwarded: for=127.0.0.1', 'Via: 1.1 x', 'X-Real-IP: 127.0.0.1', 'X-Forwarded-Proto: https'])
    assert.equal(await status('127.0.0.1', h), 404, h);
});

/** A process's limit of descriptors, set by its own user: root of a container may not. */
function nofile(pid, n) {
  const [uid, gid] = ['Uid', 'Gid'].map((k) => Number(new RegExp(`^${k}:\\s+(\\d+)`, 'm').exec(readFileSync(`/proc/${pid}/status`, 'utf8'))[1]));
  execFileSync('prlimit', ['--pid', pid, `--nofile=${n}:`], { uid, gid });
}

//= TR-24: no descriptors left is a state to wait in, not one to spin or die in
test('without descriptors the connected are answered, and the database comes back later', async () => {
  await clinic.restart({ request_seconds: 3 });
  const pids = workers(), inside = [];
  for (let i = 0; i < 12; i++) inside.push(await dial('127.0.0.7')); // some in each worker
  for (const pid of pids) nofile(pid, 3); // those that are open stay
  try {
    // again below, for one that was just being opened
    const cut = () => clinic.sql(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'epione_server'`);
    await cut();
    await sleep(300);
    const waiting = dial('127.0.0.8');
    let came = false;
    waiting.then(() => { came = true; });
    const rests = async () => {
      const before = pids.map(wakeful), start = Date.now();
      await sleep(1000);
      shares = pids.map((pid, i) => (wakeful(pid) - before[i]) / (Date.now() - start));
      return shares.every((share) => share < 0.25);
    };
    let shares;
    // who spins is awake all the time, and who rests at some time is not
    assert.ok(await eventually(rests, 10_000), `awake for ${shares} of the time`);
    for (const c of inside) {
      assert.equal((await ask(c, '/healthz')).status, 200);
      for (const end = Date.now() + 60_000; (await ask(c, '/readyz')).status !== 503; await cut()) assert.ok(Date.now() < end, 'its database does not go');
    }
    const at = Date.now(), r = await ask(inside[0], record(), [token()]);
    assert.equal(r.status, 503, r.text);
    assert.ok(Date.now() - at < patiently(5000));
    assert.equal(came, false);
    for (const pid of pids) nofile(pid, 8192);
    const last = await waiting;
    assert.equal((await ask(last, '/healthz')).status, 200);
    for (const end = Date.now() + 60_000; ; await sleep(100)) {
      const all = [];
      for (const c of inside) all.push((await ask(c, '/readyz')).status);
      if (all.every((s) => s === 200)) break;
      assert.ok(Date.now() < end, 'the database does not come back');
    }
    for (const c of [...inside, last]) assert.equal((await ask(c, record(), [token()])).status, 200);
    hangUp([...inside, last]);
    assert.deepEqual(workers(), pids, 'no worker died of it');
  } finally {
    for (const pid of pids) nofile(pid, 8192);
  }
});

/** haproxy by conf/haproxy.cfg, but for ports, files and the user. */
async function haproxy(port) {
  const pem = path.join(clinic.dir, 'front.pem'), cfg = path.join(clinic.dir, 'haproxy.cfg');
  const ca = path.join(clinic.dir, 'tls/cert.pem');
  execFileSync('sh', ['-c', `cat "$1/tls/cert.pem" "$1/tls/key.pem" >"$2"`, 'sh', clinic.dir, pem]);
  let text = readFileSync(path.join(top, 'conf/haproxy.cfg'), 'utf8');
  for (const [is, put] of [
    [/^\tuser.*\n\tgroup.*\n/m, ''], ['bind :443', `bind 127.0.0.1:${port}`],
    ['/etc/haproxy/visits.pem', pem], ['/etc/haproxy/epione-ca.pem', ca],
    ['127.0.0.1:8443', `127.0.0.1:${clinic.port}`], ['source 127.0.0.2', `source ${PROXY}`],
    ['str(visits.clinic.example)', 'str(localhost)'], ['hdr Host visits.clinic.example', `hdr Host localhost:${clinic.port}`],
    ['sc0_conn_cur gt 512', `sc0_conn_cur gt ${LIMIT}`],
  ]) {
    assert.equal(text.split(is).length, 2, `${is} stands once in conf/haproxy.cfg`);
    text = text.replace(is, put);
  }
  writeFileSync(cfg, text);
  execFileSync('haproxy', ['-c', '-q', '-f', cfg]);
  const child = spawn('haproxy', ['-db', '-q', '-f', cfg], { stdio: 'inherit' });
  const ended = new Promise((done) => child.on('exit', done));
  return { async stop() { child.kill('SIGTERM'); await ended; } };
}

test('haproxy as we show it: addresses, limits, /metrics, sockets', async () => {
  const port = await freePort();
  const proxy = await haproxy(port);
  const by = async (from, ...request) => {
    const c = await dial(from, port), r = await ask(c, ...request);
    c.socket.destroy();
    return r;
  };
  try {
    for (const end = Date.now() + 60_000; (await by('127.0.0.3', '/readyz').catch(() => ({}))).status !== 200; await sleep(100)) assert.ok(Date.now() < end, 'it does not serve');
    for (const lines of [[], ['X-Forwarded-For: 203.0.113.1'], ['X-Forwarded-For: 203.0.113.1', 'X-Forwarded-For: 10.0.0.1']]) {
      const r = await by('127.0.0.3', record(), [token(), ...lines]);
      assert.equal(r.status, 200, r.text);
      assert.equal(await addressOf(r), '127.0.0.3', `${lines}`);
    }
    assert.equal((await by('127.0.0.1', '/metrics')).status, 404);
    assert.equal((await by('127.0.0.1', '/metrics', ['X-Forwarded-For: 127.0.0.1'])).status, 404);
    // a browser's socket: refused by us for want of a session, with our answer
    const up = await by('127.0.0.3', `/v1/visits/${randomUUID()}/signal`, ['Upgrade: websocket', 'Connection: Upgrade', 'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==']);
    assert.match(up.head, /application\/problem\+json/);
    const many = await Promise.all(Array.from({ length: LIMIT + 10 }, () => dial('127.0.0.6', port)));
    assert.equal(within(many).length, LIMIT);
    hangUp(many);
  } finally {
    await proxy.stop();
  }
});
