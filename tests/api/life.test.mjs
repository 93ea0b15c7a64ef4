// How the real server starts, ends, and comes through what happens to its
// processes; and that systemd's unit gives it what it needs and no more.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { chmodSync, chownSync, copyFileSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { startClinic, top } from '../lib/clinic.mjs';
import { alive, children, eventually } from '../lib/processes.mjs';

const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const root = process.getuid() === 0;
const epione = path.join(top, process.env.BUILD ?? 'build', 'epione');
let clinic, front;

before(async () => {
  clinic = await startClinic({ settings: 'request_seconds 25\n' });
  front = await clinic.signIn(clinic.people.scheduler);
});
after(async () => {
  front?.close();
  await clinic?.stop();
});

const family = () => Object.entries(children(clinic.server.pid)).map(([pid, title]) => ({ pid: Number(pid), title }));
const one = (kind) => family().find((p) => p.title.includes(kind)).pid;
const refused = () => new Promise((done) => {
  const s = net.connect(clinic.port, '127.0.0.1', () => { s.destroy(); done(false); });
  s.on('error', () => done(true));
});

/** Starts epione as it is, or behind a command; resolves with its end. */
function launch(before = []) {
  const words = [...before, epione, '--config', `${clinic.dir}/epione.conf`, '--kore', `${clinic.dir}/kore.conf`, ...(root ? [] : ['--unprivileged'])];
  const p = spawn(words[0], words.slice(1), { cwd: clinic.dir });
  let said = '';
  for (const s of [p.stdout, p.stderr]) s.on('data', (d) => { said += d; });
  const ended = new Promise((done) => p.on('close', (code) => done({ code, said })));
  const late = setTimeout(() => p.kill('SIGKILL'), 120_000);
  ended.then(() => clearTimeout(late));
  return { p, ended, said: () => said };
}

test('told to stop, it finishes what was begun', async () => {
  const release = await clinic.hold('LOCK TABLE patient IN ACCESS EXCLUSIVE MODE');
  let answered = false;
  const write = front.create('/v1/patients', { family_name: 'Drain', given_name: 'Dora', birth_date: '1980-01-01', sex: 'female' })
    .finally(() => { answered = true; });
  const waits = async () => (await clinic.sql(`SELECT count(*) AS n FROM pg_stat_activity WHERE usename = 'epione_server' AND wait_event_type = 'Lock'`))[0].n > 0;
  assert.ok(await eventually(waits), 'it has begun');
  const ended = clinic.stopServer();
  assert.ok(await eventually(refused, 1000), 'nobody new is taken');
  assert.equal(answered, false, 'it waits');
  await release();
  const r = await write;
  assert.equal(r.status, 201, r.text);
  assert.deepEqual(await ended, { code: 0, signal: null });
  await clinic.startServer();
  const again = await clinic.signIn(clinic.people.scheduler);
  assert.equal((await again.get(`/v1/patients/${r.body.id}`)).body.given_name, 'Dora');
  front.close();
  front = again;
});

test('workers that die come back; a crash loop is slow', async () => {
  let deaths = 0;
  const begun = Date.now(), passed = () => Date.now() - begun;
  for (; passed() < 4000 || (deaths < 4 && passed() < 120_000); await sleep(20))
    for (const { pid, title } of family())
      if (title.includes('wrk')) {
        try { process.kill(pid, 'SIGKILL'); deaths++; } catch { /* it went by itself */ }
      }
  assert.ok(deaths >= 4 && deaths <= 14 * passed() / 4000, `${deaths} deaths of two workers in ${passed()} ms`);
  assert.ok(await eventually(() => family().filter((p) => p.title.includes('wrk')).length === 2));
  await clinic.untilReady();
  assert.equal((await front.get('/v1/session')).status, 200);
});

test('without its key manager the service ends, with a status', async () => {
  const members = family().map((p) => p.pid);
  process.kill(one('keymgr'), 'SIGKILL');
  assert.deepEqual(await clinic.exited, { code: 1, signal: null });
  assert.ok(await eventually(() => !members.some(alive)), 'orphans');
  await clinic.startServer();
});

test('a killed parent leaves no orphan and no port', async () => {
  const members = family().map((p) => p.pid);
  assert.equal(members.length, 3);
  clinic.server.kill('SIGKILL');
  await clinic.exited;
  assert.ok(await eventually(() => !members.some(alive), 2000), 'orphans');
  assert.ok(await eventually(refused, 2000), 'the port is held');
  await clinic.startServer();
  await clinic.stopServer();
});

