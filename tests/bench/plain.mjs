// What our edge adds to Kore: /healthz against a handler that does nothing;
// and handshakes, by kind of certificate.
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import path from 'node:path';
import { top, freePort } from '../lib/clinic.mjs';
import { serve } from '../edge/lib.mjs';
import { cpuUs, median, out, run, sleep, wrk } from './tools.mjs';

const SECONDS = 2, ROUNDS = 7;

export async function plain(clinic, say) {
  const bare = await serve('bare', 1, { workers: 2 }), ours = [], other = [], cpu = [[], []];
  try {
    for (let i = 0; i < ROUNDS; i++) {
      // at the same time: two servers of one make and size, so that whatever
      // else the machine does befalls both alike
      const before = [cpuUs(clinic.server.pid), cpuUs(bare.child.pid)];
      const [a, b] = await Promise.all([`${clinic.url}/healthz`, `https://localhost:${bare.port}/bare`].map((url) => wrk(url, { seconds: SECONDS })));
      cpu[0].push((cpuUs(clinic.server.pid) - before[0]) / a.count);
      cpu[1].push((cpuUs(bare.child.pid) - before[1]) / b.count);
      ours.push(a.rate);
      other.push(b.rate);
      say(`plain: ${a.rate.toFixed(0)}/s, bare ${b.rate.toFixed(0)}/s; CPU µs ${cpu[0].at(-1).toFixed(1)}, ${cpu[1].at(-1).toFixed(1)}`);
    }
  } finally {
    await bare.stop();
  }
  return [
    { what: '/healthz, TLS, against a bare handler of Kore', ours: `${median(ours).toFixed(0)}/s`, other: `${median(other).toFixed(0)}/s`, ratio: median(ours.map((r, i) => r / other[i])), aim: 0.8, least: true },
    { what: 'Processor time of the same', ours: `${median(cpu[0]).toFixed(0)} µs`, other: `${median(cpu[1]).toFixed(0)} µs`, ratio: median(cpu[0].map((c, i) => c / cpu[1][i])) },
  ];
}

/** The same server once more, on a port of its own, with an RSA key. */
async function serveRsa(clinic) {
  const port = await freePort(), folder = path.join(clinic.dir, 'tls'), root = process.getuid() === 0;
  fs.cpSync(folder, `${folder}-rsa`, { recursive: true });
  for (const [from, to] of [['rsa.key', 'key.pem'], ['rsa.crt', 'cert.pem']]) {
    const file = `${folder}-rsa/${to}`, { uid, gid } = fs.statSync(`${folder}/${to}`);
    fs.rmSync(file, { force: true });
    fs.copyFileSync(`${out}/${from}`, file);
    fs.chmodSync(file, 0o400);
    if (root) fs.chownSync(file, uid, gid);
  }
  if (root) {
    const { uid, gid } = fs.statSync(folder);
    fs.chownSync(`${folder}-rsa`, uid, gid);
  }
  const text = fs.readFileSync(path.join(clinic.dir, 'kore.conf'), 'utf8')
    .replaceAll(folder, `${folder}-rsa`).replace('epione.pid', 'rsa.pid').replace(String(clinic.port), String(port));
  const conf = path.join(clinic.dir, 'kore-rsa.conf');
  fs.writeFileSync(conf, text, { mode: 0o600 });
  const log = fs.openSync(path.join(clinic.dir, 'rsa.log'), 'a');
  const child = spawn(path.join(top, 'build/epione'), ['--config', path.join(clinic.dir, 'epione.conf'), '--kore', conf, ...(root ? [] : ['--unprivileged'])],
    { cwd: clinic.dir, stdio: ['ignore', log, log] });
  for (let i = 0; ; i++) {
    const up = await run('curl', ['-skf', `https://localhost:${port}/healthz`]).catch(() => null);
    if (up) return { port, child, stop: () => new Promise((done) => { child.on('exit', done); child.kill(); }) };
    if (i === 100 || child.exitCode !== null) throw new Error(fs.readFileSync(path.join(clinic.dir, 'rsa.log'), 'utf8').slice(-1000));
    await sleep(50);
  }
}

/** New connections a second by two clients, and processor time of one. */
async function handshakesAt(port, pid) {
  const before = cpuUs(pid), began = process.hrtime.bigint();
  const counts = await Promise.all([0, 1].map(async () => {
    const { stdout } = await run('openssl', ['s_time', '-connect', `127.0.0.1:${port}`, '-new', '-tls1_3', '-time', String(SECONDS)]);
    return Number(/(\d+) connections in \d+ real/.exec(stdout)[1]);
  }));
  const n = counts[0] + counts[1];
  return { rate: n / (Number(process.hrtime.bigint() - began) / 1e9), cpu: (cpuUs(pid) - before) / n };
}

export async function handshakes(clinic, say) {
  const rsa = await serveRsa(clinic), a = [], b = [];
  try {
    for (let i = 0; i < ROUNDS; i++) {
      a.push(await handshakesAt(clinic.port, clinic.server.pid));
      b.push(await handshakesAt(rsa.port, rsa.child.pid));
      say(`handshakes: P-256 ${a.at(-1).rate.toFixed(0)}/s ${a.at(-1).cpu.toFixed(0)} µs, RSA-2048 ${b.at(-1).rate.toFixed(0)}/s ${b.at(-1).cpu.toFixed(0)} µs`);
    }
  } finally {
    await rsa.stop();
  }
  const of = (list, key) => median(list.map((x) => x[key]));
  return [
    { what: 'New TLS 1.3 connections, P-256 against RSA-2048', ours: `${of(a, 'rate').toFixed(0)}/s`, other: `${of(b, 'rate').toFixed(0)}/s`, ratio: median(a.map((x, i) => x.rate / b[i].rate)) },
    { what: 'Processor time of one, P-256 against RSA-2048', ours: `${of(a, 'cpu').toFixed(0)} µs`, other: `${of(b, 'cpu').toFixed(0)} µs`, ratio: median(a.map((x, i) => x.cpu / b[i].cpu)) },
  ];
}
