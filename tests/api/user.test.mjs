// Administration of accounts, and the clinic's policy.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import { Client, startClinic, totp } from '../lib/clinic.mjs';
import { patient as patiently } from '../lib/patience.mjs';

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
const expected = (r, status, want, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, want, field], r.text);
async function code(secret) {
  if (Date.now() % 30000 > 27000) await new Promise((done) => setTimeout(done, 3100));
  return totp(secret);
}
const tokenOf = (url) => url.split('#')[1];
const accept = (client, { url, phrase }, password) => client.post(`/v1/invitations/${tokenOf(url)}/accept`, { password, phrase, client: 'api' });

/** The link, and the phrase that the second person reads. */
const confirmed = async ({ body }) => ({ url: body.invitation_url, phrase: await clinic.confirm(body) });
const reset = async (who, what) => {
  const r = await boss.post(`/v1/users/${who.id}/reset-${what}`);
  assert.equal(r.status, 200, r.text);
  return confirmed(r);
};

let count = 0;
async function invite(role = 'clinician') {
  const email = `member${++count}@staff.example`;
  const r = await boss.create('/v1/users', { email, display_name: `Member ${count}`, role });
  assert.equal(r.status, 201, r.text);
  return { email, role, id: r.body.id, ...await confirmed(r), password: GOOD };
}

async function enrol(client) {
  const offer = await client.post('/v1/account/totp');
  const done = await client.post('/v1/account/totp/confirm', { code: await code(offer.body.secret) });
  assert.equal(done.status, 200, done.text);
  await clinic.sql(`UPDATE account SET totp_last_step = 0`);
  return offer.body.secret;
}

async function colleague(role) {
  const who = await invite(role);
  const client = new Client(clinic.url, { role: who.role });
  assert.equal((await accept(client, who, GOOD)).status, 200);
  return { ...who, client, totp_secret: await enrol(client) };
}

const change = async (who, body) => {
  const { headers } = await boss.get(`/v1/users/${who.id}`);
  return boss.patch(`/v1/users/${who.id}`, body, { 'if-match': headers.etag });
};

//= AZ-01, AZ-02: the matrix of roles, and what each sees
test('who may list colleagues sees names and roles; addresses are the administrator\'s', async () => {
  const all = await boss.get('/v1/users?limit=100');
  assert.equal(all.status, 200);
  assert.ok(all.body.items.length >= 5);
  assert.ok(all.body.items.every((u) => u.role !== 'patient' && u.email.includes('@')));
  for (const role of ['clinician', 'scheduler']) {
    const client = await clinic.signIn(clinic.people[role]);
    const list = await client.get('/v1/users?role=clinician');
    assert.equal(list.status, 200);
    assert.equal(list.body.items.length, 2);
    for (const u of list.body.items) assert.deepEqual(Object.keys(u).sort(), ['active', 'display_name', 'id', 'role']);
    assert.deepEqual((await client.get('/v1/users?role=patient')).body.items, [], 'who is a patient is not told');
    client.close();
  }
  assert.equal((await boss.get('/v1/users?role=patient')).body.items.length, 2);
  expected(await boss.get('/v1/users?role=wizard'), 422, 'invalid_field', 'role');
  const seen = [];
  for (let cursor = ''; cursor !== null;) {
    const page = await boss.get(`/v1/users?limit=2${cursor}`);
    assert.ok(page.body.items.length <= 2);
    seen.push(...page.body.items.map((u) => u.id));
    cursor = page.body.next_cursor && `&cursor=${page.body.next_cursor}`;
  }
  assert.deepEqual(seen, all.body.items.map((u) => u.id));
  const [event] = (await clinic.audit(`event = 'user.listed' AND actor_role = 'admin'`)).slice(0, 1);
  for (const u of all.body.items) assert.ok(event.returned.includes(u.id));
});

const actions = ['deactivate', 'reactivate', 'unlock', 'reset-password', 'reset-totp', 'mark-compromised'];

