// haproxy before us: do both see the same requests in the same bytes? Each
// shape is sent to us and through haproxy; what the application understood,
// what haproxy says that it forwarded, and the answers are compared.
//= TR-19: two readings of one message are where requests are smuggled
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { after, before, test } from 'node:test';
import { Client, connect, eventually, fields, patient, serve, sleep, who }
  from './lib.mjs';

const H = 'Host: localhost\r\n';
let server, proxy, tracer;

const config = (front, back) => `
global
  log stdout len 8192 format raw local0 info
  tune.http.logurilen 4096
defaults
  mode http
  log global
  log-format "%ST %ts %si %{+Q}[capture.req.method] %{+Q}[capture.req.uri] %{+Q}[capture.req.hdr(0)]"
  timeout connect ${patient(2)}s
  timeout client ${patient(2)}s
  timeout server ${patient(5)}s
  timeout http-request ${patient(1)}s
  timeout http-keep-alive ${patient(2)}s
frontend front
  bind 127.0.0.1:${front}
  declare capture request len 300
  http-request capture req.hdr(host) id 0
  default_backend back
backend back
  http-reuse always
  server epione 127.0.0.1:${back} ssl verify none sni str(localhost) alpn http/1.1
`;

before(async () => {
  server = await serve('proxy', 60);
  const file = `${server.dir}/haproxy.cfg`;
  const port = server.port + 1;
  fs.writeFileSync(file, config(port, server.port));
  execFileSync('haproxy', ['-c', '-q', '-f', file]);
  const child = spawn('haproxy', ['-db', '-f', file],
    { stdio: ['ignore', 'pipe', 'inherit'] });
  process.on('exit', () => child.kill('SIGKILL'));
  proxy = { port, child, text: '' };
  child.stdout.on('data', (d) => { proxy.text += d; });
  assert.ok(await eventually(async () => {
    const c = await through().catch(() => null);
    c?.write(`GET /bare HTTP/1.1\r\n${H}\r\n`);
    const r = await c?.response().catch(() => null);
    c?.destroy();
    return r?.status === 200;
  }, 10000), 'haproxy does not serve');
  tracer = await connect(server);
  await traced();
});
after(async () => {
  tracer?.destroy();
  proxy?.child.kill('SIGTERM');
  await (proxy && once(proxy.child, 'exit'));
  assert.equal(await server.stop(), 0);
  assert.doesNotMatch(server.log(),
    /sandbox violation|ERROR: Addr|runtime error|gone/);
});

async function through() {
  const socket = net.connect({ port: proxy.port, host: '127.0.0.1',
    allowHalfOpen: true });
  socket.setNoDelay(true);
  await once(socket, 'connect');
  return new Client(socket, { socket });
}

const GET = (target, more = '') =>
  `GET ${target} HTTP/1.1\r\n${H}${more}\r\n`;
const POST = (more, body, target = '/echo?a') =>
  `POST ${target} HTTP/1.1\r\n${H}${more}\r\n${body}`;
/** GET /echo?a, but with another first line or other headers. */
const line = (l) => `${l}\r\n${H}\r\n`;
const bare = (headers, target = '/echo?a') =>
  `GET ${target} HTTP/1.1\r\n${headers}\r\n\r\n`;
const CL = 'Content-Length: 5\r\n', TE = 'Transfer-Encoding: chunked\r\n';
const NONE = '0\r\n\r\n', HELLO = '5\r\nhello\r\n0\r\n\r\n';
const CONTINUE = 'Expect: 100-continue\r\n';

// What is understood: method, target, host, body. I stands behind almost all
// shapes, and is what somebody would like to smuggle.
const A = 'GET /echo?a localhost ', B = 'GET /echo?b localhost ';
const I = 'GET /echo?inner localhost ';
const P = 'POST /echo?a localhost ', P5 = `${P}hello`;
const INNER = GET('/echo?inner');

