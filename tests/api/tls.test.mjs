// TLS of the real server: what a scanner says of it, who holds the private key,
// and certificates that are renewed while visits go on.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { createPrivateKey } from 'node:crypto';
import { copyFileSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import tls from 'node:tls';
import { Client, startClinic } from '../lib/clinic.mjs';
import { Peer } from '../lib/peer.mjs';
import { children, eventually, remembers } from '../lib/processes.mjs';

const run = promisify(execFile);
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const root = process.getuid() === 0;
let clinic, papers;

before(async () => {
  papers = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-`));
  const make = (name, ...key) => run('openssl', ['req', '-x509', '-nodes', '-days', '397', '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1', '-keyout', `${papers}/${name}.key`, '-out', `${papers}/${name}.crt`, '-newkey', ...key]);
  [clinic] = await Promise.all([
    startClinic({ settings: 'join_minutes_before 1440\n' }),
    make('rsa', 'rsa:2048'), make('ec', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256'),
  ]);
});
after(async () => {
  await clinic?.stop();
  rmSync(papers, { recursive: true, force: true });
});

/** Puts a certificate and its key in place, as an operator's hook would. */
async function install(name, ends = ['crt', 'key']) {
  for (const end of ends) {
    const to = path.join(clinic.dir, 'tls', end === 'crt' ? 'cert.pem' : 'key.pem');
    copyFileSync(`${papers}/${name}.${end}`, `${to}.new`);
    if (root) await run('chown', ['daemon:', `${to}.new`]);
    await run('chmod', ['0400', `${to}.new`]);
    renameSync(`${to}.new`, to);
  }
}

async function reload(word) {
  const count = () => clinic.log.split(word).length, had = count();
  clinic.server.kill('SIGUSR1');
  assert.ok(await eventually(() => count() > had), `no "${word}"`);
}

/** What a new handshake shows. */
const shown = (more = {}) => new Promise((done, failed) => {
  const s = tls.connect({ port: clinic.port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false, ...more }, () => {
    const { fingerprint256, modulus } = s.getPeerCertificate();
    done({ certificate: fingerprint256, type: modulus ? 'rsa' : 'ec', alpn: s.alpnProtocol });
    s.destroy();
  });
  s.on('error', failed);
});

/** What sslscan sees: elements of its report with their attributes, by name. */
async function scanned() {
  const { stdout } = await run('sslscan', ['--xml=-', '--no-colour', '--show-sigs', '--sni-name=localhost', `127.0.0.1:${clinic.port}`]);
  const elements = [...stdout.matchAll(/<([\w-]+) ([^<>]*=[^<>]*)>/g)].map(([, name, rest]) => ({ name, of: Object.fromEntries([...rest.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, k, v]) => [k, v])) }));
  return (name) => elements.filter((e) => e.name === name).map((e) => e.of);
}

//= TR-01: a second opinion on all of it
for (const kind of ['ec', 'rsa'])
  test(`a scanner finds nothing that is old or weak, ${kind}`, async () => {
    await install(kind);
    await reload('loaded private key');
    // whichever worker it comes to
    assert.ok(await eventually(async () => (await Promise.all(Array.from({ length: 24 }, () => shown()))).every((s) => s.type === kind)));
    const found = await scanned();
    assert.deepEqual(found('protocol').filter((p) => p.enabled === '1').map((p) => `${p.type} ${p.version}`), ['tls 1.2', 'tls 1.3']);
    assert.equal(found('protocol').length, 6, 'each of them was tried');
    assert.deepEqual(found('renegotiation').map((r) => r.supported), ['0']);
    assert.deepEqual([...new Set(found('heartbleed').map((h) => h.vulnerable))], ['0']);
    const suites = found('cipher').map((c) => c.cipher);
    assert.ok(suites.length >= 4);
    for (const suite of suites) assert.match(suite, kind === 'ec' ? /^(TLS_AES_(128|256)_GCM_|TLS_CHACHA20_|ECDHE-ECDSA-(AES(128|256)-GCM|CHACHA20))/ : /^(TLS_AES_(128|256)_GCM_|TLS_CHACHA20_|ECDHE-RSA-(AES(128|256)-GCM|CHACHA20))/);
    assert.deepEqual([...new Set(found('group').map((g) => g.name))].sort(), ['secp256r1 (NIST P-256)', 'secp384r1 (NIST P-384)', 'x25519']);
    for (const { name } of found('connection-signature-algorithm')) assert.doesNotMatch(name, /sha1|md5|dsa_sha224|pkcs1_sha224/i);
    assert.equal((await shown({ ALPNProtocols: ['h2', 'http/1.1'] })).alpn, 'http/1.1');
  });

/** The parts of a private key, in both orders of bytes. */
function parts(name) {
  const jwk = createPrivateKey(readFileSync(`${papers}/${name}.key`)).export({ format: 'jwk' });
  return ['d', 'p', 'q', 'dp', 'dq', 'qi'].filter((k) => k in jwk).flatMap((k) => {
    const bytes = Buffer.from(jwk[k], 'base64url');
    return [bytes, Buffer.from(bytes).reverse()];
  });
}

//= TR-01: the key to the certificate is where it is used, and nowhere else
for (const kind of ['rsa', 'ec', 'rsa'])
  test(`the private key is in the key manager only, ${kind}`, async (t) => {
    await install(kind);
    await reload('loaded private key');
    for (let i = 0; i < 8; i++) await shown({ maxVersion: i % 2 ? 'TLSv1.2' : 'TLSv1.3' });
    const family = Object.entries(children(clinic.server.pid));
    const [[manager]] = family.filter(([, title]) => title.includes('keymgr'));
    const holds = (pid) => parts(kind).map((bytes) => remembers(pid, bytes));
    if (holds(manager).includes(null)) return t.skip('may not read the memory of processes');
    const held = holds(manager);
    assert.ok(kind === 'ec' ? held.includes(true) : held.filter(Boolean).length >= 5, 'the search would find nothing');
    const others = [String(clinic.server.pid), ...family.map(([pid]) => pid).filter((pid) => pid !== manager)];
    assert.equal(others.length, 3, 'the parent and two workers');
    for (const pid of others) assert.ok(!holds(pid).includes(true), `${kind}: a part of the key is in ${pid}`);
  });

/** A visit with both in its waiting room, over two sockets. */
async function meeting() {
  const [doctor, patient, scheduler] = await Promise.all(['clinician', 'patient', 'scheduler'].map((who) => clinic.signIn(clinic.people[who])));
  const { user } = (await patient.get('/v1/session')).body, me = (await doctor.get('/v1/session')).body.user;
  for (let slot = 0; ; slot++) {
    const starts = new Date(Date.now() + 60000 * (10 + 5 * slot)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await scheduler.create('/v1/visits', { patient_id: user.patient_id, clinician_id: me.id, duration_minutes: 5, starts_at: starts, reason: 'renewal' });
    if (made.body?.code === 'slot_taken') continue;
    assert.equal(made.status, 201, made.text);
    const url = `${clinic.url.replace('https', 'wss')}/v1/visits/${made.body.id}/signal`;
    const peers = [patient, doctor].map((c) => new Peer(url, { headers: { authorization: `Bearer ${c.token}` } }));
    for (const p of peers) await p.hello();
    return { peers, client: doctor };
  }
}

//= TR-01: a certificate is renewed while visits go on
test('certificates change under load, and nobody notices', async () => {
  const { peers, client } = await meeting();
  const failed = [], seen = new Set();
  let on = true, requests = 0;
  const always = async (act) => { while (on) await act().catch((e) => { failed.push(e.message); on = false; }); };
  const fresh = async () => {
    const c = new Client(clinic.url);
    c.token = client.token;
    for (const target of ['/v1/session', '/healthz']) assert.equal((await c.get(target)).status, 200);
    requests++;
    c.close();
  };
  const talk = (p) => async () => {
    p.say({ type: 'ping', t: 1 });
    await p.hear('pong');
    await sleep(10);
  };
  const all = [...Array.from({ length: 4 }, () => always(fresh)), ...peers.map((p) => always(talk(p))), always(async () => { seen.add((await shown()).certificate); })];
  for (let i = 0; (i < 12 || requests <= 20) && on; i++) {
    const kind = ['ec', 'rsa'][i % 2];
    await install(kind, ['crt']);
    await reload('stay as they were'); // half of a renewal
    await install(kind, ['key']);
    await reload('loaded private key');
    await sleep(100);
  }
  on = false;
  await Promise.all(all);
  assert.deepEqual(failed, []);
  assert.deepEqual(peers.map((p) => p.code), [undefined, undefined]);
  assert.ok(seen.size >= 2);
  assert.ok(requests > 20, `${requests} connections`);
  for (const p of peers) {
    assert.deepEqual(p.gaps, []);
    p.stop();
  }
});

test('a bad certificate is named in one line of the log, and the old one stays', async () => {
  const before = (await shown()).certificate;
  const cert = path.join(clinic.dir, 'tls/cert.pem');
  const sound = readFileSync(cert);
  writeFileSync(cert, 'no certificate\n');
  const had = clinic.log.length;
  await reload('stay as they were');
  await sleep(200);
  const said = clinic.log.slice(had).split('\n').filter((l) => /keymgr|wrk/.test(l) && !l.includes('(re)loading'));
  assert.equal(said.length, 1, said.join('\n'));
  assert.match(said[0], /no certificate we can use in '.*cert\.pem': certificates and keys stay as they were/);
  assert.equal((await shown()).certificate, before);
  writeFileSync(cert, sound);
});