//= AZ-01: what is not granted does not exist
test('nobody but an administrator manages accounts', async () => {
  const target = await invite();
  const absent = randomUUID();
  for (const role of ['clinician', 'scheduler', 'compliance', 'patient']) {
    const client = await clinic.signIn(clinic.people[role]);
    if (role === 'compliance' || role === 'patient') expected(await client.get('/v1/users'), 404, 'not_found');
    expected(await client.create('/v1/users', { email: 'new@staff.example', display_name: 'New', role: 'admin' }), 404, 'not_found');
    for (const id of [target.id, absent]) {
      expected(await client.get(`/v1/users/${id}`), 404, 'not_found');
      expected(await client.patch(`/v1/users/${id}`, { role: 'admin' }, { 'if-match': '"1"' }), 404, 'not_found');
      for (const action of actions) expected(await client.post(`/v1/users/${id}/${action}`), 404, 'not_found');
    }
    if (role !== 'compliance') expected(await client.get('/v1/clinic/policy'), 404, 'not_found');
    expected(await client.patch('/v1/clinic/policy', { session_hours: 24 }, { 'if-match': '"1"' }), 404, 'not_found');
    client.close();
  }
  for (const action of actions) expected(await boss.post(`/v1/users/${absent}/${action}`), 404, 'not_found');
  assert.equal((await boss.get(`/v1/users/${target.id}`)).body.active, true);
  const denied = await clinic.audit(`outcome = 'not_found' AND operation LIKE 'user_%'`);
  assert.ok(denied.length >= 4 * 16);
});

//= IA-01
test('an address has one account, whatever its case or form', async () => {
  const made = await boss.create('/v1/users', { email: 'Caf\u00e9@Staff.example', display_name: 'Café', role: 'scheduler' });
  assert.equal(made.status, 201, made.text);
  for (const email of ['caf\u00e9@staff.example', 'CAFE\u0301@STAFF.EXAMPLE'])
    expected(await boss.create('/v1/users', { email, display_name: 'Other', role: 'admin' }), 409, 'email_taken', 'email');
  const many = await Promise.all(Array.from({ length: 8 }, (_, n) => boss.create('/v1/users', { email: n % 2 ? 'Same@staff.example' : 'same@STAFF.example', display_name: 'Same', role: 'scheduler' })));
  assert.equal(many.filter((r) => r.status === 201).length, 1);
  assert.equal(many.filter((r) => r.body.code === 'email_taken').length, 7);
});

test('an invitation is made once for one Idempotency-Key', async () => {
  const key = randomUUID();
  const body = { email: 'once@staff.example', display_name: 'Once', role: 'scheduler' };
  const first = await boss.create('/v1/users', body, key);
  const again = await boss.create('/v1/users', body, key);
  assert.deepEqual([again.status, again.body], [201, first.body]);
  expected(await boss.create('/v1/users', { ...body, role: 'admin' }, key), 422, 'idempotency_key_reused', 'Idempotency-Key');
  const [{ sealed }] = await clinic.sql(`SELECT count(*) AS sealed FROM idempotency WHERE position(convert_to(:'t', 'UTF8') in answer) > 0`, { t: tokenOf(first.body.invitation_url) });
  assert.equal(sealed, '0', 'the kept answer is sealed');
});

//= AZ-03
test('what a request may not carry changes nothing', async () => {
  const who = await invite();
  for (const [body, field] of [
    [{ clinic_id: randomUUID() }, 'clinic_id'], [{ tenant_id: 1 }, 'tenant_id'], [{ email: 'x@y.example' }, 'email'],
    [{ display_name: 'Ok', password_hash: 'x' }, 'password_hash'], [{ totp_confirmed_at: null }, 'totp_confirmed_at'],
  ]) expected(await change(who, body), 422, 'unknown_field', field);
  expected(await change(who, { role: 'patient' }), 422, 'invalid_field', 'role');
  expected(await change(who, { role: 'root' }), 422, 'invalid_field', 'role');
  expected(await change(who, { display_name: '' }), 422, 'invalid_field', 'display_name');
  expected(await change(who, { display_name: null }), 422, 'invalid_field', 'display_name');
  expected(await boss.create('/v1/users', { email: 'p@staff.example', display_name: 'P', role: 'patient' }), 422, 'invalid_field', 'role');
  expected(await boss.create('/v1/users', { email: 'p@staff.example', display_name: 'P', role: 'admin', active: true }), 422, 'unknown_field', 'active');
  const patient = { id: (await boss.get('/v1/users?role=patient')).body.items[0].id };
  expected(await change(patient, { role: 'admin' }), 409, 'wrong_status', 'role');
  assert.deepEqual((await boss.get(`/v1/users/${patient.id}`)).body.roles_open, [], 'and the answer says so before');
  const now = await boss.get(`/v1/users/${who.id}`);
  assert.deepEqual([now.body.role, now.body.email, now.headers.etag], ['clinician', who.email, '"1"']);
  assert.deepEqual(now.body.roles_open, ['clinician', 'scheduler', 'admin', 'compliance']);
});