// Why haproxy may answer otherwise. None of these moves a boundary: what comes
// through is one message to both, and what is behind it is the next to both.
const BOTH = 'both refuse it, each in its way';
const OWN = 'it refuses what we understand';
const OPEN = 'refused by us, and it closes that connection to us alone: the ' +
  'client\'s stays open, as it has read the message to its end';
const WRITES = 'it writes anew what we would refuse to read: one line end, ' +
  'one length, one line for a header';
const MENDS = 'it reads leniently, and what it writes is the same request';
const KEEPS = 'it keeps the client\'s connection itself';

/**
 * [name, bytes (or writes, one after the other), answers to them, what is
 * understood of them, and, where it is not the same: answers through haproxy
 * (a letter before those that are its own), understood, and why].
 */
const shapes = [
  ['a request', GET('/echo?a'), '200', [A]],
  ['a body', POST(CL, 'hello'), '200', [P5]],
  ['two in one segment', GET('/echo?a') + GET('/echo?b'), '200 200', [A, B]],
  ['a body and a request', POST(CL, 'hello') + GET('/echo?b'), '200 200',
    [P5, B]],
  ['six mixed', (POST(`Content-Length: ${INNER.length}\r\n`, INNER) +
    GET('/echo?b')).repeat(3), '200 200 200 200 200 200',
  [P + INNER, B, P + INNER, B, P + INNER, B]],
  ['HEAD, then GET', line('HEAD /echo?a HTTP/1.1') + GET('/echo?b'),
    '200 200', ['HEAD /echo?a localhost ', B]],
  ['no length', POST('', '') + INNER, '200 200', [P, I]],
  ['an empty line before', '\r\n' + GET('/echo?a'), '200', [A]],
  ['empty lines between', `${GET('/echo?a')}\r\n\r\n${GET('/echo?b')}`,
    '200 200', [A, B]],
  ['LF before', '\n' + GET('/echo?a'), '400', [], '200', [A], MENDS],
  ['single bytes', [...POST(CL, 'hello') + INNER], '200 200', [P5, I]],
  ['split in a line end', [GET('/echo?a').slice(0, -1), '\n' + INNER],
    '200 200', [A, I]],
  ['HTTP/1.0', line('GET /echo?a HTTP/1.0') + GET('/echo?b'), '200', [A]],
  ['HTTP/1.0, kept', `GET /echo?a HTTP/1.0\r\n${H}Connection: keep-alive` +
    `\r\n\r\n${GET('/echo?b')}`, '200', [A], '200 200', [A, B], KEEPS],
  ['HTTP/0.9', `GET /echo?a\r\n${INNER}`, '400', [], 'h400', [], BOTH],
  ['close', GET('/echo?a', 'Connection: close\r\n') + INNER, '200', [A]],

  ['CL and TE', POST(CL + TE, NONE + INNER), '400', [], '501', [], BOTH],
  ['TE and CL', POST(TE + CL, NONE + INNER), '400', [], '501', [], BOTH],
  ['CL of all and TE', POST(`Content-Length: ${5 + INNER.length}\r\n${TE}`,
    NONE + INNER), '400', [], '501', [], BOTH],
  ['chunked', POST(TE, HELLO + INNER), '501', [], '501 200', [I], OPEN],
  ['chunked, HTTP/1.0', POST(TE, HELLO).replace('1.1', '1.0') + INNER, '501',
    []],
  ['chunked GET', GET('/echo?a', TE) + NONE + INNER, '501', [], '501 200', [I],
    OPEN],
  ['chunk with extension', POST(TE, `5;a=b\r\nhello\r\n${NONE}${INNER}`),
    '501', [], '501 200', [I], OPEN],
  ['chunk with LF', POST(TE, `5\nhello\n0\n\n${INNER}`), '501', [], '501 200',
    [I], OPEN],
  ['chunk beyond 64 bits', POST(TE, `10000000000000005\r\nhello\r\n${NONE}`),
    '501', [], 'h400', [], BOTH],
  ['trailer', POST(TE, `0\r\n${CL}\r\n${INNER}`), '501', [], '501 200', [I],
    OPEN],
  ['TE twice', POST(`${TE}Transfer-Encoding: identity\r\n`, NONE + INNER),
    '501', [], 'h400', [], BOTH],
  ['TE identity, chunked', POST('Transfer-Encoding: identity, chunked\r\n',
    NONE + INNER), '501', [], 'h422', [], BOTH],
  ...['gzip', 'xchunked', '"chunked"', 'chunked;a=b'].map((v) =>
    [`TE ${v}`, POST(`Transfer-Encoding: ${v}\r\n`, NONE + INNER), '501', [],
      'h400', [], BOTH]),
  ...['\tchunked', 'chunked,', 'CHUNKED'].map((v) => [`TE ${v}`,
    POST(`Transfer-Encoding:${v}\r\n`, NONE + INNER), '501', [], '501 200',
    [I], OPEN]),
  ['TE with \\v', POST('Transfer-Encoding: \x0bchunked\r\n', NONE + INNER),
    '400', [], 'h400', []],
  ['TE, blank before colon', POST('Transfer-Encoding : chunked\r\n',
    NONE + INNER), '400', [], 'h400', []],

  ...['Content-Length: 5\r\nContent-Length: 0', 'Content-Length: 5, 0',
    'Content-Length: +5', 'Content-Length: -5', 'Content-Length: 0x5',
    'Content-Length: 5 5', 'Content-Length: 5,', 'Content-Length:',
    'Content-Length : 5', 'Content-Length: 5\0', 'Content-Length: 5\x0b']
    .map((l) => [JSON.stringify(l), POST(`${l}\r\n`, 'hello' + INNER), '400',
      [], 'h400', []]),
  ...['Content-Length: 5\r\nContent-Length: 5', 'Content-Length: 5, 5',
    'Content-Length:\r\n 5'].map((l) => [JSON.stringify(l),
    POST(`${l}\r\n`, 'hello' + INNER), '400', [], '200 200', [P5, I], WRITES]),
  ...['Content-Length: 05', 'Content-Length: \t5 \t',
    'Content-Length: 5\r\nConnection: content-length'].map((l) =>
    [JSON.stringify(l), POST(`${l}\r\n`, 'hello' + INNER), '200 200',
      [P5, I]]),
  ['a length beyond 64 bits', POST('Content-Length: 18446744073709551621\r\n',
    'hello' + INNER), '413', [], 'h400', [], BOTH],
  ['Content_Length', POST('Content_Length: 5\r\n', INNER), '200 200', [P, I]],
  ['body on DELETE', GET('/echo?a', CL).replace('GET', 'DELETE') + 'hello' + INNER,
    '200 200', ['DELETE /echo?a localhost hello', I]],
  ...['GET', 'HEAD', 'OPTIONS'].map((m) =>
    [`body on ${m}`, GET('/echo?a', CL).replace('GET', m) + 'hello' + INNER,
      '400', [], '400 200', [I], OPEN]),
  ['length 0 on GET', GET('/echo?a', 'Content-Length: 0\r\n') + INNER,
    '200 200', [A, I]],
  ['more than the length', POST(CL, 'helloX') + INNER, '200 405',
    [P5, 'OTHER /echo?inner localhost ']],
  ['too large a body', POST('Content-Length: 300000\r\n', ''), '413', []],

  ['LF alone', GET('/echo?a').replaceAll('\r\n', '\n') + INNER, '400', [],
    '200 200', [A, I], MENDS],
  ['LF in the block', GET('/echo?a', 'X-A: 1\nX-B: 2\r\n') + INNER, '400', [],
    '200 200', [A, I], MENDS],
  ['LF LF', `${GET('/echo?a').slice(0, -4)}\n\n${INNER}`, '400', [],
    '200 200', [A, I], MENDS],
  ['a length behind LF', POST(`X: y\nContent-Length: ${INNER.length}\r\n`,
    INNER), '400', [], '200', [P + INNER], MENDS],
  ['a length behind CR', POST(`X: y\rContent-Length: ${INNER.length}\r\n`,
    INNER), '400', [], 'h400', []],
  ...['X-A: 1\rX-B: 2', 'X: y\r', ' X: 1', 'X-A : 1', 'X-A', ': 1', 'X[A]: 1']
    .map((l) => [JSON.stringify(l), bare(`${l}\r\n${H.trim()}`) + INNER,
      '400', [], 'h400', []]),
  ...['X-A: 1\0', 'X-A: \x01'].map((l) => [JSON.stringify(l),
    GET('/echo?a', `${l}\r\n`) + INNER, '400', [], '400 200', [I], OPEN]),
  ['bytes above 127', GET('/echo?a', 'X-A: \xe9\r\n') + INNER, '200 200',
    [A, I]],
  ['a folded header', GET('/echo?a', 'X-A: 1\r\n  2\r\n') + INNER, '400', [],
    '200 200', [A, I], WRITES],

  ['a folded host', bare('Host:\r\n localhost') + INNER, '400', [],
    '200 200', [A, I], WRITES],
  ['no host', bare('X: 1') + INNER, '400', [], '400 200', [I], OPEN],
  ['two hosts', GET('/echo?a', 'Host: evil\r\n') + INNER, '400', [], 'h400',
    []],
  ['one host twice', GET('/echo?a', H) + INNER, '400', [], '200 200', [A, I],
    WRITES],
  ['another host', bare('Host: evil') + INNER, '421', [], '421 200', [I], OPEN],
  ['host with a port', bare('Host: localhost:443') + INNER, '200 200',
    ['GET /echo?a localhost:443 ', I]],
  ...['localhost/x', 'x@localhost', ''].map((h) => [`host "${h}"`,
    bare(`Host: ${h}`) + INNER, '400', [], '400 200', [I], OPEN]),
  ['blank before host', bare(' Host: localhost') + INNER, '400', [], 'h400',
    []],
  ...['http', 'https'].map((s) => [`absolute form, ${s}`,
    GET(`${s}://localhost/echo?a`) + INNER, '200 200', [A, I]]),
  ['absolute form, another Host', bare('Host: evil', 'http://localhost/echo?a'),
    '200', [A], 'h400', [], OWN],
  ['absolute form, another host', GET('http://evil/echo?a') + INNER, '421', [],
    'h400', [], BOTH],
  ['absolute form, user', GET('http://x@localhost/echo?a') + INNER, '400', [],
    '400 200', [I], OPEN],
  ['absolute form, no path', GET('http://localhost') + INNER, '404 200',
    ['GET / localhost ', I]],
  ['two slashes', GET('//evil/echo?a') + INNER, '404 200',
    ['GET //evil/echo?a localhost ', I]],
  ['asterisk', GET('*') + INNER, '404 200', ['GET * localhost ', I]],
  ['blank in the target', GET('/echo?a b') + INNER, '400', [], 'h400', []],
  ['bytes above 127 in the target', GET('/echo\xe9') + INNER, '400', [],
    'h400', []],
  ...['GET  /echo?a HTTP/1.1', 'GET\t/echo?a HTTP/1.1'].map((l) =>
    [JSON.stringify(l), line(l) + INNER, '400', [], '200 200', [A, I], MENDS]),
  ...['GET /echo?a HTTP/1.1 x', 'GET /echo?a http/1.1'].map((l) =>
    [l, line(l) + INNER, '400', [], 'h400', []]),
  ...['HTTP/1.2', 'HTTP/2.0'].map((v) => [v, line(`GET /echo?a ${v}`) + INNER,
    '505', [], '200 200', [A, I], MENDS]),
  ...['get', 'TRACE', 'BREW'].map((m) => [m, line(`${m} /echo?a HTTP/1.1`) +
    INNER, '405 200', ['OTHER /echo?a localhost ', I]]),
  ['CONNECT', line('CONNECT localhost:443 HTTP/1.1') + INNER, '405', [],
    '405 200', [I], OPEN],

  ['too long a target', GET(`/echo?${'a'.repeat(3000)}`) + INNER, '414', [],
    '414 200', [I], OPEN],
  ['a large header', GET('/echo?a', `X: ${'a'.repeat(15500)}\r\n`) + INNER,
    '200 200', [A, I], 'h400', [], OWN],
  ['too large a header', GET('/echo?a', `X: ${'a'.repeat(17000)}\r\n`) + INNER,
    '431', [], 'h400', [], BOTH],
  ['too many headers', GET('/echo?a', 'X: v\r\n'.repeat(80)) + INNER, '431',
    [], '431 200', [I], OPEN],

  ['100-continue', [POST(CL + CONTINUE, ''), 'hello', INNER], '100 200 200',
    [P5, I]],
  ['100-continue, at once', POST(CL + CONTINUE, 'hello') + INNER, '200 200',
    [P5, I]],
  ['100-continue, refused', POST(`Content-Length: 300000\r\n${CONTINUE}`, ''),
    '413', []],
  ['another expectation', POST(`${CL}Expect: 200-ok\r\n`, 'hello') + INNER,
    '417', [], '417 200', [I], OPEN],
  ['upgrade to h2c', GET('/echo?a', 'Connection: Upgrade, HTTP2-Settings\r\n' +
    'Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n') + INNER,
  '200 200', [A, I]],
  ['a socket, refused', GET('/ws?0', 'Connection: Upgrade\r\nUpgrade: ' +
    'websocket\r\nSec-WebSocket-Version: 7\r\nSec-WebSocket-Key: ' +
    'dGhlIHNhbXBsZSBub25jZQ==\r\n') + INNER, '400 200',
  ['GET /ws?0 localhost ', I], '426 200', ['GET /ws?0 localhost ', I],
  'it opens sockets of version 13 only, so the upgrade is not passed on'],

  ['a request and FIN', GET('/echo?a'), '200', [A], '200', [A], '', 'FIN'],
  ['half a body and FIN', POST(CL, 'he'), '', [], '', [], '', 'FIN'],
  ['half a header and FIN', GET('/echo?a').slice(0, -8), '', [], 'h400', [],
    BOTH, 'FIN'],
];

