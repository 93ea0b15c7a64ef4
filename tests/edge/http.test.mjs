// HTTP framing, limits and errors of our Kore. The patch each test proves is
// named beside it; on the packaged source these fail.
import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { after, before, test } from 'node:test';
import { SAN, ask, connect, eventually, fields, get, pids, resident, serve,
  sleep, who, patient } from './lib.mjs';

let server;
const H = 'Host: localhost\r\n';

before(async () => { server = await serve('http', 10); });
after(async () => {
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(),
    /sandbox violation|ERROR: Addr|runtime error/);
});

/** Sends text, expects an error as the hook makes them, and the end. */
async function refused(text, status) {
  const c = await connect(server);
  c.write(text);
  const r = await c.response();
  assert.equal(r.status, status, text.slice(0, 60));
  assert.equal(r.headers['content-type'],
    'application/problem+json; charset=utf-8');
  assert.equal(r.headers['x-content-type-options'], 'nosniff');
  assert.match(r.headers['strict-transport-security'], /^max-age=31536000/);
  assert.equal(r.headers['cache-control'], 'no-store');
  assert.equal(JSON.parse(r.body).status, status);
  assert.equal(r.headers.connection, 'close');
  assert.ok(await c.until(() => c.over), 'not closed');
  c.destroy();
}

test('08 a reply has no header but ours, length and connection', async () => {
  const r = await get(server, '/bare');
  assert.deepEqual(r.headers, { 'content-length': '3' });
});

test('08 header values cannot carry a line end', async () => {
  const r = await get(server, '/inject');
  assert.equal(r.headers['x-good'], 'yes');
  assert.ok(!('x-bad' in r.headers) && !('x-injected' in r.headers));
});

test('40 header lines of the application are sent as they are', async () => {
  const r = await get(server, '/lines');
  assert.deepEqual([r.status, r.headers], [200, { 'content-type': 'text/plain',
    'x-one': '1', 'x-two': '2', 'content-length': '3' }]);
  assert.deepEqual((await get(server, '/bare')).headers,
    { 'content-length': '3' }, 'of that response alone');
});

