// TURN credentials that our server makes, and a real coturn under the shipped
// configuration that takes them.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { createHmac, randomBytes } from 'node:crypto';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import tls from 'node:tls';
import { promisify } from 'node:util';

import { freePort, startClinic, top } from '../lib/clinic.mjs';
import { TurnClient } from '../lib/turn.mjs';

const run = promisify(execFile);
const secret = randomBytes(32).toString('hex');
const shipped = path.join(top, 'conf/turnserver.conf');
let clinic, as, dir, port, tlsPort, coturn, visit;

async function startCoturn() {
  const key = path.join(dir, 'key.pem'), cert = path.join(dir, 'cert.pem');
  await run('openssl', ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', key, '-out', cert, '-days', '2', '-subj', '/CN=localhost']);
  const me = os.userInfo().username, conf = path.join(dir, 'turnserver.conf');
  // not in the arguments, which all can read
  writeFileSync(conf, readFileSync(shipped, 'utf8').replace(/^static-auth-secret=.*\n/m, '') + `\nstatic-auth-secret=${secret}\n`, { mode: 0o600 });
  coturn = spawn('turnserver', [
    '-c', conf, '--listening-ip', '127.0.0.1', '--relay-ip', '127.0.0.1', '--relay-ip', '::1',
    '--listening-port', String(port), '--tls-listening-port', String(tlsPort), '--cert', cert, '--pkey', key,
    '--userdb', path.join(dir, 'turn.db'), '--pidfile', path.join(dir, 'turn.pid'), '--log-file', 'stdout', '--proc-user', me, '--proc-group', me,
  ], { stdio: 'ignore' });
  const probe = new TurnClient(port);
  for (let i = 0; ; i++) {
    if (await probe.bind().catch(() => false)) break;
    if (i > 3 || coturn.exitCode !== null) throw new Error('coturn does not start');
  }
  probe.close();
}

before(async () => {
  dir = mkdtempSync(path.join(os.tmpdir(), 'epione-turn-'));
  chmodSync(dir, 0o711);
  port = await freePort();
  tlsPort = await freePort();
  const file = path.join(dir, 'secret');
  writeFileSync(file, `${secret}\n`);
  chmodSync(file, 0o400);
  await startCoturn();
  const urls = `stun:127.0.0.1:${port} turn:127.0.0.1:${port}?transport=udp turns:127.0.0.1:${tlsPort}?transport=tcp`;
  clinic = await startClinic({ env: { TURN_URLS: urls, TURN_SECRET_FILE: file } });
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
  visit = (await as.patient.get('/v1/visits?status=booked')).body.items[0];
  await clinic.visitSoon(visit.id);
});
after(async () => {
  await clinic?.stop();
  coturn?.kill();
  if (dir) rmSync(dir, { recursive: true, force: true });
});

const servers = async (who) => {
  const r = await who.get(`/v1/visits/${visit.id}/ice-servers`);
  assert.equal(r.status, 200, r.text);
  return r;
};
const turn = (r) => r.body.ice_servers.find((s) => s.urls[0].startsWith('turn:'));
const forge = (ttl, with_ = secret) => {
  const username = `${Math.floor(Date.now() / 1000) + ttl}:forged`;
  return { username, credential: createHmac('sha1', with_).update(username).digest('base64') };
};
const allocate = async (login, options) => {
  const client = new TurnClient(port, login);
  const error = await client.allocate(options);
  return { client, error };
};

//= TR-14: <expiry>:<pseudonym>, HMAC-SHA1, within the hour, nothing of a person
test('a participant gets credentials that say nothing of anybody', async () => {
  const r = await servers(as.patient);
  assert.equal(r.headers['cache-control'], 'no-store');
  assert.equal(r.body.ttl_s, 3600);
  assert.deepEqual(r.body.ice_servers.map((s) => [s.urls.length, s.urls[0].split(':')[0], 'credential' in s]), [[1, 'stun', false], [1, 'turn', true], [1, 'turns', true]]);
  const { username, credential } = turn(r);
  const [, expiry, pseudonym] = /^(\d+):([\w-]{22})$/.exec(username);
  assert.ok(Math.abs(Number(expiry) - Date.now() / 1000 - 3600) < 60);
  assert.equal(credential, createHmac('sha1', secret).update(username).digest('base64'));
  assert.equal(r.text.includes(secret), false);

  const again = turn(await servers(as.patient)).username.split(':')[1];
  const other = turn(await servers(as.clinician)).username.split(':')[1];
  assert.equal(again, pseudonym);
  assert.notEqual(other, pseudonym);
  const [row] = await clinic.audit(`request_id = '${r.headers['x-request-id']}'`);
  assert.deepEqual([row.event, row.record_id, row.patient_id], ['visit.ice_servers', visit.id, visit.patient_id]);
});

test('nobody but the two participants gets any', async () => {
  for (const who of ['clinician2', 'patient2', 'scheduler', 'admin', 'compliance']) {
    const r = await as[who].get(`/v1/visits/${visit.id}/ice-servers`);
    assert.deepEqual([r.status, r.body.code], [404, 'not_found'], who);
  }
});

//= TR-14, TR-16: coturn agrees; past its end, or forged, it is 401
test('coturn takes our credential, and neither an old nor a forged one', async () => {
  const ours = await allocate(turn(await servers(as.patient)));
  assert.equal(ours.error, 0);
  assert.equal(ours.client.lifetime, 600);
  ours.client.close();
  for (const login of [forge(-1), forge(600, 'guess'), { username: 'patient', credential: secret }, undefined]) {
    const { client, error } = await allocate(login);
    assert.equal(error, 401, JSON.stringify(login));
    client.close();
  }
});

test('turnutils_uclient, a client of others, sees the same', async () => {
  // It takes the password as an argument alone, which whoever is on this machine
  // can read: this one is of a relay of the test's own, and lasts for it.
  const talk = async ({ username, credential }) => {
    const done = await run('turnutils_uclient', ['-u', username, '-w', credential, '-p', String(port), '-e', '127.0.0.1', '-n', '1', '-m', '1', '-l', '20', '127.0.0.1'], { timeout: 90_000 }).catch((e) => e);
    return done.stdout + done.stderr;
  };
  const ours = await talk(turn(await servers(as.patient)));
  assert.match(ours, /error 403 \(Forbidden IP\)/); // got in, and may not relay to 127.0.0.1
  assert.match(await talk(forge(-1)), /Cannot complete Allocation/);
});

//= TR-15: no relay into a private, local or multicast network
test('coturn relays to the internet alone', async () => {
  const refusedPeers = {
    4: ['127.0.0.1', '127.255.255.254', '10.0.0.1', '10.255.255.255', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.255.255', '169.254.169.254', '0.0.0.0', '0.1.2.3', '100.64.0.1', '192.0.2.1', '198.18.0.1', '198.51.100.7', '203.0.113.9', '224.0.0.1', '239.255.255.255', '240.0.0.1', '255.255.255.255'],
    6: ['::1', '::', 'fc00::1', 'fd12:3456::1', 'fe80::1', 'febf::1', 'ff02::1', '::ffff:10.0.0.1', '::ffff:127.0.0.1', '64:ff9b::a00:1', '2001:db8::1', '2002:a00:1::1'],
  };
  const allowedPeers = { 4: ['9.255.255.255', '11.0.0.1', '172.32.0.1', '192.167.255.255', '1.1.1.1'], 6: ['2606:4700::1111'] };
  for (const family of [4, 6]) {
    const { client, error } = await allocate(turn(await servers(as.patient)), { family });
    assert.equal(error, 0, `IPv${family}`);
    for (const ip of refusedPeers[family]) assert.equal(await client.permit(ip), 403, ip);
    for (const ip of allowedPeers[family]) assert.equal(await client.permit(ip), 0, ip);
    client.close();
  }
});

test('one credential holds a dozen relays at most', async () => {
  const login = forge(300);
  const all = [];
  for (let i = 0; i < 13; i++) all.push(await allocate(login));
  assert.deepEqual(all.map((a) => a.error), [...Array(12).fill(0), 486]);
  for (const { client } of all) client.close();
});

test('TURNS is on, with TLS of this decade', async () => {
  const hello = (options, ms) => new Promise((done) => {
    const s = tls.connect({ port: tlsPort, host: '127.0.0.1', rejectUnauthorized: false, ...options }, () => { done(s.getProtocol()); s.destroy(); });
    s.on('error', () => done(null));
    s.setTimeout(ms, () => { done(null); s.destroy(); }); // coturn says nothing to what it refuses
  });
  assert.match(String(await hello({}, 90_000)), /^TLSv1\.[23]$/);
  assert.equal(await hello({ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'ALL:@SECLEVEL=0' }, 3000), null);
});

//= TR-15, TR-16: what a client cannot see from outside
test('quotas and lifetimes are set in the shipped configuration', () => {
  const lines = readFileSync(shipped, 'utf8').split('\n').filter((l) => l && !l.startsWith('#'));
  const value = (name) => lines.find((l) => l.startsWith(`${name}=`))?.split('=')[1];
  for (const name of ['user-quota', 'total-quota', 'max-bps', 'bps-capacity']) assert.ok(Number(value(name)) > 0, name);
  assert.ok(Number(value('stale-nonce')) <= 3600 && Number(value('max-allocate-lifetime')) <= 3600);
  assert.equal(value('static-auth-secret'), ''); // no secret ships
  for (const flag of ['use-auth-secret', 'no-multicast-peers', 'no-cli', 'no-tcp-relay']) assert.ok(lines.includes(flag), flag);
  for (const flag of ['no-tls', 'no-dtls', 'allow-loopback-peers', 'no-auth', 'verbose']) assert.ok(!lines.includes(flag), flag);
});
