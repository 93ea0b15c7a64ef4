// The store of recordings, with a server that speaks S3 as others do (Ceph's): what
// our addresses allow there, what lies there in versions, and what the operator is told.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import path from 'node:path';
import tls from 'node:tls';
import { promisify } from 'node:util';
import { after, before, test } from 'node:test';

import { startClinic, top } from '../lib/clinic.mjs';
import { agreed, presign, seal, sha256, upload } from '../lib/recording.mjs';
import { aRadosgw, signed } from '../lib/rgw.mjs';

let clinic, rgw, jobs, doctor, patient;

/** What the bucket's owner sets. */
const set = async (what, body) => {
  const r = await rgw.ask('PUT', `/recordings${what}`, body);
  assert.ok(r.ok, `${what}: ${r.status} ${await r.text()}`);
};
const cors = (origin) => set('?cors', `<CORSConfiguration><CORSRule><AllowedOrigin>${origin}</AllowedOrigin><AllowedMethod>GET</AllowedMethod><AllowedMethod>PUT</AllowedMethod><AllowedHeader>content-type</AllowedHeader><AllowedHeader>x-amz-*</AllowedHeader><MaxAgeSeconds>3600</MaxAgeSeconds></CORSRule></CORSConfiguration>`);

before(async () => {
  rgw = await aRadosgw();
  clinic = await startClinic({ settings: `join_minutes_before 1440\n${rgw.settings}`, jobs: rgw.jobs });
  await set('');
  await set('?versioning', '<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>');
  await cors(clinic.url);
  jobs = await clinic.startJobs();
  await clinic.sql('UPDATE clinic SET recording = 1');
  [doctor, patient] = await Promise.all(['clinician', 'patient'].map((who) => clinic.signIn(clinic.people[who])));
  await until('a key to sign with', async () => (await clinic.sql('SELECT day FROM store_signer')).length > 0);
});
after(async () => {
  await clinic?.stop();
  await rgw?.stop();
});

async function until(what, look, ms = 90000) {
  for (const end = Date.now() + ms; ; await new Promise((done) => setTimeout(done, 100))) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}\n${jobs?.log.slice(-1500)}`);
  }
}
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.body; };
const check = () => new Promise((done) => execFile(path.join(top, process.env.BUILD ?? 'build', 'epionectl'), ['store', 'check', '--config', path.join(clinic.dir, 'epione-jobs.conf')], (error, out, err) => done({ code: error?.code ?? 0, out, err })));

//= RC-05
test('the operator is told what is wrong with a bucket, and what to set', async () => {
  const well = await check();
  assert.deepEqual([well.code, /WRONG/.test(well.out), well.err], [0, false, ''], well.out + well.err);
  for (const line of ['an object is put by an address', 'it is read, as it was put', 'an address that has expired is refused', 'nobody reads it without an address', 'nobody lists the bucket without an address', `pages of ${clinic.url} may PUT`, 'pages of another origin may not', 'all its versions are deleted'])
    assert.ok(well.out.includes(`ok     ${line}\n`), `${line}\n${well.out}`);
  assert.match(well.out, /"s3:DeleteObjectVersion"/);
  assert.ok(well.out.includes(`"AllowedOrigins": ["${clinic.url}"]`));
  assert.ok(!/TESTSECRET|X-Amz-Signature/.test(well.out));

  await cors('*');
  await set('?policy', JSON.stringify({ Version: '2012-10-17', Statement: [{ Effect: 'Allow', Principal: '*', Action: ['s3:GetObject', 's3:ListBucket'], Resource: ['arn:aws:s3:::recordings', 'arn:aws:s3:::recordings/*'] }] }));
  const open = await check();
  assert.equal(open.code, 1);
  for (const line of [/ANYBODY CAN READ IT/, /ANYBODY CAN LIST IT/, /pages of every origin may/]) assert.match(open.out, line);
  assert.ok((await rgw.ask('DELETE', '/recordings?policy')).ok);
  await rgw.ask('DELETE', '/recordings?cors');
  assert.match((await check()).out, /may not PUT: set the CORS rules below/);
  await cors(clinic.url);
  clinic.writeJobs(`${rgw.settings}store_credentials ${rgw.dir}/others\n`);
  writeFileSync(`${rgw.dir}/others`, 'TESTKEY NOTTHESECRETNOTTHESECRET\n', { mode: 0o600 });
  const key = await check();
  assert.deepEqual([key.code, /the signature is not right: see the secret key/.test(key.out)], [1, true], key.out);
  clinic.writeJobs(rgw.jobs.replace('bucket recordings', 'bucket nowhere'));
  assert.match((await check()).out, /there is no such bucket/);
});

test('host, class and encryption are as the settings say', async () => {
  const by = (endpoint, ...more) => clinic.writeJobs([`store_endpoint http://localhost:${endpoint}`, 'store_bucket recordings', 'store_style host', `store_credentials ${rgw.credentials}`, ...more, ''].join('\n'));
  by(rgw.port, 'store_class STANDARD');
  const well = await check();
  assert.deepEqual([well.code, /WRONG/.test(well.out)], [0, false], well.out + well.err);
  // one that takes nothing, and remembers what it was asked
  const asked = [];
  const other = http.createServer((request, answer) => {
    asked.push(request);
    request.resume();
    answer.writeHead(403).end();
  });
  await new Promise((done) => other.listen(0, '127.0.0.1', done));
  const { port } = other.address();
  by(port, 'store_class STANDARD_IA', 'store_encryption aws:kms');
  assert.equal((await check()).code, 1);
  other.close();
  const { headers, url } = asked.find(({ method }) => method === 'PUT');
  assert.deepEqual([headers.host, headers['x-amz-storage-class'], headers['x-amz-server-side-encryption']], [`recordings.localhost:${port}`, 'STANDARD_IA', 'aws:kms']);
  assert.match(url, /^\/[0-9a-f]{32}\/[0-9a-f]{32}\?/);
  assert.match(decodeURIComponent(url), /SignedHeaders=[^&]*host[^&]*;x-amz-server-side-encryption;x-amz-storage-class/);
  clinic.writeJobs(rgw.jobs);
});