//= TR-22 TR-03 TR-04: errors Kore makes itself carry body and headers
for (const [name, text, status] of [
  ['garbage', 'nonsense\r\n\r\n', 400],
  ['no host', 'GET /echo HTTP/1.1\r\nX: 1\r\n\r\n', 400],
  ['two hosts', `GET /echo HTTP/1.1\r\n${H}Host: evil\r\n\r\n`, 400],
  ['host by prefix', 'GET /echo HTTP/1.1\r\nHostx: localhost\r\n\r\n', 400],
  ['bad host', 'GET /echo HTTP/1.1\r\nHost: a/b\r\n\r\n', 400],
  ['empty host', 'GET /echo HTTP/1.1\r\nHost:\r\n\r\n', 400],
  ['bad port', 'GET /echo HTTP/1.1\r\nHost: localhost:1x\r\n\r\n', 400],
  ['CL+TE', `POST /echo HTTP/1.1\r\n${H}Content-Length: 5\r\n` +
    'Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n', 400],
  ['TE', `POST /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n` +
    '5\r\nhello\r\n0\r\n\r\n', 501],
  ['TE on GET', `GET /echo HTTP/1.1\r\n${H}Transfer-Encoding: chunked\r\n\r\n`,
    501],
  ['two lengths', `POST /echo HTTP/1.1\r\n${H}Content-Length: 5\r\n` +
    'Content-Length: 0\r\n\r\nhello', 400],
  ['list of lengths', `POST /echo HTTP/1.1\r\n${H}Content-Length: 5, 5\r\n` +
    '\r\nhello', 400],
  ['length +5', `POST /echo HTTP/1.1\r\n${H}Content-Length: +5\r\n\r\nhello`,
    400],
  ['length -1', `POST /echo HTTP/1.1\r\n${H}Content-Length: -1\r\n\r\n`, 400],
  ['length 0x5', `POST /echo HTTP/1.1\r\n${H}Content-Length: 0x5\r\n\r\n`, 400],
  ['empty length', `POST /echo HTTP/1.1\r\n${H}Content-Length:\r\n\r\n`, 400],
  ['body on GET', `GET /echo HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`,
    400],
  ['bare LF', `GET /echo HTTP/1.1\nHost: localhost\n\n`, 400],
  ['LF in block', `GET /echo HTTP/1.1\r\n${H}X-A: 1\nX-B: 2\r\n\r\n`, 400],
  ['bare CR', `GET /echo HTTP/1.1\r\n${H}X-A: 1\rX-B: 2\r\n\r\n`, 400],
  ['NUL', `GET /echo HTTP/1.1\r\n${H}X-A: 1\0\r\nX-B: 2\r\n\r\n`, 400],
  ['obs-fold', `GET /echo HTTP/1.1\r\n${H}X-A: 1\r\n  folded\r\n\r\n`, 400],
  ['space before colon', `GET /echo HTTP/1.1\r\n${H}X-A : 1\r\n\r\n`, 400],
  ['no colon', `GET /echo HTTP/1.1\r\n${H}X-A\r\n\r\n`, 400],
  ['no name', `GET /echo HTTP/1.1\r\n${H}: 1\r\n\r\n`, 400],
  ['control in value', `GET /echo HTTP/1.1\r\n${H}X-A: \x01\r\n\r\n`, 400],
  ['two spaces', `GET  /echo HTTP/1.1\r\n${H}\r\n`, 400],
  ['words behind', `GET /echo HTTP/1.1 more\r\n${H}\r\n`, 400],
  ['raw bytes in path', Buffer.from(
    `GET /echo\x1b\xff HTTP/1.1\r\n${H}\r\n`, 'latin1'), 400],
  ['version', `GET /echo HTTP/2.0\r\n${H}\r\n`, 505],
  ['version in words', `GET /echo HTTP/one\r\n${H}\r\n`, 400],
  ['long target', `GET /${'a'.repeat(3000)} HTTP/1.1\r\n${H}\r\n`, 414],
  ['endless target', `GET /${'a'.repeat(17000)}`, 414],
  ['headers too large', `GET /echo HTTP/1.1\r\n${H}X: ${'a'.repeat(17000)}`,
    431],
  ['too many headers', `GET /echo HTTP/1.1\r\n${H}${'X: v\r\n'.repeat(80)}\r\n`,
    431],
  ['body too large', `POST /echo HTTP/1.1\r\n${H}` +
    'Content-Length: 300000\r\n\r\n', 413],
  ['length beyond all', `POST /echo HTTP/1.1\r\n${H}Content-Length: ` +
    `${'9'.repeat(30)}\r\n\r\n`, 413],
  ['other expectation', `POST /echo HTTP/1.1\r\n${H}Content-Length: 5\r\n` +
    'Expect: 200-ok\r\n\r\n', 417],
  ['other host than SNI', 'GET /echo HTTP/1.1\r\nHost: evil\r\n\r\n', 421],
])
  test(`09 ${name}: ${status}`, () => refused(text, status));

test('08 413 reaches a client that is still sending', async () => {
  const c = await connect(server);
  c.wire.socket.pause();
  c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 4000000\r\n\r\n`);
  for (let i = 0; i < 60; i++) {
    c.write(Buffer.alloc(65536));
    await sleep(5);
  }
  c.wire.socket.resume();
  assert.equal((await c.response()).status, 413);
  c.destroy();
});

/** Goes on sending until the peer has had enough, which has to be soon. */
async function cutOff(c) {
  const at = Date.now();
  const timer = setInterval(() => c.wire.socket.write('x'), 100);
  await c.until(() => c.wire.socket.destroyed || c.closed, 6000);
  clearInterval(timer);
  assert.ok(Date.now() - at < patient(5000), 'still there');
  c.destroy();
}

test('08 a client that ignores an error is cut off', async () => {
  const c = await connect(server, { allowHalfOpen: true });
  c.write('nonsense\r\n\r\n');
  await c.response();
  await cutOff(c);
});

test('37 a last response is the last, whatever else was asked', async () => {
  const c = await connect(server);
  const { reqs } = await who(server);
  c.write(`GET /last HTTP/1.1\r\n${H}\r\n`.repeat(3));
  const r = await c.response();
  assert.deepEqual([r.status, r.headers.connection, r.body],
    [200, 'close', 'ok\n']);
  assert.ok(await c.until(() => c.over, 1000));
  assert.equal(c.data.length, 0);
  assert.equal((await who(server)).reqs, reqs);
  c.destroy();
});

test('37 a last response reaches a client that is still sending', async () => {
  const c = await connect(server, { allowHalfOpen: true });
  c.wire.socket.pause();
  for (let i = 0; i < 2000; i++)
    c.write(`GET /last HTTP/1.1\r\n${H}\r\n`);
  await sleep(100);
  c.write(`GET /last HTTP/1.1\r\n${H}\r\n`);
  await sleep(100);
  c.wire.socket.resume();
  assert.equal((await c.response()).body, 'ok\n');
  assert.equal(c.error, null);
  c.destroy();
});

test('37 who does not hang up after a last response is cut off', async () => {
  const c = await connect(server, { allowHalfOpen: true });
  c.write(`GET /last HTTP/1.1\r\n${H}\r\n`);
  await c.response();
  await cutOff(c);
});

//= TR-24: more body than announced is not read as body without end
test('09 what follows a body is the next request', async () => {
  const c = await connect(server);
  c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 1\r\n\r\nAB`);
  const r = await c.response();
  assert.equal(fields(r.body).length, '1');
  assert.match(r.body, /body=A$/);
  c.write('REW / HTTP/1.1\r\nHost: localhost\r\n\r\n');
  assert.equal((await c.response()).status, 405);
  c.destroy();
});

