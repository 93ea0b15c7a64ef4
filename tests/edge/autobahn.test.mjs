// The cases 1 to 7, 9 and 10 of the Autobahn testsuite, as far as they ask
// something of a server without extensions whose messages end at 64 KB: the
// numbers are Autobahn's. Patch 12, and 33 where text is read as it comes.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { closeCode, closing, eventually, frame, frames, next, serve, sleep, websocket,
  who, patient }
  from './lib.mjs';

const CONT = 0, TEXT = 1, BINARY = 2, CLOSE = 8, PING = 9, PONG = 10;
const B = (...b) => Buffer.from(b);
const hex = (text) => Buffer.from(text.replace(/ /g, ''), 'hex');
const part = (op, data) => frame(op, data, { fin: false });
let server, pid;

before(async () => {
  server = await serve('autobahn', 24);
  ({ pid } = await who(server));
});
after(async () => {
  assert.equal((await who(server)).pid, pid, 'the worker is another one');
  assert.ok(await eventually(async () => {
    const { opened, closed } = await who(server);
    return opened === closed;
  }));
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(),
    /sandbox violation|ERROR: Addr|runtime error/);
});

/** Writes bytes in pieces of a size, 0 is all at once. */
function chop(c, data, size) {
  for (let i = 0; i < data.length; i += size || data.length)
    c.write(data.subarray(i, i + (size || data.length)));
}

/**
 * Sends frames, hears what is expected and nothing else, and is closed with
 * the code; if that is 1000, it is the client who closes at the end.
 */
async function talk({ send, hear = [], code = 1000, size = 0 }) {
  const c = await websocket(server);
  chop(c, Buffer.concat(send), size);
  for (const [op, data] of hear) {
    const f = await next(c, 10000);
    assert.deepEqual([f?.op, f?.fin], [op, 1]);
    assert.deepEqual(f.data, Buffer.from(data));
  }
  if (code === 1000)
    c.write(frame(CLOSE, closing(1000)));
  const last = await next(c);
  assert.equal(last?.op, CLOSE, 'something else than a close');
  assert.equal(last.data.readUInt16BE(0), code);
  assert.ok(await c.until(() => c.over, 4000), 'socket not closed');
  assert.deepEqual(frames(c), []);
  c.destroy();
}

const echo = (op, data) => ({ send: [frame(op, data)], hear: [[op, data]] });

