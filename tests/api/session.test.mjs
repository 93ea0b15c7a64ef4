// Signing in, the second factor, and how sessions live and end.
import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { after, before, beforeEach, test } from 'node:test';
import { Client, startClinic, totp } from '../lib/clinic.mjs';

const PROXY = '127.0.0.9'; // through which tests come from wherever they like
let clinic;
before(async () => { clinic = await startClinic({ settings: `proxy_addresses ${PROXY}\n` }); });
after(() => clinic?.stop());
beforeEach(() => clinic.sql(`DELETE FROM attempt; DELETE FROM attempt_stranger; DELETE FROM known_source; UPDATE account SET totp_last_step = 0; UPDATE session SET ended_at = now() WHERE ended_at IS NULL`));

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

/** What is said of codes, within one of their steps: tried anew if the step ended meanwhile. */
async function inOneStep(tried) {
  for (;;) {
    const step = () => Math.floor(Date.now() / 30000), began = step(), r = await tried();
    if (step() === began) return r;
  }
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
  const least = { known: Infinity, unknown: Infinity };
  // what else the machine does only ever adds: the least that each took is compared, and looked for until it is the same
  const apart = () => Math.abs(least.known - least.unknown) / Math.max(least.known, least.unknown);
  for (let i = 0; i < 6 || (i < 60 && !(apart() < 0.25)); i++) {
    if (i % 4 === 0) await clinic.sql(`UPDATE attempt SET failures = 0, blocked_until = NULL; DELETE FROM attempt_stranger`);
    for (const [kind, who] of [['known', wrong], ['unknown', stranger]]) {
      const from = performance.now();
      assert.equal((await sign(client, who)).status, 401);
      least[kind] = Math.min(least[kind], performance.now() - from);
    }
  }
  assert.ok(apart() < 0.25, `known ${least.known.toFixed(1)} ms, unknown ${least.unknown.toFixed(1)} ms`);
  client.close();
});

//= IA-09, IA-11: delays for known and unknown addresses alike
test('five failures lead to a delay that the right password does not pass', async () => {
  const { scheduler } = clinic.people;
  const client = new Client(clinic.url);
  const answers = {};
  for (const who of [{ ...scheduler, password: 'not the password' }, stranger]) {
    const got = [];
    let at;
    for (let i = 0; i < 6; i++) {
      at = i < 5 ? Date.now() : at;
      got.push(await sign(client, who));
    }
    assert.deepEqual(got.map((r) => r.status), [401, 401, 401, 401, 401, 429]);
    answers[who.email] = refusal(got[5]);
    const wait = Number(got[5].headers['retry-after']);
    assert.ok(wait >= 29 - (Date.now() - at) / 1000 && wait <= 31, `Retry-After: ${wait}`);
  }
  assert.deepEqual(answers[scheduler.email], answers[stranger.email]);
  assert.equal((await sign(client, scheduler)).status, 429);
  await clinic.sql(`UPDATE attempt SET blocked_until = now() WHERE blocked_until IS NOT NULL; UPDATE attempt_stranger SET blocked_until = now()`);
  // one more failure doubles the delay
  for (const who of [{ ...scheduler, password: 'not the password' }, stranger]) {
    const at = Date.now();
    assert.equal((await sign(client, who)).status, 401);
    const wait = Number((await sign(client, who)).headers['retry-after']);
    assert.ok(wait >= 59 - (Date.now() - at) / 1000 && wait <= 61, `Retry-After: ${wait}`);
  }
  await clinic.sql(`UPDATE attempt SET blocked_until = now() WHERE blocked_until IS NOT NULL`);
  assert.equal((await sign(client, scheduler)).status, 200);
  const [row] = await clinic.sql(`SELECT sum(failures) AS failures, max(blocked_until) AS blocked_until FROM attempt t WHERE factor = 'password' AND account_id = :'id'`, { id: await clinic.accountId(scheduler) });
  assert.deepEqual(row, { failures: '0', blocked_until: '' }, 'success starts the count again');
  client.close();
});

/** A client from an address of our choice: another address each, as guessers have them. */
function elsewhere(options = {}) {
  const client = new Client(clinic.url, { from: PROXY, ...options });
  return Object.assign(client, {
    place: '203.0.113.7',
    request(method, target, body, headers = {}) {
      return Client.prototype.request.call(client, method, target, body, { 'x-forwarded-for': client.place, ...headers });
    },
  });
}
const place = (n) => `100.${64 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}`;

