// Signing in, the second factor, and how sessions live and end.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Client, startClinic, totp } from '../lib/clinic.mjs';

let clinic;
before(async () => { clinic = await startClinic(); });
after(() => clinic?.stop());
beforeEach(() => clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL; DELETE FROM attempt_stranger; UPDATE account SET totp_last_step = 0; UPDATE session SET ended_at = now() WHERE ended_at IS NULL`));

const now = () => Math.floor(Date.now() / 1000);
const sign = (client, person, more = {}) => client.post('/v1/session', { email: person.email, password: person.password, client: 'api', ...more });
const stranger = { email: 'nobody@elsewhere.example', password: 'some password of theirs' };
const hashOf = (token) => createHash('sha256').update(token).digest('hex');

async function halfway(person) {
  const client = new Client(clinic.url, { role: person.role });
  const r = await sign(client, person);
  assert.equal(r.status, 200, r.text);
  return client;
}

// A code's step must not change between making and using it.
async function code(person, steps = 0) {
  if (Date.now() % 30000 > 27000) await new Promise((done) => setTimeout(done, 3100));
  return totp(person.totp_secret, now() + steps * 30);
}

const refusal = (r) => { const { request_id, ...rest } = r.body; assert.ok(request_id); return { status: r.status, ...rest }; };

//= IA-03: the password alone opens nothing but the way to the second factor
test('a right password gives a short session that only the code leads out of', async () => {
  const { clinician } = clinic.people;
  const client = await halfway(clinician);
  const s = await client.get('/v1/session');
  assert.equal(s.body.state, 'totp_required');
  assert.equal(s.body.user.display_name, null, 'nothing of the owner is told yet');
  assert.ok(Date.parse(s.body.expires_at) - Date.now() <= 300_000);
  for (const path of ['/v1/visits', '/v1/users', '/v1/account/sessions', '/v1/users?role=clinician'])
    assert.deepEqual([path, (await client.get(path)).body.code], [path, 'totp_required']);
  const done = await client.post('/v1/session/totp', { code: await code(clinician) });
  assert.equal(done.status, 200, done.text);
  assert.equal(done.body.state, 'active');
  assert.equal(done.body.user.role, 'clinician');
  assert.equal((await client.get('/v1/visits')).status, 200);
  const rows = await clinic.audit(`actor_id = '${done.body.user.id}' AND event IN ('session.created', 'session.factor')`);
  assert.deepEqual(rows.slice(-2).map((e) => [e.event, e.outcome, e.actor_role]), [['session.created', 'ok', 'clinician'], ['session.factor', 'ok', 'clinician']]);
  assert.equal((await client.post('/v1/session/totp', { code: '000000' })).body.code, 'wrong_status');
  client.close();
});

//= SE-04: the cookie, and no token that scripts could read
test('a browser gets a cookie and no token', async () => {
  const { admin } = clinic.people;
  const browser = new Client(clinic.url, { browser: true });
  const r = await sign(browser, admin, { client: undefined });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.token, undefined);
  assert.match(r.headers['set-cookie'][0], /^__Host-epione=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=(Strict|Lax)$/);
  const second = await browser.post('/v1/session/totp', { code: await code(admin) });
  assert.equal(second.body.state, 'active');
  assert.equal(second.body.token, undefined);
  assert.equal((await browser.get('/v1/users')).status, 200);
  //= SE-07: the cookie alone changes nothing
  for (const origin of [null, 'https://evil.example', 'null'])
    assert.equal((await browser.request('DELETE', '/v1/session', undefined, { origin })).body.code, 'origin_refused');
  assert.equal((await browser.delete('/v1/session')).status, 204);
  assert.equal(browser.cookie, null);
  browser.close();
});

//= IA-11: nobody learns which addresses have accounts
test('unknown, wrong, deactivated and not yet accepted answer alike', async () => {
  const { clinician2, scheduler } = clinic.people;
  const client = new Client(clinic.url);
  const seen = [];
  seen.push(refusal(await sign(client, stranger)));
  seen.push(refusal(await sign(client, { ...scheduler, password: 'not the password' })));
  const id = await clinic.accountId(clinician2);
  await clinic.sql(`UPDATE account SET deactivated_at = now() WHERE id = :'id'`, { id });
  seen.push(refusal(await sign(client, clinician2)));
  await clinic.sql(`UPDATE account SET deactivated_at = NULL WHERE id = :'id'`, { id });
  const hash = (await clinic.sql(`SELECT password_hash FROM account WHERE id = :'id'`, { id }))[0].password_hash;
  await clinic.sql(`UPDATE account SET password_hash = NULL WHERE id = :'id'`, { id });
  seen.push(refusal(await sign(client, clinician2)));
  await clinic.sql(`UPDATE account SET password_hash = :'hash' WHERE id = :'id'`, { id, hash });
  for (const s of seen) assert.deepEqual(s, seen[0]);
  assert.equal(seen[0].status, 401);
  assert.equal(seen[0].code, 'invalid_credentials');
  assert.equal((await sign(client, clinician2)).status, 200);
  client.close();
});

//= IA-11: nor by how long it takes
test('unknown and known addresses take the same time', async () => {
  const client = new Client(clinic.url);
  const wrong = { ...clinic.people.scheduler, password: 'not the password' };
  const times = { known: [], unknown: [] };
  for (let i = 0; i < 24; i++) {
    if (i % 4 === 0) await clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL; DELETE FROM attempt_stranger`);
    for (const [kind, who] of [['known', wrong], ['unknown', stranger]]) {
      const from = performance.now();
      assert.equal((await sign(client, who)).status, 401);
      times[kind].push(performance.now() - from);
    }
  }
  const median = (a) => a.sort((x, y) => x - y)[a.length >> 1];
  const [k, u] = [median(times.known), median(times.unknown)];
  assert.ok(Math.abs(k - u) / Math.max(k, u) < 0.25, `known ${k.toFixed(1)} ms, unknown ${u.toFixed(1)} ms`);
  client.close();
});

