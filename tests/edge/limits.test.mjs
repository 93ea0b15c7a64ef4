// What happens at the limits: connections an application refuses, a full
// worker, a full queue, no descriptors: patches 13, 24 and 25. At each those
// who are connected go on being served, nothing spins, and afterwards all is
// as it was.
//= TR-24: one who takes all there is takes nothing from those who are served
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { test } from 'node:test';
import { awake, connect, eventually, fields, get, pids, serve, sleep, tcp, ticks,
  patient } from './lib.mjs';

const H = 'Host: localhost\r\n';
let offset = 0;

function limit(name, options, run) {
  test(name, async () => {
    const number = 30 + offset++;
    const server = await serve(`limits-${number}`, number, options);
    try {
      await run(server);
    } finally {
      assert.equal(await server.stop(), 0, server.log());
      assert.doesNotMatch(server.log(),
        /sandbox violation|ERROR: Addr|runtime error|gone/);
    }
  });
}

async function asked(c, target = '/who') {
  c.write(`GET ${target} HTTP/1.1\r\n${H}\r\n`);
  return fields((await c.response()).body);
}

/** How a connection ends that says nothing: its error, or "" for a FIN. */
function ending(s) {
  let error = '';
  s.on('error', (e) => { error = e.code; });
  return s.destroyed ? '' : new Promise((done) => {
    const timer = setTimeout(done, patient(3000), 'still open');
    s.on('close', () => { clearTimeout(timer); done(error); });
  });
}

/** Leaves a process so many descriptors beyond those it has open. */
async function descriptors(pid, more) {
  const count = () => fs.readdirSync(`/proc/${pid}/fd`).length;
  let n0; // those of earlier connections are closed
  do {
    n0 = count();
    await sleep(patient(200));
  } while (count() !== n0);
  const open = new Set(fs.readdirSync(`/proc/${pid}/fd`).map(Number));
  let n = 0;
  for (let free = 0; free < more || open.has(n); n++)
    free += open.has(n) ? 0 : 1;
  execFileSync('prlimit', ['--pid', pid, `--nofile=${n}:`]);
}

const restore = (pid) =>
  execFileSync('prlimit', ['--pid', pid, '--nofile=8192:']);

/** A worker rests while nothing is asked of it. */
async function idle(pid) {
  const share = await awake(pid);
  assert.ok(share < 0.25, `awake for ${share} of the time`);
}

/** Those who are connected are answered, quickly. */
async function served(c, ms = 500) {
  const at = Date.now();
  for (let i = 0; i < 10; i++)
    await asked(c);
  assert.ok(Date.now() - at < patient(ms), `took ${Date.now() - at} ms`);
}

limit('24 who is refused at accept is reset, and costs little', {},
  async (server) => {
    const [pid] = pids(server, 'wrk');
    const c = await connect(server);
    await asked(c, '/limit?3');
    const held = [await tcp(server), await tcp(server)];
    await sleep(100);
    for (let i = 0; i < 5; i++) {
      const s = net.connect(server.port, '127.0.0.1');
      assert.equal(await ending(s), 'ECONNRESET');
    }
    const had = await asked(c);
    assert.deepEqual([had.refused, had.conns], ['5', '3']);
    // a flood: the one who is connected is served meanwhile
    const before = ticks(pid);
    let flood = 0;
    const at = Date.now();
    const flooding = Array.from({ length: 20 }, async () => {
      while (Date.now() - at < 1000 || (flood <= 100 && Date.now() - at < patient(1000))) {
        await ending(net.connect(server.port, '127.0.0.1'));
        flood++;
      }
    });
    await sleep(100);
    for (let i = 0; i < 5; i++)
      await served(c, 2000);
    await Promise.all(flooding);
    const each = (ticks(pid) - before) * 10000 / flood;
    assert.ok(flood > 100 && each < 400, `${each} us for each of ${flood}`);
    held[0].destroy();
    assert.ok(await eventually(async () => Number((await asked(c)).gone) > 0));
    assert.equal((await get(server, '/bare')).status, 200);
    held[1].destroy();
    c.destroy();
  });

limit('24 every connection is given back once, however it ended', {},
  async (server) => {
    const c = await connect(server);
    for (let i = 0; i < 10; i++) {
      (await tcp(server)).destroy();
      (await tcp(server)).resetAndDestroy();
      (await connect(server)).destroy();
      await get(server, '/bare');
      const s = await tcp(server);
      s.write('no handshake at all');
      await ending(s);
    }
    assert.ok(await eventually(async () => {
      const now = await asked(c);
      return Number(now.accepted) - Number(now.gone) === 1 &&
        now.conns === '1';
    }), JSON.stringify(await asked(c)));
    c.destroy();
  });

limit('13 at a full worker those within are served, those without wait',
  { set: { worker_max_connections: 10 } }, async (server) => {
    const [pid] = pids(server, 'wrk');
    const c = await connect(server);
    await asked(c);
    const held = [];
    for (let i = 0; i < 9; i++)
      held.push(await tcp(server));
    await sleep(200);
    const waiting = Array.from({ length: 5 }, () => get(server, '/bare'));
    let answered = 0;
    for (const w of waiting)
      w.then(() => answered++, () => {});
    await idle(pid);
    await served(c);
    assert.equal(answered, 0);
    for (const s of held)
      s.destroy();
    for (const w of waiting)
      assert.equal((await w).status, 200);
    c.destroy();
  });

limit('13 a queue that runs over is worked off', { set: { socket_backlog: 4 } },
  async (server) => {
    const [pid] = pids(server, 'wrk');
    const c = await connect(server);
    c.write(`GET /block?1500 HTTP/1.1\r\n${H}\r\n`);
    await sleep(100);
    const many = await Promise.all(
      Array.from({ length: 40 }, () => get(server, '/bare')
        .catch((e) => ({ status: e.message }))));
    assert.deepEqual(new Set(many.map((r) => r.status)), new Set([200]));
    assert.equal((await c.response()).status, 200);
    await idle(pid);
    c.destroy();
  });

limit('25 without descriptors a worker rests, serves, and recovers', {},
  async (server) => {
    const [pid] = pids(server, 'wrk');
    const c = await connect(server);
    await asked(c);
    await descriptors(pid, 2);
    const held = [];
    for (let i = 0; i < 6; i++)
      held.push(await tcp(server));
    await sleep(100);
    await idle(pid);
    await served(c);
    assert.equal((await asked(c)).conns, '3');
    assert.equal(server.log().match(/cannot accept: Too many open/g).length, 1);
    // one leaves, and the next comes in at once
    const at = Date.now();
    held[0].destroy();
    assert.ok(await eventually(async () =>
      Number((await asked(c)).accepted) > 4 && (await asked(c)).conns === '3',
    700), `not within ${Date.now() - at} ms`);
    restore(pid);
    assert.equal((await get(server, '/bare')).status, 200);
    assert.ok(await eventually(async () => (await asked(c)).conns >= '6'));
    for (const s of held)
      s.destroy();
    c.destroy();
  });

limit('25 what one worker cannot take another does', { workers: 2 },
  async (server) => {
    const [poor] = pids(server, 'wrk');
    await descriptors(poor, 0);
    for (let i = 0; i < 12; i++) {
      const r = await Promise.race([get(server, '/who'), sleep(patient(4000))]);
      assert.ok(r, 'it waits for a worker that cannot take it');
      assert.notEqual(Number(fields(r.body).pid), poor);
    }
    await idle(poor);
    restore(poor);
    assert.ok(await eventually(async () => Number(
      fields((await get(server, '/who')).body).pid) === poor));
  });