for (const [name, what] of [
  // 1: frames of all lengths
  ...[0, 125, 126, 127, 128, 65535, 65536].flatMap((n, i) => [
    [`1.1.${i + 1} text of ${n}`, echo(TEXT, '*'.repeat(n))],
    [`1.2.${i + 1} binary of ${n}`, echo(BINARY, Buffer.alloc(n, 0xfe))]]),
  ['1.1.8 text in chops of 997', { ...echo(TEXT, '*'.repeat(65536)),
    size: 997 }],
  ['1.2.8 binary in chops of 997', { ...echo(BINARY, Buffer.alloc(65536, 254)),
    size: 997 }],

  // 2: pings and pongs
  ['2.1 ping of nothing', { send: [frame(PING)], hear: [[PONG, '']] }],
  ['2.3 ping of bytes', { send: [frame(PING, hex('00ff fefd fcfb 00ff'))],
    hear: [[PONG, hex('00ff fefd fcfb 00ff')]] }],
  ['2.4 ping of 125', { send: [frame(PING, Buffer.alloc(125, 254))],
    hear: [[PONG, Buffer.alloc(125, 254)]] }],
  ['2.5 ping of 126', { send: [frame(PING, Buffer.alloc(126, 254))],
    code: 1002 }],
  ['2.5 pong of 126', { send: [frame(PONG, Buffer.alloc(126, 254))],
    code: 1002 }],
  ['2.5 ping of 65536', { send: [frame(PING, Buffer.alloc(65536))],
    code: 1002 }],
  ['2.6 ping of 125 in single bytes', { size: 1,
    send: [frame(PING, Buffer.alloc(125, 254))],
    hear: [[PONG, Buffer.alloc(125, 254)]] }],
  ['2.9 a pong nobody asked for, then a ping', { hear: [[PONG, 'p']],
    send: [frame(PONG, 'unsolicited'), frame(PONG), frame(PING, 'p')] }],
  ...[0, 1].map((size) => [`2.${10 + size} ten pings`, { size,
    send: [...'0123456789'].map((n) => frame(PING, n)),
    hear: [...'0123456789'].map((n) => [PONG, n]) }]),

  // 3: bits that are reserved
  ...[1, 2, 3, 4, 5, 6, 7].flatMap((rsv) => [
    [`3.${rsv} RSV ${rsv} after a text, then a ping`, { code: 1002,
      send: [frame(TEXT, 'a'), frame(TEXT, 'b', { rsv }), frame(PING)],
      hear: [[TEXT, 'a']] }],
    [`3.${rsv} RSV ${rsv} on binary`, { code: 1002, size: 1,
      send: [frame(BINARY, 'b', { rsv }), frame(PING)] }],
    [`3.${rsv} RSV ${rsv} on close`, { code: 1002,
      send: [frame(CLOSE, closing(1000), { rsv })] }],
    [`3.${rsv} RSV ${rsv} on a continuation`, { code: 1002,
      send: [part(TEXT, 'b'), frame(CONT, 'b', { rsv })] }]]),

  // 4: opcodes that are reserved
  ...[3, 4, 5, 6, 7, 11, 12, 13, 14, 15].flatMap((op) => [
    [`4 opcode ${op} of nothing`, { send: [frame(op)], code: 1002 }],
    [`4 opcode ${op} after a text, then a ping`, { code: 1002, size: 1,
      send: [frame(TEXT, 'a'), frame(op, 'b'), frame(PING)],
      hear: [[TEXT, 'a']] }],
    [`4 opcode ${op} within a message`, { code: 1002,
      send: [part(TEXT, 'a'), frame(op, 'b'), frame(CONT, 'c')] }]]),

  // 5: messages in parts
  ['5.1 ping in parts', { send: [part(PING, 'a'), frame(CONT, 'b')],
    code: 1002 }],
  ['5.2 pong in parts', { send: [part(PONG, 'a'), frame(CONT, 'b')],
    code: 1002 }],
  ...[0, 1].flatMap((size) => [
    [`5.3 text in two, size ${size}`, { size, hear: [[TEXT, 'ab']],
      send: [part(TEXT, 'a'), frame(CONT, 'b')] }],
    [`5.6 a ping between, size ${size}`, { size,
      hear: [[PONG, 'p'], [TEXT, 'ab']],
      send: [part(TEXT, 'a'), frame(PING, 'p'), frame(CONT, 'b')] }],
    [`5.9 the end of nothing, size ${size}`, { size, code: 1002,
      send: [frame(CONT, 'a'), frame(TEXT, 'b')] }],
    [`5.12 the middle of nothing, size ${size}`, { size, code: 1002,
      send: [part(CONT, 'a'), frame(TEXT, 'b')] }],
    [`5.15 the middle after the end, size ${size}`, { size, code: 1002,
      hear: [[TEXT, 'ab']],
      send: [part(TEXT, 'a'), frame(CONT, 'b'), part(CONT, 'c')] }]]),
  ['5.18 text within a text', { code: 1002,
    send: [part(TEXT, 'a'), frame(TEXT, 'b')] }],
  ['5.18 text begun within binary', { code: 1002,
    send: [part(BINARY, 'a'), part(TEXT, 'b')] }],
  ['5.19 five parts, two pings', {
    send: [part(TEXT, '1'), part(CONT, '2'), frame(PING, 'x'), part(CONT, '3'),
      part(CONT, '4'), frame(PING, 'y'), frame(CONT, '5')],
    hear: [[PONG, 'x'], [PONG, 'y'], [TEXT, '12345']] }],
  ['5 parts of nothing', { hear: [[TEXT, 'a']],
    send: [part(TEXT), part(CONT), part(CONT, 'a'), part(CONT),
      frame(CONT)] }],
  ['5 a message after a message in parts', {
    send: [part(BINARY, 'a'), frame(CONT, hex('ff')), frame(TEXT, 'b')],
    hear: [[BINARY, hex('61ff')], [TEXT, 'b']] }],

  // 7: the end
  ['7.1.1 a text, then the end', echo(TEXT, 'Hello World!')],
  ...[['7.1.2 close', frame(CLOSE, closing(1000))], ['7.1.3 ping', frame(PING)],
    ['7.1.4 text', frame(TEXT, 'x')], ['7.1.5 the rest', frame(CONT, 'x')],
    ['7 garbage', Buffer.alloc(500, 0xff)]].map(([name, more]) =>
    [`${name} after a close`, { code: 4000,
      send: [part(TEXT, 'a'), frame(CLOSE, closing(4000)), more] }]),
  ['7.1.6 a long message, close, ping', { code: 4000,
    hear: [[TEXT, '*'.repeat(65536)]],
    send: [frame(TEXT, '*'.repeat(65536)), frame(CLOSE, closing(4000)),
      frame(PING)] }],
  ['7.3.1 close of nothing', { send: [frame(CLOSE)], code: 1000 }],
  ['7.3.2 close of one byte', { send: [frame(CLOSE, 'a')], code: 1002 }],
  ['7.3.5 close with a reason of 123', { code: 4000,
    send: [frame(CLOSE, closing(4000, '*'.repeat(123)))] }],
  ['7.3.6 close with a reason of 124', { code: 1002,
    send: [frame(CLOSE, closing(4000, '*'.repeat(124)))] }],
  ...['ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65', 'ff', 'c3', 'e2 82',
    'f0 9f 92'].map((reason) => [`7.5.1 reason ${reason}`, { code: 1007,
    send: [frame(CLOSE, Buffer.concat([closing(1000), hex(reason)]))] }]),
  ...[1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000,
    3999, 4000, 4999].map((n) => [`7.7 code ${n}`, { code: n,
    send: [frame(CLOSE, closing(n))] }]),
  ...[0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65535]
    .map((n) => [`7.9 code ${n}`, { code: 1002,
      send: [frame(CLOSE, closing(n))] }]),

  // lengths, and the mask (RFC 6455, 5.1 and 5.2)
  ...[['text', TEXT], ['continuation', CONT], ['ping', PING], ['close', CLOSE]]
    .map(([name, op]) => [`no mask on ${name}`, { code: 1002,
      send: [part(TEXT, 'a'), frame(op, closing(1000), { masked: false })] }]),
  ...[126, 127].map((n) => [`ping whose length is coded ${n}`, { code: 1002,
    send: [frame(PING, 'x', { form: n === 126 ? 16 : 64 })] }]),
  ['a length of 2^63', { code: 1002,
    send: [B(0x82, 0xff, 0x80, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3, 4)] }],
  ['a length of 2^64 - 1', { code: 1002,
    send: [B(0x82, 0xff, ...Array(8).fill(0xff), 1, 2, 3, 4)] }],
  ['a length of 2^63 - 1', { code: 1009,
    send: [B(0x82, 0xff, 0x7f, ...Array(7).fill(0xff), 1, 2, 3, 4)] }],
  ['a length of 2^32 + 1', { code: 1009,
    send: [B(0x82, 0xff, 0, 0, 0, 1, 0, 0, 0, 1, 1, 2, 3, 4)] }],
  ['9.1 more than we take', { code: 1009,
    send: [frame(TEXT, '*'.repeat(262144))] }],
  ['9.3 more than we take, in parts', { code: 1009,
    send: [part(TEXT, '*'.repeat(40000)), frame(CONT, '*'.repeat(40000))] }],
])
  test(`12 ${name}`, () => talk(what));