test('09 a flood behind a body does not occupy the worker', async () => {
  const c = await connect(server);
  c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 1\r\n\r\nAB`);
  for (let i = 0; i < 100; i++)
    c.write(Buffer.alloc(65536, 'z'));
  const at = Date.now();
  assert.equal((await get(server, '/bare')).status, 200);
  assert.ok(Date.now() - at < patient(500));
  c.destroy();
});

//= TR-24: what is announced is not yet paid for
test('09 bodies that are announced and do not come take no room', async () => {
  const [pid] = pids(server, 'wrk');
  const data = () => Number(fs.readFileSync(`/proc/${pid}/status`, 'utf8')
    .match(/VmData:\s+(\d+)/)[1]);
  const open = [];
  const before = data();
  for (let i = 0; i < 100; i++) {
    const c = await connect(server);
    c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 262144\r\n\r\n`);
    open.push(c);
  }
  await get(server, '/bare');
  const grown = data() - before;
  for (const c of open)
    c.destroy();
  if (!SAN)
    assert.ok(grown < 100 * 128, `${grown} kB for 100 bodies of 256 kB`);
});

test('09 a request cannot be smuggled in the body of a GET', async () => {
  const c = await connect(server);
  const inner = `GET /echo?SMUGGLED HTTP/1.1\r\n${H}\r\n`;
  c.write(`GET /echo HTTP/1.1\r\n${H}Content-Length: ${inner.length}\r\n\r\n`);
  await sleep(100);
  c.write(inner);
  assert.equal((await c.response()).status, 400);
  await c.until(() => c.over);
  assert.doesNotMatch(c.data.toString(), /SMUGGLED/);
  c.destroy();
});

test('09 lawful oddities are understood', async () => {
  const r = await ask(server, Buffer.from('\r\nGET /echo?a=b HTTP/1.1\r\n' +
    'hOsT: \t localhost:24010 \r\nX-Empty:\r\nX-Tab: a\tb\r\n' +
    'X-Utf: caf\xe9\r\n\r\n', 'latin1'));
  assert.equal(r.status, 200);
  assert.match(r.body, /host=localhost:24010\n/);
  assert.match(r.body, /h:X-Empty=\nh:X-Tab=a\tb\nh:X-Utf=caf\xe9\n/);
});

test('09 all of 64 headers arrive', async () => {
  let text = `GET /echo HTTP/1.1\r\n${H}`;
  for (let i = 1; i < 64; i++)
    text += `X-${i}: v\r\n`;
  const r = await ask(server, `${text}\r\n`);
  assert.equal(r.status, 200);
  assert.match(r.body, /h:X-63=v/);
});

test('09 POST without a length has no body', async () => {
  const r = await ask(server, `POST /echo HTTP/1.1\r\n${H}\r\n`);
  assert.equal(r.status, 200);
  assert.equal(fields(r.body).length, '0');
});

