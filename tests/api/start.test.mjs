// What stops a server from starting, and what it says.
import assert from 'node:assert/strict';
import { execFile, spawn } from 'node:child_process';
import { chmodSync, copyFileSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import { startClinic, top } from '../lib/clinic.mjs';

const run = promisify(execFile);
const epione = path.join(top, process.env.BUILD ?? 'build', 'epione');
let clinic;
before(async () => {
  clinic = await startClinic();
  await clinic.stopServer();
});
after(() => clinic?.stop());

/** The exit status and what was said of `epione --check` with other settings. */
async function check(change) {
  const file = path.join(clinic.dir, 'other.conf');
  writeFileSync(file, change(readFileSync(path.join(clinic.dir, 'epione.conf'), 'utf8')), { mode: 0o600 });
  return run(epione, ['--config', file, '--kore', path.join(clinic.dir, 'kore.conf'), '--check']).then(
    () => ({ code: 0, said: '' }), (e) => ({ code: e.code, said: e.stderr }));
}

test('the settings of the demo pass', async () => {
  assert.deepEqual(await check((s) => s), { code: 0, said: '' });
});

test('a misspelt, missing, doubled or impossible setting is named with its line', async () => {
  const cases = [
    [(s) => `${s}\nwokers 2\n`, /other\.conf:\d+: wokers: this setting is not known/],
    [(s) => s.replace(/^origin.*$/m, ''), /origin is not set/],
    [(s) => `${s}\nworkers 3\n`, /other\.conf:\d+: workers: this setting is given a second time/],
    [(s) => s.replace(/^workers.*$/m, 'workers many'), /other\.conf:\d+: workers is a whole number from 1 to 64/],
    [(s) => s.replace(/^assets.*$/m, 'assets /nowhere'), /\/nowhere: /],
    //= TR-20: whose word is taken is not guessed
    [(s) => `${s}\nproxy_addresses 10.0.0.0/8 10.0.0.300\n`, /other\.conf:\d+: proxy_addresses is a list of .*, not 10\.0\.0\.300/],
  ];
  for (const [change, said] of cases) {
    const r = await check(change);
    assert.equal(r.code, 1);
    assert.match(r.said, said);
    assert.equal(r.said.trim().split('\n').length, 1, 'one clear line');
  }
});

//= EN-06, EN-10: a key that is missing, short or readable by others
test('a root key that is missing, short or readable by others stops the start', async () => {
  const key = path.join(clinic.dir, 'other.key');
  const withKey = (s) => s.replace(/^root_key.*$/m, `root_key ${key}`);
  rmSync(key, { force: true });
  assert.equal((await check(withKey)).code, 1);
  writeFileSync(key, 'abc', { mode: 0o400 });
  assert.equal((await check(withKey)).code, 1);
  rmSync(key);
  copyFileSync(path.join(clinic.dir, 'root.key'), key);
  chmodSync(key, 0o444);
  const open = await check(withKey);
  assert.equal(open.code, 1);
  assert.match(open.said, /chmod|mode|others/i);
});

/** Starts the server with other lines in kore.conf; it is expected to end by itself. */
async function start(change, before = '') {
  const kore = path.join(clinic.dir, 'other-kore.conf');
  writeFileSync(kore, change(readFileSync(path.join(clinic.dir, 'kore.conf'), 'utf8')));
  return run('sh', ['-c', `${before}exec "$0" "$@"`, epione, '--config', path.join(clinic.dir, 'epione.conf'), '--kore', kore, '--unprivileged'],
    { cwd: clinic.dir, timeout: 120_000 }).then(() => ({ code: 0, said: '' }), (e) => ({ code: e.code, said: e.stderr }));
}

//= TR-24: what a worker needs is there, or the service does not start
test('limits that do not fit together stop the start', async () => {
  const line = (name, value) => (s) => s.replace(new RegExp(`^${name}\\s.*$`, 'm'), `${name} ${value}`);
  for (const [change, before, said] of [
    [line('worker_max_connections', 9216), '', /^epione: kore\.conf: worker_rlimit_nofiles must be at least 9292 /],
    [line('worker_rlimit_nofiles', 4100), '', /^epione: kore\.conf: worker_rlimit_nofiles must be at least 8268 /],
    [line('workers', 3), '', /^epione: kore\.conf says workers 3, epione\.conf says 2: /],
    [line('worker_rlimit_nofiles', 2000000000), '', /^epione: the limit on open files must be at least 2000000064 /],
    ...(process.getuid() === 0 ? [] : [[(s) => s, 'ulimit -n 4096; ', /^epione: the limit on open files must be at least 9280 /]]),
  ]) {
    const r = await start(change, before);
    assert.equal(r.code, 1, r.said);
    assert.match(r.said, said);
  }
});

/** The exit status and words of a server that is started with other settings. */
async function serve(change) {
  const conf = path.join(clinic.dir, 'other.conf');
  writeFileSync(conf, change(readFileSync(path.join(clinic.dir, 'epione.conf'), 'utf8')), { mode: 0o600 });
  const p = spawn(epione, ['--config', conf, '--kore', path.join(clinic.dir, 'kore.conf'), ...(process.getuid() === 0 ? [] : ['--unprivileged'])], { cwd: clinic.dir });
  let said = '';
  p.stdout.on('data', (d) => { said += d; });
  p.stderr.on('data', (d) => { said += d; });
  const code = await new Promise((done) => {
    p.on('close', done);
    setTimeout(() => { p.kill('SIGKILL'); done('still there'); }, 120_000).unref();
  });
  return { code, said };
}

//= EN-10: another installation's key: the service stops, with a status
test('the key of another database ends the whole service with a status', async () => {
  const key = path.join(clinic.dir, 'foreign.key');
  writeFileSync(key, '11'.repeat(32) + '\n', { mode: 0o400 });
  const { code, said } = await serve((s) => s.replace(/^root_key.*$/m, `root_key ${key}`));
  assert.match(said, /root_key_wrong/);
  assert.equal(code, 1);
});

// libcurl talks to strangers' servers, and pango reads fonts: the server has neither
test('the programs that reach other servers, or draw, link what that takes, and no other', async () => {
  const linked = {};
  for (const name of ['epione', 'epione-jobs', 'epionectl', 'epione-demo']) {
    const { stdout } = await run('readelf', ['-d', path.join(path.dirname(epione), name)]);
    linked[name] = ['libcurl', 'libpango-'].filter((library) => stdout.includes(`(NEEDED)             Shared library: [${library}`));
  }
  assert.deepEqual(linked, { epione: [], 'epione-jobs': ['libcurl', 'libpango-'], epionectl: ['libcurl'], 'epione-demo': [] }); // epionectl: store check
});

test('the password of the database may stand in a file of its own', async () => {
  const [conf, jobs] = ['epione.conf', 'epione-jobs.conf'].map((name) => path.join(clinic.dir, name));
  let files = 0;
  /** A password of an address, and the address without it, as lines of a settings file. */
  const apart = (address) => {
    const [, head, password, tail] = /^(postgresql:\/\/\w+):([^@]+)(@.*)$/.exec(address);
    const file = path.join(clinic.dir, `password${files++}`);
    writeFileSync(file, `${password}\n`, { mode: 0o400 });
    return `database ${head}${tail}\ndatabase_password ${file}`;
  };
  const split = (s) => s.replace(/^database (.*)$/m, (_, address) => apart(address));
  for (const file of [conf, jobs]) writeFileSync(file, split(readFileSync(file, 'utf8')), { mode: 0o600 });
  await clinic.startServer(); // or throws
  await (await clinic.startJobs()).kill();
  const { stdout: owner } = await run(path.join(top, 'tools/cluster.sh'), ['url', path.join(clinic.dir, 'pg'), 'owner']);
  const other = path.join(clinic.dir, 'owner.conf');
  writeFileSync(other, readFileSync(conf, 'utf8').replace(/^database .*\ndatabase_password .*$/m, apart(owner.trim())), { mode: 0o600 });
  const list = () => run(path.join(path.dirname(epione), 'epionectl'), ['audit', 'list', '--nobody', '--config', other]);
  await list();
  writeFileSync(other, readFileSync(other, 'utf8').replace(/^database_password .*$/m, ''), { mode: 0o600 });
  await assert.rejects(list(), 'it is the file that lets in');
});

test('help is there, and unknown arguments are refused', async () => {
  const help = await run(epione, ['--help']);
  assert.match(help.stdout, /--config/);
  const bad = await run(epione, ['--nonsense']).catch((e) => e);
  assert.equal(bad.code, 2);
});
