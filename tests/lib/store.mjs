// A store of recordings of the test's own: the demo's, in a folder, behind a door
// that can be as bad as a network and a busy store are.
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import http from 'node:http';
import os from 'node:os';
import path from 'node:path';

import { top } from './clinic.mjs';
import { freePort } from './ports.mjs';

/**
 * Stands before the store at `inner`. `fault` is what meets each PUT and GET, or
 * null: 'away' (no answer), 'lost' (it was done, and nobody hears of it), 'harm' (a
 * bit falls on the way), or [status, code] as a store answers. `met` counts those
 * that the fault met, `asked` lists [method, path] of all. At most `rate` bytes a
 * second come in, `passed` have; `puts` says of each PUT when it began, and how many
 * had passed until then. Each waits for `latch`, `held` have.
 */
class Door {
  fault = null;
  met = 0;
  asked = [];
  rate = Infinity;
  passed = 0;
  /** @type {{at: number, passed: number}[]} */
  puts = [];
  latch = Promise.resolve();
  held = 0;

  constructor(port, inner) {
    this.port = port;
    this.inner = inner;
    this.server = http.createServer((from, to) => void this.#carry(from, to).catch(() => to.destroy())); // whoever asked has left
  }

  open() {
    return new Promise((done) => this.server.listen(this.port, 'localhost', done));
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  async #carry(from, to) {
    const fault = from.method === 'OPTIONS' ? null : this.fault;
    this.asked.push([from.method, from.url.split('?')[0]]);
    if (fault) this.met++;
    if (fault === 'away') return from.socket.destroy();
    if (from.method === 'PUT') this.puts.push({ at: performance.now(), passed: this.passed });
    const parts = [];
    for await (const part of from) {
      parts.push(part);
      this.passed += part.length;
      if (this.rate < Infinity) await new Promise((done) => setTimeout(done, 1000 * part.length / this.rate));
    }
    if (from.method === 'PUT') {
      this.held++;
      await this.latch;
    }
    const body = Buffer.concat(parts);
    if (fault === 'harm' && body.length) body[body.length >> 1] ^= 1;
    if (Array.isArray(fault)) {
      const [status, code] = fault;
      to.writeHead(status, { 'content-type': 'application/xml', 'access-control-allow-origin': '*' });
      return to.end(`<?xml version="1.0"?><Error><Code>${code}</Code></Error>`);
    }
    const on = http.request({ port: this.inner, host: 'localhost', method: from.method, path: from.url, headers: from.headers }, (answer) => {
      if (fault === 'lost') return from.socket.destroy();
      to.writeHead(answer.statusCode, answer.headers);
      answer.pipe(to);
    });
    on.on('error', () => from.socket.destroy());
    on.end(body);
  }
}

/**
 * {port, settings (of epione.conf), jobs (of epione-jobs.conf), credentials, files(), door, start(origin), stop()}:
 * settings are known before it runs, as the clinic's origin is before its own.
 * @param {{behind?: boolean}} [options] behind a Door, which the settings name then
 */
export async function aStore({ behind = false } = {}) {
  const dir = mkdtempSync(path.join(os.tmpdir(), `epione-test-${process.env.EPIONE_RUN ?? ''}-store-`));
  const folder = path.join(dir, 'objects'), credentials = path.join(dir, 'credentials');
  const inner = await freePort(), door = behind ? new Door(await freePort(), inner) : null;
  const port = door?.port ?? inner;
  const settings = `store_endpoint http://localhost:${port}\nstore_bucket recordings\n`;
  writeFileSync(credentials, 'TESTKEY TESTSECRETTESTSECRET\n', { mode: 0o600 });
  let child, exited;
  const store = {
    port, folder, credentials, settings, door,
    jobs: `${settings}store_credentials ${credentials}\n`,
    /** Paths of its objects. */
    files: () => readdirSync(folder).flatMap((d) => readdirSync(path.join(folder, d)).map((f) => path.join(folder, d, f))),
    read: (object) => readFileSync(path.join(folder, object)),
    async start(origin) {
      child = spawn(path.join(top, process.env.BUILD ?? 'build', 'epione-demo'), ['store', folder, credentials, String(inner), origin], { stdio: 'inherit' });
      exited = new Promise((done) => child.on('exit', done));
      for (const end = Date.now() + 120_000; ; await new Promise((done) => setTimeout(done, 50))) {
        if (await fetch(`http://localhost:${inner}/recordings`).then((r) => r.status === 403, () => false)) break;
        if (child.exitCode !== null || Date.now() > end) throw new Error('the store does not start');
      }
      await door?.open();
    },
    halt: () => { child?.kill(); return exited; },
    async stop() {
      door?.close();
      await store.halt();
      rmSync(dir, { recursive: true, force: true });
    },
  };
  return store;
}