/** Messages as they came, one a line: understood, or refused by Kore. */
async function traced() {
  tracer.write(GET('/trace'));
  const { body } = await tracer.response();
  return body.split('\n').filter((l) => l !== '').map((l) => {
    const [method, target, host, hex] = l.split(' ');
    return method === 'refused' ? l : `${method} ${target.replace(/\?$/, '')} ` +
      `${host} ${Buffer.from(hex, 'hex').toString('latin1')}`;
  });
}

/** haproxy's log since the last time: a line for each message it has read. */
async function logged(n) {
  await eventually(() => proxy.text.split('\n').length > n, 2000);
  const lines = proxy.text.split('\n').filter((l) => l !== '');
  proxy.text = '';
  return lines.map((l) => {
    const [, status, state, to, method, uri, host] = l.match(
      /^(-?\d+) (..) (\S+) "(.*?)" "(.*?)" "(.*?)"$/) ?? assert.fail(l);
    return { status: Number(status), state, to, method, uri, host };
  });
}

/** The answers to some bytes, in their order; haproxy's own have a letter. */
async function answers(c, text, n, fin) {
  const writes = [text].flat();
  const list = [];
  for (const w of writes) {
    c.write(Buffer.from(w, 'latin1'));
    if (writes.length > 1)
      await sleep(writes.length > 5 ? 2 : 30);
  }
  if (fin)
    c.stream.end();
  while (list.length < n) {
    const head = list.length === 0 && writes[0].startsWith('HEAD');
    const r = await c.response(2000, { head });
    list.push((/^text\/html/.test(r.headers['content-type']) ? 'h' : '') +
      r.status);
  }
  if (n === 0)
    await c.until(() => c.over, 500);
  await sleep(20);
  assert.equal(c.data.toString('latin1'), '', 'an answer too many');
  c.destroy();
  return list.join(' ');
}