test('09 100-continue', async () => {
  const c = await connect(server);
  c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: 3\r\n` +
    'Expect: 100-continue\r\n\r\n');
  assert.equal((await c.response(1000)).status, 100);
  c.write('abc');
  assert.match((await c.response()).body, /body=abc$/);
  c.destroy();
});

test('09 a body in many pieces, up to the limit', async () => {
  const c = await connect(server);
  const body = Buffer.alloc(262144, 'y');
  c.write(`POST /echo HTTP/1.1\r\n${H}Content-Length: ${body.length}\r\n\r\n`);
  for (let i = 0; i < body.length; i += 1000)
    c.write(body.subarray(i, i + 1000));
  const r = await c.response(10000);
  assert.equal(fields(r.body).length, '262144');
  c.destroy();
});

test('09 11 pipelined requests are answered, in order, at once', async () => {
  const c = await connect(server);
  let text = '';
  for (let i = 0; i < 20; i++) {
    text += i % 2 === 0 ? `GET /echo?${i} HTTP/1.1\r\n${H}\r\n` :
      `POST /echo?${i} HTTP/1.1\r\n${H}Content-Length: 4\r\n\r\nbody`;
  }
  const at = Date.now();
  c.write(text);
  for (let i = 0; i < 20; i++)
    assert.equal(fields((await c.response()).body).query, String(i));
  assert.ok(Date.now() - at < patient(700), `took ${Date.now() - at} ms`);
  c.destroy();
});

test('09 a slow first answer does not come second', async () => {
  const c = await connect(server);
  c.write(`POST /sleep?200 HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\n`);
  await sleep(30);
  c.write('AAAAA', `GET /bare HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await c.response()).body, 'slept\n');
  assert.equal((await c.response()).body, 'ok\n');
  c.destroy();
});

//= TR-19: what follows a response is the next one, and not its body
for (const [what, request] of [
  ['no Host', 'HEAD /bare HTTP/1.1\r\n\r\n'],
  ['headers without end', `HEAD /bare HTTP/1.1\r\n${'x: y\r\n'.repeat(8000)}`],
  ['a bad header', `HEAD /bare HTTP/1.1\r\n${H}a b: c\r\n\r\n`],
  ['a body', `HEAD /bare HTTP/1.1\r\n${H}Content-Length: 5\r\n\r\nhello`],
  ['another host', 'HEAD /bare HTTP/1.1\r\nHost: evil\r\n\r\n'],
])
  test(`34 a HEAD that is refused has no body: ${what}`, async () => {
    const c = await connect(server);
    c.write(request);
    const r = await c.response(3000, { head: true });
    assert.ok(r.status >= 400, String(r.status));
    assert.ok(Number(r.headers['content-length']) > 0);
    assert.ok(await c.until(() => c.over, 4000));
    assert.equal(c.data.toString('latin1'), '');
    c.destroy();
  });