// 6: text. Each is sent whole, and byte by byte as fragments.
const good = ['', 'ce ba e1 bd b9 cf 83 ce bc ce b5', '48 65 6c 6c 6f 2d c2 b5',
  '00', 'c2 80', 'e0 a0 80', 'f0 90 80 80', '7f', 'df bf', 'ef bf bf',
  'f4 8f bf bf', 'ed 9f bf', 'ee 80 80', 'ef bf bd', 'ef bf be', 'f0 9f bf be',
  'f3 bf bf bf', 'e1 80 80', 'ec bf bf', 'f1 80 80 80'];
const bad = ['ce ba e1 bd b9 cf 83 ce bc ce b5 ed a0 80 65 64', 'f8 88 80 80 80',
  'fc 84 80 80 80 80', 'f7 bf bf bf', 'fb bf bf bf bf', 'fd bf bf bf bf bf',
  'f4 90 80 80', '80', 'bf', '80 bf 80', 'c3', 'e1', 'e1 80', 'f1', 'f1 80',
  'f1 80 80', 'c3 20', 'e1 80 20', 'f1 80 80 20', 'c0 20', 'fe', 'ff',
  'fe fe ff ff', 'c0 af', 'e0 80 af', 'f0 80 80 af', 'c1 bf', 'e0 9f bf',
  'f0 8f bf bf', 'c0 80', 'e0 80 80', 'f0 80 80 80', 'ed a0 80', 'ed af bf',
  'ed b0 80', 'ed bf bf', 'ed a0 80 ed b0 80', 'ed af bf ed bf bf', 'f5 80 80 80',
  'c3 c3 a9', 'e1 80 c3 a9', 'a9', 'c3 a9 a9'];

const fragments = (data) => [part(TEXT), ...[...data].map((b) =>
  part(CONT, B(b))), frame(CONT)];
const valid = (data) => {
  try {
    new TextDecoder('utf-8', { fatal: true }).decode(data);
    return true;
  } catch {
    return false;
  }
};