//= IN-05
test('an account is changed in the version that was seen', async () => {
  const who = await invite();
  const first = await boss.get(`/v1/users/${who.id}`);
  assert.deepEqual([first.body.state, first.body.totp_enrolled, first.body.created_by], ['invited', false, await clinic.accountId(clinic.people.admin)]);
  expected(await boss.patch(`/v1/users/${who.id}`, { display_name: 'X' }), 428, 'precondition_required');
  const r = await boss.patch(`/v1/users/${who.id}`, { display_name: '  Grace   Höpper ' }, { 'if-match': first.headers.etag });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.body.display_name, 'Grace Höpper');
  assert.equal(r.headers.etag, '"2"');
  expected(await boss.patch(`/v1/users/${who.id}`, { display_name: 'Y' }, { 'if-match': first.headers.etag }), 412, 'stale');
  const both = await Promise.all(['A', 'B'].map((n) => boss.patch(`/v1/users/${who.id}`, { display_name: n }, { 'if-match': '"2"' })));
  assert.deepEqual(both.map((p) => p.status).sort(), [200, 412]);
  const events = await clinic.audit(`event = 'user.updated' AND record_id = '${who.id}'`);
  assert.deepEqual(events.map((e) => e.outcome).sort(), ['ok', 'ok', 'precondition_required', 'stale', 'stale']);
});

//= AZ-05, SE-06
test('a deactivated account is out at once, and comes back only by an administrator', async () => {
  const who = await colleague('scheduler');
  assert.equal((await who.client.get('/v1/visits')).status, 200);
  const r = await boss.post(`/v1/users/${who.id}/deactivate`);
  assert.deepEqual([r.status, r.body.active], [200, false]);
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  const client = new Client(clinic.url);
  expected(await client.post('/v1/session', who && { email: who.email, password: who.password }), 401, 'invalid_credentials');
  expected(await boss.post(`/v1/users/${who.id}/deactivate`), 409, 'already_done');
  expected(await boss.post(`/v1/users/${who.id}/reset-password`), 409, 'wrong_status');
  assert.equal((await boss.post(`/v1/users/${who.id}/reactivate`)).body.active, true);
  expected(await boss.post(`/v1/users/${who.id}/reactivate`), 409, 'already_done');
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  assert.equal((await client.post('/v1/session', { email: who.email, password: who.password })).status, 200);
  // an open invitation dies with the account
  const open = await invite();
  await boss.post(`/v1/users/${open.id}/deactivate`);
  await boss.post(`/v1/users/${open.id}/reactivate`);
  expected(await accept(client, open, GOOD), 410, 'link_expired');
  who.client.close();
  client.close();
});