test('34 what comes after a HEAD that was served has its body', async () => {
  const c = await connect(server);
  c.write(`HEAD /bare HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await c.response(3000, { head: true })).status, 200);
  c.write('GET /bare HTTP/1.1\r\n\r\n');
  const r = await c.response();
  assert.equal(r.status, 400);
  assert.equal(Number(r.headers['content-length']), r.body.length);
  c.destroy();
});

for (const target of ['/bare#', '/bare#x', '/echo?a#b', '#', 'https://localhost/bare#x'])
  test(`35 a target with a fragment is no request: ${target}`, async () => {
    const r = await ask(server, `GET ${target} HTTP/1.1\r\n${H}\r\n`);
    assert.equal(r.status, 400);
  });

test('09 connection: close within a list', async () => {
  const c = await connect(server);
  c.write(`GET /bare HTTP/1.1\r\n${H}Connection: TE, Close\r\n\r\n`);
  assert.equal((await c.response()).headers.connection, 'close');
  assert.ok(await c.until(() => c.over));
  c.destroy();
});

//= TR-23: methods reach the application or are refused by name
for (const m of ['GET', 'HEAD', 'OPTIONS', 'DELETE', 'PUT', 'PATCH', 'POST'])
  test(`10 ${m} reaches the application`, async () => {
    const r = await ask(server, `${m} /echo HTTP/1.1\r\n${H}` +
      'Content-Length: 0\r\n\r\n', { head: m === 'HEAD' });
    assert.equal(r.status, 200);
    if (m === 'HEAD')
      assert.ok(Number(r.headers['content-length']) > 0);
    else
      assert.equal(fields(r.body).method, m);
  });

test('41 DELETE with a body reaches the application, and ends with it',
  async () => {
    const c = await connect(server);
    c.write(`DELETE /echo HTTP/1.1\r\n${H}Content-Length: 4\r\n\r\nbody` +
      `GET /bare HTTP/1.1\r\n${H}\r\n`);
    const r = await c.response();
    assert.equal(r.status, 200);
    assert.equal(fields(r.body).method, 'DELETE');
    assert.equal((await c.response()).body, 'ok\n');
    c.destroy();
  });

for (const m of ['TRACE', 'BREW', 'get', 'Post', 'X'.repeat(500)])
  test(`10 ${m.slice(0, 9)} reaches the application as none of these`,
    async () => {
      const c = await connect(server);
      c.write(`${m} /echo HTTP/1.1\r\n${H}Content-Length: 4\r\n\r\nbody` +
        `GET /bare HTTP/1.1\r\n${H}\r\n`);
      const r = await c.response();
      assert.equal(r.status, 405);
      assert.match(r.headers.allow, /GET/);
      assert.equal((await c.response()).body, 'ok\n');
      c.destroy();
    });

test('10 CONNECT: 405', () =>
  refused(`CONNECT a:443 HTTP/1.1\r\n${H}\r\n`, 405));

test('08 the application answers with the same errors', async () => {
  const r = await get(server, '/nothing');
  assert.equal(r.status, 404);
  assert.equal(JSON.parse(r.body).status, 404);
  assert.ok(!('connection' in r.headers));
});

for (const [target, path, query] of [
  ['https://localhost/echo?a=b', '/echo', 'a=b'],
  ['HTTP://localhost:24010/echo', '/echo', ''],
])
  test(`22 ${target}`, async () => {
    const r = await ask(server,
      `GET ${target} HTTP/1.1\r\nHost: other\r\n\r\n`);
    assert.equal(r.status, 200);
    const f = fields(r.body);
    assert.deepEqual([f.path, f.query], [path, query]);
    assert.match(f.host, /^localhost/);
  });

for (const [target, status] of [['https://localhost', 404],
  ['https://localhost?a', 404], ['https://evil/echo', 421],
  ['https:///echo', 400], ['https://a@localhost/echo', 400]])
  test(`22 ${target}: ${status}`, async () => {
    const r = await ask(server, `GET ${target} HTTP/1.1\r\n${H}\r\n`);
    assert.equal(r.status, status);
  });

/** Sends what it has and the end of its half at once. */
async function last(c, text) {
  c.wire.held ??= [];
  await new Promise((done) => c.stream.write(text, done));
  await sleep(20);
  const all = Buffer.concat(c.wire.held);
  c.wire.passes = Infinity;
  c.wire.held = null;
  c.wire.socket.end(all);
}

for (const [target, body] of [['/bare', 'ok\n'], ['/sleep?300', 'slept\n']])
  test(`23 a request with a FIN is answered: ${target}`, async () => {
    const c = await connect(server, { allowHalfOpen: true });
    await last(c, `GET ${target} HTTP/1.1\r\n${H}\r\n`);
    const r = await c.response();
    assert.equal(r.body, body);
    assert.ok(await c.until(() => c.over, 1000));
    c.destroy();
  });

test('23 a request with a FIN and the end of the handshake', async () => {
  const busy = await connect(server);
  const c = await connect(server, { allowHalfOpen: true, hold: true });
  busy.write(`GET /block?200 HTTP/1.1\r\n${H}\r\n`); // all is seen at once
  await sleep(20);
  await last(c, `GET /bare HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await c.response()).body, 'ok\n');
  for (const one of [busy, c])
    one.destroy();
});

test('23 half a request with a FIN is no request', async () => {
  for (const text of [`GET /bare HTTP/1.1\r\n${H}`,
    `POST /echo HTTP/1.1\r\n${H}Content-Length: 10\r\n\r\nhalf`]) {
    const c = await connect(server, { allowHalfOpen: true });
    await last(c, text);
    assert.ok(await c.until(() => c.over, 1000));
    assert.equal(c.received, 0);
    c.destroy();
  }
});