test('12 33 6.2 text that is UTF-8, whole, in two, and byte by byte',
  async () => {
    const c = await websocket(server);
    for (const text of good) {
      const data = hex(text);
      assert.ok(valid(data), text);
      const ways = [[frame(TEXT, data)], fragments(data)];
      for (let i = 0; i <= data.length; i++)
        ways.push([part(TEXT, data.subarray(0, i)), frame(PING),
          frame(CONT, data.subarray(i))]);
      for (const send of ways) {
        c.write(Buffer.concat(send));
        let f = await next(c);
        if (f.op === PONG)
          f = await next(c);
        assert.deepEqual([f.op, f.data], [TEXT, data], text);
      }
    }
    c.destroy();
  });

test('12 33 6.3 text that is not, whole and byte by byte', async () => {
  for (const text of bad) {
    const data = hex(text);
    assert.ok(!valid(data), text);
    await talk({ send: [frame(TEXT, data)], code: 1007 });
    await talk({ send: fragments(data), code: 1007 });
    await talk({ send: [frame(TEXT, 'a'), frame(TEXT, data), frame(PING)],
      hear: [[TEXT, 'a']], code: 1007 });
  }
});

test('12 33 6 each border of RFC 3629, against another decoder', async () => {
  let c = await websocket(server);
  for (const lead of [0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1,
    0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff]) {
    for (const second of [0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0]) {
      const more = lead >= 0xf0 ? 2 : lead >= 0xe0 ? 1 : 0;
      const data = B(lead, second, ...Array(more).fill(0x80));
      c.write(frame(TEXT, data));
      const f = await next(c);
      if (valid(data)) {
        assert.deepEqual([f.op, f.data], [TEXT, data]);
        continue;
      }
      assert.deepEqual([f.op, f.data], [CLOSE, closing(1007)],
        data.toString('hex'));
      c.destroy();
      c = await websocket(server);
    }
  }
  c.destroy();
});

//= TR-08: no text is held that is known to be none
for (const [name, first, second] of [
  ['6.4.1 a bad byte', 'ce ba e1 bd b9 cf 83 ce bc ce b5', 'f4 90 80 80'],
  ['6.4.2 a byte too many', 'ce ba e1 bd b9 cf 83 ce bc ce b5 f4', '90'],
  ['a surrogate over two parts', 'ed', 'a0'],
])
  test(`33 ${name} ends it before the message does`, async () => {
    const c = await websocket(server);
    c.write(part(TEXT, hex(first)));
    await sleep(100);
    assert.ok(!c.over && c.received === 0, 'what was good so far');
    c.write(part(CONT, hex(second)));
    assert.equal(await closeCode(c, 1000), 1007);
    c.destroy();
  });

test('33 bytes in parts are no text', async () => {
  await talk({ send: [part(BINARY, hex('ff')), part(CONT, hex('c3')),
    frame(CONT, hex('ff')), frame(TEXT, 'a')],
  hear: [[BINARY, hex('ffc3ff')], [TEXT, 'a']] });
});

for (const [size, count] of [[1, 20000], [64, 1000], [1300, 50]])
  test(`12 9.4 10.1 a message in ${count} parts of ${size}`, async () => {
    const c = await websocket(server);
    const other = await websocket(server);
    const text = 'x'.repeat(size * count);
    const list = [part(TEXT, text.slice(0, size))];
    for (let i = size; i < text.length - size; i += size)
      list.push(part(CONT, text.slice(i, i + size)));
    list.push(frame(CONT, text.slice(-size)));
    const begun = Date.now();
    chop(c, Buffer.concat(list), 1000);
    other.write(frame(TEXT, 'meanwhile'));
    assert.equal((await next(other)).data.toString(), 'meanwhile');
    assert.ok(Date.now() - begun < patient(1500), `other: ${Date.now() - begun} ms`);
    assert.equal((await next(c, 10000)).data.length, text.length);
    assert.ok(Date.now() - begun < patient(5000), `${Date.now() - begun} ms`);
    c.destroy();
    other.destroy();
  });

for (const size of [0, 1024, 16384])
  test(`12 9.7 9.8 100 messages of ${size}, there and back`, async () => {
    const c = await websocket(server);
    for (let i = 0; i < 100; i++) {
      c.write(frame(i % 2 ? TEXT : BINARY, 'x'.repeat(size)));
      assert.equal((await next(c)).data.length, size);
    }
    c.destroy();
  });

for (const code of [1000, 1001, 1003, 1011, 1013, 3000, 4000, 4999])
  test(`12 the application closes with ${code}, the peer answers`, async () => {
    const c = await websocket(server);
    c.write(frame(TEXT, `close:${code}`));
    assert.equal(await closeCode(c), code);
    c.write(frame(PING), part(TEXT, 'a'), frame(CONT, 'b'));
    await sleep(30);
    assert.deepEqual(frames(c), []);
    c.write(frame(CLOSE, closing(code)));
    assert.ok(await c.until(() => c.over, 1500));
    c.destroy();
  });
