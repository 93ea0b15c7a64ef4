// Servers and raw clients for tests/edge: node's own modules only. A client
// sends bytes, not requests: most of what is tested is not a valid request.
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Duplex } from 'node:stream';
import { setTimeout as sleep } from 'node:timers/promises';
import tls from 'node:tls';
import { patience, patient } from '../lib/patience.mjs';
import { children, wakeful } from '../lib/processes.mjs';

export { alive, eventually, ran, recall, remembers, wakeful }
  from '../lib/processes.mjs';
export { patient, sleep };
export const OUT = process.env.EDGE_OUT;
export const SAN = process.env.EDGE_SAN === '1';
const FIRST = Number(process.env.EDGE_PORT ?? 24000) + (SAN ? 50 : 0);
const TEMPLATE =
  fileURLToPath(new URL('../../conf/kore.conf.in', import.meta.url));

/** As an operator's root starts it: two users, each in a root of its own. */
function confine(dir, words) {
  const id = (user, flag) =>
    Number(execFileSync('id', [flag, user], { encoding: 'utf8' }));
  fs.mkdirSync(`${dir}/jail`);
  fs.mkdirSync(`${dir}/tls`);
  for (const end of ['crt', 'key']) {
    fs.renameSync(`${dir}/${end}.pem`, `${dir}/tls/${end}.pem`);
    const file = `${dir}/tls/${end}.pem`;
    fs.chownSync(file, id('daemon', '-u'), id('daemon', '-g'));
    fs.chmodSync(file, 0o400);
  }
  Object.assign(words, { ROOT: `${dir}/jail`, KEYMGR_ROOT: `${dir}/tls`,
    KEYMGR_RUNAS: 'daemon', CERT: '/crt.pem', KEY: '/key.pem' });
}

/** What only a patch makes known; without it (unpatched.sh) not to be said. */
const NEWER = { 26: ['tls_ticket_seconds'],
  30: ['tls_handshake_timeout', 'http_send_timeout'] };

/** Settings replaced in the template, value by name; null removes one. */
function configure(name, port, { cert = 'ec', set = {}, workers = 1,
  confined = false, mismatch = false, plain = false } = {}) {
  const dir = path.join(OUT, name);
  fs.rmSync(dir, { recursive: true, force: true });
  fs.mkdirSync(dir, { recursive: true });
  for (const end of ['crt', 'key'])
    fs.copyFileSync(`${OUT}/${cert}.${end}`, `${dir}/${end}.pem`);
  const words = {
    HOST: '127.0.0.1', PORT: port, WORKERS: workers, ROOT: dir, RUNAS: 'nobody',
    KEYMGR_ROOT: dir, KEYMGR_RUNAS: 'nobody', PIDFILE: `${dir}/pid`,
    CERT: `${dir}/crt.pem`, KEY: `${dir}/key.pem`,
  };
  if (mismatch)
    fs.copyFileSync(`${OUT}/ec2.key`, `${dir}/key.pem`);
  if (confined)
    confine(dir, words);
  let text = fs.readFileSync(TEMPLATE, 'utf8');
  text = text.replace(/@([A-Z_]+)@/g, (all, w) => words[w] ?? all);
  if (plain) {
    text = text.replace(/^\tbind .*$/m, '$&\n\ttls no')
      .replace(/^\tcert.*\n/mg, '');
  }
  for (const [k, v] of Object.entries(set)) {
    const line = new RegExp(`^${k}\\s.*$`, 'm');
    const put = v === null ? '' : `${k} ${v}`;
    text = line.test(text) ? text.replace(line, put) : `${put}\n${text}`;
  }
  for (const n of (process.env.EDGE_WITHOUT ?? '').split(' '))
    for (const k of NEWER[n] ?? [])
      text = text.replace(new RegExp(`^${k}\\s.*$`, 'm'), '');
  fs.writeFileSync(`${dir}/kore.conf`, text);
  return dir;
}

function own(dir, user) {
  fs.chownSync(dir, user, user);
  for (const file of fs.readdirSync(dir))
    fs.chownSync(path.join(dir, file), user, user);
}

/** Starts the application; resolves once it answers. */
export async function serve(name, offset, options = {}) {
  const port = FIRST + offset;
  const dir = configure(name, port, options);
  const log = fs.openSync(`${dir}/log`, 'a');
  if (options.user !== undefined)
    own(dir, options.user);
  const free = options.confined ? [] : ['-n', '-r'];
  const child = spawn(`${OUT}/app`, ['-f', ...free, '-c', `${dir}/kore.conf`],
     { stdio: ['ignore', log, log],
    uid: options.user, gid: options.user });
  const ended = once(child, 'exit');
  process.on('exit', () => child.kill('SIGKILL'));
  const server = {
    port, dir, child, ended, plain: options.plain ?? false,
    log: () => fs.readFileSync(`${dir}/log`, 'utf8'),
    async stop(signal = 'SIGTERM') {
      if (child.exitCode === null && child.signalCode === null)
        child.kill(signal);
      const [code] = await ended;
      return code;
    },
  };
  if (options.wait === false)
    return server;
  for (let i = 0; i < 600; i++) {
    try {
      const c = await connect(server);
      c.write('GET /bare HTTP/1.1\r\nHost: localhost\r\n\r\n');
      const got = await c.response(1000);
      c.destroy();
      if (got.status === 200)
        return server;
    } catch { /* not yet */ }
    if (child.exitCode !== null)
      break;
    await sleep(50);
  }
  await server.stop('SIGKILL');
  throw new Error(`${name} did not start:\n${server.log()}`);
}