for (const [what, pause] of [['all at once', 0], ['the FIN while one is worked on', 100]])
  test(`36 requests before a FIN are all answered: ${what}`, async () => {
    const c = await connect(server, { allowHalfOpen: true });
    const text = `GET /sleep?200 HTTP/1.1\r\n${H}\r\n` +
      `POST /echo?2 HTTP/1.1\r\n${H}Content-Length: 4\r\n\r\nbody` +
      `GET /echo?3 HTTP/1.1\r\n${H}\r\nGET /echo?no HTTP/1.1\r\n`;
    if (pause > 0) {
      c.write(text);
      await sleep(pause);
      c.wire.socket.end();
    } else
      await last(c, text);
    assert.equal((await c.response()).body, 'slept\n');
    for (const query of ['2', '3'])
      assert.equal(fields((await c.response()).body).query, query);
    const at = Date.now();
    assert.ok(await c.until(() => c.over, 2000));
    assert.ok(Date.now() - at < patient(500), 'it ends once the last is answered');
    assert.equal(c.data.length, 0);
    c.destroy();
  });

test('36 the last of those before a FIN may be no request', async () => {
  const c = await connect(server, { allowHalfOpen: true });
  await last(c, `GET /sleep?100 HTTP/1.1\r\n${H}\r\nGET / HTTP/1.1\r\n\r\n`);
  assert.equal((await c.response()).body, 'slept\n');
  assert.equal((await c.response()).status, 400);
  assert.ok(await c.until(() => c.over, 3000));
  c.destroy();
});

test('36 a FIN behind an answer that nobody reads yet', async () => {
  const c = await connect(server, { allowHalfOpen: true });
  c.wire.socket.pause();
  await last(c, `GET /big?4000000 HTTP/1.1\r\n${H}\r\nGET /bare HTTP/1.1\r\n${H}\r\n`);
  await sleep(200);
  c.wire.socket.resume();
  assert.equal((await c.response(10000)).body.length, 4000000);
  assert.equal((await c.response()).body, 'ok\n');
  assert.ok(await c.until(() => c.over, 3000));
  c.destroy();
});

test('23 clients that went away leave nothing behind', async () => {
  for (let i = 0; i < 20; i++) {
    const c = await connect(server);
    c.write(`GET /sleep?200 HTTP/1.1\r\n${H}\r\n`);
    await sleep(5);
    c.destroy();
  }
  const clean = async () => {
    const now = await who(server);
    return now.reqs === '1' && Number(now.conns) <= 2;
  };
  assert.ok(await eventually(clean, 3000));
});

//= TR-24: who asks without reading costs one response, not all of them
test('21 responses nobody reads do not pile up', async () => {
  const { pid } = await who(server);
  const rss = resident(pid);
  const c = await connect(server);
  c.wire.socket.pause();
  c.write(`GET /big?1000000 HTTP/1.1\r\n${H}\r\n`.repeat(200));
  await sleep(1000);
  if (!SAN)
    assert.ok(resident(pid) - rss < 20000, `grew ${resident(pid) - rss} kB`);
  c.wire.socket.resume();
  for (let i = 0; i < 200; i++)
    assert.equal((await c.response()).body.length, 1000000);
  c.destroy();
});

/** The body of a response in chunks; null while it has not ended. */
function chunks(text) {
  for (let at = text.indexOf('\r\n\r\n') + 4, body = ''; ;) {
    const end = text.indexOf('\r\n', at), n = parseInt(text.slice(at, end), 16);
    if (!(text.length >= end + n + 4) || end < 0)
      return null; // nor are these any chunks
    if (n === 0)
      return { body, rest: text.slice(end + 4) };
    body += text.slice(end + 2, end + 2 + n);
    at = end + n + 4;
  }
}
const whole = (c) => chunks(c.data.toString('latin1'));
const parts = (n, method = 'GET', version = '1.1', more = '') =>
  `${method} /parts?${n} HTTP/${version}\r\n${H}${more}\r\n`;