//= RC-07
test('what store_lock says is tried: what is locked stays', async () => {
  const lock = (bucket) => clinic.writeJobs(`${rgw.jobs.replace('bucket recordings', `bucket ${bucket}`)}store_lock GOVERNANCE\nstore_lock_days 1\n`);
  const made = await fetch(signed(rgw.port, { key: 'TESTKEY', secret: 'TESTSECRETTESTSECRET' }, 'PUT', '/locked'), { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  assert.ok(made.ok, await made.text());
  lock('locked');
  const well = await check();
  for (const line of ['it is locked as store_lock says', 'what is locked is not deleted']) assert.ok(well.out.includes(`ok     ${line}\n`), well.out + well.err);
  assert.match(well.out, /note   it stays until its lock ends: [0-9a-f]{32}\/[0-9a-f]{32}\n/);
  assert.match(well.out, /"s3:PutObjectRetention"/);
  lock('recordings');
  const open = await check();
  assert.equal(open.code, 1);
  assert.match(open.out, /WRONG  .*object lock/);
  clinic.writeJobs(rgw.jobs);
});

const state = async (r) => ok(await doctor.get(`/v1/recordings/${r.id}`)).state;

//= RC-03, RC-05, RC-06, RC-07
test('an address allows one thing there; what is stored is verified, played, and deleted in all its versions', async () => {
  const r = await agreed(clinic, doctor, patient);
  const objects = [seal(r, 0, 0, randomBytes(5000)), seal(r, 1, 1, Buffer.alloc(0))];
  const { url, headers } = await presign(doctor, r, 0, objects[0]);
  const put = { method: 'PUT', headers, body: objects[0] };
  const tried = async (to, init) => (await fetch(to, init)).status;
  for (const [what, to, init] of [
    ['another length', url, { ...put, body: objects[0].subarray(1) }],
    ['another type', url, { ...put, headers: { ...headers, 'content-type': 'text/html' } }],
    ['another checksum', url, { ...put, headers: { ...headers, 'x-amz-checksum-sha256': sha256('x') } }],
    ['no checksum', url, { ...put, headers: { 'content-type': headers['content-type'] } }],
    ['another method', url, { method: 'DELETE', headers }],
    ['another object', url.replace(/[0-9a-f]{8}\?/, '00000000?'), put],
    ['longer', url.replace('X-Amz-Expires=300', 'X-Amz-Expires=3000'), put],
    ['nothing signed', url.split('?')[0], put],
  ]) assert.equal(await tried(to, init), 403, what);
  const { pathname } = new URL(url), past = new Date(Date.now() - 400e3);
  for (const anonymous of [pathname, '/recordings', '/recordings?list-type=2', '/recordings?versions']) assert.equal(await tried(`http://localhost:${rgw.port}${anonymous}`), 403, anonymous);
  assert.equal(await tried(signed(rgw.port, { key: 'TESTKEY', secret: 'TESTSECRETTESTSECRET' }, 'GET', '/recordings', { now: past, expires: 300 })), 403, 'expired');

  // twice: two versions
  for (const [index, object] of [[0, objects[0]], [0, objects[0]], [1, objects[1]]]) await upload(doctor, r, index, object);
  ok(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 2, media_type: 'video/webm' }));
  await until('stored', async () => (await state(r)) === 'stored');
  const play = ok(await doctor.post(`/v1/recordings/${r.id}/playback`));
  for (const c of play.chunks) assert.deepEqual(Buffer.from(await (await fetch(c.url)).arrayBuffer()), objects[c.index]);
  // what no chunk bears is named, though it was deleted: a version of it is there
  await rgw.ask('PUT', '/recordings/elsewhere/strange', 'x');
  await rgw.ask('DELETE', '/recordings/elsewhere/strange');
  const found = await clinic.ctl('store', 'check', '--orphans', '--config', path.join(clinic.dir, 'epione-jobs.conf'), '--database', await clinic.address('owner')).catch((e) => e);
  assert.match(found.stdout, /^object without row {2}elsewhere\/strange$/m, found.stderr);
  assert.ok(!/row without object {2}/.test(found.stdout), found.stdout);
  // somebody puts other bytes of this length there: the store keeps no checksum, and it is found all the same
  await rgw.ask('PUT', pathname, randomBytes(objects[0].length));
  ok(await doctor.post(`/v1/recordings/${r.id}/chunks/0/fault`, { fault: 'checksum' }));
  await until('incomplete', async () => (await state(r)) === 'incomplete');
  assert.deepEqual(ok(await doctor.get(`/v1/recordings/${r.id}`)).chunks.map((c) => c.state), ['checksum', 'stored']);

  const versions = async () => [...(await (await rgw.ask('GET', `/recordings?versions&prefix=${pathname.split('/')[2]}/`)).text()).matchAll(/<VersionId>/g)].length;
  await rgw.ask('DELETE', pathname); // leaves a mark, which is a version, too
  // and one from before there were versions
  await set('?versioning', '<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>');
  await rgw.ask('PUT', pathname, 'old');
  assert.equal(await versions(), 6);
  await clinic.sql(`UPDATE recording SET state = 'deleting' WHERE id = :'id'; INSERT INTO job (clinic_id, id, kind, key, record_id, run_at) SELECT clinic_id, gen_random_uuid(), 'recording.delete', 'now', id, now() FROM recording WHERE id = :'id'; NOTIFY epione_job`, r);
  await until('deleted', async () => (await state(r)) === 'deleted');
  assert.equal(await versions(), 0);
  r.leave();
});