//= SE-06
test('an administrator lists and ends the sessions of others, one or all', async () => {
  const who = await colleague('scheduler');
  const place = `/v1/users/${who.id}/sessions`;
  const phone = new Client(clinic.url, { browser: true, role: 'scheduler' });
  await phone.post('/v1/session', { email: who.email, password: who.password }, { 'user-agent': 'Phone/1.0' });
  assert.equal((await phone.post('/v1/session/totp', { code: await code(who.totp_secret) })).status, 200);
  const list = await boss.get(place);
  assert.equal(list.status, 200, list.text);
  assert.deepEqual(list.body.items.map((s) => [s.client, s.user_agent, s.address, s.current]), [['browser', 'Phone/1.0', '127.0.0.1', false], ['api', '', '127.0.0.1', false]]);
  assert.ok(list.body.items.every((s) => s.created_at && s.seen_at && s.expires_at));
  const [shown] = (await boss.get('/v1/users?limit=1')).body.items;
  assert.deepEqual([shown.id, shown.totp_enrolled, Date.parse(shown.last_sign_in_at) > Date.now() - 600_000], [who.id, true, true]);
  const page = await boss.get(`${place}?limit=1`);
  assert.equal((await boss.get(`${place}?limit=1&cursor=${page.body.next_cursor}`)).body.items[0].id, list.body.items[1].id);
  // of whom the address names, and of nobody else
  const own = (await boss.get('/v1/account/sessions')).body.items[0];
  for (const id of [own.id, randomUUID()]) expected(await boss.delete(`${place}/${id}`), 404, 'not_found');
  for (const call of [boss.get(`/v1/users/${randomUUID()}/sessions`), boss.delete(`/v1/users/${randomUUID()}/sessions`)]) expected(await call, 404, 'not_found');
  assert.equal((await boss.get('/v1/session')).status, 200);
  assert.equal((await boss.delete(`${place}/${list.body.items[0].id}`)).status, 204);
  assert.deepEqual([(await phone.get('/v1/session')).status, (await who.client.get('/v1/session')).status], [401, 200]);
  expected(await boss.delete(`${place}/${list.body.items[0].id}`), 404, 'not_found');
  assert.equal((await boss.delete(place)).status, 204);
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  assert.deepEqual((await boss.get(place)).body.items, []);
  assert.equal((await boss.delete(place)).status, 204, 'there is none left');
  const rows = await clinic.audit(`event IN ('user.sessions_listed', 'user.session_ended', 'user.sessions_ended') AND record_id = '${who.id}' AND outcome = 'ok'`);
  assert.deepEqual(rows.map((e) => [e.event, e.actor_role]).slice(-4), [['user.session_ended', 'admin'], ['user.sessions_ended', 'admin'], ['user.sessions_listed', 'admin'], ['user.sessions_ended', 'admin']]);
  // they come back with both factors
  const again = await clinic.signIn(who);
  assert.equal((await again.get('/v1/visits')).status, 200);
  for (const c of [who.client, phone, again]) c.close();
});

//= AZ-05: a role that is taken away takes the sessions along
test('a new role holds at once, and the sessions of the old one end', async () => {
  const who = await colleague('scheduler');
  const same = await change(who, { role: 'scheduler', display_name: 'Same Role' });
  assert.equal(same.status, 200);
  assert.equal((await who.client.get('/v1/session')).status, 200, 'the same role ends nothing');
  const asked = await change(who, { role: 'compliance' });
  assert.deepEqual([asked.body.role, asked.body.waiting.kind, asked.body.waiting.role], ['scheduler', 'role', 'compliance'], 'nothing changes before a second person agrees');
  assert.equal((await who.client.get('/v1/session')).status, 200);
  assert.equal(await clinic.confirm({ approval: asked.body.waiting }), null, 'a role needs no phrase');
  assert.equal((await boss.get(`/v1/users/${who.id}`)).body.role, 'compliance');
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  const again = await clinic.signIn(who);
  assert.equal((await again.get('/v1/audit')).status, 200);
  expected(await again.search({ family_name: 'ri' }), 404, 'not_found');
  who.client.close();
  again.close();
});

test('the last administrator stays, and nobody deactivates themselves', async () => {
  const me = { id: await clinic.accountId(clinic.people.admin) };
  expected(await boss.post(`/v1/users/${me.id}/deactivate`), 409, 'own_account');
  expected(await change(me, { role: 'scheduler' }), 409, 'own_account', 'role');
  assert.deepEqual((await boss.get(`/v1/users/${me.id}`)).body.roles_open, []);
  // a ring of administrators, each of whom takes the next one's place away
  const ring = [{ ...me, client: boss }];
  for (let n = 0; n < 4; n++) ring.push(await colleague('admin'));
  for (let round = 0; round < 3; round++) {
    await Promise.all(ring.map(({ client }, n) => client.post(`/v1/users/${ring[(n + 1) % ring.length].id}/deactivate`)));
    const [{ admins }] = await clinic.sql(`SELECT count(*) AS admins FROM account a WHERE a.role = 'admin' AND deactivated_at IS NULL AND password_hash IS NOT NULL AND clinic_id = (SELECT clinic_id FROM account WHERE id = :'id')`, me);
    assert.ok(Number(admins) >= 1, 'nobody is left to administer the clinic');
    await clinic.sql(`UPDATE account SET deactivated_at = NULL WHERE id = ANY (:'ids'::uuid[]); UPDATE session SET ended_at = NULL WHERE account_id = ANY (:'ids'::uuid[])`, { ids: `{${ring.map((u) => u.id)}}` });
  }
  // a role that was asked for while there were others is not given to the last
  const second = ring[1];
  const asked = await second.client.patch(`/v1/users/${me.id}`, { role: 'scheduler' }, { 'if-match': (await boss.get(`/v1/users/${me.id}`)).headers.etag });
  assert.equal(asked.status, 200, asked.text);
  for (const who of ring.slice(2)) assert.equal((await boss.post(`/v1/users/${who.id}/deactivate`)).status, 200, 'while one is left, the others may go');
  await clinic.sql(`UPDATE account SET deactivated_at = now() WHERE id = :'id'`, second);
  await assert.rejects(clinic.confirm({ approval: asked.body.waiting }), /409.*wrong_status/);
  for (const who of ring.slice(1)) who.client.close();
});

