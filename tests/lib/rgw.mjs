// A real S3 server of the test's own: Ceph's, with a monitor and one store in
// memory, on loopback, of Debian's packages.
import { execFile, spawn } from 'node:child_process';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

import { freePort } from './ports.mjs';

const run = promisify(execFile);
/** How often each of its programs is begun. */
const TRIES = 20;
const hmac = (key, text) => createHmac('sha256', key).update(text).digest();
const hex = (text) => createHash('sha256').update(text).digest('hex');

/** What a bucket's address has to be signed with, by a second hand: a query of S3. */
export function signed(port, { key, secret }, method, target, { now = new Date(), region = 'us-east-1', expires = 60 } = {}) {
  const at = now.toISOString().replace(/[-:]|\.\d+/g, '');
  const [where, query = ''] = target.split('?');
  const scope = `${at.slice(0, 8)}/${region}/s3/aws4_request`;
  const parts = [...new URLSearchParams(query), ['X-Amz-Algorithm', 'AWS4-HMAC-SHA256'], ['X-Amz-Credential', `${key}/${scope}`], ['X-Amz-Date', at], ['X-Amz-Expires', String(expires)], ['X-Amz-SignedHeaders', 'host']]
    .map((pair) => pair.map(encodeURIComponent).join('=')).sort().join('&');
  const what = [method, where, parts, `host:localhost:${port}\n`, 'host', 'UNSIGNED-PAYLOAD'].join('\n');
  const words = [at.slice(0, 8), region, 's3', 'aws4_request'].reduce(hmac, `AWS4${secret}`);
  return `http://localhost:${port}${where}?${parts}&X-Amz-Signature=${hmac(words, ['AWS4-HMAC-SHA256', at, scope, hex(what)].join('\n')).toString('hex')}`;
}

/** {port, credentials, ask(method, target, body), settings, jobs, stop()}, when it answers. */
export async function aRadosgw() {
  const dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-rgw-`));
  const asked = { key: 'TESTKEY', secret: 'TESTSECRETTESTSECRET' };
  const PORTS = 32, [mon, osd] = [await freePort(), await freePort(PORTS)];
  const conf = path.join(dir, 'ceph.conf'), fsid = randomUUID(), uuid = randomUUID();
  const ceph = process.getuid() === 0 ? { uid: Number((await run('id', ['-u', 'ceph'])).stdout), gid: Number((await run('id', ['-g', 'ceph'])).stdout) } : {};
  const env = { ...process.env, HOME: dir, CEPH_CONF: conf, CEPH_ARGS: `-c ${conf}` };
  const go = (...args) => run(args[0], args.slice(1), { env, ...ceph, timeout: 300_000 });
  /** @type {Map<string, import('node:child_process').ChildProcess>} */
  const children = new Map();
  let stopping = false;
  /** What ended so often that it is not begun again. */
  let given = '';
  // Once more when it ends, as its units for systemd do: an OSD that asks before
  // it has the monitor's map is told "wrong fsid", and ends.
  const serve = async (name, args, left = TRIES - 1) => {
    const more = await args();
    if (stopping) return;
    const log = openSync(path.join(dir, `${name}.out`), 'a');
    const child = spawn(name, ['-c', conf, ...more, '-f'], { env, ...ceph, stdio: ['ignore', log, log] });
    closeSync(log);
    children.set(name, child);
    child.on('error', () => { given = name; });
    child.on('exit', () => {
      if (left === 0) given = name;
      else setTimeout(() => void serve(name, args, left - 1), 500);
    });
  };
  const until = async (what, look) => {
    for (const end = Date.now() + 300_000; ; await new Promise((done) => setTimeout(done, 200))) {
      if (await look().catch(() => false)) return;
      if (given || Date.now() > end) throw new Error([`${what}${given && `: ${given} ended ${TRIES} times`}`, ...[...children.keys()].map((name) => `${name}: ${readFileSync(path.join(dir, `${name}.out`), 'utf8').slice(-1000)}`)].join('\n'));
    }
  };
  for (const part of ['mon', 'osd', 'run', 'rgw']) mkdirSync(path.join(dir, part));
  writeFileSync(path.join(dir, 'osd', 'fsid'), `${uuid}\n`);
  writeFileSync(conf, `[global]
fsid = ${fsid}
mon_host = v1:127.0.0.1:${mon}
mon_initial_members = a
public_addr = 127.0.0.1
public_network = 127.0.0.0/8
ms_bind_port_min = ${osd}
ms_bind_port_max = ${osd + PORTS - 1}
ms_bind_msgr2 = false
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
osd_pool_default_size = 1
osd_pool_default_min_size = 1
mon_allow_pool_size_one = true
osd_pool_default_pg_num = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
osd_objectstore = memstore
memstore_device_bytes = 268435456
run_dir = ${dir}/run
pid_file = ${dir}/run/$type.$id.pid
log_file = ${dir}/run/$type.$id.log
admin_socket = ${dir}/run/$type.$id.asok
mon_warn_on_pool_no_redundancy = false
mon_data = ${dir}/mon
mon_data_avail_crit = 1
osd_data = ${dir}/osd
osd_class_load_list = *
osd_class_default_list = *
[client.rgw.a]
rgw_data = ${dir}/rgw
rgw_dns_name = localhost
`);
  if (ceph.uid !== undefined) await run('chown', ['-R', 'ceph:ceph', dir]);
  const stop = async () => {
    stopping = true;
    const gone = [...children.values()].map((c) => new Promise((done) => (c.exitCode !== null || c.signalCode ? done() : c.on('exit', done))));
    for (const c of children.values()) c.kill('SIGKILL');
    await Promise.all(gone);
    rmSync(dir, { recursive: true, force: true });
  };
  const credentials = path.join(dir, 'credentials');
  writeFileSync(credentials, `${asked.key} ${asked.secret}\n`, { mode: 0o600 });
  try {
    await go('monmaptool', '--create', '--addv', 'a', `v1:127.0.0.1:${mon}`, '--fsid', fsid, `${dir}/run/monmap`);
    await go('ceph-mon', '--mkfs', '-i', 'a', '--monmap', `${dir}/run/monmap`);
    void serve('ceph-mon', () => ['-i', 'a']);
    await until('the monitor', () => go('ceph', '--connect-timeout', '10', 'osd', 'new', uuid).then(() => true));
    await go('ceph-osd', '-i', '0', '--mkfs', '--osd-uuid', uuid);
    void serve('ceph-osd', () => ['-i', '0']);
    // Somebody else may have taken a port that was free: until it answers, each
    // time another.
    let port = 0, answers = false;
    void serve('radosgw', async () => {
      if (!answers) port = await freePort();
      return ['-n', 'client.rgw.a', `--rgw-frontends=beast endpoint=127.0.0.1:${port}`];
    });
    await until('radosgw', async () => (await (await fetch(`http://localhost:${port}/`, { signal: AbortSignal.timeout(5000) })).text()).includes('ListAllMyBucketsResult'));
    answers = true;
    await go('radosgw-admin', 'user', 'create', '--uid=app', '--display-name=app', `--access-key=${asked.key}`, `--secret=${asked.secret}`);
    const settings = `store_endpoint http://localhost:${port}\nstore_bucket recordings\n`;
    return { port, dir, credentials, settings, jobs: `${settings}store_credentials ${credentials}\n`, stop,
      /** A bucket's owner asks. */
      ask: (method, target, body, by = {}) => fetch(signed(port, { ...asked, ...by }, method, target, by), { method, body }) };
  } catch (error) {
    await stop();
    throw error;
  }
}