/** An authority of its own and what it vouches for: {ca, key, cert}, files by `name`. */
async function vouched(name) {
  const run = promisify(execFile), at = (file) => path.join(rgw.dir, `${name}.${file}`);
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  await run('openssl', ['req', '-x509', ...key, '-subj', `/CN=${name}`, '-keyout', at('ca.key'), '-out', at('ca')]);
  await run('openssl', ['req', '-x509', ...key, '-CA', at('ca'), '-CAkey', at('ca.key'), '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost', '-addext', 'basicConstraints=critical,CA:FALSE', '-keyout', at('key'), '-out', at('cert')]);
  return { ca: at('ca'), key: readFileSync(at('key')), cert: readFileSync(at('cert')) };
}

//= RC-03: over TLS to a store whose name was verified
test('a store is spoken with whose name the authorities of store_ca vouch for, and no other', async (t) => {
  const [ours, other] = [await vouched('ours'), await vouched('other')];
  const door = tls.createServer(ours, (from) => {
    const to = net.connect(rgw.port, '127.0.0.1');
    for (const [a, b] of [[from, to], [to, from]]) a.on('error', () => b.destroy()).on('close', () => b.destroy()).pipe(b);
  }).on('tlsClientError', () => {});
  await new Promise((done) => door.listen(0, '127.0.0.1', done));
  t.after(() => door.close());
  const by = (ca) => clinic.writeJobs(`${rgw.jobs.replace(`http://localhost:${rgw.port}`, `https://localhost:${door.address().port}`)}${ca ? `store_ca ${ca}\n` : ''}`);
  for (const ca of [other.ca, null]) {
    by(ca);
    const no = await check();
    assert.deepEqual([no.code, /SSL|certificate/.test(no.out + no.err)], [1, true], no.out + no.err);
  }
  by(ours.ca);
  const well = await check();
  assert.deepEqual([well.code, /WRONG/.test(well.out)], [0, false], well.out + well.err);

  await jobs.kill();
  by(other.ca);
  jobs = await clinic.startJobs();
  const r = await agreed(clinic, doctor, patient);
  await upload(doctor, r, 0, seal(r, 0, 1, randomBytes(50)));
  ok(await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 1, media_type: 'video/webm' }));
  await until('a failed try', async () => (await clinic.sql(`SELECT error_code FROM job WHERE kind = 'recording.verify' AND record_id = :'id'`, r))[0]?.error_code === 'store_failed');
  assert.equal(await state(r), 'checking');
  await jobs.kill();
  by(ours.ca);
  jobs = await clinic.startJobs();
  await clinic.sql(`UPDATE job SET run_at = now() WHERE record_id = :'id' AND state = 'waiting'; NOTIFY epione_job`, r);
  await until('stored', async () => (await state(r)) === 'stored');
  r.leave();
});

