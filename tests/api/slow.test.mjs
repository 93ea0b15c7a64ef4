// Clients that are slow on purpose: slowhttptest in all its modes at once,
// against the real server, beside somebody who is not. And the limits of
// conf/kore.conf.in as they are shipped, which need their time.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readdirSync, readFileSync } from 'node:fs';
import net from 'node:net';
import { after, before, describe, test } from 'node:test';
import tls from 'node:tls';

import { startClinic } from '../lib/clinic.mjs';
import { Peer } from '../lib/peer.mjs';
import { patient as patiently } from '../lib/patience.mjs';
import { modes, slow } from '../lib/slow.mjs';

const CONNECTIONS = 250, SECONDS = 18; // of each mode
const ANSWER_MS = 5000; // bench says how fast; this only says that it is served
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
let clinic, doctor, patient, scheduler;

before(async () => {
  clinic = await startClinic({ settings: 'join_minutes_before 1440\n' });
  [doctor, patient, scheduler] = await Promise.all(['clinician', 'patient', 'scheduler'].map((who) => clinic.signIn(clinic.people[who])));
});

after(() => clinic?.stop());

const workers = () => readdirSync('/proc').filter((pid) => {
  try {
    return readFileSync(`/proc/${pid}/stat`, 'latin1').split(') ')[1].split(' ')[1] === String(clinic.server.pid) &&
      readFileSync(`/proc/${pid}/cmdline`, 'latin1').includes('[wrk');
  } catch { return false; } // it ended just now
});
const memoryMib = () => workers().reduce((sum, pid) => sum + Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'latin1'))[1]) / 1024, 0);
const sockets = () => workers().reduce((sum, pid) => sum + readdirSync(`/proc/${pid}/fd`).length, 0);

/** A page and a signed-in read in turn, until told to stop: [ms, status]. */
function quiet() {
  const answers = [];
  let over = false;
  const all = (async () => {
    for (let i = 0; !over; i++) {
      const at = Date.now(), { status } = await doctor.get(i % 2 ? '/v1/session' : '/');
      answers.push([Date.now() - at, status]);
      await sleep(25);
    }
  })();
  return { async stop() { over = true; await all; return answers; } };
}

/** How long a connection lives to which nothing is done, since before it was. */
async function lasted(at, socket) {
  socket.on('error', () => {});
  socket.resume();
  await Promise.race([new Promise((done) => socket.on('close', done)), sleep(120_000)]);
  return Date.now() - at;
}

const secure = async () => {
  const s = tls.connect({ port: clinic.port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  await once(s, 'secureConnect');
  return s;
};

async function visit() {
  const me = async (c) => (await c.get('/v1/session')).body.user;
  const people = { patient_id: (await me(patient)).patient_id, clinician_id: (await me(doctor)).id };
  for (let slot = 0; ; slot++) {
    const starts_at = new Date(Date.now() + 60000 * (10 + 5 * slot)).toISOString().replace(/\.\d+Z/, 'Z');
    const made = await scheduler.create('/v1/visits', { ...people, duration_minutes: 5, starts_at, reason: 'slow' });
    if (made.body?.code === 'slot_taken') continue;
    assert.equal(made.status, 201, made.text);
    assert.equal((await patient.post(`/v1/visits/${made.body.id}/check-in`)).status, 200);
    return made.body.id;
  }
}

const seat = async (id, client) => {
  const p = new Peer(`${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`, { headers: { authorization: `Bearer ${client.token}` } });
  await p.hello();
  return p;
};

/** A frame that comes byte by byte, and whose sender does not answer pings. */
async function trickle(p) {
  const at = Date.now(), socket = p.ws._socket;
  socket.pause();
  socket.write(Buffer.from([0x81, 0x80 | 100, 0, 0, 0, 0]));
  const timer = setInterval(() => socket.write('x'), 500);
  await p.closing(40000).finally(() => clearInterval(timer));
  return Date.now() - at;
}

const within = (ms, from, to, what) => assert.ok(ms >= from && ms <= patiently(to), `${what}: ${ms} ms`);

// Both at once: half a minute is enough to wait for.
describe('slow clients', { concurrency: 2 }, () => {
  //= TR-24: who is slow on purpose takes nothing from the others, and is let go
  test('slowhttptest in four modes: everybody else is answered', async (t) => {
    const idle = { memory: memoryMib(), sockets: sockets() };
    const other = quiet();
    const attacks = modes.map((mode) => slow(mode, clinic.url, { connections: CONNECTIONS, seconds: SECONDS }));
    let most = 0;
    for (let i = 0; i < 60 || (i < 80 && !(most > 1.5 * CONNECTIONS)); i++) {
      await sleep(200);
      most = Math.max(most, sockets() - idle.sockets);
    }
    for (const a of attacks) await a.stop();
    const answers = await other.stop();
    assert.ok(most > 1.5 * CONNECTIONS, `only ${most} connections`);
    assert.ok(answers.length > 50, `only ${answers.length} answers`);
    assert.deepEqual(answers.filter(([ms, status]) => status !== 200 || ms > patiently(ANSWER_MS)), []);
    for (const end = Date.now() + 90_000; ; await sleep(250)) {
      const now = { memory: memoryMib(), sockets: sockets() };
      // what stays are Kore's pools: sixteen KiB or so for each that was there
      if (now.sockets <= idle.sockets + 10 && now.memory < idle.memory + 16) break;
      assert.ok(Date.now() < end, JSON.stringify({ idle, most, now }));
    }
    t.diagnostic(`${most} connections; the slowest answer of ${answers.length} took ${Math.max(...answers.map(([ms]) => ms))} ms; ${(memoryMib() - idle.memory).toFixed(1)} MiB stayed`);
  });

  //= TR-24: as shipped
  test('each limit of kore.conf ends what it should, and nothing else', async () => {
    const id = await visit();
    const listener = await seat(id, patient), dead = await seat(id, doctor);
    const at = Date.now(), silent = net.connect(clinic.port, '127.0.0.1');
    const idle = await secure(), used = await secure(), begun = await secure();
    used.write(`GET /healthz HTTP/1.1\r\nHost: localhost:${clinic.port}\r\n\r\n`);
    begun.write('GET / HTTP/1.1\r\n');
    const [handshake, unused, kept, headers, frame] = await Promise.all([lasted(at, silent), lasted(at, idle), lasted(at, used), lasted(at, begun), trickle(dead)]);
    within(handshake, 9500, 20000, 'a handshake that does not come');
    within(unused, 14500, 25000, 'a connection that asks nothing');
    within(kept, 14500, 25000, 'one that asked once');
    within(headers, 19500, 35000, 'headers without an end');
    within(frame, 5000, 20000, 'a frame without an end');
    // it has heard, and answered pings, and said nothing, for as long
    assert.equal(listener.code, undefined);
    listener.say({ type: 'ping', t: 1 });
    await listener.hear('pong');
    listener.stop();
  });
});
