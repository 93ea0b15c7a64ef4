// HTTP/1.1 as the real server speaks it: RFC 9110, RFC 9112, and what the
// contract adds. Bytes, not requests: see also hostile.test.mjs.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, afterEach, before, test } from 'node:test';

import { connect, family, sleep } from '../edge/lib.mjs';
import { startClinic } from '../lib/clinic.mjs';
import { problem, uuid } from '../lib/problem.mjs';
import { patient as patiently } from '../lib/patience.mjs';

let clinic, host, token, patient, visit, quiet, workers;
const ids = new Set();
const minimal = (more) => ({ family_name: 'Wire', given_name: 'Una', birth_date: '1990-01-01', sex: 'unknown', ...more });
const count = async (table) => Number((await clinic.sql(`SELECT count(*) FROM ${table}`))[0].count);
const at = () => ({ port: clinic.port });
const running = () => Object.keys(family({ child: clinic.server })).sort();

before(async () => {
  clinic = await startClinic();
  host = `localhost:${clinic.port}`;
  const desk = await clinic.signIn(clinic.people.scheduler);
  token = desk.token;
  patient = (await desk.create('/v1/patients', minimal())).body.id;
  visit = (await desk.create('/v1/visits', { patient_id: patient, clinician_id: clinic.people.clinician.id, starts_at: '2031-01-01T10:00:00Z', duration_minutes: 30, reason: 'x' })).body.id;
  assert.ok(patient && visit);
  desk.close();
  workers = running();
  assert.ok(workers.length >= 3, workers.join());
  quiet = await connect(at());
});
after(async () => {
  quiet?.destroy();
  await clinic?.stop();
  assert.doesNotMatch(clinic?.log ?? '', /ERROR: (Address|Leak)Sanitizer|runtime error|exited with status [^0]|killed by|sandbox violation/i);
});
// Whatever was sent before: who did nothing wrong is served, by the same workers.
afterEach(async () => {
  const served = async () => {
    if (quiet.over) quiet = await connect(at()); // idle for longer than we keep it
    return ask(quiet, by('GET', '/v1/session'));
  };
  const { status } = await served().catch((error) => (quiet.over ? served() : Promise.reject(error))); // or just then
  assert.equal(status, 200);
  assert.deepEqual(running(), workers);
});

/** A request by hand, as the desk. */
const by = (method, target, headers = '', body = '', version = '1.1') =>
  `${method} ${target} HTTP/${version}\r\nHost: ${host}\r\nAuthorization: Bearer ${token}\r\n${headers}\r\n${body}`;
const json = (body) => `Content-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n`;
const close = 'Connection: close\r\n';