/** Both factors, from wherever the client is. */
async function signedIn(client, person) {
  const first = await sign(client, person, { client: client.browser ? 'browser' : 'api' });
  if (first.status !== 200) return first;
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  return client.post('/v1/session/totp', { code: await code(person) });
}

/** Time goes by: all that is written down moves into the past. */
const pass = (seconds) => clinic.sql(`UPDATE attempt SET blocked_until = blocked_until - make_interval(secs => ${seconds}), tried_at = tried_at - make_interval(secs => ${seconds});
  UPDATE attempt_stranger SET blocked_until = blocked_until - make_interval(secs => ${seconds}), tried_at = tried_at - make_interval(secs => ${seconds})`);

//= IA-09: strangers are delayed and never the owner; less than 100 guesses in 30 days, however many they are
test('ten thousand addresses guess at one account for a month: the owner gets in all along, and they have less than a hundred guesses', async () => {
  const { scheduler, admin } = clinic.people;
  const home = elsewhere({ browser: true }), office = elsewhere(), abroad = elsewhere(), guesser = elsewhere();
  [home.place, office.place, abroad.place] = ['198.51.100.20', '2001:db8:7:1::20', '192.0.2.30'];
  for (const known of [home, office]) assert.equal((await signedIn(known, scheduler)).status, 200);
  home.place = '203.0.114.99'; // the same browser, in a train
  office.place = '2001:db8:7:9::5'; // the same network, another machine
  let n = 0, guesses = 0;
  const guess = async () => {
    guesser.place = place(n++);
    const r = await sign(guesser, { ...scheduler, password: `not the password ${n}` });
    if (r.status === 401) guesses++;
    else assert.deepEqual([r.status, r.body.code], [429, 'too_many_attempts'], r.text);
    return r;
  };
  const burst = await Promise.all(Array.from({ length: 200 }, guess));
  assert.equal(burst.filter((r) => r.status === 401).length, 5, 'of many at once');
  for (let gone = 0, days = 0; gone < 30 * 86400;) {
    const r = await guess();
    if (r.status !== 429) continue;
    const wait = Number(r.headers['retry-after']);
    assert.ok(wait > 0 && wait <= 86400, `${wait} s`);
    await pass(wait + 1);
    gone += wait + 1;
    if (gone < days * 86400) continue;
    if (days === 1) assert.ok(guesses < 40, `${guesses} guesses on the first day`);
    days += 10;
    for (const [client, want] of [[home, 200], [office, 200], [abroad, 429]]) {
      await guess(); // whoever guesses is there before
      assert.equal((await signedIn(client, scheduler)).status, want, `${client.place} after ${gone} s`);
    }
  }
  assert.ok(guesses > 40 && guesses < 100, `${guesses} guesses`);
  // who is somewhere new is told what to do, and the clinic can help
  const told = await sign(abroad, scheduler);
  assert.match(told.body.title, /where you did before, or ask your clinic to unlock your account/);
  const boss = await clinic.signIn(admin), id = await clinic.accountId(scheduler);
  assert.equal((await boss.get(`/v1/users/${id}`)).body.locked, true);
  assert.equal((await boss.post(`/v1/users/${id}/unlock`)).body.locked, false);
  assert.equal((await signedIn(abroad, scheduler)).status, 200);
  for (const c of [home, office, abroad, guesser, boss]) c.close();
});

//= IA-09: of two who guess, one on a network that the owner uses, both together have less than a hundred
test('networks that an account knows have a count of their own, and no more of it than strangers', async () => {
  const { scheduler } = clinic.people;
  const owner = elsewhere(), neighbour = elsewhere();
  assert.equal((await signedIn(owner, scheduler)).status, 200);
  neighbour.place = '203.0.113.200';
  const wrong = { ...scheduler, password: 'not the password' };
  for (const [place, others] of [['203.0.113.200', '192.0.2.1'], ['192.0.2.1', '203.0.113.200']]) {
    let waited = 0, guesses = 15;
    neighbour.place = place;
    assert.equal((await sign(neighbour, wrong)).status, 401);
    await clinic.sql(`UPDATE attempt SET failures = ${guesses} WHERE failures = 1`);
    while (waited < 86400) {
      const r = await sign(neighbour, wrong);
      if (r.status === 401) { guesses++; continue; }
      waited = Number(r.headers['retry-after']);
      if (waited < 86390) await pass(waited + 1); else break;
    }
    assert.equal(guesses, 20, 'then one a day');
    neighbour.place = others;
    if (others === '192.0.2.1') assert.equal((await sign(neighbour, scheduler)).status, 200, 'the others are not touched');
  }
  owner.close();
  neighbour.close();
});