//= IA-19: a reset needs the link and the phrase and, as before, the authenticator
test('a password reset gives its owner a link, and never skips the second factor', async () => {
  const who = await colleague('clinician');
  const r = await boss.post(`/v1/users/${who.id}/reset-password`);
  assert.equal(r.status, 200, r.text);
  assert.deepEqual([r.body.state, r.body.invitation.state, r.body.waiting.kind], ['active', 'waiting', 'reset_password']);
  assert.equal((await who.client.get('/v1/visits')).status, 200, 'nothing is reset before a second person agrees');
  const link = await confirmed(r);
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  const client = new Client(clinic.url, { role: 'clinician' });
  expected(await client.post('/v1/session', { email: who.email, password: who.password }), 401, 'invalid_credentials');
  expected(await accept(client, link, who.password), 422, 'password_reused', 'password');
  const opened = await accept(client, link, 'another long password');
  assert.equal(opened.body.state, 'totp_required', opened.text);
  expected(await client.get('/v1/visits'), 403, 'totp_required');
  assert.equal((await client.post('/v1/session/totp', { code: await code(who.totp_secret) })).body.state, 'active');
  // a newer link makes the older void
  const [a, b] = [await reset(who, 'password'), await reset(who, 'password')];
  expected(await accept(client, a, 'yet another password'), 410, 'link_expired');
  assert.equal((await accept(client, b, 'yet another password')).status, 200);
  who.client.close();
  client.close();
});

//= IA-20: neither the old password nor an old code is enough by itself
test('an authenticator reset leads through a link to a new one', async () => {
  const who = await colleague('clinician');
  const link = await reset(who, 'totp');
  assert.equal((await boss.get(`/v1/users/${who.id}`)).body.totp_enrolled, false);
  const client = new Client(clinic.url, { role: 'clinician' });
  expected(await client.post('/v1/session', { email: who.email, password: who.password }), 401, 'invalid_credentials');
  const opened = await accept(client, link, 'another long password');
  assert.equal(opened.body.state, 'totp_enrolment_required', opened.text);
  const secret = await enrol(client);
  assert.notEqual(secret, who.totp_secret);
  assert.equal((await client.get('/v1/visits')).status, 200);
  const [{ codes }] = await clinic.sql(`SELECT count(*) AS codes FROM recovery_code WHERE account_id = :'id'`, who);
  assert.equal(codes, '10', 'the codes of before are gone');
  who.client.close();
  client.close();
});

//= IA-16
test('a compromised password ends all sessions and opens a change alone', async () => {
  const who = await colleague('clinician');
  const r = await boss.post(`/v1/users/${who.id}/mark-compromised`);
  assert.ok(Date.parse(r.body.compromised_at) > 0);
  expected(await who.client.get('/v1/visits'), 401, 'not_signed_in');
  const client = await clinic.signIn(who);
  assert.equal((await client.get('/v1/session')).body.state, 'password_expired');
  expected(await client.get('/v1/visits'), 403, 'password_expired');
  const done = await client.put('/v1/account/password', { current_password: who.password, new_password: 'another long password' });
  assert.equal(done.body.state, 'active', done.text);
  assert.equal((await client.get('/v1/visits')).status, 200);
  assert.equal((await boss.get(`/v1/users/${who.id}`)).body.compromised_at, null);
  who.client.close();
  client.close();
});