/** The next answer on a connection; no request has the id of another. */
async function answer(c, options = {}) {
  const r = await c.response(undefined, options);
  r.text = r.body;
  r.body = /json/.test(r.headers['content-type'] ?? '') && r.text !== '' ? JSON.parse(r.text) : null;
  if (r.status >= 200) {
    assert.match(r.headers['x-request-id'] ?? '', uuid, r.line);
    assert.ok(!ids.has(r.headers['x-request-id']), 'an id came twice');
    assert.match(r.headers.date ?? '', /^[A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/, r.line);
    assert.ok(Math.abs(new Date(r.headers.date).getTime() - Date.now()) < 60_000, r.headers.date);
    ids.add(r.headers['x-request-id']);
  }
  return r;
}

async function ask(c, text, options) {
  c.write(typeof text === 'string' ? Buffer.from(text, 'latin1') : text);
  return answer(c, options);
}

/** One request on a connection of its own, which `ends` or does not. */
async function alone(text, { ends, ...options } = {}) {
  const c = await connect(at());
  try {
    const r = await ask(c, text, options);
    if (ends !== undefined) assert.equal(await c.until(() => c.over, ends ? undefined : 100), ends, `${String(text).slice(0, 60)}: the connection`);
    assert.equal(c.received, 0, 'one answer to one request');
    return r;
  } finally {
    c.destroy();
  }
}

//= TR-03, TR-04, TR-22: what Kore refuses by itself is refused as we refuse
const ours = () => `Host: ${host}\r\n`;
for (const [name, text, status, code] of [
  ['no request at all', () => 'nonsense\r\n\r\n', 400, 'bad_request'],
  ['HTTP/0.9', () => 'GET /\r\n\r\n', 400, 'bad_request'],
  ['LF as line end', () => `GET / HTTP/1.1\nHost: ${host}\n\n`, 400, 'bad_request'],
  ['CR as line end', () => `GET / HTTP/1.1\rHost: ${host}\r\r\n\r\n`, 400, 'bad_request'],
  ['CR within the target', () => `GET /a\rb HTTP/1.1\r\n${ours()}\r\n`, 400, 'bad_request'],
  ['NUL in the request line', () => `GET /\0 HTTP/1.1\r\n${ours()}\r\n`, 400, 'bad_request'],
  ['NUL in a name', () => `GET / HTTP/1.1\r\n${ours()}X\0Y: 1\r\n\r\n`, 400, 'bad_request'],
  ['space before the first header', () => `GET / HTTP/1.1\r\n Host: ${host}\r\n\r\n`, 400, 'bad_request'],
  ['folded length', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 6\r\n\t7\r\n\r\n{"a":1}`, 400, 'bad_request'],
  ['signed length', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: -6\r\n\r\n{"a":1}`, 400, 'bad_request'],
  ['two lengths that agree', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 2\r\ncontent-length: 2\r\n\r\n{}`, 400, 'bad_request'],
  ['length with chunks', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`, 400, 'bad_request'],
  ['chunks', () => `POST /v1/session HTTP/1.1\r\n${ours()}Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n`, 501, 'not_implemented'],
  ['chunks behind a control byte', () => `POST /v1/session HTTP/1.1\r\n${ours()}Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n`, 400, 'bad_request'],
  ['body on GET', () => `GET /v1/session HTTP/1.1\r\n${ours()}Content-Length: 5\r\n\r\nhello`, 400, 'bad_request'],
  ['no Host', () => 'GET / HTTP/1.1\r\n\r\n', 400, 'bad_request'],
  ['no Host in 1.0', () => 'GET / HTTP/1.0\r\n\r\n', 400, 'bad_request'],
  ['two Hosts', () => `GET / HTTP/1.1\r\n${ours()}${ours()}\r\n`, 400, 'bad_request'],
  ['two Hosts, one absolute', () => `GET https://${host}/ HTTP/1.1\r\n${ours()}${ours()}\r\n`, 400, 'bad_request'],
  ['Host with a path', () => `GET / HTTP/1.1\r\nHost: ${host}/x\r\n\r\n`, 400, 'bad_request'],
  ['CONNECT', () => 'CONNECT localhost:443 HTTP/1.1\r\nHost: localhost:443\r\n\r\n', 405, 'method_not_allowed'],
  ['a large body', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 262145\r\n\r\n`, 413, 'too_large'],
  ['a large body, announced', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 262145\r\nExpect: 100-continue\r\n\r\n`, 413, 'too_large'],
  ['a long target', () => `GET /${'a'.repeat(2100)} HTTP/1.1\r\n${ours()}\r\n`, 414, 'uri_too_long'],
  ['a target without end', () => `GET /${'a'.repeat(17000)}`, 414, 'uri_too_long'],
  ['another expectation', () => `POST /v1/session HTTP/1.1\r\n${ours()}Content-Length: 2\r\nExpect: 200-ok\r\n\r\n{}`, 417, 'expectation_failed'],
  ['another host than in SNI', () => 'GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n', 421, 'misdirected'],
  ['one long header', () => `GET / HTTP/1.1\r\n${ours()}X-Long: ${'a'.repeat(17000)}\r\n\r\n`, 431, 'headers_too_large'],
  ['many headers', () => `GET / HTTP/1.1\r\n${ours()}${'X: v\r\n'.repeat(65)}\r\n`, 431, 'headers_too_large'],
  ['headers without end', () => `GET / HTTP/1.1\r\n${ours()}${`X: ${'a'.repeat(1000)}\r\n`.repeat(17)}`, 431, 'headers_too_large'],
  ['HTTP/2.0', () => `GET / HTTP/2.0\r\n${ours()}\r\n`, 505, 'http_version_not_supported'],
  ['the preface of HTTP/2', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n', 400, 'bad_request'],
])
  test(`Kore refuses ${name}: ${status}`, async () => {
    const own = await alone(by('GET', '/v1/nothing'), { ends: false });
    problem(own, 404, 'not_found');
    const r = await alone(text(), { ends: true });
    problem(r, status, code);
    assert.equal(r.headers.connection, 'close');
    if (status === 405) assert.equal(r.headers.allow, 'GET, HEAD, POST, PUT, PATCH, DELETE');
    const { allow: _, connection: __, ...headers } = r.headers;
    assert.deepEqual(Object.keys(headers).sort(), Object.keys(own.headers).sort());
  });

//= TR-19: what is behind a request that was refused is no request
test('nothing behind a refused request is read', async () => {
  const had = await count('patient');
  const inner = () => by('POST', '/v1/patients', json(JSON.stringify(minimal())), JSON.stringify(minimal()));
  for (const first of [`GET / HTTP/1.1\n${ours()}\r\n`, by('GET', '/v1/session', 'Content-Length: 5\r\n'), by('POST', '/v1/session', 'Content-Length: 2\r\nContent-Length: 2\r\n', '{}'),
    by('POST', '/v1/session', 'Transfer-Encoding: chunked\r\n', '0\r\n\r\n'), by('GET', '/', 'Host: x\r\n'), by('CONNECT', 'a:1'), by('GET', `/${'a'.repeat(3000)}`), by('POST', '/v1/session', 'Content-Length: 300000\r\n')]) {
    const c = await connect(at());
    const r = await ask(c, first + inner());
    assert.ok(r.status >= 400, first);
    assert.ok(await c.until(() => c.over), first);
    assert.equal(c.received, 0, first);
    c.destroy();
  }
  assert.equal(await count('patient'), had);
  // CL.0: a body of nothing is nothing, and the next bytes are the next request
  const c = await connect(at());
  c.write(by('POST', '/v1/session', 'Content-Type: application/json\r\nContent-Length: 0\r\n') + by('GET', '/v1/nothing') + 'GPOST\r\n\r\n');
  for (const status of [422, 404, 400]) assert.equal((await answer(c)).status, status);
  assert.ok(await c.until(() => c.over));
  c.destroy();
});

//= TR-24: the limits are where they are said to be
test('just below each limit is served', async () => {
  assert.equal((await alone(by('GET', `/${'a'.repeat(1990)}`), { ends: false })).status, 404);
  assert.equal((await alone(by('GET', '/v1/session', 'X: v\r\n'.repeat(61)), { ends: false })).status, 200);
  assert.equal((await alone(by('GET', '/v1/session', `X: ${'a'.repeat(16000)}\r\n`), { ends: false })).status, 200);
  const body = JSON.stringify({ x: 'a'.repeat(262144 - 8) });
  assert.equal(body.length, 262144);
  problem(await alone(by('POST', '/v1/session', json(body), body), { ends: false }), 422, 'unknown_field');
});

test('413 comes before a byte of the body, and while it is being sent', async () => {
  const before = Date.now();
  problem(await alone(by('POST', '/v1/patients', 'Content-Length: 4000000\r\n')), 413, 'too_large');
  assert.ok(Date.now() - before < patiently(1500), `${Date.now() - before} ms`);
  const c = await connect(at());
  c.write(by('POST', '/v1/patients', 'Content-Length: 4000000\r\n'));
  for (let i = 0; i < 60 && !c.over; i++) {
    c.write(Buffer.alloc(65536));
    await sleep(2);
  }
  problem(await answer(c), 413, 'too_large');
  c.destroy();
});

test('100-continue: asked for, answered, once', async () => {
  const body = '{}';
  const c = await connect(at());
  c.write(by('POST', '/v1/patients', `Expect: 100-continue\r\n${json(body)}`));
  assert.equal((await answer(c)).status, 100);
  assert.equal(c.received, 0);
  problem(await ask(c, body), 422, 'missing_field');
  // who does not wait is not told to go on
  problem(await ask(c, by('POST', '/v1/patients', `Expect: 100-Continue\r\n${json(body)}`, body)), 422, 'missing_field');
  assert.equal((await ask(c, by('GET', '/v1/session', 'Expect: 100-continue\r\n'))).status, 200);
  c.destroy();
});

test('pipelined requests are answered in their order', async () => {
  const c = await connect(at());
  const row = [], body = JSON.stringify({ nothing: 1 });
  for (let i = 0; i < 12; i++) {
    row.push([by('GET', '/v1/session'), 200], [by('GET', `/v1/nothing/${i}`), 404], [by('POST', '/v1/patients', json(body), body), 422], [by('BREW', '/v1/session', json(body), body), 405]);
  }
  c.write(row.map(([text]) => text).join(''));
  for (const [, status] of row) assert.equal((await answer(c)).status, status);
  assert.ok(!c.over);
  c.destroy();
});

test('half a close: what was asked is answered, what was half asked is not', async () => {
  for (const [text, statuses] of [
    [by('GET', '/v1/session'), [200]],
    [by('GET', '/v1/session') + by('POST', '/v1/patients', json('{}'), '{}'), [200, 422]],
    [by('GET', '/v1/session') + by('GET', '/v1/session').slice(0, -2), [200]],
    [by('POST', '/v1/patients', json('{}'), '{'), []],
    [by('GET', '/v1/session').slice(0, 40), []],
  ]) {
    const c = await connect(at(), { allowHalfOpen: true });
    c.wire.held = [];
    await new Promise((done) => c.stream.write(text, done));
    await sleep(20);
    const all = Buffer.concat(c.wire.held);
    c.wire.held = null;
    c.wire.socket.end(all); // the request and the FIN together
    for (const status of statuses)
      assert.equal((await answer(c)).status, status);
    assert.ok(await c.until(() => c.over), `still open: ${text}`);
    assert.equal(c.received, 0);
    c.destroy();
  }
});

//= RFC 9110, 9.3.2: HEAD is GET but for the body; it is recorded as one
test('HEAD says what GET says, without the body', async () => {
  const page = 'Accept: text/html\r\n';
  for (const [target, headers, status] of [['/', '', 200], ['/assets/app.css', '', 200], ['/healthz', '', 200], ['/readyz', '', 200], ['/v1/openapi.json', '', 200], ['/v1/session', '', 200],
    [`/v1/patients/${patient}`, '', 200], [`/v1/visits/${visit}`, '', 200], ['/v1/visits?limit=1', '', 200], ['/v1/visits?limit=0', '', 400], ['/v1/nothing', '', 404], ['/no-such-page', page, 404], ['/no-such-page', '', 404],
    ['/v1/audit', '', 404], [`/v1/patients/${randomUUID()}`, '', 404]]) {
    const c = await connect(at());
    const get = await ask(c, by('GET', target, headers));
    const head = await ask(c, by('HEAD', target, headers), { head: true });
    // what a body there was would be in the way of the next answer
    assert.equal((await ask(c, by('GET', '/healthz'))).text, '{"status":"alive"}', target);
    assert.deepEqual([get.status, head.status], [status, status], target);
    for (const h of [get.headers, head.headers]) {
      delete h['x-request-id'];
      delete h.date;
    }
    assert.deepEqual(head.headers, get.headers, target);
    assert.equal(Number(head.headers['content-length']), Buffer.byteLength(get.text, 'latin1'), target);
    c.destroy();
  }
  const seen = await alone(by('HEAD', `/v1/patients/${patient}`), { head: true });
  const rows = await clinic.audit(`request_id = '${seen.headers['x-request-id']}'`);
  assert.deepEqual(rows.map((r) => [r.event, r.outcome, r.patient_id]), [['patient.read', 'ok', patient]]); //= AU-01
  const refused = await alone(by('HEAD', '/v1/audit'), { head: true });
  assert.equal((await clinic.audit(`request_id = '${refused.headers['x-request-id']}'`))[0].outcome, 'not_found');
  const nobody = await alone(by('HEAD', '/v1/session').replace(/Authorization.*\r\n/, ''), { head: true });
  assert.deepEqual([nobody.status, nobody.headers['www-authenticate'] !== undefined], [401, true]);
});

//= TR-23: a method that a place does not take: 405, and those it takes
test('any other method is 405 with Allow, wherever it is tried', async () => {
  const c = await connect(at());
  const had = await count('patient');
  for (const [target, allow] of [['/v1/session', 'GET, HEAD, POST, DELETE'], [`/v1/visits/${visit}/check-in`, 'POST'], [`/v1/patients/${patient}`, 'GET, HEAD, PATCH'], [`/v1/visits/${visit}/signal`, 'GET, HEAD'],
    ['/v1/account/password', 'PUT'], ['/', 'GET, HEAD'], ['/assets/app.css', 'GET, HEAD'], ['/healthz', 'GET, HEAD'], ['/readyz', 'GET, HEAD'], ['/metrics', 'GET, HEAD'], ['/v1/openapi.json', 'GET, HEAD']])
    for (const method of ['OPTIONS', 'TRACE', 'BREW', 'get', 'Post', 'PROPFIND', 'M-SEARCH', 'X'.repeat(300), ...['PUT', 'PATCH', 'DELETE', 'POST'].filter((m) => !allow.includes(m))]) {
      const body = ['OPTIONS', 'DELETE'].includes(method) ? '' : '{"a":1}';
      const r = await ask(c, by(method, target, body && json(body), body));
      problem(r, 405, 'method_not_allowed', `${method} ${target}`);
      assert.deepEqual(r.headers.allow.split(', ').sort(), allow.split(', ').sort(), `${method} ${target}`);
      assert.doesNotMatch(r.text, /Bearer|TRACE|BREW/); // nothing is said back
    }
  for (const method of ['OPTIONS', 'TRACE', 'BREW', 'DELETE']) problem(await ask(c, by(method, '/v1/nothing')), 404);
  problem(await ask(c, by('BREW', '/v1/patients', json('{}'), '{}').replace(/Authorization.*\r\n/, '')), 405);
  assert.ok(!c.over); // a method unknown to us is no reason to hang up
  for (const version of ['1.0', '1.1']) problem(await alone(by('CONNECT', `${host}`, '', '', version), { ends: true }), 405, 'method_not_allowed');
  problem(await alone(by('DELETE', '/v1/session', '', '', '1.0'), { ends: true }), 405);
  problem(await alone(by('G@T', '/'), { ends: true }), 400); // no method by its letters
  assert.equal(await count('patient'), had);
  c.destroy();
});

//= IN-07: a path is compared as it came
test('a path with tricks in it is no other path', async () => {
  const c = await connect(at());
  const id = patient, [head, tail] = [id.slice(0, 8), id.slice(9)];
  for (const path of ['//', '/v1//session', '//v1/session', '/v1/session/', '/v1/session//', '/v1/./session', '/v1/../v1/session', '/./v1/session', '/v1/x/..%2fsession', '/v1%2fsession', '/v1%2Fsession', '/%76%31/session', '/v1/%2e%2e/v1/session',
    '/v1/session%00', '/v1/session%00.html', '/%00', '/v1/%c0%af', '/%c0%ae%c0%ae/etc/passwd', '/..%c0%af..%c1%9cetc/passwd', '/%e0%80%af', '/v1/session%ff', '/v1/session.', '/v1/session;a=b', '/v1/session%3f', '/v1/session%23', '/v1/SESSION',
    `/v1/patients/${id}/`, `/v1/patients//${id}`, `/v1/patients/${id}%2f`, `/v1/patients/${id}%2faccesses`, `/v1/patients/x%2f..%2f${id}`, `/v1/patients/${id}/../${id}`, `/v1/patients/./${id}`, `/v1/patients/${head}%2d${tail}`, `/v1/patients/%7b${id}%7d`, `/v1/patients/${id}%00`, `/v1/patients/${id.toUpperCase()}x`,
    '/assets/../assets/app.css', '/assets//app.css', '/assets/app.css/', '/assets/%61pp.css', '/assets/app%2ecss', '/assets/..', '/assets/.', '/assets/%2e%2e%2fconf/epione.conf', '/..', '/.', '/...', '/etc/passwd', '/../../../etc/passwd']) {
    const r = await ask(c, by('GET', path));
    problem(r, 404, 'not_found', path);
  }
  for (const path of ['', '*', 'v1/session', '?', '#', 'file:///etc/passwd', 'https:v1/session', '/v1/session\x7f', '/v1/\xe4']) {
    const r = await alone(by('GET', path));
    assert.ok([400, 404].includes(r.status), `${path}: ${r.status}`);
    problem(r, r.status);
  }
  assert.equal((await ask(c, by('GET', `/v1/patients/${id}`))).status, 200);
  c.destroy();
});

//= RFC 9112, 3.2: four forms of a target, and whose host counts
test('host, authority, absolute form', async () => {
  const plain = (target, ...lines) => `GET ${target} HTTP/1.1\r\n${lines.map((l) => `${l}\r\n`).join('')}Authorization: Bearer ${token}\r\n\r\n`;
  const c = await connect(at());
  for (const text of [plain('/v1/session', `Host: ${host}`), plain('/v1/session', `HOST:${host}`), plain('/v1/session', `host: \t${host.toUpperCase()}\t `), plain('/v1/session', 'X: y', `Host: ${host}`),
    plain(`https://${host}/v1/session`, `Host: ${host}`), plain(`HTTPS://LocalHost:${clinic.port}/v1/session`, `Host: ${host}`), plain(`https://${host}/v1/session`, 'Host: evil.example')]) // the target's goes before
    assert.equal((await ask(c, text)).status, 200, text);
  c.destroy();
  for (const [text, status] of [
    [plain('/v1/session', 'Host: evil.example'), 421], [plain('/v1/session', 'Host: localhost'), 421], [plain('/v1/session', 'Host: localhost:1'), 421], [plain('/v1/session', `Host: localhost:0${clinic.port}`), 421], [plain('/v1/session', `Host: 127.0.0.1:${clinic.port}`), 421],
    [plain('/v1/session', `Host: ${host}.`), 400], [plain('/v1/session', `Host: .${host}`), 421], [plain('/v1/session', `Host: evil@${host}`), 400], [plain('/v1/session', `Host: ${host},evil`), 400], [plain('/v1/session', `Host: ${host} evil`), 400], [plain('/v1/session', 'Host: localhost:x'), 400], [plain('/v1/session', 'Host:'), 400],
    [plain('/v1/session', 'Host: [::1]'), 421], [plain('/v1/session', 'Host: [::1'), 400], [plain('/v1/session', 'Host: a'.padEnd(300, 'a')), 400],
    [plain('/v1/session', `Host: ${host}`, 'Host: evil.example'), 400], [plain('/v1/session', 'Host: evil.example', `Host: ${host}`), 400], [plain('/v1/session', `Host : ${host}`), 400], [plain('/v1/session', `Hos: ${host}`), 400],
    [plain('https://evil.example/v1/session', `Host: ${host}`), 421], [plain(`https://a@${host}/v1/session`, `Host: ${host}`), 400], [plain('https:///v1/session', `Host: ${host}`), 400],
  ]) {
    const r = await alone(text);
    problem(r, status, undefined, text);
  }
  // without SNI nothing but the Host says who is asked
  for (const [name, status] of [[host, 200], ['evil.example', 421], ['127.0.0.1', 421]]) {
    const bare = await connect(at(), { servername: '' });
    const r = await ask(bare, plain('/v1/session', `Host: ${name}`));
    assert.equal(r.status, status, name);
    bare.destroy();
  }
});

test('each answer names its request and the time', async () => {
  for (const target of ['/', '/assets/app.css', '/healthz', '/readyz', '/metrics', '/v1/openapi.json', '/v1/session'])
    assert.equal((await alone(by('GET', target, close), { ends: true })).status, 200); // answer() looks at the id
  const { headers } = await alone(by('GET', '/assets/app.css'));
  assert.equal((await alone(by('GET', '/assets/app.css', `If-None-Match: ${headers.etag}\r\n`))).status, 304);
  assert.ok(ids.size > 200, `${ids.size}`);
  assert.equal((await alone(by('GET', '/v1/session', 'X-Request-Id: 00000000-0000-4000-8000-000000000000\r\n'))).headers['x-request-id'].startsWith('00000000'), false); // it is ours to give
});
