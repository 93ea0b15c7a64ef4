// What ./demo and its scripts say when something is in the way: one clear
// line, and what to do; and that they leave nothing behind.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import os from 'node:os';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { clinicIn, freePort, startClinic, top } from '../lib/clinic.mjs';
import { eventually } from '../lib/processes.mjs';
import { agreed, seal, sha256, upload } from '../lib/recording.mjs';

const run = promisify(execFile);
const script = path.join(top, 'tools/clinic.sh');
const cluster = path.join(top, 'tools/cluster.sh');
const said = (command, args, options) => run(command, args, options).then((r) => ({ code: 0, ...r }), (e) => ({ code: e.code, stdout: e.stdout, stderr: e.stderr }));

let clinic;
before(async () => { clinic = await startClinic(); });
after(() => clinic?.stop());

const one = (text) => text.trim().split('\n').filter(Boolean);

test('a port in use', async () => {
  const holder = net.createServer().listen(0, '127.0.0.1');
  await new Promise((r) => holder.once('listening', r));
  const { port } = /** @type {net.AddressInfo} */ (holder.address());
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-demo-'));
  const r = await said('sh', [script, 'prepare', dir, String(port)]);
  holder.close();
  rmSync(dir, { recursive: true });
  assert.notEqual(r.code, 0);
  assert.match(r.stderr, new RegExp(`Port ${port} is in use\\..*--port`));
  assert.equal(one(r.stderr).length, 1);
});

test('unknown arguments, and help', async () => {
  const demo = path.join(top, 'demo');
  assert.equal((await said(demo, ['--nonsense'])).code, 2);
  assert.equal((await said(demo, ['--port', 'x'])).code, 2);
  assert.match((await said(demo, ['--help'])).stdout, /usage: \.\/demo/);
  assert.match((await said(path.join(top, 'check'), ['--help'])).stdout, /usage: \.\/check/);
});

test('missing packages, for somebody who may not install them', async () => {
  if (process.getuid?.() !== 0) return;
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-demo-'));
  // a machine on which dpkg knows no package, and there is no sudo
  writeFileSync(path.join(dir, 'dpkg-query'), '#!/bin/sh\nexit 1\n', { mode: 0o755 });
  await run('chmod', ['0755', dir]);
  for (const tool of ['sh', 'id', 'echo', 'cat']) await run('ln', ['-s', `/usr/bin/${tool}`, path.join(dir, tool)]);
  const copy = path.join(dir, 'packages.sh');
  await run('cp', [path.join(top, 'tools/packages.sh'), copy]);
  const r = await said('setpriv', ['--reuid=nobody', '--regid=nogroup', '--clear-groups', 'env', `PATH=${dir}`, '/bin/sh', copy, 'run']);
  rmSync(dir, { recursive: true });
  assert.equal(r.code, 1);
  assert.match(r.stderr, /packages are missing.*\n?.*apt-get install/);
});

test('a full disk', async () => {
  if (process.getuid?.() !== 0) return;
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-demo-'));
  const port = await freePort();
  const r = await said('unshare', ['-m', 'sh', '-c', `mount -t tmpfs -o size=20m tmpfs '${dir}' && exec sh '${script}' prepare '${dir}' ${port}`]);
  rmSync(dir, { recursive: true });
  assert.notEqual(r.code, 0);
  assert.match(r.stderr, /disk is full.*MB are needed/);
  assert.equal(one(r.stderr).length, 1);
});

test('what is for the demo alone is in no program that is installed', async () => {
  const ctl = path.join(top, process.env.BUILD ?? 'build', 'epionectl');
  assert.doesNotMatch((await said(ctl, ['--help'])).stdout, /demo/);
  for (const words of [['demo'], ['demo', 'seed'], ['seed'], ['fill']])
    assert.match((await said(ctl, words)).stderr, /there is no such command/, words.join(' '));
});

