// Invitations of a clinic that has mail: the link goes to its owner alone.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Client, startClinic, totp } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';

let clinic, box, boss, desk, doctor;
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
before(async () => {
  box = await startMailbox();
  clinic = await startClinic({ mail: box.settings, jobs: box.jobs });
  await clinic.startJobs();
  boss = await clinic.signIn(clinic.people.admin);
  desk = await clinic.signIn(clinic.people.scheduler);
  doctor = await clinic.signIn(clinic.people.clinician);
});
after(async () => {
  for (const c of [boss, desk, doctor]) c?.close();
  await clinic?.stop();
  await box?.close();
});

const GOOD = 'fifteen letters long';
/** The link in the next message to an address. */
async function linkFor(address, seen = 0) {
  for (const end = Date.now() + 60000; Date.now() < end; await sleep(50)) {
    const mine = box.messages.filter((m) => m.to.includes(address));
    if (mine.length > seen) return mine.at(-1).mail.text.match(/https:\S+\/invitation#[\w-]{43}/)[0];
  }
  throw new Error(`no mail to ${address}`);
}
async function accept(url, phrase) {
  const client = new Client(clinic.url);
  const r = await client.post(`/v1/invitations/${url.split('#')[1]}/accept`, { password: GOOD, phrase, client: 'api' });
  client.close();
  return r;
}

//= IA-19: the link goes to its owner, and never to the caller
test('a colleague’s link is mailed, and still needs the second person’s phrase', async () => {
  const email = 'mailed@people.example';
  const r = await boss.create('/v1/users', { email, display_name: 'Mailed', role: 'scheduler' });
  assert.equal(r.status, 201, r.text);
  assert.deepEqual([r.body.invitation.sent_to, r.body.invitation.state], [email, 'waiting']);
  assert.doesNotMatch(r.text, /invitation#|invitation_url/);
  const url = await linkFor(email);
  assert.equal((await accept(url, undefined)).body.code, 'not_confirmed');
  const phrase = await clinic.confirm(r.body);
  assert.equal((await accept(url, undefined)).body.field, 'phrase');
  assert.equal((await accept(url, phrase)).status, 200);
});

//= IA-09: the owner is told, once a day, and nobody else learns of it
test('the owner gets a mail when others guess', async () => {
  const { compliance } = clinic.people;
  const mine = () => box.messages.filter((m) => m.to.includes(compliance.email) && /tries to sign in/.test(m.mail.subject));
  const guess = async (n) => {
    const client = new Client(clinic.url, { from: '127.0.77.1' });
    for (let i = 0; i < n; i++) await client.post('/v1/session', { email: compliance.email, password: 'not the password', client: 'api' });
    client.close();
  };
  await guess(5);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM account WHERE warned_at IS NOT NULL`))[0].n, '0', 'five slips are no attack');
  await guess(4);
  for (const end = Date.now() + 60000; mine().length === 0; await sleep(50)) assert.ok(Date.now() < end, 'no mail');
  const { mail } = mine()[0];
  assert.match(mail.text, /nobody got in/);
  assert.ok(!mail.text.includes(compliance.email) && !mail.text.includes('127.0.77.1') && !mail.text.includes(compliance.name ?? compliance.email));
  await guess(4);
  await clinic.sql(`UPDATE attempt SET blocked_until = NULL`);
  await guess(2);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM job WHERE record_id = :'id'`, { id: await clinic.accountId(compliance) }))[0].n, '1', 'one a day');
});

//= SE-06: whom others signed out hears of it, and who was not signed in has nothing to hear
test('the owner gets a mail when somebody else signs them out everywhere', async () => {
  const { compliance } = clinic.people;
  const mine = () => box.messages.filter((m) => m.to.includes(compliance.email) && /You were signed out/.test(m.mail.subject));
  const place = `/v1/users/${await clinic.accountId(compliance)}/sessions`;
  assert.equal((await boss.delete(place)).status, 204); // whoever was there as the officer is gone
  await allSent();
  const had = mine().length;
  assert.equal((await boss.delete(place)).status, 204);
  const officer = await clinic.signIn(compliance);
  assert.equal((await boss.delete(place)).status, 204);
  await allSent();
  assert.equal(mine().length, had + 1);
  const { mail } = mine().at(-1);
  assert.match(mail.text, /on all your devices/);
  assert.ok(!mail.text.includes(compliance.email) && !mail.text.includes(clinic.people.admin.name));
  officer.close();
});

