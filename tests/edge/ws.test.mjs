// RFC 6455 on our Kore: patch 12, and 07 where buffers are concerned. On the
// packaged source each of these fails, the early data kills the worker.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { KEY, SAN, ask, closeCode, closing, connect, eventually, frame, frames, get,
  next, resident, serve, sleep, upgrade, websocket, who, patient } from './lib.mjs';

const TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
let server;

before(async () => { server = await serve('ws', 20); });
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(),
    /sandbox violation|ERROR: Addr|runtime error/);
});

/** The application was told of each end, of the last with this code. */
const told = (code) => eventually(async () => {
  const now = await who(server);
  return now.opened === now.closed && (!code || now.code === code);
});

/** A socket whose end is the next that is told of. */
async function lone() {
  assert.ok(await told());
  return websocket(server);
}

/** What is sent closes the socket with this code, and with no answer more. */
async function closes(code, ...parts) {
  const c = await websocket(server);
  c.write(...parts);
  assert.equal(await closeCode(c), code);
  assert.ok(await c.until(() => c.over, 4000), 'socket not closed');
  c.destroy();
}

async function echoes(c, op, payload, ...parts) {
  c.write(...(parts.length ? parts : [frame(op, payload)]));
  const f = await next(c);
  assert.equal(f?.op, op);
  assert.deepEqual(f.data, Buffer.from(payload));
}