//= IA-09, SE-04: what a browser is known by
test('the cookie of a known browser is out of reach, its account\'s alone, and new with each sign-in', async () => {
  const { scheduler, clinician, admin } = clinic.people;
  const guesser = elsewhere(), browser = elsewhere({ browser: true }), other = elsewhere({ browser: true });
  const first = await sign(browser, scheduler, { client: undefined });
  assert.equal(browser.device, null, 'the password alone makes nobody known');
  assert.equal(first.headers['set-cookie'].length, 1);
  const both = await browser.post('/v1/session/totp', { code: await code(scheduler) });
  assert.match(both.headers['set-cookie'].find((c) => c.includes('device')), /^__Host-epione-device=[\w-]{43}; Path=\/; Secure; HttpOnly; SameSite=Strict; Max-Age=7776000$/);
  const api = elsewhere();
  assert.equal((await signedIn(api, scheduler)).headers['set-cookie'], undefined, 'a program gets none');
  assert.equal((await signedIn(other, clinician)).status, 200);
  const stored = await clinic.sql(`SELECT encode(token, 'hex') AS token FROM known_source WHERE kind = 'device'`);
  assert.ok(stored.some((r) => r.token === hashOf(browser.device.split('=')[1])));
  // all strangers have to wait, and so do networks
  const all = async () => {
    await clinic.sql(`DELETE FROM known_source WHERE kind = 'network';
      INSERT INTO attempt (clinic_id, account_id, factor, failures, blocked_until) SELECT clinic_id, id, 'password', 9, now() + interval '1 hour' FROM account WHERE role IN ('scheduler', 'clinician')
        ON CONFLICT (clinic_id, account_id, factor, source) DO UPDATE SET failures = 9, blocked_until = excluded.blocked_until`);
  };
  await all();
  const as = async (device, { email, password }) => (await guesser.post('/v1/session', { email, password, client: 'api' }, { cookie: device })).status;
  const old = browser.device;
  assert.equal(await as(old, scheduler), 200, 'a program may show one');
  for (const [device, who, why] of [
    [other.device, scheduler, 'another account\'s'], [old, clinician, 'on another account'], [old.slice(0, -1) + (old.endsWith('A') ? 'B' : 'A'), scheduler, 'forged'],
    [`${old}; ${old}`, scheduler, 'twice'], ['__Host-epione-device=', scheduler, 'empty'], [`__Host-epione-device=${stored[0].token}`, scheduler, 'what is stored'],
  ]) assert.equal(await as(device, who), 429, why);
  // somebody else signs in with the same browser: both are known, by a new cookie
  await clinic.sql(`UPDATE attempt SET blocked_until = NULL`);
  browser.cookie = null;
  assert.equal((await signedIn(browser, clinician)).status, 200);
  assert.notEqual(browser.device, old);
  await all();
  for (const who of [scheduler, clinician]) assert.deepEqual([await as(old, who), await as(browser.device, who)], [429, 200]);
  // no longer, once the password may be known
  const boss = await clinic.signIn(admin);
  await boss.post(`/v1/users/${await clinic.accountId(scheduler)}/mark-compromised`);
  assert.deepEqual([await as(browser.device, scheduler), await as(browser.device, clinician)], [429, 200]);
  await clinic.sql(`UPDATE account SET compromised_at = NULL; UPDATE known_source SET seen_at = now() - interval '91 days'`);
  assert.equal(await as(browser.device, clinician), 429, 'not for ever');
  for (const c of [guesser, browser, other, api, boss]) c.close();
});