test('every step of administration leaves one audit row', async () => {
  const who = await colleague('scheduler');
  const [{ seq }] = await clinic.sql(`SELECT coalesce(max(seq), 0) AS seq FROM audit`);
  await boss.get(`/v1/users/${who.id}`);
  await change(who, { display_name: 'Another Name' });
  for (const action of ['unlock', 'mark-compromised', 'reset-password', 'reset-totp', 'deactivate', 'reactivate']) assert.equal((await boss.post(`/v1/users/${who.id}/${action}`)).status, 200, action);
  const rows = await clinic.audit(`seq > ${seq} AND record_id = '${who.id}'`);
  assert.deepEqual(rows.map((e) => e.event), ['user.read', 'user.read', 'user.updated', 'user.unlocked', 'user.compromised', 'user.password_reset', 'user.totp_reset', 'user.deactivated', 'user.reactivated']);
  assert.ok(rows.every((e) => e.outcome === 'ok' && e.actor_role === 'admin' && e.clinic_id === rows[0].clinic_id));
  who.client.close();
});

// Policy

test('the policy is read by administrators and compliance, and changed in the version seen', async () => {
  const auditor = await clinic.signIn(clinic.people.compliance);
  const p = await auditor.get('/v1/clinic/policy');
  assert.equal(p.status, 200);
  const { name, time_zone, may, ...rules } = p.body;
  assert.deepEqual(may, ['policy_read']);
  assert.deepEqual(rules, { password_max_age_days: 90, password_min_length: 12, password_history: 4, idle_minutes_workforce: 15, idle_minutes_patient: 30, session_hours: 12, totp_window_steps: 1, failures_before_delay: 5, care_days_after_visit: 30, emergency_minutes: 60, recording: 0, recording_days: 365, recording_patient: 1, audit_years: 6, audit_hold: 0, checkpoint_mail: null });
  expected(await boss.patch('/v1/clinic/policy', { session_hours: 8 }), 428, 'precondition_required');
  for (const [body, field] of [[{ idle_minutes_workforce: 0 }, 'idle_minutes_workforce'], [{ idle_minutes_patient: 61 }, 'idle_minutes_patient'], [{ session_hours: 25 }, 'session_hours'], [{ totp_window_steps: 2 }, 'totp_window_steps'], [{ password_min_length: 7 }, 'password_min_length'], [{ failures_before_delay: 11 }, 'failures_before_delay'], [{ password_history: 25 }, 'password_history'], [{ session_hours: null }, 'session_hours'], [{ session_hours: '8' }, 'session_hours'], [{ session_hours: 8.5 }, 'session_hours']])
    expected(await boss.patch('/v1/clinic/policy', body, { 'if-match': p.headers.etag }), 422, 'invalid_field', field);
  expected(await boss.patch('/v1/clinic/policy', { name: 'Mine' }, { 'if-match': p.headers.etag }), 422, 'unknown_field', 'name');
  const done = await boss.patch('/v1/clinic/policy', { idle_minutes_workforce: 5, session_hours: 8 }, { 'if-match': p.headers.etag });
  assert.equal(done.status, 200, done.text);
  assert.deepEqual([done.body.idle_minutes_workforce, done.body.session_hours, done.body.password_history], [5, 8, 4]);
  expected(await boss.patch('/v1/clinic/policy', { session_hours: 9 }, { 'if-match': p.headers.etag }), 412, 'stale');
  //= SE-01: it holds for open sessions as well
  const s = await auditor.get('/v1/session');
  const left = Date.parse(s.body.idle_expires_at) - Date.now();
  assert.ok(left <= 300_000 && left > 200_000, String(left));
  await clinic.sql(`UPDATE clinic SET idle_minutes_workforce = 15, session_hours = 12; UPDATE session SET idle_s = 900`);
  const rows = await clinic.audit(`event = 'policy.updated'`);
  assert.ok(rows.some((e) => e.outcome === 'ok') && rows.some((e) => e.outcome === 'stale'));
  auditor.close();
});