//= TR-07: the example of RFC 6455, 1.3
test('12 the handshake gives the accept value of the RFC', async () => {
  const c = await websocket(server);
  const h = c.handshake.headers;
  assert.equal(h['sec-websocket-accept'], 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=');
  assert.deepEqual(Object.keys(h).sort(),
    ['connection', 'sec-websocket-accept', 'upgrade']);
  c.destroy();
});

test('12 the application adds a subprotocol', async () => {
  const c = await websocket(server, 'Sec-WebSocket-Protocol: a, edge.v1\r\n');
  assert.equal(c.handshake.headers['sec-websocket-protocol'], 'edge.v1');
  c.destroy();
});

test('12 a request that slept can be upgraded', async () => {
  const c = await websocket(server, '', '/ws?100');
  await echoes(c, TEXT, 'hello');
  c.destroy();
});

for (const [name, text, status] of [
  ['POST', upgrade().replace('GET', 'POST'), 400],
  ['HTTP/1.0', upgrade().replace('1.1', '1.0'), 400],
  ['no Upgrade', upgrade().replace('Upgrade: websocket\r\n', ''), 400],
  ['other Upgrade', upgrade().replace('Upgrade: websocket', 'Upgrade: h2c'),
    400],
  ['Connection without it', upgrade().replace('Connection: Upgrade',
    'Connection: keep-alive'), 400],
  ['no key', upgrade().replace(/Sec-WebSocket-Key.*\r\n/, ''), 400],
  ['two keys', upgrade(`Sec-WebSocket-Key: ${KEY}\r\n`), 400],
  ['short key', upgrade().replace(KEY, 'AAAA'), 400],
  ['key of 17 bytes', upgrade().replace(KEY, 'dGhlIHNhbXBsZSBub25jZQA='), 400],
  ['key not base64', upgrade().replace(KEY, 'dGhlIHNhbXBsZSBub25*ZQ=='), 400],
  ['no version', upgrade().replace(/Sec-WebSocket-Version.*\r\n/, ''), 426],
  ['version 8', upgrade().replace('Version: 13', 'Version: 8'), 426],
])
  test(`12 no upgrade with ${name}: ${status}`, async () => {
    const r = await ask(server, text);
    assert.equal(r.status, status);
    assert.match(r.headers['content-type'], /^application\/problem\+json/);
    if (status === 426)
      assert.equal(r.headers['sec-websocket-version'], '13');
  });

test('12 lists in Upgrade and Connection are read as lists', async () => {
  const r = await ask(server, upgrade()
    .replace('Upgrade: websocket', 'Upgrade: h2c, WebSocket')
    .replace('Connection: Upgrade', 'Connection: keep-alive, upgrade'));
  assert.equal(r.status, 101);
});

test('12 data before the 101 is refused, the worker lives', async () => {
  for (const early of ['X\r\n\r\n', frame(TEXT, 'early')]) {
    const { pid } = await who(server);
    let c = await connect(server);
    await c.together(upgrade(), early);
    assert.equal((await c.response()).status, 400);
    c.destroy();
    c = await connect(server);
    c.write(Buffer.concat([Buffer.from(upgrade()), Buffer.from(early)]));
    assert.equal((await c.response()).status, 400);
    c.destroy();
    c = await connect(server);
    c.write(upgrade('', `/ws?${patient(100)}`));
    await sleep(40);
    c.write(early);
    assert.equal((await c.response()).status, 400);
    c.destroy();
    assert.equal((await who(server)).pid, pid);
  }
});

test('12 echo of all lengths', async () => {
  const c = await websocket(server);
  for (const n of [0, 1, 124, 125, 126, 127, 4096, 65535, 65536]) {
    await echoes(c, TEXT, 'a'.repeat(n));
    await echoes(c, BINARY, Buffer.alloc(n, 0xff));
  }
  c.destroy();
});

test('12 a frame byte by byte', async () => {
  const c = await websocket(server);
  for (const b of frame(TEXT, 'grüß dich'))
    c.write(Buffer.from([b]));
  assert.equal((await next(c)).data.toString(), 'grüß dich');
  c.destroy();
});

test('12 many frames in one record', async () => {
  const c = await websocket(server);
  const all = [];
  for (let i = 0; i < 100; i++)
    all.push(frame(TEXT, `n${i}`));
  c.write(Buffer.concat(all));
  for (let i = 0; i < 100; i++)
    assert.equal((await next(c)).data.toString(), `n${i}`);
  c.destroy();
});

test('12 fragments are put together, control frames pass between', async () => {
  const c = await websocket(server);
  await echoes(c, TEXT, 'abcdef', frame(TEXT, 'ab', { fin: false }),
    frame(0, 'cd', { fin: false }), frame(0, 'ef'));
  await echoes(c, BINARY, 'abc', frame(BINARY, '', { fin: false }),
    frame(0, 'abc', { fin: false }), frame(0, ''));
  c.write(frame(TEXT, 'a\xc3', { fin: false }));
  c.write(frame(PING, 'p'));
  assert.deepEqual(await next(c), { op: PONG, fin: 1, data: Buffer.from('p') });
  c.write(frame(0, 'z'));
  assert.equal((await next(c)).data.toString(), 'a\xc3z');
  const half = Buffer.from('ü');
  await echoes(c, TEXT, 'ü', frame(TEXT, half.subarray(0, 1), { fin: false }),
    frame(0, half.subarray(1)));
  await echoes(c, TEXT, 'x'.repeat(65536), frame(TEXT, 'x'.repeat(65000),
    { fin: false }), frame(PONG, 'y'.repeat(125)), frame(0, 'x'.repeat(536)));
  c.destroy();
});

test('12 ping is answered with its payload', async () => {
  const c = await websocket(server);
  for (const p of ['', 'x'.repeat(125)]) {
    c.write(frame(PING, p));
    assert.deepEqual(await next(c), { op: PONG, fin: 1, data: Buffer.from(p) });
  }
  c.write(frame(PONG, 'unasked'));
  await echoes(c, TEXT, 'still here');
  c.destroy();
});

test('12 the application pings, and sees a peer was heard', async () => {
  const c = await websocket(server);
  c.write(frame(TEXT, 'ping'));
  assert.equal((await next(c)).op, PING);
  await sleep(1100);
  c.write(frame(PONG, 'are you'));
  await sleep(50);
  c.write(frame(TEXT, 'seen'));
  assert.equal((await next(c)).data.toString(), '1');
  c.destroy();
});

//= TR-08: each violation has its code
const B = (...b) => Buffer.from(b);
for (const [name, code, ...parts] of [
  ['unmasked', 1002, frame(TEXT, 'x', { masked: false })],
  ['RSV1', 1002, frame(TEXT, 'x', { rsv: 4 })],
  ['RSV2', 1002, frame(TEXT, 'x', { rsv: 2 })],
  ['RSV3 on control', 1002, frame(PING, 'x', { rsv: 1 })],
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map((op) =>
    [`opcode ${op}`, 1002, frame(op, 'x')]),
  ['ping of 126', 1002, frame(PING, 'x'.repeat(126))],
  ['fragmented ping', 1002, frame(PING, 'x', { fin: false })],
  ['fragmented close', 1002, frame(CLOSE, closing(1000), { fin: false })],
  ['continuation of nothing', 1002, frame(0, 'x')],
  ['continuation after the end', 1002, frame(TEXT, 'a', { fin: false }),
    frame(0, 'b', { fin: false }), frame(TEXT, 'c')],
  ['16 bit length below 126', 1002, frame(TEXT, 'short', { form: 16 })],
  ['64 bit length below 65536', 1002, frame(TEXT, 'x'.repeat(200),
    { form: 64 })],
  ['64 bit length with the top bit', 1002, B(0x81, 0xff, 0x80, 0, 0, 0, 0, 0,
    0, 1, 1, 2, 3, 4)],
  ['64 bit length', 1009, B(0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff,
    0xff, 0xff, 1, 2, 3, 4)],
  ['65537 bytes', 1009, frame(TEXT, 'x'.repeat(65537))],
  ['65537 bytes in parts', 1009, frame(TEXT, 'x'.repeat(65536), { fin: false }),
    frame(0, 'x')],
  ['bad UTF-8', 1007, frame(TEXT, B(0xce, 0xba, 0xff))],
  ['cut UTF-8', 1007, frame(TEXT, B(0xe2, 0x82))],
  ['overlong UTF-8', 1007, frame(TEXT, B(0xc0, 0xaf))],
  ['overlong NUL', 1007, frame(TEXT, B(0xe0, 0x80, 0x80))],
  ['surrogate', 1007, frame(TEXT, B(0xed, 0xa0, 0x80))],
  ['above U+10FFFF', 1007, frame(TEXT, B(0xf4, 0x90, 0x80, 0x80))],
  ['lead byte f8', 1007, frame(TEXT, B(0xf8, 0x88, 0x80, 0x80, 0x80))],
  ['bad UTF-8 over parts', 1007, frame(TEXT, B(0xce), { fin: false }),
    frame(0, B(0xce))],
  ['close of 1 byte', 1002, frame(CLOSE, 'x')],
  ['close reason not UTF-8', 1007, frame(CLOSE,
    Buffer.concat([closing(1000), B(0xff)]))],
  ...[0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535].map(
    (n) => [`close with ${n}`, 1002, frame(CLOSE, closing(n))]),
  ...[1000, 1001, 1002, 1003, 1007, 1011, 1014, 3000, 3999, 4000, 4999].map(
    (n) => [`close with ${n}`, n, frame(CLOSE, closing(n, 'Grüße'))]),
  ['close without code', 1000, frame(CLOSE, '')],
  ['text after close', 1000, frame(CLOSE, closing(1000)), frame(TEXT, 'x')],
])
  test(`12 ${name}: ${code}`, () => closes(code, ...parts));

test('12 all of Unicode passes', async () => {
  const c = await websocket(server);
  await echoes(c, TEXT, 'aß€𝄞\u07ff\u0800\uffff\u{10ffff}\0');
  c.destroy();
});

test('12 the application closes: the code arrives, then the end', async () => {
  const c = await lone();
  const before = await who(server);
  c.write(frame(TEXT, 'close:4401'));
  assert.equal(await closeCode(c), 4401);
  c.write(frame(TEXT, 'ignored'), frame(CLOSE, closing(4401)));
  assert.ok(await c.until(() => c.over, 1000));
  assert.equal(frames(c).length, 0);
  c.destroy();
  assert.ok(await told('4401'));
  assert.equal(Number((await who(server)).closed), Number(before.closed) + 1);
});

test('12 a peer that does not answer a close is left', async () => {
  const c = await websocket(server);
  c.write(frame(TEXT, 'close:4408'));
  assert.equal(await closeCode(c), 4408);
  assert.ok(!c.over);
  assert.ok(await c.until(() => c.over, 4000));
  c.destroy();
});

test('12 the end is told: by a close, or 1006 without', async () => {
  let c = await lone();
  c.write(frame(CLOSE, closing(4000)));
  await c.until(() => c.over);
  assert.ok(await told('4000'));
  c.destroy();
  c = await websocket(server);
  c.destroy();
  assert.ok(await told('1006'));
});

//= TR-07: found by tests/fuzz/grammar.mjs, as a socket that was gone
test('12 who leaves before the answer gets no socket', async () => {
  const { opened } = await who(server);
  const c = await connect(server);
  c.write(upgrade('', `/ws?${patient(100)}`));
  await sleep(30);
  // the worker sees the reset and the end of the nap at the same time
  const busy = get(server, `/block?${patient(400)}`);
  await sleep(30);
  c.wire.socket.resetAndDestroy();
  assert.equal((await busy).status, 200);
  await sleep(100);
  const now = await who(server);
  assert.equal(now.opened, now.closed);
  assert.equal(now.opened, opened, 'a socket for nobody');
});

test('14 what came together with the FIN is read', async () => {
  const c = await lone();
  c.write(frame(TEXT, 'close:4410'));
  c.wire.socket.end();
  await c.until(() => c.over);
  assert.ok(await told('4410'));
  c.destroy();
});

//= TR-09: one slow reader costs a bounded queue, then its socket
test('12 a reader that does not read is cut off', async () => {
  const { pid } = await who(server);
  const rss = resident(pid);
  const c = await lone();
  c.wire.socket.pause();
  for (let i = 0; i < 5; i++) {
    c.write(frame(TEXT, 'flood:1000'));
    await sleep(20);
  }
  assert.ok(await told('1008'));
  if (!SAN)
    assert.ok(resident(pid) - rss < 20000, `grew ${resident(pid) - rss} kB`);
  c.destroy();
});

/** How many blocks a reader that reads nothing can be sent. */
async function fill(c) {
  const before = (await who(server)).flooded;
  c.wire.socket.pause();
  c.write(frame(TEXT, 'flood:1000'));
  let now = before, last;
  do { // until nothing more goes in
    last = now;
    await sleep(200);
    now = (await who(server)).flooded;
  } while (now === before || now !== last);
  return (now - before) / 65000;
}

test('28 a close that crosses ours leaves what was queued', async () => {
  const full = await websocket(server);
  const blocks = await fill(full) - 4;
  full.destroy();
  const c = await websocket(server);
  c.wire.socket.pause();
  c.write(frame(TEXT, `flood:${blocks}`), frame(TEXT, 'close:4001'),
    frame(CLOSE, closing(4000)));
  await sleep(300);
  c.wire.socket.resume();
  for (let i = 0; i < blocks; i++)
    assert.equal((await next(c))?.op, BINARY, `block ${i} of ${blocks}`);
  assert.equal(await closeCode(c), 4001);
  c.destroy();
});

//= TR-09: frames that wait are counted with what they cost
test('29 whose pings are answered unread is cut off soon', async () => {
  const { pid } = await who(server);
  const rss = resident(pid);
  const c = await lone();
  const pings = Buffer.concat(Array(20000).fill(frame(PING)));
  const at = Date.now();
  c.wire.socket.pause();
  while (!c.over && Date.now() - at < patient(SAN ? 60000 : 20000)) {
    await Promise.race([sleep(1000),
      new Promise((done) => { c.stream.write(pings, done); })]);
  }
  assert.ok(c.over, 'still there');
  assert.ok(await told('1008'));
  if (!SAN)
    assert.ok(resident(pid) - rss < 10000, `grew ${resident(pid) - rss} kB`);
  c.destroy();
});

test('12 others go on while one floods', async () => {
  const slow = await websocket(server);
  const c = await websocket(server);
  slow.wire.socket.pause();
  slow.write(frame(TEXT, 'flood:1000'));
  const at = Date.now();
  await echoes(c, TEXT, 'here');
  assert.ok(Date.now() - at < patient(500));
  slow.destroy();
  c.destroy();
});

/** So many frames that ask for nothing, in one piece. */
const pongs = (count) => Buffer.concat(Array(count).fill(frame(PONG)));

test('31 one that sends without a pause keeps nobody waiting', async () => {
  const c = await websocket(server);
  const block = pongs(100000);
  const waits = [];
  let over = false;
  const pour = () => { if (!over) c.stream.write(block, pour); };
  pour();
  pour();
  try {
    for (const begun = Date.now(); Date.now() - begun < 3000 || waits.length < 3;) {
      const at = Date.now();
      const got = await Promise.race([get(server, '/bare'), sleep(patient(5000))]);
      assert.equal(got?.status, 200);
      waits.push(Date.now() - at);
    }
  } finally {
    over = true;
    c.destroy();
  }
  assert.ok(waits.length > 2 && Math.max(...waits) < patient(1500), String(waits));
});

test('31 who was told to go is not listened to', async () => {
  const c = await websocket(server);
  c.write(frame(TEXT, 'close:4000'));
  await sleep(50);
  const at = Date.now();
  c.write(pongs(2000));
  assert.ok(await c.until(() => c.over, 4000));
  assert.ok(Date.now() - at < patient(1500), `heard for ${Date.now() - at} ms`);
  c.destroy();
});

test('31 what came together with the FIN is read, however much', async () => {
  const c = await lone();
  await c.together(pongs(150), frame(CLOSE, closing(4321)));
  c.wire.socket.end();
  await c.until(() => c.over);
  assert.ok(await told('4321'));
  c.destroy();
});

test('12 the worker survived all of this', async () => {
  assert.equal((await get(server, '/bare')).status, 200);
  assert.doesNotMatch(server.log(), /gone|restarting/);
});