//= IA-09: a known device has its own allowance, and its own end
test('a known device has twice the tries, delays of its own, and is a stranger after a hundred', async () => {
  const { scheduler } = clinic.people;
  const browser = elsewhere({ browser: true }), stranger = elsewhere();
  stranger.place = '192.0.2.1';
  assert.equal((await signedIn(browser, scheduler)).status, 200);
  const wrong = { ...scheduler, password: 'not the password' }, id = await clinic.accountId(scheduler);
  const got = [];
  for (let i = 0; i < 11; i++) got.push((await sign(browser, wrong)).status);
  assert.deepEqual(got, [...Array(10).fill(401), 429]);
  assert.equal((await sign(stranger, scheduler)).status, 200, 'no stranger waits for it');
  await clinic.sql(`UPDATE attempt SET failures = 98, blocked_until = NULL WHERE account_id = :'id' AND failures > 0`, { id });
  assert.equal((await sign(browser, wrong)).status, 401);
  assert.ok(Number((await sign(browser, scheduler)).headers['retry-after']) <= 3600, 'an hour at most');
  await clinic.sql(`UPDATE attempt SET blocked_until = NULL WHERE account_id = :'id'`, { id });
  assert.equal((await sign(browser, wrong)).status, 401);
  await clinic.sql(`DELETE FROM known_source WHERE kind = 'network'`);
  const after = [];
  for (let i = 0; i < 6; i++) after.push((await sign(browser, wrong)).status);
  assert.deepEqual(after, [401, 401, 401, 401, 401, 429], 'as strangers have it');
  assert.equal((await sign(stranger, scheduler)).status, 429, 'it is one of them');
  browser.close();
  stranger.close();
});

//= IA-11: as often, as long, and for as many days
test('names that nobody has are delayed and forgotten like those of members', async () => {
  const { scheduler } = clinic.people;
  const client = elsewhere();
  const waits = { [scheduler.email]: [], [stranger.email]: [] };
  await clinic.sql(`UPDATE clinic SET failures_before_delay = 4`);
  for (const who of [{ ...scheduler, password: 'not the password' }, stranger])
    for (const i of [0, 1, 2, 3, 4, 5, 18, 19, 20]) {
      await clinic.sql(`UPDATE attempt SET blocked_until = NULL, failures = ${i} WHERE failures > 0; UPDATE attempt_stranger SET blocked_until = NULL, failures = ${i}`);
      assert.equal((await sign(client, who)).status, 401);
      const blocked = i < 3 ? null : Number((await sign(client, who)).headers['retry-after']);
      waits[who.email].push(blocked === null ? 0 : Math.round((blocked + 1) / 10));
    }
  await clinic.sql(`UPDATE clinic SET failures_before_delay = 5`);
  assert.deepEqual(waits[stranger.email], waits[scheduler.email]);
  assert.deepEqual(waits[stranger.email], [0, 0, 0, 3, 6, 12, 360, 8640, 8640]);
  for (const [days, want] of [[29, 429], [31, 401]]) {
    await clinic.sql(`UPDATE attempt SET failures = 25, blocked_until = NULL, tried_at = now() - interval '${days} days'; UPDATE attempt_stranger SET failures = 25, blocked_until = NULL, tried_at = now() - interval '${days} days'`);
    for (const who of [{ ...scheduler, password: 'not the password' }, stranger])
      assert.deepEqual([(await sign(client, who)).status, (await sign(client, who)).status], [401, want], `${who.email} after ${days} days`);
  }
  client.close();
});

//= IA-10: codes stop at a hundred failures, and another authenticator alone brings them back
test('a code that was guessed at a hundred times comes back by a new authenticator alone', async () => {
  const { clinician, admin } = clinic.people;
  const known = elsewhere({ browser: true }), client = elsewhere();
  client.place = '192.0.2.1';
  assert.equal((await signedIn(known, clinician)).status, 200);
  const id = known.user = (await known.get('/v1/session')).body.user.id;
  const enter = async (c) => { await sign(c, clinician); return c.post('/v1/session/totp', { code: await code(clinician) }); };
  await sign(client, clinician);
  await client.post('/v1/session/totp', { code: '000000' });
  await clinic.sql(`UPDATE attempt SET failures = 100, blocked_until = NULL, tried_at = now() - interval '90 days' WHERE account_id = :'id' AND factor = 'totp' AND failures > 0; UPDATE account SET totp_last_step = 0`, { id });
  assert.equal((await enter(client)).body.code, 'too_many_attempts');
  assert.equal((await signedIn(known, clinician)).status, 200, 'where it is known it goes on');
  const boss = await clinic.signIn(admin);
  const unlock = await boss.post(`/v1/users/${id}/unlock`);
  assert.deepEqual([unlock.status, unlock.body.code], [409, 'rebind_required']);
  assert.match(unlock.body.title, /reset the authenticator instead/);
  assert.equal((await boss.get(`/v1/users/${id}`)).body.locked, true);
  // nor does a new password bring it back
  const open = async (what) => {
    const r = await boss.post(`/v1/users/${id}/reset-${what}`);
    const phrase = await clinic.confirm(r.body);
    clinician.password = `one more password for ${what}`;
    const accepted = await client.post(`/v1/invitations/${r.body.invitation_url.split('#')[1]}/accept`, { password: clinician.password, phrase, client: 'api' });
    assert.equal(accepted.status, 200, accepted.text);
  };
  await open('password');
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  assert.equal((await client.post('/v1/session/totp', { code: await code(clinician) })).status, 429);
  await open('totp');
  const offer = await client.post('/v1/account/totp');
  clinician.totp_secret = offer.body.secret;
  assert.equal((await client.post('/v1/account/totp/confirm', { code: await code(clinician) })).status, 200);
  assert.equal((await boss.get(`/v1/users/${id}`)).body.locked, false);
  const fresh = elsewhere();
  fresh.place = '192.0.2.77';
  assert.equal((await signedIn(fresh, clinician)).status, 200);
  for (const c of [known, client, boss, fresh]) c.close();
});

