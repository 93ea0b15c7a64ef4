// What a client may rely on that knows nothing but the API's conventions:
// one form for all answers, for all conditions, for all lists.
import assert from 'node:assert/strict';
import { createHash, createHmac, randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';

let clinic, as, nobody;
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const minimal = (more) => ({ family_name: 'Stranger', given_name: 'Una', birth_date: '1990-01-01', sex: 'unknown', ...more });
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const count = async (table) => Number((await clinic.sql(`SELECT count(*) FROM ${table}`))[0].count);

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const name of ['scheduler', 'clinician', 'clinician2', 'compliance']) as[name] = await clinic.signIn(clinic.people[name]);
  nobody = new Client(clinic.url);
});
after(() => {
  for (const c of [...Object.values(as ?? {}), nobody]) c?.close();
  return clinic?.stop();
});

test('every answer has a request id of its own, and the audit row has it too', async () => {
  const ids = new Set();
  for (const path of ['/healthz', '/readyz', '/metrics', '/', '/visits', '/assets/app.css', '/v1/openapi.json', '/v1/session', '/v1/nothing', '/nothing']) {
    const { headers } = await nobody.get(path);
    assert.match(headers['x-request-id'] ?? '', uuid, path);
    ids.add(headers['x-request-id']);
  }
  assert.equal(ids.size, 10);
  // what is read on every page is sent once
  for (const path of ['/assets/app.css', '/v1/openapi.json']) {
    const same = await nobody.get(path, { 'if-none-match': (await nobody.get(path)).headers.etag });
    assert.equal(same.status, 304, path);
    assert.match(same.headers['x-request-id'] ?? '', uuid);
  }
  const read = await as.scheduler.get('/v1/users');
  const [row] = await clinic.audit(`request_id = '${read.headers['x-request-id']}'`);
  assert.equal(row.event, 'user.listed');
});

//= IN-06: what cannot be read is refused where it is wrong, and nothing is changed
test('a body that is no JSON is refused with the field in which it goes wrong', async () => {
  const had = await count('patient');
  const cases = [
    ['{"family_name":"a","family_name":"b"}', 'duplicate_field', 'family_name'],
    ['{"address":{"city":"a","city":"b"}}', 'duplicate_field', 'address.city'],
    [Buffer.concat([Buffer.from('{"family_name":"'), Buffer.from([0xff, 0xfe]), Buffer.from('"}')]), 'bad_encoding', 'family_name'],
    ['{"family_name":"a\\u0000b"}', 'bad_json', 'family_name'],
    ['{"family_name":"a","given_name":x}', 'bad_json', 'given_name'],
    ['{"family_name":', 'bad_json', 'family_name'],
    ['{"address":' + '['.repeat(9), 'too_deep', 'address'],
    ['{} x', 'bad_json', undefined],
    ['[]', 'bad_json', undefined],
  ];
  for (const [body, code, field] of cases) refused(await as.scheduler.post('/v1/patients', body), 400, code, field);
  assert.equal(await count('patient'), had);
});

test('a key that was used is known with all that belongs to its answer', async () => {
  const key = randomUUID(), body = minimal();
  const first = await as.scheduler.create('/v1/patients', body, key);
  const again = await as.scheduler.create('/v1/patients', body, key);
  assert.equal(first.status, 201, first.text);
  assert.deepEqual([again.status, again.text, again.headers.etag], [201, first.text, '"1"']);
  assert.notEqual(again.headers['x-request-id'], first.headers['x-request-id']);
  //= AU-02: the row of a repeated request names the record that was answered
  const [row] = await clinic.audit(`request_id = '${again.headers['x-request-id']}'`);
  assert.deepEqual([row.record_id, row.patient_id], [first.body.id, first.body.id]);
});

//= EN-01, EN-08: who reads the table learns nothing, and cannot test a guess of what was sent
test('of a key and its request a keyed hash is kept', async () => {
  const key = `Stranger ${randomUUID()}`, body = JSON.stringify(minimal());
  const sent = [['scheduler', key], ['scheduler', `${key}2`], ['clinician', key]];
  for (const [who, k] of sent) assert.equal((await as[who].create('/v1/patients', body, k)).status, 201);
  const rows = await clinic.sql(`SELECT encode(key_hash, 'hex') AS key, encode(request_hash, 'hex') AS request, i::text AS row FROM idempotency i ORDER BY created_at DESC LIMIT 3`);
  const plain = (...parts) => createHash('sha256').update(parts.join('')).digest('hex');
  // nor what we hash ourselves, were it hashed without a key
  const own = Buffer.from((await clinic.accountId(clinic.people.scheduler)).replaceAll('-', ''), 'hex');
  const bound = [key, `/v1/patients\0${body}`].map((text) => Buffer.concat([own, Buffer.from(`patient_create\0${text}`)]));
  const guesses = [plain(key), plain(body), plain('/v1/patients\0', body), plain('/v1/patients', body),
    ...bound.flatMap((b) => [createHash('sha256').update(b).digest('hex'), createHmac('sha256', '').update(b).digest('hex')])];
  for (const row of rows) {
    assert.ok(!row.row.includes('Stranger') && !row.row.includes(Buffer.from(key).toString('hex')));
    for (const guess of guesses) assert.ok(![row.key, row.request].includes(guess));
  }
  // equal keys, and equal requests, of two people have nothing in common
  assert.equal(new Set(rows.map((r) => r.key)).size, 3);
  assert.equal(new Set(rows.map((r) => r.request)).size, 2);
});