/** A wire that can be held: several TLS records leave in one segment. */
class Wire extends Duplex {
  constructor(socket) {
    super();
    this.socket = socket;
    this.held = null;
    this.passes = Infinity; // so many writes before they are held
    socket.on('data', (d) => this.push(d));
    socket.on('end', () => this.push(null));
    socket.on('error', (e) => this.destroy(e));
    socket.on('close', () => this.destroy());
  }
  _read() {}
  _write(chunk, _, done) {
    if (this.passes-- <= 0)
      this.held ??= [];
    if (this.held !== null) {
      this.held.push(chunk);
      done();
    } else {
      this.socket.write(chunk, () => done());
    }
  }
  _final(done) { this.socket.end(done); }
  _destroy(error, done) { this.socket.destroy(); done(error); }
}

/** One connection: what came is in `data`, `closed` says the peer is gone. */
export class Client {
  constructor(stream, wire) {
    Object.assign(this, { stream, wire, chunks: [],
      ended: false, closed: false, error: null });
    stream.on('data', (d) => { this.chunks.push(d); });
    stream.on('end', () => { this.ended = true; });
    stream.on('error', (e) => { this.error = e; });
    stream.on('close', () => { this.closed = true; });
  }
  write(...parts) {
    for (const p of parts)
      this.stream.write(p);
  }
  /** Writes the parts as records of their own, in one TCP segment. */
  async together(...parts) {
    this.wire.held = [];
    for (const p of parts)
      await new Promise((done) => this.stream.write(p, done));
    await sleep(20);
    const all = Buffer.concat(this.wire.held);
    this.wire.held = null;
    this.wire.socket.write(all);
  }
  destroy() {
    this.stream.destroy();
    this.wire?.socket.destroy();
  }
  get data() {
    if (this.chunks.length !== 1)
      this.chunks = [Buffer.concat(this.chunks)];
    return this.chunks[0];
  }
  set data(rest) { this.chunks = [rest]; }
  get received() { return this.chunks.reduce((n, d) => n + d.length, 0); }
  get over() { return this.closed || this.ended; }
  /** Waits until a test of this client is true; false when time is up. */
  async until(test, ms) {
    const late = patience(ms);
    while (!test(this)) {
      if (late())
        return false;
      await sleep(5);
    }
    return true;
  }
  /** Takes one response off the data. */
  async response(ms, { head = false } = {}) {
    let got = null;
    await this.until(() => (got = take(this, head)) !== null || this.over, ms);
    got ??= take(this, head);
    if (got === null) {
      throw new Error(`no response: closed ${this.over}, ${this.error}, ` +
        JSON.stringify(this.data.toString('latin1').slice(0, 200)));
    }
    return got;
  }
}

function take(client, head) {
  const at = client.data.indexOf('\r\n\r\n');
  if (at < 0)
    return null;
  const lines = client.data.subarray(0, at).toString('latin1').split('\r\n');
  const status = Number(lines[0].split(' ')[1]);
  const headers = {};
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).toLowerCase();
    const value = line.slice(colon + 1).trim();
    headers[name] = name in headers ? `${headers[name]}, ${value}` : value;
  }
  const length = head || status < 200 ? 0 :
    Number(headers['content-length'] ?? 0);
  if (client.data.length < at + 4 + length)
    return null;
  const body = client.data.subarray(at + 4, at + 4 + length).toString('latin1');
  client.data = client.data.subarray(at + 4 + length);
  return { status, headers, body, line: lines[0] };
}

/** With `hold`, all but the hello stays on the wire. */
export async function connect(server, { hold = false, ...options } = {}) {
  const socket = net.connect({ port: server.port, host: '127.0.0.1' });
  socket.setNoDelay(true);
  await once(socket, 'connect');
  const wire = new Wire(socket);
  if (hold)
    wire.passes = 1;
  if (server.plain)
    return new Client(wire, wire);
  const stream = tls.connect({ socket: wire, rejectUnauthorized: false,
    servername: 'localhost', ...options });
  const client = new Client(stream, wire);
  await new Promise((done, fail) => {
    stream.once('secureConnect', done);
    stream.once('error', fail);
    stream.once('close', () => fail(new Error('closed in handshake')));
  });
  return client;
}

/** The first bytes of a handshake. */
export function clientHello() {
  return new Promise((done) => {
    const sink = new Duplex({
      read() {},
      write(chunk, _, next) { done(chunk); next(); },
    });
    tls.connect({ socket: sink, servername: 'localhost' })
      .on('error', () => {});
  });
}