test('a broken database', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), 'epione-demo-'));
  await run('chmod', ['0711', dir]);
  await run(cluster, ['start', path.join(dir, 'pg')]);
  await run(cluster, ['stop', path.join(dir, 'pg')]);
  const control = readdirSync(path.join(dir, 'pg'), { recursive: true }).find((f) => String(f).endsWith('pg_control'));
  writeFileSync(path.join(dir, 'pg', String(control)), 'no longer');
  const r = await said('sh', [script, 'prepare', dir, String(await freePort())]);
  await said(cluster, ['teardown', path.join(dir, 'pg')]);
  rmSync(dir, { recursive: true, force: true });
  assert.notEqual(r.code, 0);
  assert.match(r.stderr, /database did not start.*server\.log/);
  assert.equal(one(r.stderr).length, 1);
});

test('fill: what it adds is found by search, a stopped one is whole, and the same command goes on', async () => {
  const people = path.join(clinic.dir, 'people.json');
  const database = (await run(cluster, ['address', path.join(clinic.dir, 'pg'), 'owner'])).stdout.trim();
  const fill = (...args) => [path.join(top, process.env.BUILD ?? 'build', 'epione-demo'), ['fill', '--config', path.join(clinic.dir, 'epione.conf'), '--database', database, ...args], { env: { ...process.env, PGPASSFILE: path.join(clinic.dir, 'pg/pgpass') } }];
  const count = async (table) => Number((await clinic.sql(`SELECT count(*) AS n FROM ${table}`))[0].n);

  const first = await said(...fill('--people', people, '--patients', '300', '--visits', '200', '--events', '500', '--sessions', '100'));
  assert.equal(first.code, 0, first.stderr);
  assert.match(first.stderr, /^294 patients, 194 visits, .* MB of disk.* MB are free\.\n/);
  assert.match(first.stderr, /patients: 300 of 300, \d+ a second/);
  assert.equal(await count('patient'), 300);
  assert.equal(await count('visit'), 200);
  assert.ok(await count('audit_log') >= 500);
  // sealed and indexed as the server does it: it finds them by each way, and opens what it finds
  const desk = await clinic.signIn(clinic.people.scheduler);
  const smiths = (await desk.search({ family_name: 'Smith' })).body.items;
  assert.ok(smiths.length > 3, 'one in twenty-three');
  const { body: smith } = await desk.get(`/v1/patients/${smiths[0].id}`);
  assert.equal(smith.family_name, 'Smith');
  for (const ask of [{ name: `${smith.given_name} Smith` }, { mrn: smith.mrn }, { phone: smith.phone }, { birth_date: smith.birth_date }, { email: smith.email }])
    assert.ok((await desk.search(ask)).body.items.some((p) => p.id === smith.id), JSON.stringify(ask));
  const [{ id: visit }] = await clinic.sql("SELECT id FROM visit WHERE status = 'ended' LIMIT 1");
  assert.notEqual((await desk.get(`/v1/visits/${visit}`)).body.reason, '');
  desk.close();

  assert.match((await said(...fill('--people', people, '--patients', '300'))).stderr, /as many already/);
  // Ctrl-C: the batch under way is finished, and no half of one stays
  const [program, args, options] = fill('--people', people, '--patients', '20000');
  const running = spawn(program, args, { ...options, stdio: ['ignore', 'ignore', 'pipe'] });
  let words = '';
  running.stderr.on('data', (d) => { words += d; });
  while (await count('patient') === 300) await new Promise((r) => setTimeout(r, 50));
  running.kill('SIGINT');
  assert.equal(await new Promise((r) => running.on('close', r)), 1);
  assert.match(words, /what is there is whole, and the same command goes on/);
  const left = await count('patient');
  assert.equal((left - 300) % 400, 0);
  assert.equal((await clinic.sql("SELECT count(*) AS n FROM record_key WHERE class = 'patient'"))[0].n, String(left));
  assert.equal((await clinic.sql('SELECT count(DISTINCT patient_id) AS n FROM patient_token'))[0].n, String(left));
  assert.equal((await said(...fill('--people', people, '--patients', String(left + 10)))).code, 0);
  assert.equal(await count('patient'), left + 10);

  // another clinic's people, a disk that is too small, words that are no number
  const others = path.join(clinic.dir, 'others.json');
  writeFileSync(others, JSON.stringify({ people: [{ role: 'clinician', id: '00000000-0000-4000-8000-000000000001' }] }));
  assert.match((await said(...fill('--people', others, '--patients', '9999'))).stderr, /only a demo clinic is filled/);
  assert.match((await said(...fill('--people', people, '--events', '999999999'))).stderr, /disk is too small/);
  assert.match((await said(...fill('--people', people, '--patients', 'many'))).stderr, /--patients wants a number/);
  assert.equal((await said(...fill('--patients', '10'))).code, 2);
});