const count = (statuses) => statuses.split(' ').filter(Boolean).length;
const refused = (l) => l.startsWith('refused');

/** What haproxy says that it passed on is, one by one, what came to us. */
function agree(log, came) {
  const sent = log.filter((l) => l.to !== '-' && l.status !== -1);
  assert.equal(came.length, sent.length,
    `passed on: ${JSON.stringify(sent)}, came: ${came}`);
  came.forEach((message, i) => {
    const { method, uri, host, status } = sent[i];
    if (refused(message)) {
      assert.equal(message, `refused ${status}`);
      return;
    }
    const [m, target, h] = message.split(' ');
    assert.ok(m === method || m === 'OTHER', `${m} is not ${method}`);
    assert.equal(h, host);
    // it logs neither an asterisk nor a path that is not there
    assert.ok(target === uri || (uri === '' && /^[*/]$/.test(target)),
      `${target} is not ${uri}`);
  });
}

for (const [name, text, direct, understood, via = direct,
  passed = understood, why = '', fin = ''] of shapes)
  test(`09 haproxy: ${name}`, async () => {
    if (via.replace('h', '') !== direct ||
      String(passed) !== String(understood))
      assert.ok(why, 'a difference has its reason');
    proxy.text = '';
    const ours = await answers(await connect(server, { allowHalfOpen: true }),
      text, count(direct), fin);
    const ourView = (await traced()).filter((l) => !refused(l));
    const theirs = await answers(await through(), text, count(via), fin);
    const log = await logged(Math.max(1, count(via.replace('100 ', ''))));
    const came = await traced();
    assert.deepEqual([ours, theirs], [direct, via]);
    assert.deepEqual(ourView, understood);
    assert.deepEqual(came.filter((l) => !refused(l)), passed);
    agree(log, came);
  });