const told = (email, subject) => box.messages.filter((m) => m.to.includes(email) && subject.test(m.mail.subject));
/** Until no mail waits: those that had to go have gone. */
async function allSent() {
  for (const end = Date.now() + 60000; ; await sleep(50)) {
    const [{ n }] = await clinic.sql(`SELECT count(*) AS n FROM job WHERE kind = 'mail.send' AND state <> 'done'`);
    if (n === '0') return;
    assert.ok(Date.now() < end, 'mail still waits');
  }
}

//= IA-09: of what both factors opened, the owner hears where they had not been
test('a sign-in from a new device or network is told once, and the first one is not', async () => {
  const { scheduler: who } = clinic.people;
  const heard = async () => {
    await allSent();
    return told(who.email, /new sign-in/).length;
  };
  const enter = async (client, headers = {}) => {
    await clinic.sql(`UPDATE account SET totp_last_step = 0`);
    assert.equal((await client.post('/v1/session', { email: who.email, password: who.password, ...client.browser ? {} : { client: 'api' } }, headers)).status, 200);
    const r = await client.post('/v1/session/totp', { code: totp(who.totp_secret) }, headers);
    assert.equal(r.status, 200, r.text);
    return r;
  };
  await clinic.sql(`DELETE FROM known_source WHERE account_id = :'id'; UPDATE account SET last_sign_in_at = NULL WHERE id = :'id'`, { id: await clinic.accountId(who) });
  const before = await heard();
  const home = new Client(clinic.url, { from: '127.0.91.1' });
  await enter(home);
  assert.equal(await heard() - before, 0, 'nobody was here before');
  await enter(home);
  assert.equal(await heard() - before, 0, 'the same network');
  const away = new Client(clinic.url, { from: '127.0.92.1' });
  await enter(away);
  assert.equal(await heard() - before, 1, 'another network');
  await enter(away);
  assert.equal(await heard() - before, 1, 'told once');
  // a browser on a network that is known
  const browser = new Client(clinic.url, { browser: true, from: '127.0.92.1' });
  await enter(browser);
  assert.equal(await heard() - before, 2, 'another device');
  await enter(browser);
  assert.equal(await heard() - before, 2, 'it shows its cookie');
  const { mail } = told(who.email, /new sign-in/).at(-1);
  assert.ok(!mail.text.includes('127.0.') && !mail.text.includes(who.email) && !mail.text.includes(who.name));
  for (const c of [home, away, browser]) c.close();
});

test('the owner hears of another role, of a closed account, and of one that is open again', async () => {
  const made = await boss.create('/v1/users', { email: 'mover@people.example', display_name: 'Mover', role: 'scheduler' });
  assert.equal((await boss.post(`/v1/users/${made.body.id}/deactivate`)).status, 200);
  assert.equal((await boss.post(`/v1/users/${made.body.id}/reactivate`)).status, 200);
  await allSent();
  assert.equal(told('mover@people.example', /account .* (closed|open again)/).length, 0, 'who never came has heard of nothing yet');
  const again = await boss.post(`/v1/invitations/${(await boss.get(`/v1/users/${made.body.id}`)).body.invitation.id}/resend`);
  assert.equal(again.status, 200, again.text);
  const entered = await accept(await linkFor('mover@people.example', 1), await clinic.confirm(again.body));
  const client = new Client(clinic.url, { role: 'scheduler' });
  client.token = entered.body.token;
  const offer = await client.post('/v1/account/totp');
  assert.equal((await client.post('/v1/account/totp/confirm', { code: totp(offer.body.secret) })).status, 200);
  const { headers } = await boss.get(`/v1/users/${made.body.id}`);
  const asked = await boss.patch(`/v1/users/${made.body.id}`, { role: 'compliance' }, { 'if-match': headers.etag });
  await allSent();
  assert.equal(told('mover@people.example', /role .* was changed/).length, 0, 'not before a second person agrees');
  await clinic.confirm({ approval: asked.body.waiting });
  assert.equal((await boss.post(`/v1/users/${made.body.id}/deactivate`)).status, 200);
  assert.equal((await boss.post(`/v1/users/${made.body.id}/reactivate`)).status, 200);
  await allSent();
  const seen = box.messages.filter((m) => m.to.includes('mover@people.example')).map((m) => m.mail.subject).slice(2);
  assert.deepEqual(seen.map((s) => s.replace('Harbor Family Clinic', '…')).sort(), ['Your account with … is open again', 'Your account with … was closed', 'Your role at … was changed']);
  client.close();
});

