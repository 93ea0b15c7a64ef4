// What every measurement needs: processes and what they cost, load, medians.
import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import readline from 'node:readline';
import { promisify } from 'node:util';

export const run = promisify(execFile);
export const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
export const out = process.env.EDGE_OUT;

/** @param {number[]} list */
export function median(list) {
  const s = [...list].sort((a, b) => a - b), m = s.length >> 1;
  return s.length % 2 ? s[m] : (s[m - 1] + s[m]) / 2;
}

const stat = (pid) => {
  const text = fs.readFileSync(`/proc/${pid}/stat`, 'latin1');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
};
export const parentOf = (pid) => Number(stat(pid)[1]);

/** A process and its children, without those that have ended. */
export function family(pid) {
  const list = [pid];
  for (const p of fs.readdirSync('/proc').filter((n) => /^\d+$/.test(n))) {
    try {
      if (parentOf(p) === pid && stat(p)[0] !== 'Z') list.push(Number(p));
    } catch { /* it ended just now */ }
  }
  return list;
}

/** All that came of a process, without those that have ended. */
export const descendants = (pid) => family(pid).slice(1).flatMap((p) => [p, ...descendants(p)]);

/** Processor time of a process alone, in µs. */
export function ownUs(pid) {
  try {
    const s = stat(pid);
    return (Number(s[11]) + Number(s[12])) * 10000;
  } catch {
    return 0; // it ended just now
  }
}

/** Processor time of a process and its children, those that ended included, in µs. */
export function cpuUs(pid) {
  let ticks = 0;
  for (const p of family(pid)) {
    try {
      const s = stat(p);
      ticks += Number(s[11]) + Number(s[12]) + (p === pid ? Number(s[13]) + Number(s[14]) : 0);
    } catch { /* it ended just now */ }
  }
  return ticks * 10000; // USER_HZ is 100 on Linux, whatever the kernel's own is
}

/** Processor time of this process's children that have ended, in µs. */
export function endedUs() {
  const s = stat(process.pid);
  return (Number(s[13]) + Number(s[14])) * 10000;
}

/** Memory of processes that is theirs, in KiB: what they share counts by its share. */
export function memoryKib(pids) {
  let sum = 0;
  for (const p of pids) {
    const text = fs.readFileSync(`/proc/${p}/smaps_rollup`, 'latin1');
    sum += Number(/^Pss:\s+(\d+)/m.exec(text)[1]);
  }
  return sum;
}

const unit = { us: 1, ms: 1e3, s: 1e6 };

/** wrk: requests a second, p50 and p99 in µs, how many were refused. Any answer but
 * 2xx is a failure, unless `refusals` are what is asked for. */
export async function wrk(url, { connections = 32, seconds = 4, token = null, script = null, refusals = false } = {}) {
  const args = ['-t', '2', '-c', String(connections), '-d', `${seconds}s`, '--latency'];
  if (token) args.push('-H', `Authorization: Bearer ${token}`);
  if (script) args.push('-s', script);
  const { stdout } = await run('wrk', [...args, url]);
  const refused = Number(/Non-2xx or 3xx responses: (\d+)/.exec(stdout)?.[1] ?? 0);
  if (/Socket errors/.test(stdout) || (refused > 0 && !refusals)) throw new Error(`wrk ${url.replace(/.*\/\/[^/]*/, '')}:\n${stdout}`);
  const at = (p) => { const m = new RegExp(`^\\s+${p}%\\s+([\\d.]+)(us|ms|s)`, 'm').exec(stdout); return Number(m[1]) * unit[m[2]]; };
  return { rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)[1]), count: Number(/(\d+) requests in/.exec(stdout)[1]), p50: at(50), p99: at(99), refused };
}

/** The pairs program: a script first, then a command and its answer at a time. */
export class Pairs {
  constructor(port, mark, lines) {
    this.child = spawn(`${out}/pairs`, [String(port), mark], { stdio: ['pipe', 'pipe', 'inherit'] });
    this.answers = readline.createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
    for (const l of lines) this.child.stdin.write(l.join('\t') + '\n');
  }

  async ask(command) {
    this.child.stdin.write(command + '\n');
    const { value, done } = await this.answers.next();
    if (done) throw new Error(`pairs ended at "${command}"`);
    return JSON.parse(value);
  }

  close() { this.child.stdin.end(); }
}

/** The head of a WebSocket handshake, as pairs wants it. */
export const upgrade = (port, path, more = []) =>
  [`GET ${path} HTTP/1.1`, `Host: localhost:${port}`, 'Upgrade: websocket', 'Connection: Upgrade',
    'Sec-WebSocket-Version: 13', 'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==', ...more].join('\\n');

/** At most `wide` at a time. */
export async function each(list, wide, work) {
  const left = [...list.entries()], results = [];
  await Promise.all(Array.from({ length: wide }, async () => {
    for (let next; (next = left.shift()) !== undefined;) results[next[0]] = await work(next[1], next[0]);
  }));
  return results;
}

/** Stops PostgreSQL and starts it; the server has found it again when this resolves. */
export async function postmasterRestart(clinic) {
  await clinic.database('stop');
  await clinic.database('start');
  await clinic.untilReady();
}