test('09 haproxy: nobody gets the answer to another', async () => {
  const before = await who(server);
  const at = Date.now();
  let asked = 0, crowd = 0, refusals = 0;
  const over = () => Date.now() - at > 3000 && ((asked > 60 && refusals > 20) ||
    Date.now() - at > patient(3000));
  const honest = async (n) => {
    for (let i = 0; !over(); i++) {
      const c = await through();
      for (let j = 0; j < 3; j++) {
        const mine = `${n}-${i}-${j}`;
        c.write(j === 1 ? POST(`Content-Length: ${mine.length}\r\n`, mine,
          `/echo?${mine}`) : GET(`/echo?${mine}`));
        const r = await c.response();
        assert.equal(r.status, 200, r.body);
        assert.equal(fields(r.body).query, mine);
        assert.ok(j !== 1 || r.body.endsWith(`body=${mine}`), r.body);
        asked++;
      }
      c.destroy();
    }
  };
  const hostile = async () => {
    while (!over()) {
      const [, text,,, via] = shapes[crowd++ % shapes.length];
      const c = await through();
      c.write(Buffer.from([text].flat().join(''), 'latin1'));
      // some wait for an answer, some go away in the middle
      if (crowd % 3 > 0)
        await c.response(500).then((r) => { refusals += r.status >= 400; },
          () => {});
      assert.ok(via !== 'h400' || !/inner/.test(c.data.toString()));
      c.destroy();
    }
  };
  await Promise.all([1, 2, 3, 4].map(honest).concat([1, 2, 3].map(hostile)));
  const now = await who(server);
  const connections = now.accepted - before.accepted;
  assert.ok(asked > 60 && refusals > 20, `${asked} asked, ${refusals} refused`);
  assert.ok(connections < (asked + crowd) / 2,
    `${connections} connections for ${asked + crowd} clients: none is reused`);
});