test('TERM or Ctrl-C ends the server and its database, with status 0, and a second start keeps the data', async () => {
  const { dir } = clinic;
  await clinic.stopServer();
  const people = (await clinic.sql('SELECT count(*) AS n FROM account'))[0].n;
  const serve = () => {
    const p = spawn('sh', [script, 'serve', dir], { stdio: 'ignore', detached: true }); // as a terminal's job
    return { p, done: new Promise((r) => p.on('exit', r)) };
  };
  for (const stop of [(p) => p.kill('SIGTERM'), (p) => process.kill(-p.pid, 'SIGINT'), (p) => process.kill(-p.pid, 'SIGINT')]) {
    await run('sh', [script, 'prepare', dir, String(clinic.port)], { env: clinic.environment });
    const s = serve();
    clinic.server = s.p;
    await clinic.untilReady();
    stop(s.p);
    assert.equal(await s.done, 0);
    assert.ok(await eventually(async () => (await said('pgrep', ['-f', dir])).stdout.trim() === ''), 'no process is left');
  }
  await run(cluster, ['start', path.join(dir, 'pg')]);
  assert.equal((await clinic.sql('SELECT count(*) AS n FROM account'))[0].n, people);
});

test('what ./demo starts can record: a part goes into its store, is found there, and comes back', async () => {
  const dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-demo-`)), port = await freePort(6);
  await run('chmod', ['0711', dir]);
  const demo = spawn('sh', [path.join(top, 'tools/demo.sh'), String(port), dir], { stdio: ['ignore', 'ignore', 'pipe'], detached: true });
  const ended = new Promise((done) => demo.on('exit', done));
  let words = '', there;
  demo.stderr.on('data', (d) => { words += d; });
  const until = async (what, look) => {
    for (const end = Date.now() + 300_000; ; await new Promise((r) => setTimeout(r, 100))) {
      const seen = await look();
      if (seen) return seen;
      if (demo.exitCode !== null || Date.now() > end) throw new Error(`never: ${what}\n${words}`);
    }
  };
  try {
    const served = () => fetch(`http://localhost:${port + 3}/recordings`).then((r) => r.status === 403, () => false);
    await until('its store', served);
    there = await clinicIn(dir, port);
    there.server = demo;
    await there.untilReady(300_000);
    await until('a key to sign with', async () => (await there.sql('SELECT day FROM store_signer')).length > 0);
    const [doctor, patient] = await Promise.all(['clinician', 'patient'].map((who) => there.signIn(there.people[who])));
    const r = await agreed(there, doctor, patient);
    const object = seal(r, 0, 1, Buffer.from('a part'));
    await upload(doctor, r, 0, object);
    assert.equal((await doctor.post(`/v1/recordings/${r.id}/finish`, { chunks: 1, media_type: 'video/webm' })).status, 200);
    await until('it is found in the store', async () => (await doctor.get(`/v1/recordings/${r.id}`)).body.state === 'stored');
    const { body: { chunks: [chunk] } } = await doctor.post(`/v1/recordings/${r.id}/playback`);
    assert.equal(new URL(chunk.url).host, `localhost:${port + 3}`);
    assert.equal(sha256(Buffer.from(await (await fetch(chunk.url)).arrayBuffer())), sha256(object));
    r.leave();
    for (const client of [doctor, patient]) client.close();
  } finally {
    await there?.db.close();
    demo.kill('SIGTERM');
    assert.equal(await ended, 0, words);
    rmSync(dir, { recursive: true, force: true });
  }
});
