// How long anything may take: patch 30, and 31, beside the '14 …' of
// life.test.mjs. Limits are short here and differ, so that it shows which one
// ended what; what the clinic gets is in conf/kore.conf.in.
import assert from 'node:assert/strict';
import events, { once } from 'node:events';
import net from 'node:net';
import { test } from 'node:test';
import { SAN, clientHello, connect, eventually, get, patient, ran, serve, sleep,
  websocket, who } from './lib.mjs';

const H = 'Host: localhost\r\n';
const LONG = { tls_handshake_timeout: 60, http_header_timeout: 60,
  http_body_timeout: 60, http_keepalive_time: 60, http_send_timeout: 60 };
let offset = 0;

events.defaultMaxListeners = 1000;

/** A server whose limits are far away, but for those of the test. */
function limited(name, set, run) {
  test(name, async () => {
    const number = 30 + offset++;
    const server = await serve(`time-${number}`, number,
      { set: { ...LONG, ...set } });
    try {
      await run(server);
    } finally {
      await server.stop();
    }
  });
}

const tcp = async (server) => {
  const s = net.connect(server.port, '127.0.0.1');
  s.on('error', () => {});
  await once(s, 'connect');
  return s;
};

/** Milliseconds until the peer hangs up, longer than any bound if it does not; a reset is one
 * way to, and no error here. */
async function lasted(stream, at = Date.now()) {
  const closed = new Promise((done) => stream.on('close', done));
  await Promise.race([closed, sleep(patient(20000))]);
  return Date.now() - at;
}

const within = (took, from, to) =>
  assert.ok(took >= from && took < patient(to), `after ${took} ms`);

const alone = (server) => eventually(async () =>
  (await who(server)).conns === '1', 8000);

//= TR-24: what is sent to a client has to be taken, or it ends
limited('30 a download that nobody takes ends, whatever else comes',
  { http_send_timeout: Math.ceil(patient(2000) / 1000) }, async (server) => {
    const c = await connect(server);
    c.wire.socket.pause();
    c.write(`GET /big?60000000 HTTP/1.1\r\n${H}\r\n`);
    const timer = setInterval(() => c.write('\r\n'), 200);
    try {
      assert.ok(await eventually(async () => (await who(server)).conns === '2'),
        'it is being sent to');
      assert.ok(await alone(server), 'it is still being sent to');
    } finally {
      clearInterval(timer);
      c.destroy();
    }
  });

limited('30 a download that goes on is not cut off, however slow',
  { http_send_timeout: 3, http_keepalive_time: 3 }, async (server) => {
    const size = 12000000;
    const c = await connect(server);
    const { socket } = c.wire;
    socket.pause();
    c.write(`GET /big?${size} HTTP/1.1\r\n${H}\r\n`);
    // a piece now and then: the socket's buffer takes all of it, and is not
    // writable again for longer than the limit. Pieces have to be as many in
    // that time as open a closed window: a 16th of what the receiver holds,
    // which may be 6 MB.
    for (let i = 0; i < 28; i++) {
      socket.once('data', () => socket.pause());
      socket.resume();
      await sleep(250);
    }
    const slowly = c.received;
    assert.ok(slowly < size / 2, `${slowly} bytes were read at once`);
    socket.resume();
    assert.equal((await c.response(15000)).body.length, size);
    c.destroy();
  });

limited('30 a request has its time from its first byte on',
  { http_header_timeout: 3, http_keepalive_time: 5 }, async (server) => {
    const c = await connect(server);
    await sleep(3500);
    c.write('GET /bare HTTP/1.1\r\n');
    await sleep(1200);
    c.write(`${H}\r\n`);
    assert.equal((await c.response()).status, 200);
    await sleep(3500);
    c.write('GET /bare HTTP/1.1\r\n');
    assert.equal((await c.response(8000)).status, 408);
    c.destroy();
  });

//= TR-24: idle is who asks nothing, not who sends nothing
limited('30 what asks nothing keeps no connection', { http_keepalive_time: 2 },
  async (server) => {
    const at = Date.now();
    const empty = await connect(server);
    const part = await connect(server);
    part.wire.held = [];
    part.write(`GET /bare HTTP/1.1\r\n${H}X-Fill: ${'x'.repeat(900)}\r\n\r\n`);
    await sleep(50);
    const record = Buffer.concat(part.wire.held);
    let sent = 0;
    const timer = setInterval(() => {
      empty.write('\r\n');
      part.wire.socket.write(record.subarray(sent, ++sent));
    }, 100);
    try {
      const took = await Promise.all([lasted(empty.wire.socket, at),
        lasted(part.wire.socket, at)]);
      for (const t of took)
        within(t, 1200, 6000);
    } finally {
      clearInterval(timer);
      empty.destroy();
      part.destroy();
    }
  });

limited('30 a handshake has one limit, whether it comes or not',
  { tls_handshake_timeout: 6 }, async (server) => {
    const hello = await clientHello();
    const at = Date.now();
    const silent = await tcp(server);
    const begun = await tcp(server);
    begun.write(hello.subarray(0, hello.length - 1));
    // longer than the five seconds that were in no configuration
    for (const t of await Promise.all([lasted(silent, at),
      lasted(begun, at)]))
      within(t, 5500, 12000);
  });

/** What so many bytes of one header cost the server, each a record of its own,
 * in ms of a processor. */
async function singly(server, pid, bytes) {
  const before = ran(pid);
  for (let i = 0; i < 3; i++) {
    const c = await connect(server);
    c.write(`GET /bare HTTP/1.1\r\n${H}X-Long: `);
    await c.together(...'x'.repeat(bytes), '\r', '\n', '\r', '\n');
    assert.equal((await c.response()).status, 200);
    c.destroy();
  }
  return ran(pid) - before;
}

limited('31 headers in single bytes cost what their bytes cost', {},
  async (server) => {
    const { pid } = await who(server);
    await singly(server, pid, 100);
    const few = await singly(server, pid, 3000);
    const many = await singly(server, pid, 12000);
    // four times as many; what looks at all of them for each costs sixteen
    assert.ok(SAN || many < 9 * few, `${many} ms, and a quarter ${few} ms`);
    const bad = await connect(server); // what is split is still looked at
    bad.write(`GET /bare HTTP/1.1\r\n${H}X: a\r`);
    await sleep(50);
    bad.write('b\r\n\r\n');
    assert.equal((await bad.response()).status, 400);
    bad.destroy();
  });

limited('14 no connection has a timer of its own', {}, async (server) => {
  const before = Number((await who(server)).timers);
  const open = [];
  for (let i = 0; i < 60; i++) {
    open.push(await connect(server), await websocket(server));
    const c = await connect(server);
    c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 9\r\n\r\n`);
    open.push(c);
  }
  const now = await who(server);
  assert.equal(now.conns, '181');
  assert.equal(Number(now.timers), before);
  for (const c of open)
    c.destroy();
  assert.equal((await get(server, '/bare')).status, 200);
});