//= AZ-01: an answer about one patient is not given out as that of another
test('a key that was used at one address does not answer at another', async () => {
  const made = await Promise.all(['a', 'b'].map((who) => as.scheduler.create('/v1/patients', minimal({ email: `${who}-${randomUUID()}@example.org` }))));
  const key = randomUUID();
  const [a, b] = made.map((r) => `/v1/patients/${r.body.id}/account`);
  assert.equal((await as.scheduler.create(a, {}, key)).status, 201);
  refused(await as.scheduler.create(b, {}, key), 422, 'idempotency_key_reused', 'Idempotency-Key');
  assert.equal((await as.scheduler.create(b, {}, randomUUID())).status, 201);
});

test('a key has 64 characters, of any script', async () => {
  // as bytes: with a body of text Node writes the headers in its encoding
  const body = Buffer.from(JSON.stringify(minimal()));
  const send = (key) => as.scheduler.create('/v1/patients', body, Buffer.from(key).toString('latin1'));
  assert.equal((await send('鍵'.repeat(64))).status, 201);
  refused(await send('鍵'.repeat(65)), 422, 'invalid_field', 'Idempotency-Key');
});

//= IN-05: the conditions of RFC 9110 13.1.1
test('If-Match takes a list, never a weak tag, and * says nothing of what was seen', async () => {
  const path = `/v1/patients/${(await as.scheduler.create('/v1/patients', minimal())).body.id}`;
  let etag = '"1"';
  const send = (tag, n) => as.scheduler.patch(path, { language: `l${n}` }, { 'if-match': tag });
  refused(await send('*', 0), 428, 'precondition_required');
  for (const tag of ['W/"1"', 'W/"1", "7"', '"a,b"', '"1" "2"', '"1', '1, 2', ',']) refused(await send(tag, 0), 412, 'stale');
  for (const [n, list] of [(t) => `W/"1", ${t}`, (t) => `"abc",${t}`, (t) => `"1",  ${t} ,`, (t) => ` ${t}`].entries()) {
    const r = await send(list(etag), n + 1);
    assert.equal(r.status, 200, `${list(etag)}: ${r.text}`);
    assert.notEqual(r.headers.etag, etag);
    etag = r.headers.etag;
  }
  refused(await send('"1", "2"', 9), 412, 'stale');
});

test('what is taken is said with the field that took it', async () => {
  const mrn = `C-${randomUUID()}`;
  assert.equal((await as.scheduler.create('/v1/patients', minimal({ mrn }))).status, 201);
  refused(await as.scheduler.create('/v1/patients', minimal({ mrn: mrn.toUpperCase() })), 409, 'mrn_taken', 'mrn');
});

test('a telephone number is found however it is written', async () => {
  const digits = String(Math.floor(Math.random() * 1e7)).padStart(7, '0');
  const [a, b] = [digits.slice(0, 3), digits.slice(3)];
  const kept = await as.scheduler.create('/v1/patients', minimal({ phone: `+1 (555) ${a}-${b}` }));
  for (const phone of [`555-${a}-${b}`, `(555) ${a} ${b}`, `1 555 ${digits}`, `+1.555.${a}.${b}`, `001 555 ${digits}`]) {
    const r = await as.scheduler.search({ phone });
    assert.deepEqual(r.body.items?.map((p) => p.id), [kept.body.id], `${phone}: ${r.text}`);
  }
  const part = await as.scheduler.search({ phone: digits });
  assert.deepEqual(part.body.items, []);
});

test('a time with parts of a second is taken, and told in whole ones', async () => {
  const patient_id = (await as.scheduler.create('/v1/patients', minimal())).body.id;
  const { body: { items: [doctor] } } = await as.scheduler.get('/v1/users?role=clinician&limit=1');
  const starts_at = new Date(Math.floor(Date.now() / 1000) * 1000 + 50 * 86400e3).toISOString();
  assert.match(starts_at, /\.000Z$/);
  const made = await as.scheduler.create('/v1/visits', { patient_id, clinician_id: doctor.id, starts_at, duration_minutes: 5, reason: 'Check-up' });
  assert.equal(made.status, 201, made.text);
  const seen = await as.scheduler.get(`/v1/visits/${made.body.id}`);
  assert.equal(seen.body.starts_at, starts_at.replace('.000', ''));
  const between = await as.scheduler.get(`/v1/visits?from=${starts_at}&patient_id=${patient_id}`);
  assert.deepEqual(between.body.items.map((v) => v.id), [made.body.id]);
});

test('limit is a number from 1 to 100, and a file says what it takes', async () => {
  for (const limit of ['0', '101', 'abc', '', '+5', '%205', '1.0', '0x1', '-1', '99999999999999999999'])
    refused(await as.scheduler.get(`/v1/users?limit=${limit}`), 400, 'bad_query', 'limit');
  assert.equal((await as.scheduler.get('/v1/users?limit=100')).status, 200);
  for (const path of ['/', '/visits', '/v1/openapi.json']) {
    const r = await nobody.post(path, {});
    assert.deepEqual([r.status, r.headers.allow], [405, 'GET, HEAD'], path);
  }
});