test('39 a response in parts is whole, and the next one follows it', async () => {
  const c = await connect(server);
  c.write(parts(200000) + parts(0) + `GET /bare HTTP/1.1\r\n${H}\r\n`);
  assert.ok(await c.until(() => whole(c) !== null));
  const [head] = c.data.toString('latin1').split('\r\n\r\n');
  assert.match(head, /^HTTP\/1.1 200 OK\r\ntransfer-encoding: chunked$/);
  assert.equal(whole(c).body, 'x'.repeat(200000));
  c.data = Buffer.from(whole(c).rest, 'latin1');
  assert.ok(await c.until(() => whole(c) !== null));
  assert.equal(whole(c).body, '');
  c.data = Buffer.from(whole(c).rest, 'latin1');
  assert.equal((await c.response()).body, 'ok\n');
  c.write(parts(9, 'HEAD')); // its beginning is all of it
  const r = await c.response(3000, { head: true });
  assert.deepEqual(r.headers, { 'transfer-encoding': 'chunked' });
  c.write(`GET /bare HTTP/1.1\r\n${H}\r\n`);
  assert.equal((await c.response()).body, 'ok\n');
  c.destroy();
});

test('39 without chunks the end of the connection is the end', async () => {
  const c = await connect(server);
  c.write(parts(200000, 'GET', '1.0'));
  assert.ok(await c.until(() => c.ended));
  const [head, body] = c.data.toString('latin1').split('\r\n\r\n');
  assert.match(head, /connection: close/);
  assert.doesNotMatch(head, /chunked|content-length/);
  assert.equal(body, 'x'.repeat(200000));
  c.destroy();
});

test('39 who has said all still gets all, and so does one who closes', async () => {
  const c = await connect(server);
  c.write(parts(3000000, 'GET', '1.1', 'Connection: close\r\n'));
  assert.ok(await c.until(() => c.ended));
  assert.equal(whole(c).body.length, 3000000);
  c.destroy();
  const half = await connect(server);
  half.write(parts(3000000));
  assert.ok(await half.until(() => half.received > 0));
  half.wire.socket.end();
  assert.ok(await half.until(() => half.over));
  assert.equal(whole(half).body.length, 3000000);
  half.destroy();
});

test('39 one that is cut off does not look whole', async () => {
  const c = await connect(server);
  c.write(parts(300000).replace('/parts', '/cut'));
  assert.ok(await c.until(() => c.over));
  assert.ok(c.received > 0);
  assert.equal(whole(c), null);
  c.destroy();
});

/** curl's exit status for a path of ours, with a version of HTTP. */
const curled = (path, version) => new Promise((done) => execFile('curl',
  ['-sk', '--no-alpn', `--http${version}`, '-o', '/dev/null',
    `https://localhost:${server.port}${path}`], (e) => done(e?.code ?? 0)));

// without chunks an end in good order would be all of it
test('39 a client knows a whole body and one that was cut apart', async () => {
  for (const version of ['1.0', '1.1']) {
    assert.equal(await curled('/parts?300000', version), 0, version);
    const cut = await curled('/cut?300000', version);
    assert.ok([18, 56].includes(cut), `${version}: ${cut}`);
  }
});

test('39 a client that goes away ends the work', async () => {
  const c = await connect(server);
  c.write(parts(1e12));
  assert.ok(await c.until(() => c.received > 1e6));
  c.destroy();
  assert.ok(await eventually(async () => (await who(server)).flows === '0'));
});

test('39 a gigabyte costs no memory, and holds up nobody', async () => {
  const { pid } = await who(server), size = 2 ** 30;
  const rss = resident(pid);
  const c = await connect(server);
  let got = 0, most = 0, stuck = 0, last = 0;
  c.stream.removeAllListeners('data');
  c.stream.on('data', (d) => { got += d.length; });
  c.write(parts(size));
  for (let turn = 0; got < size && !c.over && stuck < 500; turn++) {
    stuck = got === last ? stuck + 1 : 0;
    last = got;
    if (turn === 3) { // who does not read is waited for
      c.wire.socket.pause();
      await sleep(200);
      c.wire.socket.resume();
    }
    await sleep(20);
    assert.equal((await get(server, '/bare')).status, 200);
    most = Math.max(most, resident(pid));
  }
  assert.ok(await c.until(() => got > size));
  if (!SAN)
    assert.ok(most - rss < 1024, `grew ${most - rss} kB`);
  c.destroy();
});

test('09 the worker survived all of this', async () => {
  assert.doesNotMatch(server.log(), /gone|restarting/);
  assert.equal((await who(server)).worker, '1');
});