//= IA-09, IA-11: delays for known and unknown addresses alike
test('five failures lead to a delay that the right password does not pass', async () => {
  const { scheduler } = clinic.people;
  const client = new Client(clinic.url);
  const answers = {};
  for (const who of [{ ...scheduler, password: 'not the password' }, stranger]) {
    const got = [];
    for (let i = 0; i < 6; i++) got.push(await sign(client, who));
    assert.deepEqual(got.map((r) => r.status), [401, 401, 401, 401, 401, 429]);
    answers[who.email] = refusal(got[5]);
    const wait = Number(got[5].headers['retry-after']);
    assert.ok(wait >= 25 && wait <= 31, `Retry-After: ${wait}`);
  }
  assert.deepEqual(answers[scheduler.email], answers[stranger.email]);
  assert.equal((await sign(client, scheduler)).status, 429);
  await clinic.sql(`UPDATE attempt SET blocked_until = now() WHERE blocked_until IS NOT NULL; UPDATE attempt_stranger SET blocked_until = now()`);
  // one more failure doubles the delay
  for (const who of [{ ...scheduler, password: 'not the password' }, stranger]) {
    assert.equal((await sign(client, who)).status, 401);
    const wait = Number((await sign(client, who)).headers['retry-after']);
    assert.ok(wait >= 55 && wait <= 61, `Retry-After: ${wait}`);
  }
  await clinic.sql(`UPDATE attempt SET blocked_until = now() WHERE blocked_until IS NOT NULL`);
  assert.equal((await sign(client, scheduler)).status, 200);
  const [row] = await clinic.sql(`SELECT failures, blocked_until FROM attempt t WHERE factor = 'password' AND account_id = :'id'`, { id: await clinic.accountId(scheduler) });
  assert.deepEqual(row, { failures: '0', blocked_until: '' }, 'success starts the count again');
  client.close();
});

//= IA-09: a hundred failures stop the factor until somebody unlocks it
test('after a hundred failures the right password fails too', async () => {
  const { scheduler, admin } = clinic.people;
  const client = new Client(clinic.url);
  const id = await clinic.accountId(scheduler);
  await sign(client, { ...scheduler, password: 'not the password' });
  await clinic.sql(`UPDATE attempt SET failures = 100, blocked_until = now() WHERE account_id = :'id'`, { id });
  assert.equal((await sign(client, scheduler)).status, 429);
  const boss = await clinic.signIn(admin);
  assert.equal((await boss.get(`/v1/users/${id}`)).body.locked, true);
  assert.equal((await boss.post(`/v1/users/${id}/unlock`)).body.locked, false);
  assert.equal((await sign(client, scheduler)).status, 200);
  client.close();
  boss.close();
});