test('the policy decides how long a password has to be, and how many come before it', async () => {
  await clinic.sql(`UPDATE clinic SET password_min_length = 20, password_history = 0`);
  const who = await invite();
  const client = new Client(clinic.url);
  assert.equal((await client.get(`/v1/invitations/${tokenOf(who.url)}`)).body.password_min_length, 20, 'the page says so');
  expected(await accept(client, who, 'nineteen characters'), 422, 'weak_password', 'password');
  assert.equal((await accept(client, who, 'twenty characters ok')).status, 200);
  await clinic.sql(`UPDATE clinic SET password_min_length = 8`);
  await enrol(client);
  assert.equal((await client.get('/v1/session')).body.password_min_length, 8);
  expected(await client.put('/v1/account/password', { current_password: 'twenty characters ok', new_password: 'sevenxq' }), 422, 'weak_password', 'new_password');
  expected(await client.put('/v1/account/password', { current_password: 'twenty characters ok', new_password: 'twenty characters ok' }), 422, 'password_reused', 'new_password');
  assert.equal((await client.put('/v1/account/password', { current_password: 'twenty characters ok', new_password: '8xq#wZk!' })).status, 200);
  assert.equal((await client.put('/v1/account/password', { current_password: '8xq#wZk!', new_password: 'twenty characters ok' })).status, 200);
  await clinic.sql(`UPDATE clinic SET password_min_length = 12, password_history = 4`);
  client.close();
});

// epionectl

const ctl = (...args) => clinic.ctl(...args).then((r) => ({ code: 0, ...r }), (e) => e);

//= IA-21, AZ-04: another clinic of the same installation
test('the operator makes a clinic and its first administrator, who sees nothing of the others', async () => {
  const config = path.join(clinic.dir, 'epione.conf');
  const owner = await clinic.address('owner');
  const made = await ctl('clinic', 'add', '--config', config, '--database', owner, '--name', 'Second Clinic');
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^[0-9a-f-]{36}\n$/);
  assert.match((await ctl('clinic', 'add', '--config', config, '--database', owner, '--name', 'Second Clinic')).stderr, /of this name/);
  const add = (...more) => ctl('user', 'add', '--config', config, '--database', owner, '--role', 'admin', '--name', 'Root', ...more);
  assert.match((await add('--email', 'root@second.example')).stderr, /several/);
  assert.match((await add('--email', 'not an address', '--clinic', 'Second Clinic')).stderr, /--email is not valid/);
  assert.match((await add('--email', 'root@second.example', '--clinic', 'No Clinic')).stderr, /no such clinic/);
  assert.equal((await ctl('user', 'add', '--config', config, '--database', owner, '--role', 'patient', '--name', 'P', '--email', 'p@second.example', '--clinic', 'Second Clinic')).code, 1);
  const link = await add('--email', 'root@second.example', '--clinic', 'Second Clinic');
  assert.equal(link.code, 0, link.stderr);
  const client = new Client(clinic.url, { role: 'admin' });
  assert.equal((await accept(client, { url: link.stdout.trim() }, GOOD)).status, 200);
  await enrol(client);
  const list = await client.get('/v1/users');
  assert.deepEqual(list.body.items.map((u) => u.email), ['root@second.example']);
  const theirs = await clinic.accountId(clinic.people.clinician);
  expected(await client.get(`/v1/users/${theirs}`), 404, 'not_found');
  expected(await client.post(`/v1/users/${theirs}/deactivate`), 404, 'not_found');
  expected(await boss.get(`/v1/users/${list.body.items[0].id}`), 404, 'not_found');
  //= IA-01: one login over all clinics, of which this one learns nothing: its owner does
  const twin = { ...clinic.people.clinician, id: undefined };
  const invited = await client.create('/v1/users', { email: twin.email, display_name: 'Twin', role: 'clinician' });
  assert.deepEqual([invited.status, invited.body.invitation.state], [201, 'waiting'], invited.text);
  expected(await client.create('/v1/users', { email: twin.email.toUpperCase(), display_name: 'Twin', role: 'clinician' }), 409, 'email_taken', 'email');
  await clinic.sql(`UPDATE invitation SET confirmed_at = now() WHERE account_id = :'id'`, invited.body);
  const opened = await accept(new Client(clinic.url), { url: invited.body.invitation_url }, GOOD);
  expected(opened, 409, 'email_elsewhere');
  assert.match(opened.body.title, /Ask this clinic to invite you at another address/);
  assert.equal((await client.get(`/v1/users/${invited.body.id}`)).body.state, 'invited', 'nothing is changed, and nobody else told');
  const first = await clinic.signIn(twin);
  assert.equal((await first.get('/v1/session')).body.user.id, theirs);
  first.close();
  const [row] = await clinic.sql(`SELECT actor_role, event FROM audit WHERE operation = 'epionectl user add' ORDER BY seq DESC LIMIT 1`);
  assert.deepEqual(row, { actor_role: 'operator', event: 'user.created' });
  client.close();
});