test('a reset is told to its owner before it happens, by mail', async () => {
  const id = await clinic.accountId(clinic.people.clinician2);
  const r = await boss.post(`/v1/users/${id}/reset-password`);
  assert.deepEqual([r.status, r.body.invitation.sent_to, r.body.invitation_url], [200, clinic.people.clinician2.email, undefined], r.text);
  const url = await linkFor(clinic.people.clinician2.email);
  const [letter] = box.messages.filter((m) => m.to.includes(clinic.people.clinician2.email));
  assert.match(letter.mail.text, /Until a second person there agrees, nothing changes/);
  assert.equal((await accept(url, await clinic.confirm(r.body))).status, 200);
});

test('a patient is let in by mail alone where somebody else wrote the address down', async () => {
  const person = () => ({ family_name: 'Post', given_name: 'Pia', birth_date: '1970-03-04', sex: 'female', email: `pia-${randomUUID()}@people.example` });
  const known = person();
  const { body: { id } } = await desk.create('/v1/patients', known);
  assert.equal((await desk.post(`/v1/patients/${id}/care-team/${await clinic.accountId(clinic.people.clinician)}`)).status, 204);
  const r = await doctor.create(`/v1/patients/${id}/account`, {});
  assert.equal(r.status, 201, r.text);
  assert.deepEqual([r.body.approval, r.body.invitation.state, r.body.invitation.sent_to, r.body.invitation_url], [null, 'open', known.email, undefined]);
  // the desk changes the address and invites: nobody else vouches for it
  const moved = `moved-${randomUUID()}@people.example`;
  const { headers } = await desk.get(`/v1/patients/${id}`);
  assert.equal((await desk.patch(`/v1/patients/${id}`, { email: moved }, { 'if-match': headers.etag })).status, 200);
  const own = await desk.create(`/v1/patients/${id}/account`, {});
  assert.equal(own.body.invitation.sent_to, moved, own.text);
  assert.notEqual(own.body.approval, null);
  assert.equal((await accept(await linkFor(known.email), undefined)).body.code, 'link_expired', 'the first went to the old address');
  assert.equal((await accept(await linkFor(moved), undefined)).body.code, 'not_confirmed');
  // and once the clinician asks, the desk is the other
  const again = await doctor.create(`/v1/patients/${id}/account`, {});
  assert.equal(again.body.approval, null, again.text);
  assert.equal((await accept(await linkFor(moved, 1), undefined)).status, 200);
});

// A new password by oneself: the link goes by mail, whoever asks.