/** One request on a connection of its own. */
export async function ask(server, text, options = {}) {
  const c = await connect(server, options.tls);
  try {
    c.write(text);
    return await c.response(options.ms, options);
  } finally {
    c.destroy();
  }
}

export const get = (server, target) =>
  ask(server, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);

/** The "name=value" lines of a body as an object. */
export const fields = (body) =>
  Object.fromEntries(body.split('\n').filter((l) => l.includes('='))
    .map((l) => [l.slice(0, l.indexOf('=')), l.slice(l.indexOf('=') + 1)]));

export const who = async (server) => fields((await get(server, '/who')).body);

/** The processes of a server: title by pid. */
export const family = (server) => children(server.child.pid);

export const pids = (server, kind) => Object.entries(family(server))
  .filter(([, title]) => title.includes(kind)).map(([pid]) => Number(pid));

/** A connection that says nothing. */
export async function tcp(server) {
  const s = net.connect(server.port, '127.0.0.1');
  s.on('error', () => {});
  await once(s, 'connect');
  return s;
}

/** A process's use of the processor, in hundredths of a second. */
export function ticks(pid) {
  const stat = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  const f = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return Number(f[11]) + Number(f[12]);
}

/**
 * The least share of a second that a process was awake, or wished to be, of a few.
 * Who spins is always; who rests may have to wait long for the little it does.
 */
export async function awake(pid) {
  let least = Infinity;
  for (let i = 0; i < 5 && least >= 0.25; i++) {
    const before = wakeful(pid), at = Date.now();
    await sleep(1000);
    least = Math.min(least, (wakeful(pid) - before) / (Date.now() - at));
  }
  return least;
}

/** A process's memory, in kB. */
export const resident = (pid) =>
  Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8')
    .match(/VmRSS:\s+(\d+)/)[1]);

// WebSocket frames, well-formed or not.

export const KEY = 'dGhlIHNhbXBsZSBub25jZQ==';

export const upgrade = (more = '', target = '/ws') =>
  `GET ${target} HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n` +
  `Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n` +
  `Sec-WebSocket-Key: ${KEY}\r\n${more}\r\n`;

/** fin, rsv, mask, and how the length is coded can all be forced. */
export function frame(op, payload = '', o = {}) {
  const data = Buffer.from(payload);
  const n = o.length ?? data.length;
  const form = o.form ?? (n < 126 ? 7 : n < 65536 ? 16 : 64);
  const masked = o.masked ?? true;
  const head = [((o.fin ?? true) ? 0x80 : 0) | ((o.rsv ?? 0) << 4) | op];
  const bit = masked ? 0x80 : 0;
  let size = Buffer.alloc(0);
  if (form === 7) {
    head.push(bit | n);
  } else if (form === 16) {
    head.push(bit | 126);
    size = Buffer.alloc(2);
    size.writeUInt16BE(n);
  } else {
    head.push(bit | 127);
    size = Buffer.alloc(8);
    size.writeBigUInt64BE(BigInt(n));
  }
  if (!masked)
    return Buffer.concat([Buffer.from(head), size, data]);
  const mask = randomBytes(4);
  const coded = Buffer.from(data.map((b, i) => b ^ mask[i % 4]));
  return Buffer.concat([Buffer.from(head), size, mask, coded]);
}

export const closing = (code, reason = '') => {
  const b = Buffer.alloc(2);
  b.writeUInt16BE(code);
  return Buffer.concat([b, Buffer.from(reason)]);
};

/** The frames a client has received so far; they are taken off. */
export function frames(client) {
  const list = [];
  for (;;) {
    const d = client.data;
    if (d.length < 2)
      return list;
    let n = d[1] & 127;
    let at = 2;
    if (n === 126) {
      if (d.length < 4) return list;
      n = d.readUInt16BE(2);
      at = 4;
    } else if (n === 127) {
      if (d.length < 10) return list;
      n = Number(d.readBigUInt64BE(2));
      at = 10;
    }
    if (d.length < at + n)
      return list;
    list.push({ op: d[0] & 15, fin: d[0] >> 7, data: d.subarray(at, at + n) });
    client.data = d.subarray(at + n);
  }
}

export async function websocket(server, more, target) {
  const c = await connect(server);
  c.write(upgrade(more, target));
  c.handshake = await c.response();
  if (c.handshake.status !== 101)
    throw new Error(`not upgraded: ${c.handshake.status}`);
  c.inbox = [];
  return c;
}

/** Waits for the next frame. */
export async function next(client, ms) {
  await client.until(() => {
    client.inbox.push(...frames(client));
    return client.inbox.length > 0 || client.over;
  }, ms);
  return client.inbox.shift() ?? null;
}

/** The code a socket is closed with: waits for the frame and the end. */
export async function closeCode(client, ms) {
  for (;;) {
    const f = await next(client, ms);
    if (f === null)
      return null;
    if (f.op === 8)
      return f.data.length >= 2 ? f.data.readUInt16BE(0) : 1005;
  }
}