//= IA-09: the owner hears of it
test('who signs in is told when they did before, and what failed since', async () => {
  const { scheduler } = clinic.people;
  const client = elsewhere(), guesser = elsewhere();
  assert.equal((await signedIn(client, scheduler)).status, 200);
  const before = (await client.get('/v1/session')).body;
  for (let i = 0; i < 3; i++) await sign(guesser, { ...scheduler, password: 'not the password' });
  await sign(guesser, scheduler);
  assert.deepEqual([(await guesser.get('/v1/session')).body.failed_attempts, (await guesser.get('/v1/session')).body.previous_sign_in_at], [null, null], 'not by the password alone');
  await guesser.post('/v1/session/totp', { code: '000000' });
  const first = Date.now();
  assert.equal((await signedIn(client, scheduler)).status, 200);
  const now = (await client.get('/v1/session')).body;
  assert.equal(now.failed_attempts, 4);
  assert.ok(Date.parse(now.previous_sign_in_at) <= first && before.previous_sign_in_at !== now.previous_sign_in_at);
  assert.equal((await signedIn(client, scheduler)).status, 200);
  assert.equal((await client.get('/v1/session')).body.failed_attempts, 0);
  client.close();
  guesser.close();
});

//= AU-01: an attack on a name that somebody has fills no log either
test('who has to wait and asks on is counted, not written down each time', async () => {
  const { scheduler } = clinic.people;
  const id = await clinic.accountId(scheduler);
  const guesser = elsewhere();
  guesser.place = '198.51.100.150'; // nobody else's, so that all rows are of this
  const rows = async () => Number((await clinic.sql(`SELECT count(*) AS n FROM audit_log WHERE abbrev(address) = :'place'`, guesser))[0].n);
  const minute = () => Math.floor(Date.now() / 60_000), before = minute();
  for (let i = 0; i < 150; i++) await sign(guesser, { ...scheduler, password: 'not the password' });
  // of each minute that it took: its first at each of two workers, and their sums
  const minutes = minute() - before + 1, written = await rows();
  assert.ok(written >= 6 && written <= 5 + 4 * minutes, `five failures and ${written - 5} more in ${minutes} minutes`);
  const failed = await clinic.audit(`operation = 'session_create' AND outcome = 'invalid_credentials' AND actor_id = '${id}'`);
  assert.ok(failed.length >= 5, 'each that was looked at names the account');
  guesser.close();
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
    const r = await inOneStep(async () => {
      await clinic.sql(`UPDATE account SET totp_last_step = 0; UPDATE attempt SET failures = 0, blocked_until = NULL`);
      const client = await halfway(clinician);
      return client.post('/v1/session/totp', { code: await code(clinician, steps) }).finally(() => client.close());
    });
    assert.equal(r.status, want, `step ${steps}: ${r.text}`);
  }
  await clinic.sql(`UPDATE clinic SET totp_window_steps = 0`);
  const narrow = await inOneStep(async () => {
    await clinic.sql(`UPDATE account SET totp_last_step = 0; UPDATE attempt SET failures = 0, blocked_until = NULL`);
    const client = await halfway(clinician);
    return client.post('/v1/session/totp', { code: await code(clinician, 1) }).finally(() => client.close());
  });
  assert.equal(narrow.status, 401);
  await clinic.sql(`UPDATE clinic SET totp_window_steps = 1`);
});

