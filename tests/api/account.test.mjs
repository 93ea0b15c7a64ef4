// Invitations, authenticators, passwords: what an account's owner does alone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Client, startClinic, totp } from '../lib/clinic.mjs';

let clinic, boss;
before(async () => {
  clinic = await startClinic();
  boss = await clinic.signIn(clinic.people.admin);
});
after(async () => {
  boss?.close();
  await clinic?.stop();
});
beforeEach(() => clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL; UPDATE account SET totp_last_step = 0`));

const GOOD = 'fifteen letters long';
const tokenOf = (url) => url.split('#')[1];
const accept = (client, { url, phrase }, password, more = {}) => client.post(`/v1/invitations/${tokenOf(url)}/accept`, { password, phrase, client: 'api', ...more });
async function code(secret) {
  if (Date.now() % 30000 > 27000) await new Promise((done) => setTimeout(done, 3100));
  return totp(secret);
}
const expected = (r, status, want, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, want, field], r.text);

let count = 0;
async function invite(role = 'clinician') {
  const email = `person${++count}@staff.example`;
  const r = await boss.create('/v1/users', { email, display_name: `Person ${count}`, role });
  assert.equal(r.status, 201, r.text);
  return { email, role, id: r.body.id, url: r.body.invitation_url, phrase: await clinic.confirm(r.body) };
}

/** A new colleague who has accepted and enrolled. */
async function colleague(password = GOOD, role = 'clinician') {
  const who = await invite(role);
  const client = new Client(clinic.url, { role });
  assert.equal((await accept(client, who, password)).status, 200);
  const offer = await client.post('/v1/account/totp');
  const done = await client.post('/v1/account/totp/confirm', { code: await code(offer.body.secret) });
  assert.equal(done.status, 200, done.text);
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  return { ...who, password, totp_secret: offer.body.secret, recovery_codes: done.body.recovery_codes, client };
}

//= IA-19, IA-21: the link is the only way in, works once, and for a day
test('an invitation opens an account once', async () => {
  const who = await invite();
  assert.match(who.url, new RegExp(`^${clinic.url}/invitation#[\\w-]{43}$`));
  const client = new Client(clinic.url, { role: who.role });
  expected(await client.post('/v1/session', { email: who.email, password: GOOD }), 401, 'invalid_credentials');
  const r = await accept(client, who, GOOD);
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.state, 'totp_enrolment_required');
  assert.match(client.token, /^[\w-]{43}$/);
  const s = await client.get('/v1/session');
  assert.equal(s.body.state, 'totp_enrolment_required');
  assert.equal((await client.get('/v1/visits')).body.code, 'totp_enrolment_required');
  for (const url of [who.url, `x#${'A'.repeat(43)}`, 'x#short'])
    expected(await accept(new Client(clinic.url), { url, phrase: who.phrase }, GOOD), 410, 'link_expired');
  const late = await invite();
  await clinic.sql(`UPDATE invitation SET expires_at = now() - interval '1 second' WHERE account_id = :'id'`, late);
  expected(await accept(new Client(clinic.url), late, GOOD), 410, 'link_expired');
  const [{ hours }] = await clinic.sql(`SELECT extract(epoch FROM expires_at - created_at) / 3600 AS hours FROM invitation WHERE account_id = :'id'`, who);
  assert.equal(Number(hours), 24);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM invitation i WHERE i::text LIKE '%' || :'t' || '%'`, { t: tokenOf(who.url) }))[0].n, '0');
  const events = await clinic.audit(`event = 'invitation.accepted' AND actor_id = '${who.id}'`);
  assert.deepEqual(events.map((e) => e.outcome), ['ok']);
  client.close();
});

test('of two who use a link together one gets in', async () => {
  const who = await invite();
  const both = await Promise.all([1, 2, 3].map((n) => accept(new Client(clinic.url), who, GOOD + n)));
  assert.deepEqual(both.map((r) => r.status).sort(), [200, 410, 410]);
});

//= IA-12, IA-13, IA-14
test('passwords are judged by length and by how soon they are guessed, not by their letters', async () => {
  const who = await invite();
  const client = new Client(clinic.url, { role: who.role });
  const weak = ['', 'elevenchars', 'p'.repeat(257), 'passwordpassword', 'PasswordPassword', '123456789012', 'epioneepione', 'Epione123456', 'abcdefghijkl', 'harborfamily1', 'memberclinic1', '01'.repeat(128), who.email, who.email.toUpperCase(), 'a\u0301qzkvwbxjt'];
  for (const password of weak) {
    const r = await accept(client, who, password);
    assert.equal(r.status, 422, `${password}: ${r.text}`);
    assert.equal(r.body.field, 'password');
    if (password === '' || [...password].length > 256) {
      assert.equal(r.body.code, 'invalid_field');
      continue;
    }
    assert.equal(r.body.code, 'weak_password', password);
    assert.match(r.body.title, /words that do not belong together/);
  }
  // 64 and more, spaces, every character; NFC makes two spellings one
  const long = 'Grüße aus dem Süden, e\u0301té ' + 'ß'.repeat(60) + ' \u{1F40D}';
  const r = await accept(client, who, long);
  assert.equal(r.status, 200, r.text);
  const again = new Client(clinic.url);
  for (const [password, want] of [[long.normalize('NFC'), 200], [long.normalize('NFD'), 200], [long + ' ', 401], [long.slice(0, -2) + '\u{1F40E}', 401]])
    assert.equal((await again.post('/v1/session', { email: who.email, password, client: 'api' })).status, want, password);
  const hundred = await invite();
  await accept(new Client(clinic.url), hundred, 'qwzkvbxjt'.repeat(11) + 'a');
  assert.equal((await again.post('/v1/session', { email: hundred.email, password: 'qwzkvbxjt'.repeat(11) + 'b' })).status, 401, 'no byte is cut off');
  // lower case alone is a password
  const plain = await invite();
  assert.equal((await accept(new Client(clinic.url), plain, 'qwzkvbxjtrnplmd')).status, 200);
  client.close();
  again.close();
});

test('the login name finds its account whatever its case or Unicode form', async () => {
  const email = `zo\u00eb${++count}@staff.example`;
  const made = await boss.create('/v1/users', { email, display_name: 'Zoë', role: 'scheduler' });
  assert.equal(made.status, 201, made.text);
  await accept(new Client(clinic.url), { url: made.body.invitation_url, phrase: await clinic.confirm(made.body) }, GOOD);
  const client = new Client(clinic.url);
  for (const form of [email, email.toUpperCase(), email.normalize('NFD')])
    assert.equal((await client.post('/v1/session', { email: form, password: GOOD, client: 'api' })).status, 200, form);
  client.close();
});

//= IA-18
test('passwords are stored as argon2id with a salt of their own, and rehashed when the costs rise', async () => {
  const [a, b] = [await invite(), await invite()];
  for (const who of [a, b]) await accept(new Client(clinic.url), who, GOOD);
  const rows = await clinic.sql(`SELECT password_hash FROM account WHERE id IN (:'a', :'b')`, { a: a.id, b: b.id });
  assert.notEqual(rows[0].password_hash, rows[1].password_hash);
  for (const r of rows) {
    const m = /^\$argon2id\$v=19\$m=(\d+),t=\d+,p=\d+\$([^$]+)\$/.exec(r.password_hash);
    assert.ok(m && Number(m[1]) >= 47104, r.password_hash);
    assert.ok(Buffer.from(m[2], 'base64').length >= 16);
  }
  const cheap = '$argon2id$v=19$m=8192,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$eQeWACovqdqqCe3cYJN53QhRQrY9FXQyrq6Wy2Px+4k';
  await clinic.sql(`UPDATE account SET password_hash = :'cheap' WHERE id = :'id'`, { cheap, id: a.id });
  const client = new Client(clinic.url);
  const sign = (password) => client.post('/v1/session', { email: a.email, password, client: 'api' });
  assert.equal((await sign('not it')).status, 401);
  assert.equal((await clinic.sql(`SELECT password_hash FROM account WHERE id = :'id'`, a))[0].password_hash, cheap);
  assert.equal((await sign('an older, cheaper password')).status, 200);
  assert.match((await clinic.sql(`SELECT password_hash FROM account WHERE id = :'id'`, a))[0].password_hash, /m=47104/);
  assert.equal((await sign('an older, cheaper password')).status, 200);
  client.close();
});

//= IA-07, IA-08
test('an authenticator counts from its first right code', async () => {
  const who = await invite();
  const client = new Client(clinic.url, { role: who.role });
  await accept(client, who, GOOD);
  expected(await client.post('/v1/account/totp/confirm', { code: '000000' }), 409, 'wrong_status');
  const offer = await client.post('/v1/account/totp');
  assert.equal(offer.status, 200, offer.text);
  assert.match(offer.body.secret, /^[A-Z2-7]{32}$/);
  const { secret: earlier } = (await client.post('/v1/account/totp')).body;
  offer.body = (await client.post('/v1/account/totp')).body;
  assert.notEqual(offer.body.secret, earlier);
  const uri = new URL(offer.body.otpauth_uri);
  assert.equal(uri.searchParams.get('secret'), offer.body.secret);
  assert.ok(decodeURIComponent(offer.body.otpauth_uri).includes(who.email));
  assert.match(offer.body.qr_svg, /^<svg [\s\S]*<\/svg>\s*$/);
  expected(await client.post('/v1/account/totp/confirm', { code: '000000' }), 401, 'invalid_code', 'code');
  assert.equal((await client.get('/v1/session')).body.state, 'totp_enrolment_required');
  const half = client.token;
  const enrolled = await code(offer.body.secret);
  const done = await client.post('/v1/account/totp/confirm', { code: enrolled });
  assert.equal(done.status, 200, done.text);
  assert.equal(done.body.state, 'active');
  assert.equal(new Set(done.body.recovery_codes).size, 10);
  for (const c of done.body.recovery_codes) assert.match(c, /^[0-9a-z]{4}(-[0-9a-z]{4}){3}$/);
  assert.notEqual(client.token, half);
  assert.equal((await client.get('/v1/visits')).status, 200);
  // the code that enrolled is spent, and the seed is told nowhere again
  const next = new Client(clinic.url);
  await next.post('/v1/session', { email: who.email, password: GOOD, client: 'api' });
  expected(await next.post('/v1/session/totp', { code: enrolled }), 401, 'invalid_code', 'code');
  for (const path of ['/v1/session', '/v1/account/sessions'])
    assert.ok(!(await client.get(path)).text.includes(offer.body.secret));
  assert.ok(!clinic.log.includes(offer.body.secret));
  client.close();
  next.close();
});

//= IA-08: to change it takes the one there is
test('a new authenticator needs a fresh code of the old, which works until then', async () => {
  const who = await colleague();
  const { client } = who;
  expected(await client.post('/v1/account/totp'), 403, 'step_up_required');
  assert.equal((await client.post('/v1/session/step-up', { code: await code(who.totp_secret) })).status, 200);
  const offer = await client.post('/v1/account/totp');
  assert.equal(offer.status, 200, offer.text);
  const other = await clinic.signIn(who); // by the old one
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  const done = await client.post('/v1/account/totp/confirm', { code: await code(offer.body.secret), end_other_sessions: true });
  assert.equal(done.status, 200, done.text);
  assert.equal((await other.get('/v1/session')).status, 401, 'the others end when asked');
  const fresh = new Client(clinic.url);
  await fresh.post('/v1/session', { email: who.email, password: who.password, client: 'api' });
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  expected(await fresh.post('/v1/session/totp', { code: await code(who.totp_secret) }), 401, 'invalid_code', 'code');
  assert.equal((await fresh.post('/v1/session/totp', { code: await code(offer.body.secret) })).status, 200);
  //= IA-20: the codes of before are void
  const lost = new Client(clinic.url);
  await lost.post('/v1/session', { email: who.email, password: who.password, client: 'api' });
  expected(await lost.post('/v1/session/recovery', { code: who.recovery_codes[0] }), 401, 'invalid_code', 'code');
  assert.equal((await lost.post('/v1/session/recovery', { code: done.body.recovery_codes[0] })).status, 200);
  for (const s of [client, other, fresh, lost]) s.close();
});

//= IA-19, IA-17
test('a password is changed with the one before, and none of the last four comes back', async () => {
  const who = await colleague();
  const { client } = who;
  const other = await clinic.signIn(who);
  const change = (current_password, new_password) => client.put('/v1/account/password', { current_password, new_password });
  expected(await change('not the password', 'another long password'), 401, 'invalid_credentials', 'current_password');
  expected(await change(GOOD, 'short'), 422, 'weak_password', 'new_password');
  expected(await change(GOOD, GOOD), 422, 'password_reused', 'new_password');
  const before = client.token;
  const r = await change(GOOD, 'long password number 1');
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.state, 'active');
  assert.notEqual(client.token, before); //= SE-03
  assert.equal((await other.get('/v1/session')).status, 401, 'other sessions end');
  assert.equal((await client.get('/v1/session')).status, 200);
  for (let n = 2; n <= 4; n++)
    assert.equal((await change(`long password number ${n - 1}`, `long password number ${n}`)).status, 200);
  expected(await change('long password number 4', 'long password number 1'), 422, 'password_reused', 'new_password');
  assert.equal((await change('long password number 4', GOOD)).status, 200, 'the fifth back may return');
  const fresh = new Client(clinic.url);
  expected(await fresh.post('/v1/session', { email: who.email, password: 'long password number 4' }), 401, 'invalid_credentials');
  assert.equal((await fresh.post('/v1/session', { email: who.email, password: GOOD, client: 'api' })).status, 200);
  const events = await clinic.audit(`event = 'password.changed' AND actor_id = '${who.id}'`);
  assert.deepEqual([...new Set(events.map((e) => e.outcome))].sort(), ['invalid_credentials', 'ok', 'password_reused', 'weak_password']);
  for (const s of [client, other, fresh]) s.close();
});

//= IA-09
test('guesses at the current password share the limit of sign-ins', async () => {
  const { client, email, password } = await colleague();
  for (let i = 0; i < 5; i++)
    assert.equal((await client.put('/v1/account/password', { current_password: 'guess', new_password: 'long password number 9' })).status, 401);
  assert.equal((await client.put('/v1/account/password', { current_password: password, new_password: 'long password number 9' })).status, 429);
  assert.equal((await client.post('/v1/session', { email, password })).status, 429);
  client.close();
});

test('of two changes at once one stands', async () => {
  const { client, email } = await colleague();
  const two = new Client(clinic.url);
  two.token = client.token;
  const got = await Promise.all([client, two].map((c, n) => c.put('/v1/account/password', { current_password: GOOD, new_password: `a race of passwords ${n}` })));
  assert.deepEqual(got.map((r) => r.status).sort(), [200, 401]);
  const winner = got.findIndex((r) => r.status === 200);
  assert.equal((await two.post('/v1/session', { email, password: `a race of passwords ${winner}`, client: 'api' })).status, 200);
  client.close();
  two.close();
});

//= IA-15: an old password opens the change and nothing else
test('an expired password leads to a change alone', async () => {
  const who = await colleague();
  const { client } = who;
  await clinic.sql(`UPDATE account SET password_changed_at = now() - interval '90 days' + interval '1 minute' WHERE id = :'id'`, who);
  assert.equal((await client.get('/v1/session')).body.state, 'active');
  await clinic.sql(`UPDATE account SET password_changed_at = now() - interval '90 days 1 second' WHERE id = :'id'`, who);
  assert.equal((await client.get('/v1/session')).body.state, 'password_expired');
  const fresh = new Client(clinic.url);
  assert.equal((await fresh.post('/v1/session', { email: who.email, password: who.password, client: 'api' })).body.state, 'totp_required');
  const second = await fresh.post('/v1/session/totp', { code: await code(who.totp_secret) });
  assert.equal(second.body.state, 'password_expired');
  for (const path of ['/v1/visits', '/v1/users', '/v1/account/sessions', '/v1/users?role=clinician'])
    expected(await fresh.get(path), 403, 'password_expired');
  expected(await fresh.post('/v1/account/totp'), 403, 'password_expired');
  const r = await fresh.put('/v1/account/password', { current_password: who.password, new_password: 'a wholly new password' });
  assert.equal(r.body.state, 'active', r.text);
  assert.equal((await fresh.get('/v1/visits')).status, 200);
  const left = Date.parse((await fresh.get('/v1/session')).body.password_expires_at) - Date.now();
  assert.ok(left > 89.9 * 86400_000);
  // 0 switches it off
  await clinic.sql(`UPDATE clinic SET password_max_age_days = 0; UPDATE account SET password_changed_at = now() - interval '9 years' WHERE id = :'id'`, who);
  const off = await fresh.get('/v1/session');
  assert.deepEqual([off.body.state, off.body.password_expires_at], ['active', null]);
  await clinic.sql(`UPDATE clinic SET password_max_age_days = 90`);
  client.close();
  fresh.close();
});

//= SE-06
test('devices are listed and signed out one by one', async () => {
  const who = await colleague();
  const phone = new Client(clinic.url, { browser: true, role: who.role });
  await phone.post('/v1/session', { email: who.email, password: who.password }, { 'user-agent': 'Phone/1.0 \u00fc ' + 'x'.repeat(300) });
  await phone.post('/v1/session/totp', { code: await code(who.totp_secret) });
  const list = await who.client.get('/v1/account/sessions');
  assert.equal(list.status, 200, list.text);
  assert.equal(list.body.next_cursor, null);
  assert.deepEqual(list.body.items.map((s) => [s.client, s.current]), [['browser', false], ['api', true]]);
  assert.ok(list.body.items[0].user_agent.length <= 200);
  assert.equal(list.body.items[0].address, '127.0.0.1');
  const page = await who.client.get('/v1/account/sessions?limit=1');
  const rest = await who.client.get(`/v1/account/sessions?limit=1&cursor=${page.body.next_cursor}`);
  assert.deepEqual([...page.body.items, ...rest.body.items].map((s) => s.id), list.body.items.map((s) => s.id));
  const stranger = await boss.get('/v1/account/sessions');
  for (const id of [stranger.body.items[0].id, randomUUID()])
    expected(await who.client.delete(`/v1/account/sessions/${id}`), 404, 'not_found');
  assert.equal((await boss.get('/v1/session')).status, 200);
  const r = await who.client.delete(`/v1/account/sessions/${list.body.items[0].id}`);
  assert.equal(r.status, 204);
  assert.equal(r.headers['clear-site-data'], undefined);
  assert.equal((await phone.get('/v1/session')).status, 401);
  expected(await who.client.delete(`/v1/account/sessions/${list.body.items[0].id}`), 404, 'not_found');
  const own = await who.client.delete(`/v1/account/sessions/${list.body.items[1].id}`);
  assert.equal(own.status, 204);
  assert.match(own.headers['clear-site-data'], /cache/);
  assert.equal((await who.client.get('/v1/session')).status, 401);
  who.client.close();
  phone.close();
});

//= EN-01, AU-03: what is secret is nowhere in the clear
test('no password, seed, code or token stands in the database or the log', async () => {
  const who = await colleague('CANARY password of a colleague');
  const [{ dump }] = await clinic.sql(`SELECT string_agg(t::text, E'\\n') AS dump FROM (SELECT a::text FROM account a UNION ALL SELECT r::text FROM recovery_code r UNION ALL SELECT i::text FROM invitation i UNION ALL SELECT s::text FROM session s UNION ALL SELECT u::text FROM audit u UNION ALL SELECT p::text FROM password_history p) AS t(t)`);
  const secrets = [who.password, who.totp_secret, who.email, 'Person ' + count, who.client.token, tokenOf(who.url), who.phrase, ...who.recovery_codes];
  for (const secret of secrets) {
    const hex = Buffer.from(secret).toString('hex');
    assert.ok(!dump.includes(secret) && !dump.includes(hex), secret);
    assert.ok(!clinic.log.includes(secret), secret);
  }
  who.client.close();
});