const ask = async (email, client = new Client(clinic.url, { from: '127.0.88.1' })) => {
  const r = await client.post('/v1/account/reset', { email });
  client.close();
  return r;
};
/** Until no request for a new password waits for its job. */
async function answered() {
  for (const end = Date.now() + 60000; ; await sleep(50)) {
    const [{ n }] = await clinic.sql(`SELECT count(*) AS n FROM job WHERE kind = 'account.reset' AND state <> 'done'`);
    if (n === '0') return;
    assert.ok(Date.now() < end, 'the job does not end');
  }
}
const to = (email, says) => box.messages.filter((m) => m.to.includes(email) && says.test(m.mail.text));
const CHOOSE = /open this link within 1 hour/, CHANGED = /password .* was changed/;
const linkOf = (message) => message.mail.text.match(/https:\S+\/invitation#[\w-]{43}/)[0];
const look = async (url) => {
  const client = new Client(clinic.url), r = await client.get(`/v1/invitations/${url.split('#')[1]}`);
  client.close();
  return r;
};
async function fresh(person) {
  await clinic.sql(`DELETE FROM reset_wait; DELETE FROM known_source`);
  const seen = to(person.email, CHOOSE).length;
  assert.equal((await ask(person.email)).status, 202);
  await answered();
  const mine = to(person.email, CHOOSE);
  assert.equal(mine.length, seen + 1);
  return linkOf(mine.at(-1));
}

//= IA-11: nobody learns by it which addresses have accounts, nor which wait or are closed
test('who asks for a new password is told the same, and the same is done, whosever the address is', async () => {
  const { scheduler, clinician, clinician2, patient } = clinic.people;
  const [known, closed, locked] = await Promise.all([scheduler, clinician2, patient].map((p) => clinic.accountId(p)));
  const pending = 'not-yet@people.example', unknown = `${randomUUID()}@people.example`;
  await boss.create('/v1/users', { email: pending, display_name: 'Not yet', role: 'scheduler' });
  await clinic.sql(`UPDATE account SET deactivated_at = now() WHERE id = :'closed'`, { closed });
  await clinic.sql(`INSERT INTO attempt SELECT clinic_id, id, 'password', '00000000-0000-0000-0000-000000000000', 50, now() + interval '1 day', now() FROM account WHERE id = :'locked'
    ON CONFLICT (clinic_id, account_id, factor, source) DO UPDATE SET failures = 50, blocked_until = now() + interval '1 day'`, { locked });
  await clinic.sql(`ALTER SYSTEM SET log_statement = 'all'`);
  await clinic.sql(`ALTER SYSTEM SET log_line_prefix = '%u %p '`);
  await clinic.sql('SELECT pg_reload_conf()');
  const log = async () => (await clinic.sql(`SELECT pg_read_file(current_setting('data_directory') || '/server.log') AS text`))[0].text;
  // its postmaster knows it from here on, and so does every backend that is begun
  for (const end = Date.now() + 60000; ; await sleep(50)) {
    await ask(`${randomUUID()}@people.example`);
    if (/^epione_server \d+ LOG: {2}execute [^:]*: SELECT clinic_id, account_id\n/m.test(await log())) break;
    assert.ok(Date.now() < end, 'no statement in the log of the database');
  }
  await clinic.restart({});
  await clinic.untilReady();
  const did = [];
  for (const email of [unknown, scheduler.email, clinician2.email, patient.email, pending]) {
    const before = (await log()).length;
    const r = await ask(email, new Client(clinic.url, { from: '127.0.88.2' }));
    const { 'x-request-id': request, date, ...headers } = r.headers;
    const lines = (await log()).slice(before).split('\n').filter((l) => /^epione_server \d+ LOG: {2}execute/.test(l));
    // of its transaction, and of nothing else that the server does meanwhile
    const asked = lines.findIndex((l) => /: SELECT clinic_id, account_id$/.test(l)), pid = lines[asked].split(' ')[1];
    const own = lines.map((l, i) => [l, i]).filter(([l]) => l.split(' ')[1] === pid);
    const begun = own.findLast(([l, i]) => i < asked && /: BEGIN$/.test(l))?.[1] ?? 0, ended = own.find(([l, i]) => i > asked && /: COMMIT$/.test(l))?.[1] ?? Infinity;
    const [row] = await clinic.audit(`request_id = '${request}'`);
    did.push({ status: r.status, text: r.text, headers, statements: own.filter(([, i]) => i >= begun && i <= ended).map(([l]) => l.split(' LOG: ')[1]), event: row.event, outcome: row.outcome, actor: row.actor_id,
      waits: (await clinic.sql(`SELECT count(*) AS n FROM reset_wait`))[0].n - did.length, jobs: (await clinic.sql(`SELECT count(*) AS n FROM job WHERE kind = 'account.reset'`))[0].n - did.length });
    assert.equal(row.record_id, { [scheduler.email]: known, [clinician2.email]: closed, [patient.email]: locked }[email] ?? row.record_id);
  }
  await clinic.sql('ALTER SYSTEM RESET log_statement');
  await clinic.sql('SELECT pg_reload_conf()');
  for (const one of did) assert.deepEqual(one, did[0]);
  assert.deepEqual([did[0].status, did[0].text, did[0].event, did[0].outcome], [202, '{"state":"asked"}', 'password.reset_asked', 'ok']);
  assert.ok(did[0].statements.length >= 4 && did[0].statements.length < 8, did[0].statements.join('\n'));
  await answered();
  //= IA-19: only an account that a second factor stays with gets a link
  assert.deepEqual([unknown, scheduler.email, clinician2.email, patient.email, pending].map((email) => to(email, CHOOSE).length), [0, 1, 0, 1, 0]);
  assert.equal((await clinic.sql(`SELECT count(*) AS n FROM audit WHERE event = 'password.reset_answered' AND outcome = 'ok' AND actor_role = 'system' AND record_id = :'known'`, { known }))[0].n, '1');
  await clinic.sql(`UPDATE account SET deactivated_at = NULL; DELETE FROM attempt`);
  assert.ok(!/scheduler|people\.example/.test(JSON.stringify(await clinic.sql(`SELECT * FROM audit_log WHERE at > now() - interval '1 hour'`))), 'no address in the log');
});

//= IA-11: nor by how long it takes
test('a new password for a known address takes as long to ask for as one for an unknown', async () => {
  const client = new Client(clinic.url, { from: '127.0.88.3' });
  const took = async (email) => {
    const from = performance.now();
    assert.equal((await client.post('/v1/account/reset', { email })).status, 202);
    return performance.now() - from;
  };
  await clinic.sql(`INSERT INTO job_pause VALUES ('account.reset')`);
  let slower = 0;
  for (let i = 0; i < 60; i++) {
    await clinic.sql('DELETE FROM reset_wait');
    const first = Math.random() < 0.5, known = clinic.people.scheduler.email, unknown = 'nobody@people.example';
    const [a, b] = [await took(first ? known : unknown), await took(first ? unknown : known)];
    slower += (first ? a > b : b > a);
  }
  client.close();
  await clinic.sql(`DELETE FROM job WHERE kind = 'account.reset'; DELETE FROM job_pause; DELETE FROM reset_wait`);
  // of sixty fair coins, fewer than 9 or more than 51 come up heads once in a hundred million times
  assert.ok(slower >= 9 && slower <= 51, `the known one was the slower in ${slower} of 60`);
});

//= IA-19: single use, by mail alone; the second factor stays, sessions and older links end, and the owner is told
test('a forgotten password is replaced by the link in the mail, and the code is asked for as always', async () => {
  const { scheduler } = clinic.people, id = await clinic.accountId(scheduler);
  const old = await clinic.signIn(scheduler);
  const accepted = () => clinic.audit(`event = 'invitation.accepted' AND outcome = 'ok' AND actor_id = '${id}'`);
  const [n, older, url] = [(await accepted()).length, await fresh(scheduler), await fresh(scheduler)];
  const { body } = await look(url);
  assert.deepEqual([body.state, body.phrase, body.reset], ['open', false, true]);
  assert.equal((await look(older)).body.reset, true, 'a newer one does not end it: a stranger could');
  const row = (await boss.get(`/v1/users/${id}`)).body;
  assert.deepEqual([row.state, row.invitation?.state === 'open'], ['active', false], 'it is nobody’s invitation');

  const client = new Client(clinic.url);
  const use = (password) => client.post(`/v1/invitations/${url.split('#')[1]}/accept`, { password, client: 'api' });
  const weak = await use('short');
  assert.deepEqual([weak.status, weak.body.code, weak.body.field], [422, 'weak_password', 'password']);
  const same = await use(scheduler.password);
  assert.deepEqual([same.body.code, same.body.field], ['password_reused', 'password']);
  const next = 'a lamp under seven bridges', seen = to(scheduler.email, CHANGED).length;
  const r = await use(next);
  assert.deepEqual([r.status, r.body.state], [200, 'totp_required'], r.text);
  assert.equal((await client.get('/v1/visits')).body.code, 'totp_required');
  assert.equal((await client.post('/v1/account/totp')).body.code, 'totp_required', 'nor is another authenticator set up by it');
  assert.equal((await old.get('/v1/session')).status, 401);
  old.close();
  assert.equal((await use(next)).status, 410);
  assert.equal((await look(older)).status, 410);
  const forgotten = scheduler.password;
  scheduler.password = next;
  (await clinic.signIn(scheduler)).close();
  const wrong = new Client(clinic.url);
  assert.equal((await wrong.post('/v1/session', { email: scheduler.email, password: forgotten, client: 'api' })).status, 401);
  for (const c of [wrong, client]) c.close();
  for (const end = Date.now() + 60000; to(scheduler.email, CHANGED).length === seen; await sleep(50)) assert.ok(Date.now() < end, 'the owner is not told');
  assert.doesNotMatch(to(scheduler.email, CHANGED).at(-1).mail.text, /https:/);
  assert.equal((await accepted()).length, n + 1);
});

//= IA-20: both are lost: the mailbox and a recovery code are two factors, and a new one is set up at once
test('who lost password and phone gets in by the link and a recovery code, and sets up another app', async () => {
  const { clinician2 } = clinic.people;
  const token = (await fresh(clinician2)).split('#')[1];
  const client = new Client(clinic.url);
  const accept = await client.post(`/v1/invitations/${token}/accept`, { password: 'two rivers and a bell', client: 'api' });
  assert.deepEqual([accept.status, accept.body.state], [200, 'totp_required'], accept.text);
  assert.equal((await client.post('/v1/account/totp')).body.code, 'totp_required', 'the link alone sets up none');
  const r = await client.post('/v1/session/recovery', { code: clinician2.recovery_codes[0] });
  assert.equal(r.body.state, 'active', r.text);
  const offer = await client.post('/v1/account/totp');
  const confirmed = await client.post('/v1/account/totp/confirm', { code: totp(offer.body.secret) });
  assert.deepEqual([confirmed.status, confirmed.body.state], [200, 'active'], confirmed.text);
  client.close();
  const old = clinician2.totp_secret;
  Object.assign(clinician2, { password: 'two rivers and a bell', totp_secret: offer.body.secret });
  (await clinic.signIn(clinician2)).close();
  await assert.rejects(clinic.signIn({ ...clinician2, totp_secret: old }), /invalid_code/);
  // and the owner hears of each
  for (const says of [CHANGED, /with a recovery code/, /Another authenticator app was set up/])
    for (const end = Date.now() + 60000; to(clinician2.email, says).length === 0; await sleep(50)) assert.ok(Date.now() < end, `no mail ${says}`);
});

test('a link for a new password ends with a change, with the account, and within an hour', async () => {
  const { scheduler } = clinic.people, id = await clinic.accountId(scheduler);
  const live = async (url) => (await look(url)).status;
  const url = await fresh(scheduler);
  const own = await clinic.signIn(scheduler);
  const next = 'nine kettles on a raft';
  assert.equal((await own.put('/v1/account/password', { current_password: scheduler.password, new_password: next })).status, 200);
  scheduler.password = next;
  own.close();
  assert.equal(await live(url), 410, 'the password changed');
  const second = await fresh(scheduler);
  for (const [without, with_] of [['deactivated_at = now()', 'deactivated_at = NULL'], [`totp_confirmed_at = NULL`, 'totp_confirmed_at = now()']]) {
    await clinic.sql(`UPDATE account SET ${without} WHERE id = :'id'`, { id });
    assert.equal(await live(second), 410, without);
    await clinic.sql(`UPDATE account SET ${with_} WHERE id = :'id'`, { id });
  }
  // asked for by an administrator: what waits for a second person is another matter, and a stranger does not end it
  const reset = await boss.post(`/v1/users/${id}/reset-password`);
  assert.equal(await live(second), 410);
  const third = await fresh(scheduler);
  assert.equal((await clinic.sql(`SELECT approval_state(state, expires_at, now()) AS state FROM approval WHERE id = :'id'`, reset.body.approval))[0].state, 'waiting');
  assert.equal(await live(third), 200);
  await clinic.sql(`UPDATE invitation SET expires_at = now() + interval '61 minutes' WHERE own_reset AND expires_at > now() + interval '1 hour'`);
  assert.deepEqual(await clinic.sql(`SELECT id FROM invitation WHERE own_reset AND expires_at > created_at + interval '1 hour'`), []);
  await clinic.sql(`UPDATE invitation SET expires_at = now() WHERE own_reset`);
  assert.equal(await live(third), 410);
});

//= IA-09: three at once and one an hour, which is how long a link lives
test('nobody’s mailbox is flooded, and no stranger takes the owner’s turn', async () => {
  const { scheduler } = clinic.people;
  await fresh(scheduler);
  const first = to(scheduler.email, CHOOSE).length;
  for (let i = 0; i < 6; i++) assert.equal((await ask(scheduler.email.toUpperCase(), new Client(clinic.url, { from: `127.0.89.${i + 1}` }))).status, 202);
  await answered();
  assert.equal(to(scheduler.email, CHOOSE).length, first + 2, 'three with the first');
  assert.equal((await look(linkOf(to(scheduler.email, CHOOSE).at(-1)))).status, 200, 'who is sent no more has one that works');
  // the owner, in a browser that signed in before, is counted apart
  const home = await clinic.signIn(scheduler, { browser: true });
  assert.equal((await home.post('/v1/account/reset', { email: scheduler.email })).status, 202);
  home.close();
  await answered();
  assert.equal(to(scheduler.email, CHOOSE).length, first + 3);
  await clinic.sql(`DELETE FROM known_source; UPDATE reset_wait SET until = until - interval '1 hour'`);
  for (let i = 0; i < 3; i++) await ask(scheduler.email);
  await answered();
  assert.equal(to(scheduler.email, CHOOSE).length, first + 4, 'one an hour');
  await clinic.sql(`UPDATE reset_wait SET until = now() - interval '1 second'`);
  await clinic.sql(`SELECT sweep_strangers(1000)`);
  assert.deepEqual(await clinic.sql('SELECT email_token FROM reset_wait'), [], 'what is over is forgotten');
});

test('a process that dies when the relay has taken the link mails the same one again', async () => {
  const { scheduler } = clinic.people;
  const url = await fresh(scheduler), [mail] = to(scheduler.email, CHOOSE).slice(-1), seen = to(scheduler.email, CHOOSE).length;
  await clinic.sql(`UPDATE job SET state = 'waiting', ended_at = NULL, run_at = now() WHERE kind = 'account.reset' AND id = (SELECT id FROM invitation WHERE own_reset ORDER BY created_at DESC LIMIT 1)`);
  await clinic.sql(`SELECT pg_notify('epione_job', '')`);
  await answered();
  const again = to(scheduler.email, CHOOSE);
  assert.deepEqual([again.length, linkOf(again.at(-1)), again.at(-1).mail.messageId], [seen + 1, url, mail.mail.messageId]);
});

test('one address asks for few, whosever they are', async () => {
  await clinic.restart({ resets_per_minute: 4 });
  const client = new Client(clinic.url, { from: '127.0.90.1' });
  const got = [];
  for (let i = 0; i < 8; i++) got.push(await client.post('/v1/account/reset', { email: `${i}@people.example` }));
  client.close();
  const over = got.filter((r) => r.status === 429);
  assert.ok(over.length > 0 && got[0].status === 202, got.map((r) => r.status).join());
  assert.deepEqual([over[0].body.code, Number(over[0].headers['retry-after']) > 0], ['too_many_requests', true]);
});