//= IA-05: a code counts once, and no older one counts after it
test('a code works once, on whichever worker it comes', async () => {
  const { clinician } = clinic.people;
  const clients = [await clinic.signIn(clinician)]; // the network is known to all of them
  clients.pop().close();
  for (let i = 0; i < 20; i++) clients.push(await halfway(clinician));
  // the limit of attempts would hide the race: it is lifted for the moment
  await clients[0].post('/v1/session/totp', { code: '000000' });
  await clinic.sql(`UPDATE attempt SET failures = -1000, blocked_until = NULL; UPDATE account SET totp_last_step = 0`);
  // several look at the code before the first of them can say that it is used
  const about = (text) => clinic.sql(`SELECT pid FROM pg_stat_activity WHERE query LIKE '${text}%' AND pid <> pg_backend_pid()`);
  const several = async (text, n) => { while ((await about(text)).length < n) await new Promise((done) => setTimeout(done, 20)); };
  const release = await clinic.hold(`SELECT FROM account WHERE id = :'id' FOR NO KEY UPDATE`, { id: await clinic.accountId(clinician) });
  const c = await code(clinician);
  const sent = clients.map((s) => s.post('/v1/session/totp', { code: c }));
  await several('UPDATE account SET totp_last_step', 2);
  await release();
  const got = await Promise.all(sent);
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
test('a session by recovery code may offer a new authenticator without a code of the old, and nothing else that wants one', async () => {
  const { compliance, admin } = clinic.people;
  const client = await halfway(compliance);
  assert.equal((await client.post('/v1/session/recovery', { code: compliance.recovery_codes[5] })).status, 200);
  assert.equal((await client.get('/v1/session')).body.step_up_until, null);
  //= AZ-09
  const boss = await clinic.signIn(admin);
  const { approval } = (await boss.create('/v1/users', { email: `second${randomUUID()}@staff.example`, display_name: 'Second', role: 'admin' })).body;
  assert.equal((await client.post(`/v1/approvals/${approval.id}/confirm`)).body.code, 'step_up_required');
  const r = await client.post('/v1/account/totp');
  assert.equal(r.status, 200, r.text);
  await clinic.sql(`UPDATE session SET rebind_until = now() WHERE rebind_until IS NOT NULL`);
  assert.equal((await client.post('/v1/account/totp')).body.code, 'step_up_required', 'for a quarter of an hour');
  await clinic.sql(`UPDATE recovery_code SET used_at = NULL`);
  client.close();
  boss.close();
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
    await age(client, `seen_at = now() - interval '${minutes} minutes' + interval '90 seconds'`);
    const polled = await client.get('/v1/session', { 'x-background': '1' });
    assert.equal(polled.status, 200);
    assert.ok(Date.parse(polled.body.idle_expires_at) - Date.now() < 91_000, 'a poll is no sign of life'); //= SE-02
    const used = await client.get('/v1/session');
    assert.ok(Date.parse(used.body.idle_expires_at) - Date.now() > (minutes - 2) * 60_000);
    assert.equal(used.body.expires_at, polled.body.expires_at, 'use never extends the absolute limit');
    await age(client, `seen_at = now() - interval '${minutes} minutes 1 second'`);
    assert.equal((await client.get('/v1/session')).status, 401);
    client.close();
  }
  const client = await clinic.signIn(clinician);
  const s = await client.get('/v1/session');
  assert.ok(Math.abs(Date.parse(s.body.expires_at) - Date.now() - 12 * 3600_000) < 60_000);
  await age(client, `expires_at = now() - interval '1 second'`);
  assert.equal((await client.get('/v1/session')).status, 401);
  client.close();
});

//= SE-10: the cap is 32 for each account
test('the oldest session gives way at the cap, and half-open ones push nobody out', async () => {
  const { clinician } = clinic.people;
  const keep = await clinic.signIn(clinician);
  const half = [await halfway(clinician)];
  // so few at a time that none has to wait
  while (half.length < 33) half.push(...await Promise.all([1, 2, 3, 4].map(() => halfway(clinician))));
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
  assert.deepEqual(Object.keys(body).sort(), ['approvals_waiting', 'expires_at', 'failed_attempts', 'idle_expires_at', 'may', 'password_expires_at', 'password_min_length', 'previous_sign_in_at', 'reviews_waiting', 'state', 'step_up_until', 'user']);
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
