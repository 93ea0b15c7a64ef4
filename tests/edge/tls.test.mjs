// TLS of our Kore: patches 01, 03, 05, 06. The packaged source completes no
// handshake with OpenSSL 3, so there each of these fails.
import assert from 'node:assert/strict';
import { createPrivateKey, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { OUT, SAN, ask, connect, get, pids, remembers, serve } from './lib.mjs';

const servers = {};

before(async () => {
  servers.ec = await serve('tls-ec', 0);
  servers.rsa = await serve('tls-rsa', 1, { cert: 'rsa' });
});
after(async () => {
  for (const s of Object.values(servers))
    s.code = await s.stop();
  for (const s of Object.values(servers)) {
    assert.equal(s.code, 0);
    assert.doesNotMatch(s.log(), /sandbox violation|gone|ERROR: Addr/);
  }
});

const fails = (server, options) =>
  assert.rejects(connect(server, options).then((c) => c.destroy()));

//= TR-01: 1.2 and 1.3 with either kind of key
for (const kind of ['ec', 'rsa'])
  for (const version of ['TLSv1.2', 'TLSv1.3'])
    test(`01 ${kind} with ${version}`, async () => {
      const c = await connect(servers[kind], { minVersion: version,
        maxVersion: version, ca: fs.readFileSync(`${OUT}/${kind}.crt`),
        rejectUnauthorized: true });
      assert.equal(c.stream.getProtocol(), version);
      assert.ok(c.stream.authorized);
      c.write('GET /bare HTTP/1.1\r\nHost: localhost\r\n\r\n');
      assert.equal((await c.response()).status, 200);
      c.destroy();
    });

test('01 many handshakes, several at a time', async () => {
  for (let i = 0; i < 10; i++) {
    const all = Array.from({ length: 8 }, () => get(servers.ec, '/bare'));
    for (const r of await Promise.all(all))
      assert.equal(r.status, 200);
  }
});

test('01 the private key is in the key manager only', async (t) => {
  if (SAN)
    return t.skip('its memory is too large to search');
  const pem = fs.readFileSync(`${OUT}/ec.key`, 'utf8');
  const { d } = createPrivateKey(pem).export({ format: 'jwk' });
  const secret = Buffer.from(d, 'base64url');
  const orders = [secret, Buffer.from(secret).reverse()];
  await get(servers.ec, '/bare');
  const held = (pid) => orders.map((o) => remembers(pid, o));
  const [manager] = pids(servers.ec, 'keymgr');
  if (held(manager).includes(null))
    return t.skip('may not read the memory of processes');
  assert.ok(held(manager).includes(true), 'the search would find nothing');
  for (const pid of [...pids(servers.ec, 'wrk'), servers.ec.child.pid])
    assert.ok(!held(pid).includes(true), `key in ${pid}`);
});

for (const ciphers of ['ECDHE-ECDSA-AES128-SHA', 'ECDHE-ECDSA-AES128-SHA256',
  'ECDHE-ECDSA-AES256-SHA384', 'ECDHE-RSA-AES128-SHA', 'DHE-RSA-AES128-SHA',
  'DHE-RSA-AES128-GCM-SHA256', 'AES128-GCM-SHA256', 'AES128-SHA',
  'CAMELLIA128-SHA', 'ECDHE-ARIA128-GCM-SHA256', 'PSK-AES128-GCM-SHA256'])
  test(`03 ${ciphers} is refused`, async () => {
    for (const s of Object.values(servers))
      await fails(s, { ciphers, maxVersion: 'TLSv1.2' });
  });

test('03 below 1.2 is refused', async () => {
  for (const v of ['TLSv1', 'TLSv1.1']) {
    await fails(servers.ec, { minVersion: v, maxVersion: v,
      ciphers: 'DEFAULT@SECLEVEL=0' });
  }
});

test('03 AEAD suites of 1.2 work', async () => {
  for (const [kind, name] of [['ec', 'ECDSA'], ['rsa', 'RSA']]) {
    for (const aead of ['AES128-GCM-SHA256', 'AES256-GCM-SHA384',
      'CHACHA20-POLY1305']) {
      const c = await connect(servers[kind], { maxVersion: 'TLSv1.2',
        ciphers: `ECDHE-${name}-${aead}` });
      c.destroy();
    }
  }
});

test('03 ALPN: http/1.1, and nothing for who wants h2 only', async () => {
  let c = await connect(servers.ec, { ALPNProtocols: ['h2', 'http/1.1'] });
  assert.equal(c.stream.alpnProtocol, 'http/1.1');
  c.destroy();
  c = await connect(servers.ec);
  assert.equal(c.stream.alpnProtocol, false);
  c.destroy();
  await fails(servers.ec, { ALPNProtocols: ['h2'] });
});

test('03 a client may come without SNI', async () => {
  const r = await ask(servers.ec,
    'GET /bare HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n',
    { tls: { servername: '' } });
  assert.equal(r.status, 200);
});

test('03 a key share that has to be asked for again', async () => {
  for (let i = 0; i < 3; i++) {
    const c = await connect(servers.ec, { ecdhCurve: 'P-521:P-384' });
    c.write('GET /bare HTTP/1.1\r\nHost: localhost\r\n\r\n');
    assert.equal((await c.response()).status, 200);
    c.destroy();
  }
});

test('03 no renegotiation', async () => {
  const c = await connect(servers.ec, { maxVersion: 'TLSv1.2' });
  const error = await new Promise((done) => {
    c.stream.renegotiate({}, done);
    c.stream.once('close', () => done(new Error('closed')));
  });
  assert.ok(error instanceof Error);
  c.destroy();
});

test('03 the configuration needs no DH parameters', () => {
  const conf = fs.readFileSync(`${servers.ec.dir}/kore.conf`, 'utf8');
  assert.doesNotMatch(conf, /tls_dhparam/);
});

//= EN-01: what a request carried does not stay in the worker's memory
test('05 memory: headers and bodies are wiped', async (t) => {
  if (SAN)
    return t.skip('the sanitizer keeps copies of its own');
  const [pid] = pids(servers.ec, 'wrk');
  const marks = Array.from({ length: 3 },
    () => randomBytes(12).toString('hex'));
  const body = `{"password":"${marks[1]}"}`;
  const r = await ask(servers.ec, 'POST /echo HTTP/1.1\r\nHost: localhost\r\n' +
    `Authorization: Bearer ${marks[0]}\r\nContent-Length: ${body.length}\r\n` +
    `X-Pad: ${'p'.repeat(3000)}${marks[2]}\r\n\r\n${body}`);
  assert.match(r.body, new RegExp(marks[1]));
  await get(servers.ec, '/bare');
  const found = marks.map((m) => remembers(pid, Buffer.from(m)));
  if (found.includes(null))
    return t.skip('may not read the memory of processes');
  assert.deepEqual(found, [false, false, false]);
});