test('attempts that arrive together cannot slip past the limit', async () => {
  const { scheduler } = clinic.people;
  const client = new Client(clinic.url);
  const got = await Promise.all(Array.from({ length: 20 }, () => sign(client, { ...scheduler, password: 'not the password' })));
  assert.equal(got.filter((r) => r.status === 401).length, 5);
  assert.equal(got.filter((r) => r.status === 429).length, 15);
  client.close();
});

//= IA-06: one step to each side, no more
test('the codes of the steps beside now are right, others are not', async () => {
  const { clinician } = clinic.people;
  for (const [steps, want] of [[-2, 401], [2, 401], [-1, 200], [0, 200], [1, 200]]) {
    await clinic.sql(`UPDATE account SET totp_last_step = 0; UPDATE attempt SET failures = 0, blocked_until = NULL`);
    const client = await halfway(clinician);
    const r = await client.post('/v1/session/totp', { code: await code(clinician, steps) });
    assert.equal(r.status, want, `step ${steps}: ${r.text}`);
    client.close();
  }
  await clinic.sql(`UPDATE clinic SET totp_window_steps = 0; UPDATE account SET totp_last_step = 0`);
  const client = await halfway(clinician);
  assert.equal((await client.post('/v1/session/totp', { code: await code(clinician, 1) })).status, 401);
  await clinic.sql(`UPDATE clinic SET totp_window_steps = 1`);
  client.close();
});

//= IA-05: a code counts once, and no older one counts after it
test('a code works once, on whichever worker it comes', async () => {
  const { clinician } = clinic.people;
  const clients = [];
  for (let i = 0; i < 20; i++) clients.push(await halfway(clinician));
  // the limit of attempts would hide the race: it is lifted for the moment
  await clients[0].post('/v1/session/totp', { code: '000000' });
  await clinic.sql(`UPDATE attempt SET failures = -1000, blocked_until = NULL`);
  const c = await code(clinician);
  const got = await Promise.all(clients.map((s) => s.post('/v1/session/totp', { code: c })));
  assert.equal(got.filter((r) => r.status === 200).length, 1, got.map((r) => r.status).join(' '));
  assert.equal(got.filter((r) => r.body.code === 'invalid_code').length, 19);
  await clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL`);
  const late = await halfway(clinician);
  assert.equal((await late.post('/v1/session/totp', { code: await code(clinician, -1) })).body.code, 'invalid_code');
  assert.equal((await late.post('/v1/session/totp', { code: await code(clinician, 1) })).status, 200);
  for (const s of [...clients, late]) s.close();
});

//= IA-10: guesses at the code share the limit, and a new sign-in is no way round
test('five wrong codes block the code for every session of the account', async () => {
  const { clinician } = clinic.people;
  const first = await halfway(clinician);
  for (let i = 0; i < 5; i++)
    assert.equal((await first.post('/v1/session/totp', { code: '000000' })).status, 401);
  const blocked = await first.post('/v1/session/totp', { code: await code(clinician) });
  assert.equal(blocked.status, 429);
  assert.ok(Number(blocked.headers['retry-after']) > 0);
  const second = await halfway(clinician);
  assert.equal((await second.post('/v1/session/totp', { code: await code(clinician) })).status, 429);
  for (const bad of ['12345', '1234567', 'abcdef', '１２３４５６', ''])
    assert.ok([401, 422, 429].includes((await second.post('/v1/session/totp', { code: bad })).status), bad);
  first.close();
  second.close();
});

//= SE-03: a new token with each factor; only hashes are stored
test('each factor replaces the token, and the old one is worth nothing', async () => {
  const { clinician } = clinic.people;
  const client = await halfway(clinician);
  const tokens = [client.token];
  await client.post('/v1/session/totp', { code: await code(clinician) });
  tokens.push(client.token);
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  const step = await client.post('/v1/session/step-up', { code: await code(clinician) });
  assert.equal(step.status, 200, step.text);
  const ahead = Date.parse(step.body.step_up_until) - Date.now();
  assert.ok(ahead > 290_000 && ahead <= 301_000);
  tokens.push(client.token);
  assert.equal(new Set(tokens).size, 3);
  for (const t of tokens) assert.match(t, /^[\w-]{43}$/);
  const old = new Client(clinic.url);
  for (const t of tokens.slice(0, 2)) {
    old.token = t;
    const r = await old.get('/v1/session');
    assert.equal(r.status, 401);
    assert.match(r.headers['www-authenticate'], /^Bearer .*error="invalid_token"/); //= SE-09
  }
  assert.equal((await client.get('/v1/session')).body.step_up_until, step.body.step_up_until);
  const stored = await clinic.sql(`SELECT encode(hash, 'hex') AS hash FROM session WHERE ended_at IS NULL`);
  assert.ok(stored.some((r) => r.hash === hashOf(tokens[2])));
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM session s WHERE s::text LIKE '%' || :'t' || '%'`, { t: tokens[2] }))[0].n, '0');
  //= SE-08
  assert.equal((await old.request('GET', `/v1/session?token=${tokens[2]}`, undefined, { authorization: null })).status, 401);
  old.close();
  client.close();
});