//= AU-04: where what is put stays, whoever comes into the house
test('a checkpoint goes into a bucket of its own each day, locked, and is believed', async () => {
  const own = { key: 'TESTKEY', secret: 'TESTSECRETTESTSECRET' }, day = () => new Date().toISOString().slice(0, 10);
  const settings = (bucket) => clinic.writeJobs(`${rgw.jobs}checkpoint_bucket ${bucket}\ncheckpoint_lock COMPLIANCE\ncheckpoint_lock_days 1\n`);
  const again = async (bucket) => {
    await Promise.all([...clinic.jobs].map((j) => j.kill()));
    settings(bucket);
    jobs = await clinic.startJobs();
    await clinic.sql(`DELETE FROM job WHERE kind = 'checkpoint.send'; INSERT INTO job (clinic_id, id, kind, key, run_at)
      VALUES ('00000000-0000-0000-0000-000000000000', gen_random_uuid(), 'checkpoint.watch', gen_random_uuid()::text, now()); SELECT pg_notify('epione_job', '')`);
  };
  const [{ id }] = await clinic.sql('SELECT id FROM clinic ORDER BY created_at LIMIT 1');
  const made = await fetch(signed(rgw.port, own, 'PUT', '/checkpoints'), { method: 'PUT', headers: { 'x-amz-bucket-object-lock-enabled': 'true' } });
  assert.equal(made.status, 200, await made.text());
  await until('something is signed', async () => (await clinic.sql(`SELECT note FROM audit_tree WHERE clinic_id = :'id' AND note IS NOT NULL`, { id })).length);
  await again('nowhere');
  await until('it is tried again', async () => (await clinic.sql(`SELECT id FROM job WHERE kind = 'checkpoint.send' AND error_code = 'store_failed' AND state = 'waiting'`)).length);
  assert.match(jobs.log, /"checkpoint_not_stored"[^\n]*404/);
  await again('checkpoints');
  const found = await until('an object', async () => {
    const r = await rgw.ask('GET', `/checkpoints/${day()}-${id}.txt`);
    return r.status === 200 && r;
  });
  assert.deepEqual([found.headers.get('content-type'), found.headers.get('x-amz-object-lock-mode')], ['text/plain', 'COMPLIANCE']);
  const left = Date.parse(found.headers.get('x-amz-object-lock-retain-until-date')) - Date.now();
  assert.ok(left > 23 * 3600e3 && left < 25 * 3600e3, String(left));
  const file = path.join(clinic.dir, 'stored'), note = await found.text();
  writeFileSync(file, note);
  assert.match(note, new RegExp(`^localhost:\\d+/audit/${id}\n\\d+\n`));
  await clinic.operator('audit', 'verify', '--checkpoint', file);
  const gone = await rgw.ask('DELETE', `/checkpoints/${day()}-${id}.txt?versionId=${found.headers.get('x-amz-version-id')}`);
  assert.equal(gone.status, 403, 'who has our credentials cannot delete it either');
});