test('a certificate or key that cannot be used stops the start, with one clear line', async () => {
  const file = (name) => path.join(clinic.dir, 'tls', name);
  const cases = [
    ['cert.pem', (f) => rmSync(f), /cannot read '.*cert\.pem': No such file/],
    ['key.pem', (f) => rmSync(f), /cannot read '.*key\.pem': No such file/],
    ['cert.pem', (f) => writeFileSync(f, ''), /no certificate we can use in '.*cert\.pem'/],
    ['key.pem', (f) => writeFileSync(f, 'no key\n'), /no private key .*in '.*key\.pem'/],
  ];
  if (root) cases.push(['key.pem', (f) => { chownSync(f, 0, 0); chmodSync(f, 0o400); }, /cannot read '.*key\.pem': Permission denied/]);
  for (const [name, spoil, clear] of cases) {
    renameSync(file(name), file('kept'));
    copyFileSync(file('kept'), file(name));
    chmodSync(file(name), 0o644);
    spoil(file(name));
    const { code, said } = await launch().ended;
    rmSync(file(name), { force: true });
    renameSync(file('kept'), file(name));
    assert.equal(code, 1, said);
    assert.equal(said.split('\n').filter((l) => clear.test(l)).length, 1, said);
    assert.ok(await eventually(refused, 2000), 'the port is held');
  }
});

/** What conf/epione.service gives: capabilities without CAP_, and limits. */
function unit() {
  const text = readFileSync(path.join(top, 'conf/epione.service'), 'utf8');
  const value = (key) => text.match(new RegExp(`^${key}=(.*)$`, 'm'))?.[1];
  // where we may not raise it, what we have must do
  const hard = Number(readFileSync('/proc/self/limits', 'utf8').match(/^Max locked memory\s+\S+\s+(\S+)/m)[1]);
  const bytes = Math.min(Number(value('LimitMEMLOCK').replace(/M$/, '000000')), hard || Infinity);
  return {
    caps: value('CapabilityBoundingSet').split(' ').map((c) => c.replace('CAP_', '').toLowerCase()), value,
    under: (caps) => ['prlimit', `--nofile=${value('LimitNOFILE')}`, `--core=${value('LimitCORE')}`, `--memlock=${bytes}`,
      'setpriv', `--bounding-set=-all${caps.map((c) => `,+${c}`).join('')}`, '--inh-caps=-all', '--no-new-privs'],
  };
}

//= OP-03: the unit confines the server, and the server works in it
test('what systemd leaves it is enough', { skip: !root && 'needs root' }, async () => {
  const { caps, under } = unit();
  const { p, ended, said } = launch(under(caps));
  assert.ok(await eventually(() => said().includes('"ready"') && said().includes('loaded private key'), 60_000), said());
  const status = (pid) => readFileSync(`/proc/${pid}/status`, 'latin1');
  const field = (pid, name) => parseInt(status(pid).match(new RegExp(`^${name}:\\s+(\\S+)`, 'm'))[1], 16);
  const bits = (n) => n.toString(2).replaceAll('0', '').length;
  assert.equal(bits(field(p.pid, 'CapEff')), caps.length);
  assert.match(status(p.pid), /^Seccomp:\s+2$/m, 'nor does the parent do more than its work');
  for (const pid of Object.keys(children(p.pid))) {
    assert.equal(field(pid, 'CapEff'), 0);
    assert.equal(field(pid, 'CapPrm'), 0);
    assert.match(status(pid), /^NoNewPrivs:\s+1$/m);
  }
  assert.equal((await front.get('/v1/session')).status, 200);
  p.kill('SIGUSR1');
  assert.ok(await eventually(() => said().split('loaded private key').length === 3), said());
  const ready = said().split('"ready"').length;
  const [worker] = Object.entries(children(p.pid)).filter(([, title]) => title.includes('wrk'));
  process.kill(Number(worker[0]), 'SIGKILL');
  assert.ok(await eventually(() => Object.keys(children(p.pid)).length === 3 && !alive(Number(worker[0])) && said().split('"ready"').length > ready), said());
  p.kill('SIGTERM');
  assert.equal((await ended).code, 0, said());
});

test('and nothing of it too much', { skip: !root && 'needs root' }, async () => {
  const { caps, under } = unit();
  assert.deepEqual([...caps].sort(), ['kill', 'net_bind_service', 'setgid', 'setuid', 'sys_chroot']);
  for (const without of ['sys_chroot', 'setuid', 'setgid']) {
    const { code, said } = await launch(under(caps.filter((c) => c !== without))).ended;
    assert.equal(code, 1, said);
    assert.match(said, /cannot (chroot|drop privileges)/);
  }
});

test('the unit leaves it the time to drain, and its key manager', () => {
  const { value } = unit();
  const main = readFileSync(path.join(top, 'src/main.c'), 'utf8');
  assert.ok(Number(value('TimeoutStopSec')) >= Number(main.match(/DRAIN_SECONDS\s+(\d+)/)[1]) + 5 + 2);
  assert.equal(value('KillMode'), 'mixed');
  assert.equal(value('Restart'), 'always');
});