test('a step-up takes a fresh code', async () => {
  const client = await clinic.signIn(clinic.people.clinician);
  assert.equal((await client.post('/v1/session/step-up', { code: '000000' })).body.code, 'invalid_code');
  assert.equal((await client.get('/v1/session')).body.step_up_until, null);
  client.close();
});

//= IA-01: an address is one, with whatever it was pasted or typed
test('a sign-in address is known with invisible characters around it and in full width', async () => {
  const { scheduler } = clinic.people;
  const wide = (text) => [...text].map((c) => String.fromCodePoint(c.codePointAt(0) + 0xfee0)).join('');
  for (const email of [`\u200b${scheduler.email}`, `\ufeff${scheduler.email}\u200b`, wide(scheduler.email), scheduler.email.toUpperCase()]) {
    const client = new Client(clinic.url, { role: 'scheduler' });
    assert.equal((await sign(client, { ...scheduler, email })).status, 200, email);
    client.close();
  }
});

test('a code is taken in the digits of any keyboard', async () => {
  const { clinician } = clinic.people;
  for (const zero of [0xff10, 0x0660, 0x06f0, 0x0966]) {
    await clinic.sql(`UPDATE account SET totp_last_step = 0`);
    const client = await halfway(clinician);
    const typed = [...await code(clinician)].map((d) => String.fromCodePoint(zero + Number(d))).join('');
    const r = await client.post('/v1/session/totp', { code: typed });
    assert.equal(r.status, 200, `${zero.toString(16)}: ${r.text}`);
    client.close();
  }
});

//= IA-20: who lost the authenticator sets up another at once
test('a session by recovery code may offer a new authenticator without a code of the old', async () => {
  const { scheduler } = clinic.people;
  const client = await halfway(scheduler);
  assert.equal((await client.post('/v1/session/recovery', { code: scheduler.recovery_codes[5] })).status, 200);
  const r = await client.post('/v1/account/totp');
  assert.equal(r.status, 200, r.text);
  client.close();
});

//= IA-20: a recovery code stands in once
test('a recovery code opens the session once, however it is typed', async () => {
  const { compliance } = clinic.people;
  const [first, second] = compliance.recovery_codes;
  const client = await halfway(compliance);
  assert.equal((await client.post('/v1/session/recovery', { code: 'zzzz-zzzz-zzzz-zzzz' })).body.code, 'invalid_code');
  assert.equal((await client.post('/v1/session/recovery', { code: 'x' })).body.code, 'invalid_code');
  const r = await client.post('/v1/session/recovery', { code: first.toUpperCase().replaceAll('-', ' ') });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.state, 'active');
  assert.equal(r.body.codes_left, 9);
  assert.equal((await client.get('/v1/audit')).status, 200);
  const again = await halfway(compliance);
  assert.equal((await again.post('/v1/session/recovery', { code: first })).body.code, 'invalid_code');
  const many = await Promise.all(Array.from({ length: 3 }, () => halfway(compliance)));
  const used = await Promise.all(many.map((s) => s.post('/v1/session/recovery', { code: second })));
  assert.equal(used.filter((u) => u.status === 200).length, 1);
  const id = await clinic.accountId(compliance);
  const [{ plain }] = await clinic.sql(`SELECT count(*) AS plain FROM recovery_code r WHERE r::text LIKE '%' || :'code' || '%'`, { code: first });
  assert.equal(plain, '0');
  const events = await clinic.audit(`actor_id = '${id}' AND event = 'session.recovered'`);
  assert.deepEqual([...new Set(events.map((e) => e.outcome))].sort(), ['invalid_code', 'ok']);
  for (const s of [client, again, ...many]) s.close();
});

//= SE-05
test('sign-out ends the session at once', async () => {
  const client = await clinic.signIn(clinic.people.patient);
  const { token } = client;
  const r = await client.delete('/v1/session');
  assert.equal(r.status, 204);
  assert.match(r.headers['clear-site-data'], /"cache"/);
  client.token = token;
  assert.equal((await client.get('/v1/session')).status, 401);
  client.close();
});

