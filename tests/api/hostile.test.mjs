// Clients that mean harm, against the real server: shapes of requests that
// no library would send, strings that would be code elsewhere, and crowds.
import assert from 'node:assert/strict';
import { randomBytes, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import tls from 'node:tls';

import { Client, startClinic } from '../lib/clinic.mjs';
import { problem } from '../lib/problem.mjs';
import { patient as patiently } from '../lib/patience.mjs';

let clinic, as, host, patient;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
const minimal = (more) => ({ family_name: 'Hostile', given_name: 'Una', birth_date: '1990-01-01', sex: 'unknown', ...more });
const count = async (table) => Number((await clinic.sql(`SELECT count(*) FROM ${table}`))[0].count);

/** One connection: writes the parts, answers all responses and whether the server hung up. */
async function raw(parts, { ms = 3000, pause = 30, head = false } = {}) {
  const socket = tls.connect({ port: clinic.port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false });
  let data = '', over = false;
  socket.setEncoding('latin1');
  socket.on('data', (d) => { data += d; });
  socket.on('error', () => { over = true; });
  for (const e of ['end', 'close']) socket.on(e, () => { over = true; });
  await new Promise((done) => { socket.once('secureConnect', done); socket.once('close', done); });
  for (const p of [parts].flat()) {
    if (!over) socket.write(Buffer.isBuffer(p) ? p : Buffer.from(p, 'latin1'));
    await sleep(pause);
  }
  // an answer may take its time; that nothing follows it is looked at for `ms`
  for (const late = Date.now() + 60_000; !over && data === '' && Date.now() < late;) await sleep(20);
  for (const began = Date.now(); !over && Date.now() - began < patiently(ms);) await sleep(20);
  socket.destroy();
  return { over, responses: responses(data, head) };
}

function responses(data, head = false) {
  const list = [];
  while (data !== '') {
    const at = data.indexOf('\r\n\r\n');
    assert.ok(at > 0, `no response: ${data.slice(0, 80)}`);
    const [line, ...rest] = data.slice(0, at).split('\r\n');
    const headers = {};
    for (const h of rest) {
      const name = h.slice(0, h.indexOf(':')).toLowerCase();
      assert.ok(!(name in headers), `${name} twice`);
      headers[name] = h.slice(h.indexOf(':') + 1).trim();
    }
    const n = head ? 0 : Number(headers['content-length'] ?? 0);
    const text = data.slice(at + 4, at + 4 + n);
    data = data.slice(at + 4 + n);
    list.push({ status: Number(line.split(' ')[1]), headers, text, body: n > 0 && /json/.test(headers['content-type'] ?? '') ? JSON.parse(text) : null });
  }
  return list;
}

/** A client that sends a letter a second until it is cut off: what it heard, and after how long. */
function drip(text) {
  const at = Date.now();
  let data = '';
  return new Promise((done) => {
    const s = tls.connect({ port: clinic.port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () => s.write(text));
    const timer = setInterval(() => s.write('x'), 1000);
    s.setEncoding('latin1');
    s.on('data', (d) => { data += d; });
    s.on('error', () => {});
    for (const e of ['end', 'close']) s.on(e, () => { clearInterval(timer); s.destroy(); done({ seconds: (Date.now() - at) / 1000, responses: responses(data) }); });
    setTimeout(() => s.destroy(), 300_000).unref();
  });
}

let slow;
before(async () => {
  clinic = await startClinic();
  host = `localhost:${clinic.port}`;
  slow = [drip(`GET / HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `), drip(`POST /v1/session HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{`)];
  as = {};
  for (const name of ['admin', 'clinician', 'scheduler', 'compliance', 'patient']) as[name] = await clinic.signIn(clinic.people[name]);
  const made = await as.scheduler.create('/v1/patients', minimal());
  assert.equal(made.status, 201, made.text);
  patient = made.body.id;
});
after(async () => {
  for (const c of Object.values(as ?? {})) c.close();
  await clinic?.stop();
  assert.doesNotMatch(clinic?.log ?? '', /ERROR: (Address|Leak)Sanitizer|runtime error|exited with status [^0]|killed by|sandbox violation/i);
});

/** A request by hand, as the desk. */
const by = (method, target, headers = '', body = '') =>
  `${method} ${target} HTTP/1.1\r\nHost: ${host}\r\nAuthorization: Bearer ${as.scheduler.token}\r\n${headers}\r\n${body}`;

//= TR-19: two readings of one message: neither is taken, and nothing behind it is a request
test('a request that could be read in two ways is refused, and what follows it is not read', async () => {
  const inner = () => by('POST', '/v1/patients', `Content-Type: application/json\r\nContent-Length: ${JSON.stringify(minimal()).length}\r\n`, JSON.stringify(minimal({ family_name: 'Smuggled' })));
  const had = await count('patient');
  const chunk = (s) => `${s.length.toString(16)}\r\n${s}\r\n0\r\n\r\n`;
  for (const [headers, status] of [
    ['Content-Length: 6\r\nTransfer-Encoding: chunked\r\n', 400],
    ['Transfer-Encoding: chunked\r\nContent-Length: 6\r\n', 400],
    ['Transfer-Encoding: chunked\r\n', 501],
    ['Transfer-Encoding: identity\r\n', 501],
    ['Transfer-Encoding: xchunked\r\n', 501],
    ['Transfer-Encoding: chunked, identity\r\n', 501],
    ['Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n', 501],
    ['TRANSFER-encoding:\tchunked\r\n', 501],
    ['Transfer-Encoding : chunked\r\n', 400],
    [' Transfer-Encoding: chunked\r\n', 400],
    ['X: y\r\n Transfer-Encoding: chunked\r\n', 400],
    ['X: y\nTransfer-Encoding: chunked\r\n', 400],
    ['X: y\rTransfer-Encoding: chunked\r\n', 400],
    ['Transfer-Encoding: chu\0nked\r\n', 400],
    ['Content-Length: 0\r\nContent-Length: 6\r\n', 400],
    ['Content-Length: 6\r\nContent-Length: 6\r\n', 400],
    ['Content-Length: 6, 6\r\n', 400],
    ['Content-Length: +6\r\n', 400],
    ['Content-Length: -0\r\n', 400],
    ['Content-Length: 0x6\r\n', 400],
    ['Content-Length: 6 6\r\n', 400],
    ['Content-Length: 6_0\r\n', 400],
    ['Content-Length:\r\n', 400],
    ['Content-Length: \u00b2\r\n', 400],
    ['Content-Length: 18446744073709551622\r\n', 413],
  ]) {
    const { over, responses: got } = await raw(by('POST', '/v1/patients', `Content-Type: application/json\r\n${headers}`, chunk(inner()) + inner()));
    assert.equal(got.length, 1, `${headers}: ${got.map((r) => r.status)}`);
    problem(got[0], status, undefined, headers);
    assert.ok(over, `${headers}: still open`);
  }
  // a body that is announced is one: of a method that has none, and of one that may
  for (const [method, status] of [['GET', 400], ['DELETE', 415], ['HEAD', 400], ['OPTIONS', 400]]) {
    const { responses: got } = await raw(by(method, '/v1/session', `Content-Length: ${inner().length}\r\n`, inner()), { head: method === 'HEAD' });
    assert.deepEqual([got.length, got[0].status], [1, status], method);
  }
  assert.equal(await count('patient'), had);
});

test('a body in single bytes and two requests in one packet are what they are', async () => {
  const body = JSON.stringify(minimal({ family_name: 'Inpieces' }));
  const one = by('POST', '/v1/patients', `Content-Type: application/json\r\nContent-Length: ${body.length}\r\n`, body);
  const slow = await raw([...one], { pause: 1, ms: 3000 });
  assert.deepEqual(slow.responses.map((r) => r.status), [201]);
  const two = await raw(by('GET', '/v1/session') + by('GET', '/v1/nothing', 'Connection: close\r\n'));
  assert.deepEqual(two.responses.map((r) => r.status), [200, 404]);
  assert.ok(two.over);
});

//= TR-23: what a place does not take it says, with what it takes
test('methods that a place does not take', async () => {
  const put = await as.scheduler.put('/v1/session', {});
  problem(put, 405, 'method_not_allowed');
  assert.deepEqual(put.headers.allow.split(', ').sort(), ['DELETE', 'GET', 'HEAD', 'POST']);
  const of = await as.scheduler.patch(`/v1/visits/${randomUUID()}/check-in`, {});
  problem(of, 405);
  assert.equal(of.headers.allow, 'POST');
  const before = await count('session');
  problem(await as.scheduler.request('OPTIONS', '/v1/session'), 405);
  assert.equal(await count('session'), before);
  for (const method of ['TRACE', 'CONNECT', 'BREW', 'get', 'PROPFIND', 'G'.repeat(300)]) {
    const [r] = (await raw(by(method, '/v1/session', 'Connection: close\r\n'))).responses;
    problem(r, 405, 'method_not_allowed', method);
    assert.ok('allow' in r.headers, method);
    assert.doesNotMatch(r.text, /Bearer/); // TRACE would say it back
  }
});

//= TR-24: too much of anything
test('what is too large is refused with its reason, and others are served meanwhile', async () => {
  const big = await as.scheduler.post('/v1/patients', JSON.stringify(minimal({ family_name: 'x'.repeat(300_000) }))).catch((e) => e);
  if (!(big instanceof Error)) problem(big, 413, 'too_large');
  for (const [text, status] of [
    [by('POST', '/v1/patients', 'Content-Length: 262145\r\n'), 413],
    [by('GET', '/v1/session', `X-Much: ${'a'.repeat(17000)}\r\n`), 431],
    [by('GET', '/v1/session', 'X: v\r\n'.repeat(200)), 431],
    [by('GET', `/v1/${'a'.repeat(5000)}`), 414],
    [`GET /${'a'.repeat(20000)}`, 414],
  ]) {
    const { responses: got, over } = await raw(text);
    assert.equal(got.length, 1, text.slice(0, 30));
    problem(got[0], status);
    assert.ok(over);
  }
  const idle = await Promise.all(Array.from({ length: 60 }, () => new Promise((done) => {
    const s = tls.connect({ port: clinic.port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () => { s.write(`GET /v1/session HTTP/1.1\r\nHost: ${host}\r\nX-Slow: `); done(s); });
    s.on('error', () => done(s));
  })));
  assert.equal((await as.scheduler.get('/v1/session')).status, 200);
  for (const s of idle) s.destroy();
  const largest = `{"family_name":"${'é'.repeat(131_000)}"}`; // just below the limit, in bytes
  problem(await as.scheduler.post('/v1/patients', largest), 422, 'invalid_field');
});

test('another host than ours is not answered for', async () => {
  for (const name of ['evil.example', `localhost.evil.example:${clinic.port}`, 'localhost', 'localhost:1', `127.0.0.1:${clinic.port}`, `user@${host}`, `${host}.`]) {
    const [r] = (await raw(`GET /v1/session HTTP/1.1\r\nHost: ${name}\r\nAuthorization: Bearer ${as.scheduler.token}\r\n\r\n`)).responses;
    assert.ok(r.status === 421 || (r.status === 400 && /@|\.$/.test(name)), `${name}: ${r.status}`);
    problem(r, r.status);
  }
  for (const text of [`GET /v1/session HTTP/1.1\r\nHost: ${host}\r\nHost: evil\r\n\r\n`, 'GET /v1/session HTTP/1.1\r\n\r\n'])
    problem((await raw(text)).responses[0], 400);
  problem((await raw(by('GET', 'http://evil.example/v1/session'))).responses[0], 421); // no proxy
  const forwarded = await as.scheduler.get('/v1/session', { 'x-forwarded-host': 'evil.example', forwarded: 'host=evil.example' });
  assert.equal(forwarded.status, 200);
  assert.doesNotMatch(forwarded.text, /evil/);
});

//= IN-07: a path is compared as it came; nothing is decoded, joined or looked up in a folder
test('paths with tricks in them lead nowhere', async () => {
  const tricks = ['//v1/session', '/v1//session', '/v1/session/', '/v1/./session', '/v1/x/../session', '/v1/%73ession', '/v1%2fsession', '/V1/session',
    '/v1/session%00', '/v1/session;x', '/v1/session%20', '/v1/session%0d%0aX-Bad:1', `/v1/patients/${patient}%2e`, `/v1/patients/${patient.toUpperCase()}`, `/v1/patients/{${patient}}`,
    '/v1/patients/1', '/v1/patients/00000000-0000-0000-0000-000000000000', `/v1/patients/${patient}/../${patient}`, '/v1/users/*', "/v1/users/' OR 1=1--",
    '/../../etc/passwd', '/assets/../../conf/epione.conf', '/assets/..%2f..%2fetc%2fpasswd', '/assets/%2e%2e/%2e%2e/etc/passwd', '/assets/....//....//etc/passwd', '/assets//etc/passwd',
    '/assets/app.css%00.html', '/assets/', '/assets', '/.git/config', '/epione.conf', '/root.key', '/assets/app.css/', '/assets\\..\\..\\etc\\passwd', '/index.html', '/?/../..', '*', ''];
  for (const path of tricks) {
    const { responses: got } = await raw(by('GET', path.replaceAll(' ', '%20'), 'Connection: close\r\n'));
    assert.equal(got.length, 1, path);
    if (path === '/?/../..') { // the page itself, with a query that says nothing
      assert.equal(got[0].status, 200);
      continue;
    }
    assert.ok([400, 404, 421].includes(got[0].status), `${path}: ${got[0].status}`);
    problem(got[0], got[0].status);
    assert.equal(got[0].headers['x-bad'], undefined);
    assert.doesNotMatch(got[0].text, /root:|Hostile/);
  }
});

//= SE-07, TR-06, TR-21: a page of another site does nothing with our cookie, and reads nothing
test('a cookie acts for pages of our own origin alone', async () => {
  const browser = await clinic.signIn(clinic.people.clinician2, { browser: true });
  assert.match(browser.cookie, /^__Host-epione=/);
  const had = await count('patient');
  const foreign = [null, 'null', '', 'https://evil.example', `http://${host}`, `https://${host}.evil.example`, 'https://localhost', `https://${host}/`, `https://LOCALHOST:${clinic.port}`, `https://evil.example, https://${host}`, `https://${host}@evil.example`];
  for (const origin of foreign) {
    const r = await browser.post('/v1/patients', minimal(), { origin });
    problem(r, 403, 'origin_refused', String(origin));
    for (const [method, path] of [['PATCH', `/v1/patients/${patient}`], ['DELETE', '/v1/session'], ['PUT', '/v1/account/password']])
      problem(await browser.request(method, path, method === 'DELETE' ? undefined : {}, { origin, 'if-match': '"1"' }), 403, 'origin_refused', `${method} ${origin}`);
  }
  problem(await browser.post('/v1/patients', minimal(), { origin: null, referer: `${clinic.url}/`, 'sec-fetch-site': 'same-origin' }), 403, 'origin_refused');
  assert.equal(await count('patient'), had);
  assert.equal((await browser.create('/v1/patients', minimal())).status, 201); // our own
  const token = await as.clinician.post('/v1/patients', minimal(), { origin: 'https://evil.example' });
  problem(token, 403, 'origin_refused'); // a token too, when a browser sends it from elsewhere
  const seen = await browser.get('/v1/session', { origin: 'https://evil.example' });
  assert.equal(seen.status, 200);
  for (const r of [seen, await browser.request('OPTIONS', '/v1/patients', undefined, { origin: 'https://evil.example', 'access-control-request-method': 'POST' })])
    assert.deepEqual(Object.keys(r.headers).filter((h) => h.startsWith('access-control')), []);
  browser.close();
});

test('a credential is one cookie or one header, and nothing else', async () => {
  const token = as.scheduler.token, nobody = new Client(clinic.url);
  const cookie = (v) => nobody.get('/v1/session', { cookie: v });
  for (const v of [`__host-epione=${token}`, `epione=${token}`, `x__Host-epione=${token}`, `__Host-epione="${token}"`, `__Host-epione=${token}x`, `__Host-epione =${token}`, `__Host-epione=${token}%20`, '__Host-epione=', '=;;=', `a=b,__Host-epione=${token}`])
    problem(await cookie(v), 401, 'not_signed_in', v);
  problem(await cookie(`__Host-epione=${token}; __Host-epione=${token}`), 400);
  for (const v of [`bearer  ${token}`, `Basic ${token}`, token, `Bearer ${token} `.slice(0, -2), 'Bearer', 'Bearer ', `Bearer ${token},Bearer ${token}`, `Bearer ${'A'.repeat(8000)}`, "Bearer ' OR '1'='1"])
    problem(await nobody.get('/v1/session', { authorization: v }), 401, 'not_signed_in', v.slice(0, 40));
  //= SE-08: never in the address
  for (const name of ['access_token', 'token', '__Host-epione', 'authorization']) {
    problem(await nobody.get(`/v1/session?${name}=${token}`), 401, 'not_signed_in');
    const r = await as.scheduler.get(`/v1/session?${name}=${token}`);
    problem(r, 422, 'unknown_field');
    problem(await nobody.post(`/v1/session?${name}=${token}`, { email: 'a@b.example', password: 'x' }), 400, 'bad_query');
    assert.ok(!r.text.includes(token));
  }
  assert.ok(!clinic.log.includes(token));
  nobody.close();
});

// Bodies that are no JSON object, each for a reason of its own.
const malformed = ['', ' ', '\0', '[]', 'null', 'true', '1', '"x"', '{', '}', '{}}', '{} {}', '{},', '{"a"}', '{"a":}', '{:1}', '{"a":1,}', '{,}', '{"a" 1}', "{'a':1}", '{a:1}', '{"a":1 "b":2}', '{"a":[1,]}', '{"a":[,1]}',
  '{"a":[1}', '{"a":01}', '{"a":+1}', '{"a":.5}', '{"a":1.}', '{"a":1e}', '{"a":0x1}', '{"a":-}', '{"a":NaN}', '{"a":Infinity}', '{"a":-Infinity}', '{"a":1e999}', '{"a":tru}', '{"a":True}', '{"a":nul}', '{"a":undefined}', '{"a":"\n"}', '{"a":"\t"}',
  '{"a":"\\x"}', '{"a":"\\u12"}', '{"a":"\\ud800"}', '{"a":"\\udc00\\ud800"}', '{"a":"\\u0000"}', '{"\\u0000":1}', '{"a":"x', '{"a":1}x', '/*c*/{}', '{}//c', '{"a":/**/1}', '\ufeff{}', '{"a":123123123123123123123123123}', '<?xml?>', 'a=b&c=d',
  '{"a":1,"a":2}', '{"a":{"b":1,"b":1}}', '{"a":1,"\\u0061":2}', `${'{"a":'.repeat(9)}1${'}'.repeat(9)}`, '['.repeat(100_000), '{"a":'.repeat(50_000), `{"a":${'['.repeat(9)}${']'.repeat(9)}}`];
const notUtf8 = ['ff', 'c0af', 'c1bf', 'eda080', 'edbfbf', 'f4908080', 'f8808080', 'e28a', '80', 'fe', 'c3'].map((hex) => Buffer.concat([Buffer.from('{"family_name":"'), Buffer.from(hex, 'hex'), Buffer.from('"}')]));

//= IN-06: what is not well formed is 400, and changes nothing
test('a body that is no JSON object is refused', async () => {
  const had = await count('patient');
  for (const body of [...malformed.slice(1), ...notUtf8, randomBytes(5000)]) {
    const r = await as.scheduler.post('/v1/patients', body);
    assert.ok(r.status === 400, `${String(body).slice(0, 60)}: ${r.status} ${r.text}`);
    problem(r, 400);
  }
  problem(await as.scheduler.post('/v1/patients', ''), 422, 'missing_field'); // no body is an empty one
  problem(await as.scheduler.post('/v1/patients', '{"family_name":"a","family_name":"a"}'), 400, 'duplicate_field');
  for (const type of ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data; boundary=x', 'application/jsonx', 'application/xml', 'text/html, application/json', ''])
    problem(await as.scheduler.post('/v1/patients', minimal(), { 'content-type': type || null }), 415, 'unsupported_media_type', type);
  for (const value of [1, true, [], {}, ['x'], null, { toString: 'x' }, 1e300])
    problem(await as.scheduler.post('/v1/patients', minimal({ family_name: value })), 422, 'invalid_field');
  for (const key of ['__proto__', 'constructor', 'id', 'clinic_id', 'x'.repeat(10_000), '\u202e', '<script>'])
    problem(await as.scheduler.post('/v1/patients', JSON.stringify(minimal()).replace('{', `{${JSON.stringify(key)}:1,`)), 422, 'unknown_field', key);
  for (const n of [0, -1, 1e18, 30.5, 9007199254740993n, '"30"'])
    assert.equal((await as.scheduler.post('/v1/visits', `{"patient_id":"${patient}","clinician_id":"${clinic.people.clinician.id}","starts_at":"2031-01-01T10:00:00Z","duration_minutes":${n},"reason":"x"}`)).status, 422, String(n));
  assert.equal(await count('patient'), had);
});

test('queries that are no queries are refused', async () => {
  for (const [query, status] of [['limit=0', 400], ['limit=101', 400], ['limit=-1', 400], ['limit=1e1', 400], ['limit=', 400], ['limit=99999999999999999999', 400], ['limit=1&limit=2', 400], ['limit', 400],
    ['status=%', 400], ['status=%zz', 400], ['status=%00', 400], ['status=a%00b', 400], ['status=%ff%fe', 400], ['status=%c0%af', 400], ['status=%ed%a0%80', 400],
    ['status=ended&status=ended', 400], ['nothing=1', 422], ['=1', 422], ['status[]=ended', 422], ['status=a%0d%0ab', 422], [`status=${'a'.repeat(101)}`, 422], ['from=1990-13-01', 422], ['__proto__=1', 422]]) {
    const r = await as.clinician.get(`/v1/visits?${query}`);
    problem(r, status, undefined, query);
  }
});

//= TR-24: normalising sorts the marks of a letter, which must not cost a worker its time
test('towers of marks are refused before they are sorted', async () => {
  const tower = `a${'\u0301\u0323'.repeat(60_000)}`, at = Date.now();
  problem(await as.scheduler.post('/v1/session', { email: `${tower}@b.example`, password: 'x', client: 'api' }), 422, 'invalid_field');
  problem(await as.scheduler.post('/v1/patients', minimal({ family_name: tower })), 422, 'invalid_field');
  problem(await as.scheduler.post('/v1/patients', minimal({ family_name: '\u0f73'.repeat(80_000) })), 422, 'invalid_field');
  assert.ok(Date.now() - at < patiently(5000), `${Date.now() - at} ms`);
});

// Each would be code somewhere: SQL, shell, HTML, templates, paths, formats, logs.
const injections = ["Robert'); DROP TABLE patient;--", "' OR '1'='1", "x' UNION SELECT 1--", "1; SELECT pg_sleep(5)", "'||pg_sleep(5)||'", '$1', '$$x$$', '\\\'; --', "a'/**/b", '%', '_%_', 'E\'\\x27\'',
  '"; rm -rf /; "', '$(touch /tmp/x)', '`id`', '| cat /etc/passwd', '<script>alert(1)</script>', '<img src=x onerror=alert(1)>', '"><svg/onload=1>', 'javascript:alert(1)', '{{7*7}}', '${7*7}', '<%= 1 %>', '#{1}', '%s%s%s%n', '%1$s',
  '../../../etc/passwd', '..\\..\\x', '=cmd|\' /C calc\'!A0', '@SUM(1)', '*)(uid=*', '\u202egnp.exe', 'nul', 'null', 'undefined', '__proto__', '{"$ne":null}', '\u0645\u0631\u062d\u0628\u0627', 'Z\u0352a\u0351l\u0350g\u034co', '\ud83d\udc69\u200d\u2695\ufe0f', 'ﷺ'];

//= IN-07, PA-11: text is data: it comes back as it was written, and does nothing
test('what would be code elsewhere is text', async () => {
  const had = { patient: await count('patient'), account: await count('account'), visit: await count('visit') };
  let patients = 0, visits = 0;
  for (const [i, text] of injections.entries()) {
    const at = Date.now();
    const words = text.normalize('NFC');
    const contact = { name: words, phone: '5550001111' };
    const body = minimal({ family_name: `Q${words}`, given_name: `G${words}`, language: words.slice(0, 20).trim(), address: { line1: words, city: words }, emergency_contact: contact, insurance: { payer: words, member_id: words } });
    const r = await as.clinician.create('/v1/patients', body, words.replace(/[^ -~]/g, '').slice(0, 64) + i);
    assert.equal(r.status, 201, `${text}: ${r.text}`);
    patients++;
    const back = (await as.clinician.get(`/v1/patients/${r.body.id}`)).body;
    for (const k of ['family_name', 'given_name', 'address', 'emergency_contact', 'insurance', 'language']) assert.deepEqual(back[k], body[k], `${k}: ${text}`);
    const booked = await as.clinician.create('/v1/visits', { patient_id: r.body.id, clinician_id: clinic.people.clinician.id, starts_at: new Date(Date.UTC(2031, 0, 1) + i * 3600_000).toISOString().replace('.000', ''), duration_minutes: 5, reason: words });
    assert.equal(booked.status, 201, `${text}: ${booked.text}`);
    visits++;
    assert.equal((await as.clinician.get(`/v1/visits/${booked.body.id}`)).body.reason, words);
    for (const member of ['family_name', 'mrn', 'phone', 'ssn', 'email']) { // a search finds its own, or refuses: never all
      const found = await as.clinician.search({ [member]: words });
      assert.ok([200, 422].includes(found.status), `${member} ${text}: ${found.text}`);
      // what comes down to one letter finds those who have that very word
      const letter = words.replace(/[^\p{L}\p{N}]/gu, '');
      const items = (found.body.items ?? []).filter((p) => member !== 'family_name' || [...letter].length !== 1 || !p.family_name.includes(letter));
      if (found.status === 200) assert.ok(items.length < 3, `${member} ${text}: ${items.length}`);
    }
    for (const path of [`/v1/users?limit=${encodeURIComponent(words)}`, `/v1/users?cursor=${encodeURIComponent(words)}`]) problem(await as.admin.get(path), 400);
    for (const path of ['actor_id', 'patient_id', 'from', 'to', 'action']) problem(await as.compliance.get(`/v1/audit?${path}=${encodeURIComponent(words)}`), 422, 'invalid_field');
    const none = await as.compliance.get(`/v1/audit?outcome=${encodeURIComponent(words)}`);
    if (none.status === 200) assert.deepEqual(none.body.items, [], text);
    problem(await as.clinician.post('/v1/session', { email: `${words}@x.example`, password: words, client: 'api' }, { 'user-agent': words.replace(/[^ -~]/g, '?') }), /[\s<>,;:\\"()[\]]/.test(words.normalize('NFKC')) || [...words].length > 240 ? 422 : 401, undefined, text);
    assert.ok(Date.now() - at < patiently(15_000), text); // nothing of it slept
  }
  assert.deepEqual({ patient: await count('patient'), account: await count('account'), visit: await count('visit') }, { patient: had.patient + patients, account: had.account, visit: had.visit + visits });
  for (const bad of ['a\r\nSet-Cookie: x=1', 'a\tb', 'a\u001b[31mb', 'a\u0007b', 'a\u0085b', 'a\u2028b', '\u0000'])
    for (const member of ['family_name', 'language']) {
      const r = await as.clinician.post('/v1/patients', minimal({ [member]: bad }));
      assert.ok([201, 400, 422].includes(r.status), r.text);
      if (r.status === 201) assert.match(bad, /[\u0085\u2028]/, JSON.stringify(bad)); // white space of Unicode may fold
      assert.equal(r.headers['set-cookie'], undefined);
    }
});

//= IN-06: header values are bytes; those that reach the database are looked at before
test('headers that are no text do not reach the database', async () => {
  const body = JSON.stringify(minimal());
  const had = await count('patient');
  for (const key of ['\xff\xfe', '\xc0\xaf', '\xed\xa0\x80', 'x'.repeat(65)]) {
    const [r] = (await raw(by('POST', '/v1/patients', `Idempotency-Key: ${key}\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\nConnection: close\r\n`, body))).responses;
    assert.ok([400, 422].includes(r.status), `${JSON.stringify(key)}: ${r.status} ${r.text}`);
    problem(r, r.status);
  }
  assert.equal(await count('patient'), had);
  const login = JSON.stringify({ email: clinic.people.patient2.email, password: clinic.people.patient2.password, client: 'api' });
  for (const agent of ['\xff\xfe bytes', '\xc0\xaf', '\xc3', `${'a'.repeat(199)}\xc3\xa9`, 'caf\xc3\xa9', '', 'x'.repeat(8000)]) {
    const [r] = (await raw(`POST /v1/session HTTP/1.1\r\nHost: ${host}\r\nUser-Agent: ${agent}\r\nContent-Type: application/json\r\nContent-Length: ${login.length}\r\nConnection: close\r\n\r\n${login}`)).responses;
    assert.equal(r.status, 200, `${JSON.stringify(agent.slice(0, 20))}: ${r.text}`);
  }
  for (const header of ['If-Match', 'Origin', 'Cookie', 'Content-Type', 'X-Background', 'Accept-Language', 'If-None-Match', 'Sec-WebSocket-Protocol', 'Upgrade', 'Expect']) {
    const [r] = (await raw(by('GET', '/v1/users', `${header}: \xff\xfe\xc0\r\nConnection: close\r\n`))).responses;
    assert.ok(r.status < 500, `${header}: ${r.status}`);
  }
});

//= IN-05: nobody overwrites what they have not seen
test('a change needs the version that was seen', async () => {
  const path = `/v1/patients/${patient}`;
  const { headers } = await as.scheduler.get(path);
  assert.match(headers.etag, /^"\d+"$/);
  problem(await as.scheduler.patch(path, { language: 'en' }), 428, 'precondition_required');
  const v = headers.etag.slice(1, -1);
  for (const tag of [v, `W/${headers.etag}`, '"0"', `"${Number(v) + 1}"`, '"-1"', `" ${v}"`, `"+${v}"`, `"0${v}"`, `"${v}.0"`, `"${v}`, `"${v}", "9"`, '"99999999999999999999999"', "\"1' OR '1'='1\"", '""'])
    problem(await as.scheduler.patch(path, { language: 'xx' }, { 'if-match': tag }), 412, 'stale', tag);
  assert.equal((await as.scheduler.patch(path, { language: 'en' }, { 'if-match': headers.etag })).status, 200);
  problem(await as.scheduler.patch(path, { language: 'de' }, { 'if-match': headers.etag }), 412, 'stale');
});

test('one key makes one record, however often it comes', async () => {
  const key = `k'${randomUUID()}"`, body = minimal({ family_name: 'Once' });
  const had = await count('patient');
  const all = await Promise.all(Array.from({ length: 20 }, () => as.scheduler.create('/v1/patients', body, key)));
  assert.deepEqual([...new Set(all.map((r) => `${r.status} ${r.text}`))].length, 1, all.map((r) => r.text).join('\n'));
  assert.equal(all[0].status, 201);
  assert.equal(await count('patient'), had + 1);
  problem(await as.scheduler.create('/v1/patients', { ...body, sex: 'male' }, key), 422, 'idempotency_key_reused');
  const other = await as.clinician.create('/v1/patients', body, key); // another's key is another key
  assert.equal(other.status, 201);
  assert.notEqual(other.body.id, all[0].body.id);
  for (const bad of ['', 'x'.repeat(65)]) problem(await as.scheduler.create('/v1/patients', body, bad), 422, 'invalid_field', bad);
  problem(await as.scheduler.create('/v1/patients', minimal({ sex: 'x' }), `${key}2`), 422, 'invalid_field');
  assert.equal((await as.scheduler.create('/v1/patients', minimal(), `${key}2`)).status, 201); // a refusal is not kept
});

//= IN-04: fifty connections, both workers, one slot
test('of fifty bookings of one slot, each over its own connection, one stands', async () => {
  const crowd = Array.from({ length: 50 }, () => Object.assign(new Client(clinic.url, { role: 'scheduler' }), { token: as.scheduler.token }));
  await Promise.all(crowd.map((c) => c.get('/v1/session')));
  const all = await Promise.all(crowd.map((c) => c.create('/v1/visits', { patient_id: patient, clinician_id: clinic.people.clinician.id, starts_at: '2032-02-02T10:00:00Z', duration_minutes: 30, reason: 'x' })));
  for (const c of crowd) c.close();
  assert.deepEqual(all.map((r) => r.status).sort(), [201, ...Array(49).fill(409)]);
  for (const r of all.filter((x) => x.status === 409)) problem(r, 409, 'slot_taken');
  assert.equal(Number((await clinic.sql(`SELECT count(*) FROM visit WHERE starts_at = '2032-02-02T10:00:00Z'`))[0].count), 1);
});

test('a cursor is ours, for the one who got it, for the list it came from', async () => {
  for (let i = 0; i < 2; i++) await as.scheduler.create('/v1/patients', minimal({ family_name: 'Cursory' }));
  const { next_cursor: cursor } = (await as.scheduler.search({ family_name: 'Cursory', limit: 1 })).body;
  assert.ok(cursor);
  assert.equal((await as.scheduler.search({ family_name: 'Cursory', limit: 1, cursor: cursor })).status, 200);
  const flip = (i) => cursor.slice(0, i) + (cursor[i] === 'A' ? 'B' : 'A') + cursor.slice(i + 1);
  const forged = [...Array.from({ length: cursor.length - 1 }, (_, i) => flip(i)), cursor.slice(1), cursor.slice(0, -4), `${cursor}AAAA`, `${cursor}==`, 'A', '', 'A'.repeat(1900), Buffer.from('{"after":"x"}').toString('base64url'), '%00', "'--"];
  for (const c of forged) problem(await as.scheduler.search({ family_name: 'Cursory', limit: 1, cursor: c }), 400, 'bad_cursor', c.slice(0, 20));
  problem(await as.clinician.search({ family_name: 'Cursory', cursor: cursor }), 400, 'bad_cursor');
  problem(await as.scheduler.get(`/v1/users?cursor=${cursor}`), 400, 'bad_cursor');
});

//= TR-20: an address is what the connection has; no header says otherwise
test('headers that claim another address are not believed', async () => {
  const claims = { 'x-forwarded-for': '203.0.113.7', forwarded: 'for=203.0.113.7', 'x-real-ip': '203.0.113.7', 'true-client-ip': '203.0.113.7', 'cf-connecting-ip': '203.0.113.7' };
  const r = await as.scheduler.get(`/v1/patients/${patient}`, claims);
  assert.equal(r.status, 200);
  assert.equal((await clinic.sql(`SELECT address FROM audit WHERE request_id = :'id'`, { id: r.headers['x-request-id'] }))[0].address, '127.0.0.1');
  const signed = await new Client(clinic.url).post('/v1/session', { email: clinic.people.admin.email, password: 'wrong password', client: 'api' }, claims);
  assert.equal((await clinic.sql(`SELECT address FROM audit WHERE request_id = :'id'`, { id: signed.headers['x-request-id'] }))[0].address, '127.0.0.1');
  assert.equal(await count(`session WHERE address::text LIKE '203.%'`), 0);
});

//= AZ-10, TR-20: a rate is the address's own; Retry-After is the truth
test('too many requests are told when to come back', async () => {
  const small = await startClinic({ env: { EPIONE_SETTINGS: 'requests_per_minute 120\nsign_ins_per_minute 20' } });
  try {
    const who = await small.signIn(small.people.scheduler);
    // all at once: a slow machine would stay below the rates
    const nobody = new Client(small.url);
    const signs = await Promise.all(Array.from({ length: 12 }, (_, i) => nobody.post('/v1/session', { email: `a${i}@b.example`, password: 'long enough 12', client: 'api' }, { 'x-forwarded-for': `198.51.100.${i}` })));
    assert.ok(signs.some((r) => r.status === 429) && signs.some((r) => r.status === 401), signs.map((r) => r.status).join());
    problem(signs.find((r) => r.status === 429), 429, 'too_many_requests');
    const tried = await Promise.all(Array.from({ length: 60 }, (_, i) => who.get('/v1/session', { 'x-forwarded-for': `203.0.113.${i}` })));
    const late = tried.filter((r) => r.status === 429);
    assert.ok(late.length > 10 && late.length < 60, `${late.length} of 60`);
    for (const r of late) {
      problem(r, 429, 'too_many_requests');
      assert.match(r.headers['retry-after'], /^[1-9]\d?$/);
    }
    assert.equal((await nobody.get('/healthz')).status, 200);
    assert.equal((await nobody.get('/')).status, 200);
    const last = await who.get('/v1/session');
    await sleep(Number((last.status === 429 ? last : late.at(-1)).headers['retry-after']) * 1000 + 300);
    assert.equal((await who.get('/v1/session')).status, 200);
    who.close();
    nobody.close();
  } finally {
    await small.stop();
  }
});

//= TR-24: who sends for ever is told that it is too late, and cut off
test('a header and a body that never end are ended', async () => {
  for (const { seconds, responses: got } of await Promise.all(slow)) {
    assert.ok(seconds > 15 && seconds < patiently(40), `${seconds} s`);
    assert.equal(got.length, 1);
    problem(got[0], 408, 'request_timeout');
  }
});

test('after all of this the server is as it was', async () => {
  for (const c of Object.values(as)) assert.equal((await c.get('/v1/session')).status, 200);
  const r = await as.scheduler.get('/readyz');
  assert.deepEqual([r.status, r.body], [200, { status: 'ready' }]);
});

test('a page that is not there is a page for a person, a problem for a program', async () => {
  const anyone = new Client(clinic.url);
  const person = await anyone.get('/no-such-page', { accept: 'text/html,application/xhtml+xml' });
  assert.equal(person.status, 404);
  assert.match(person.headers['content-type'], /^text\/html/);
  assert.match(person.text, /<h1/);
  const program = await anyone.get('/no-such-page');
  assert.equal(program.status, 404);
  assert.equal(program.body.code, 'not_found');
  const file = await anyone.get('/assets/no-such-file.js', { accept: 'text/html' });
  assert.equal(file.headers['content-type'], 'application/problem+json');
  anyone.close();
});
