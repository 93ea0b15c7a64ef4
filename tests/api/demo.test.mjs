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
import { freePort, startClinic, top } from '../lib/clinic.mjs';

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
    const left = await said('pgrep', ['-f', dir]);
    assert.equal(left.stdout.trim(), '', 'no process is left');
  }
  await run(cluster, ['start', path.join(dir, 'pg')]);
  assert.equal((await clinic.sql('SELECT count(*) AS n FROM account'))[0].n, people);
});