test('each command has its help, and what fails is said once, with its reason', async () => {
  const all = await ctl('--help');
  assert.equal(all.code, 0);
  const names = [...all.stdout.matchAll(/^ {2}([a-z]+(?: [a-z]+)?) {2,}\S/gm)].map((m) => m[1]);
  assert.ok(names.length >= 11, all.stdout);
  for (const name of names) {
    const help = await ctl(...name.split(' '), '--help');
    assert.deepEqual([help.code, help.stderr], [0, ''], name);
    assert.match(help.stdout, new RegExp(`^usage: epionectl ${name}( \\S.*)?\n${name} \\S`), name);
    for (const [, option] of help.stdout.split('\n')[0].matchAll(/(--[a-z-]+)/g)) assert.match(help.stdout, new RegExp(`\n  ${option} +\\S`), name);
  }
  const keys = await ctl('key', '--help');
  assert.equal(keys.code, 0);
  assert.deepEqual([...keys.stdout.matchAll(/^ {2}(\w+ \w+)/gm)].map((m) => m[1]), ['key init', 'key split', 'key combine', 'key status', 'key rotate', 'key retire']);
  assert.equal((await ctl('key')).code, 2);
  const none = await ctl('frobnicate', '--help');
  assert.deepEqual([none.code, none.stderr.split('\n')[0]], [2, 'epionectl: frobnicate: there is no such command']);

  const config = path.join(clinic.dir, 'epione.conf');
  const began = Date.now();
  const away = await ctl('key', 'status', '--config', config, '--database', 'host=/nowhere dbname=epione');
  assert.ok(Date.now() - began < patiently(10000), 'at once');
  assert.equal(away.code, 1);
  assert.match(away.stderr, /^epionectl: .*\/nowhere\/\.s\.PGSQL.*No such file/);
  assert.doesNotMatch(away.stderr, /"event"|not available/);
  const owner = await clinic.address('owner');
  const role = await ctl('user', 'add', '--config', config, '--database', owner, '--role', 'boss', '--name', 'B', '--email', 'b@second.example', '--clinic', 'Second Clinic');
  assert.deepEqual([role.code, role.stderr], [1, 'epionectl: --role is not valid: admin, clinician, scheduler or compliance\n']);
  assert.match((await ctl('key', 'status', '--nonsense')).stderr, /^epionectl: unrecognized option/);
});

//= EN-06, EN-07, EN-10
test('root keys: made for their owner alone, never overwritten, and a wrong one is noticed', async () => {
  const file = path.join(clinic.dir, 'another.key');
  assert.equal((await ctl('key', 'init', file)).code, 0);
  assert.equal(statSync(file).mode & 0o777, 0o400);
  const text = readFileSync(file, 'utf8');
  assert.match(text, /^[0-9a-f]{64}\n$/);
  const again = await ctl('key', 'init', file);
  assert.equal(again.code, 1);
  assert.equal(readFileSync(file, 'utf8'), text);
  const owner = await clinic.address('owner');
  const status = await ctl('key', 'status', '--config', path.join(clinic.dir, 'epione.conf'), '--database', owner);
  assert.equal(status.code, 0, status.stderr);
  assert.match(status.stdout, /root key: right/);
  const patients = status.stdout.split('\n').find((l) => / patient /.test(l)).trim().split(/\s+/);
  assert.ok(Number(patients[4]) >= 6 && Number(patients[5]) > 0, status.stdout);
  const wrong = await ctl('key', 'status', '--database', owner, '--root-key', file);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /not the one this database was made with/);
  assert.equal((await ctl('clinic', 'add', '--database', owner, '--root-key', file, '--name', 'Third')).code, 1);
  writeFileSync(path.join(clinic.dir, 'open.key'), text, { mode: 0o644 });
  assert.equal((await ctl('key', 'status', '--database', owner, '--root-key', path.join(clinic.dir, 'open.key'))).code, 1);
  assert.equal((await ctl('user', 'add', '--nonsense')).code, 2);
});