//= SE-01: the server's clock alone decides
test('sessions end by idleness and by age; use extends the one alone', async () => {
  const { clinician, patient } = clinic.people;
  const age = (client, what) => clinic.sql(`UPDATE session SET ${what} WHERE hash = sha256(convert_to(:'t', 'UTF8'))`, { t: client.token });
  for (const [person, minutes] of [[clinician, 15], [patient, 30]]) {
    const client = await clinic.signIn(person);
    await age(client, `seen_at = now() - interval '${minutes} minutes' + interval '5 seconds'`);
    const polled = await client.get('/v1/session', { 'x-background': '1' });
    assert.equal(polled.status, 200);
    assert.ok(Date.parse(polled.body.idle_expires_at) - Date.now() < 6000, 'a poll is no sign of life'); //= SE-02
    const used = await client.get('/v1/session');
    assert.ok(Date.parse(used.body.idle_expires_at) - Date.now() > (minutes * 60 - 2) * 1000);
    assert.equal(used.body.expires_at, polled.body.expires_at, 'use never extends the absolute limit');
    await age(client, `seen_at = now() - interval '${minutes} minutes 1 second'`);
    assert.equal((await client.get('/v1/session')).status, 401);
    client.close();
  }
  const client = await clinic.signIn(clinician);
  const s = await client.get('/v1/session');
  assert.ok(Math.abs(Date.parse(s.body.expires_at) - Date.now() - 12 * 3600_000) < 5000);
  await age(client, `expires_at = now() - interval '1 second'`);
  assert.equal((await client.get('/v1/session')).status, 401);
  client.close();
});

//= SE-10: the cap is 32 for each account
test('the oldest session gives way at the cap, and half-open ones push nobody out', async () => {
  const { clinician } = clinic.people;
  const keep = await clinic.signIn(clinician);
  const half = [];
  for (let i = 0; i < 33; i++) {
    half.push(await halfway(clinician));
    await clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL`);
  }
  assert.equal((await keep.get('/v1/session')).status, 200);
  assert.equal((await half[0].get('/v1/session')).status, 401);
  assert.equal((await half[1].get('/v1/session')).status, 200);
  for (const s of [keep, ...half]) s.close();
});

test('who is signed in, and until when', async () => {
  const { patient } = clinic.people;
  const client = await clinic.signIn(patient);
  const { body, headers } = await client.get('/v1/session');
  assert.equal(headers['cache-control'], 'no-store');
  assert.deepEqual(Object.keys(body).sort(), ['approvals_waiting', 'expires_at', 'idle_expires_at', 'may', 'password_expires_at', 'state', 'step_up_until', 'user']);
  assert.equal(body.user.role, 'patient');
  assert.equal(body.user.patient_id, patient.patient_id);
  assert.ok(body.user.display_name.length > 0);
  assert.ok(body.user.clinic_name.length > 0);
  const days = (Date.parse(body.password_expires_at) - Date.now()) / 86400_000;
  assert.ok(days > 89 && days <= 90);
  client.close();
});

//= IN-06, AZ-03
test('what a sign-in may not carry is refused, and nothing of it is echoed', async () => {
  const client = new Client(clinic.url);
  const good = { email: 'a@b.example', password: 'CANARY-password' };
  for (const [body, status, want] of [
    [{ ...good, role: 'admin' }, 422, 'unknown_field'],
    [{ email: 'a@b.example' }, 422, 'missing_field'],
    [{ ...good, client: 'other' }, 422, 'invalid_field'],
    [{ ...good, password: '' }, 422, 'invalid_field'],
    [{ ...good, password: 7 }, 422, 'invalid_field'],
    ['{"email":"a@b.example","email":"c@d.example","password":"x"}', 400, 'duplicate_field'],
    ['{"email":', 400, 'bad_json'],
    [Buffer.from('{"email":"a@b.example","password":"\xff"}', 'latin1'), 400, 'bad_encoding'],
  ]) {
    const r = await client.post('/v1/session', body);
    assert.deepEqual([r.status, r.body.code], [status, want], JSON.stringify(body));
    assert.ok(!r.text.includes('CANARY'));
  }
  assert.ok(!clinic.log.includes('CANARY'), 'nor logged'); //= AU-03
  client.close();
});
