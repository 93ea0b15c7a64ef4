// A visit by link: who comes to one visit without an account, and what the link
// opens. contract.md "Guests and invitations"; IA-19, AZ-01, AZ-05, TR-11, AU-01.
import assert from 'node:assert/strict';
import test, { after, before } from 'node:test';
import { Client, startClinic } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';
import { patience, patient as patiently } from '../lib/patience.mjs';
import { Peer, sdp } from '../lib/peer.mjs';

const BORN = '1961-05-09', CLINIC = 'Harbor Family Clinic';
let box, clinic, doctor, desk, ids;
let slot = 0;

before(async () => {
  box = await startMailbox();
  clinic = await startClinic({ settings: 'join_minutes_before 1440\nstore_endpoint http://localhost:1\nstore_bucket recordings\n', mail: box.settings, jobs: box.jobs });
  await clinic.startJobs();
  [doctor, desk] = await Promise.all(['clinician', 'scheduler'].map((who) => clinic.signIn(clinic.people[who])));
  ids = { doctor: (await doctor.get('/v1/session')).body.user.id };
  const made = await desk.create('/v1/patients', { family_name: 'Okafor', given_name: 'Ngozi', birth_date: BORN, sex: 'female', language: 'es' });
  assert.equal(made.status, 201, made.text);
  ids.patient = made.body.id;
});
after(async () => {
  doctor?.close();
  desk?.close();
  await clinic?.stop();
  await box?.close();
});

const iso = (ms) => new Date(ms).toISOString().replace(/\.\d+/, '');
const made = (r) => { assert.equal(r.status, 201, r.text); return r.body; };
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.body; };

/** A visit of five minutes, at a time of its own, all of them open to join. */
async function visit(patient = ids.patient, starts) {
  for (;;) {
    const r = await desk.create('/v1/visits', { patient_id: patient, clinician_id: ids.doctor, duration_minutes: 5, starts_at: iso(starts ?? Date.now() + 60e3 * (10 + 5 * slot++)), reason: 'By link' });
    if (r.body?.code !== 'slot_taken') return made(r).id;
  }
}

const invite = async (id, more = {}, by = desk) => made(await by.create(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'Uche', ...more }));
const tokenOf = (invitation) => invitation.join_url.split('#')[1];
const join = (token, body = {}) => {
  const client = new Client(clinic.url, { role: 'guest' });
  return client.post(`/v1/invitations/${token}/join`, { client: 'api', ...body }).then((r) => Object.assign(client, { joined: r }));
};
const address = (id) => `${clinic.url.replace('https', 'wss')}/v1/visits/${id}/signal`;
const peer = (id, client) => new Peer(address(id), { headers: { authorization: `Bearer ${client.token}` } });
const until = async (what, look) => {
  for (const late = patience(); ;) {
    const seen = await look();
    if (seen) return seen;
    assert.ok(!late(), what);
    await new Promise((done) => setTimeout(done, 50));
  }
};
const list = async (id) => ok(await desk.get(`/v1/visits/${id}/invitations`)).items;

test('who may invite, and what an invitation says', async () => {
  const id = await visit();
  const one = await invite(id, { display_name: 'Uche Okafor', email: 'uche@example.org' });
  assert.deepEqual(Object.keys(one).sort(), ['expires_at', 'id', 'join_url', 'sent_to']);
  assert.match(one.join_url, new RegExp(`^${clinic.url}/call#[A-Za-z0-9_-]{43}$`)); //= IA-19: 256 bits, and in no log: behind the '#'
  assert.equal(one.sent_to, 'uche@example.org');
  const { closes_at } = ok(await desk.get(`/v1/visits/${id}`));
  assert.equal(one.expires_at, closes_at);
  const two = await invite(id, { role: 'interpreter', display_name: 'Interpreter 7' }, doctor);
  assert.equal(two.sent_to, null);
  assert.deepEqual((await list(id)).map((i) => [i.id, i.role, i.display_name, i.state, i.sent_to, i.joined_at]),
    [[two.id, 'interpreter', 'Interpreter 7', 'open', null, null], [one.id, 'family', 'Uche Okafor', 'open', 'uche@example.org', null]]);
  assert.ok(!(await desk.get(`/v1/visits/${id}/invitations`)).text.includes(tokenOf(one)), 'the link is told once');
  // how the mail went
  box.refuse = (to) => (to.startsWith('gone') ? 550 : null);
  const gone = await invite(id, { display_name: 'Gone', email: 'gone@example.org' });
  await until('one went and one did not', async () => JSON.stringify((await list(id)).map((i) => [i.id, i.mail])) === JSON.stringify([[gone.id, 'refused'], [two.id, null], [one.id, 'sent']]));
  box.refuse = () => null;
  await clinic.sql(`UPDATE job SET error_code = 'unavailable' WHERE state = 'dead'`);
  assert.equal((await list(id))[0].mail, 'failed');
  await clinic.sql(`DELETE FROM job WHERE state = 'dead'`);
  assert.equal((await list(id))[0].mail, null, 'forgotten');
  await clinic.sql(`DELETE FROM session WHERE account_id = :'id'; DELETE FROM guest WHERE id = :'id'`, gone);
  const first = ok(await desk.get(`/v1/visits/${id}/invitations?limit=1`));
  assert.deepEqual([first.items[0].id, ok(await desk.get(`/v1/visits/${id}/invitations?limit=1&cursor=${encodeURIComponent(first.next_cursor)}`)).items[0].id], [two.id, one.id]);

  for (const [body, field, code = 'invalid_field'] of [[{ role: 'admin' }, 'role'], [{ role: undefined }, 'role', 'missing_field'], [{ display_name: '' }, 'display_name'], [{ display_name: 'x'.repeat(202) }, 'display_name'], [{ email: 'nobody' }, 'email'], [{ phrase: 'x' }, 'phrase', 'unknown_field']])
    refused(await desk.create(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'Uche', ...body }), 422, code, field);
  assert.equal((await list(id)).length, 2);
  const [row] = await clinic.audit(`event = 'guest.invited' AND record_id = '${one.id}'`);
  assert.deepEqual([row.outcome, row.actor_role, row.patient_id], ['ok', 'scheduler', ids.patient]); //= AU-01
  const again = await desk.post(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'Uche' }, { 'idempotency-key': 'once' });
  assert.deepEqual((await desk.post(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'Uche' }, { 'idempotency-key': 'once' })).body, again.body);
  for (let n = 3; n < 10; n++) await invite(id);
  refused(await desk.create(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'One more' }), 409, 'visit_full', undefined);
  ok(await desk.delete(`/v1/visits/${id}/invitations/${one.id}`), 204);
  await invite(id);
});

test('the mail names nobody, and its link opens the visit', async () => {
  const id = await visit();
  await invite(id, { role: 'patient', display_name: 'Ngozi Okafor', email: 'ngozi@example.org' });
  const { mail, raw } = await until('the mail', () => box.messages.find((m) => m.to.includes('ngozi@example.org')));
  assert.match(mail.subject, /^Su enlace para una visita/, 'in the language of the patient’s chart');
  const words = `${mail.subject} ${mail.text} ${mail.html}`;
  for (const phi of ['Ngozi', 'Okafor', BORN, 'By link', id, clinic.people.clinician.name]) assert.ok(!words.includes(phi) && !raw.includes(phi), phi);
  const [, token] = /\/call#([A-Za-z0-9_-]{43})/.exec(mail.text);
  const looked = new Client(clinic.url);
  assert.deepEqual(ok(await looked.get(`/v1/invitations/${token}/visit`)), { clinic_name: CLINIC, role: 'patient', birth_date: true });
  looked.close();
  const guest = await join(token, { birth_date: BORN });
  assert.deepEqual({ ...ok(guest.joined), token: '' }, { state: 'guest', visit_id: id, role: 'patient', display_name: 'Ngozi Okafor', token: '' });
  guest.close();
});

//= IA-19: who has the link alone gets nowhere as the patient; three wrong ones end it
test('a patient says their birth date, and three wrong ones end the link', async () => {
  const id = await visit(), one = await invite(id, { role: 'patient', display_name: 'Ngozi' });
  const token = tokenOf(one);
  const tried = async (birth_date) => { const g = await join(token, birth_date === undefined ? {} : { birth_date }); g.close(); return g.joined; };
  refused(await tried(), 422, 'missing_field', 'birth_date');
  refused(await tried('yesterday'), 422, 'invalid_field', 'birth_date');
  refused(await tried('1961-05-08'), 401, 'invalid_birth_date', 'birth_date');
  for (const less of ['1961-05', '1961']) {
    refused(await tried(less), 401, 'invalid_birth_date', 'birth_date');
    ok(await tried(BORN)); // the count begins anew
  }
  for (const wrong of ['1961-05-08', '1999-12-31', '1961-05-10']) refused(await tried(wrong), 401, 'invalid_birth_date', 'birth_date');
  refused(await tried(BORN), 410, 'link_expired', undefined);
  assert.equal((await list(id))[0].state, 'ended');
  // at once: of many that arrive together three are looked at
  const two = await invite(id, { role: 'patient', display_name: 'Ngozi' });
  const many = await Promise.all(Array.from({ length: 12 }, (_, n) => join(tokenOf(two), { birth_date: `1950-01-${10 + n}` })));
  assert.deepEqual(many.map((g) => g.joined.status).sort(), [...Array(3).fill(401), ...Array(9).fill(410)]);
  for (const g of many) g.close();
  // what anybody may guess at looks the same whether or not it is there
  const none = await join('A'.repeat(43), { birth_date: BORN }), over = await join(tokenOf(two), { birth_date: BORN });
  for (const g of [none, over]) { delete g.joined.body.request_id; g.close(); }
  assert.deepEqual(none.joined.body, over.joined.body);
  const rows = await clinic.audit(`event = 'guest.joined' AND outcome = 'invalid_birth_date' AND actor_id = '${one.id}'`);
  assert.deepEqual([rows.length, rows[0].actor_role, rows[0].patient_id, rows[0].record_id], [6, 'guest', ids.patient, id]); //= AU-01: who tried, at whose visit
});

test('what a record knows of a birth date is asked for, no more and no less', async () => {
  const year = made(await desk.create('/v1/patients', { family_name: 'Year', given_name: 'Known', birth_date: '1950', sex: 'other' })).id;
  const none = made(await desk.create('/v1/patients', { family_name: 'Not', given_name: 'Known', birth_date: null, sex: 'other' })).id;
  const token = tokenOf(await invite(await visit(year), { role: 'patient', display_name: 'K' }));
  const said = await Promise.all(['1951-01-01', '1950', '1950-07-14'].map((birth_date) => join(token, { birth_date })));
  assert.deepEqual(said.map((g) => g.joined.status), [401, 200, 200]);
  for (const g of said) g.close();
  const id = await visit(none);
  refused(await desk.create(`/v1/visits/${id}/invitations`, { role: 'patient', display_name: 'K' }), 409, 'no_birth_date', 'role');
  const family = await join(tokenOf(await invite(id)), { birth_date: BORN });
  refused(family.joined, 422, 'invalid_field', 'birth_date');
  family.close();
});

test('a guest sees the lobby and their session, and nothing else', async () => { //= AZ-01
  const id = await visit(), other = await visit();
  const guest = await join(tokenOf(await invite(id)));
  const session = ok(await guest.get('/v1/session'));
  assert.deepEqual([session.state, session.user.role, session.user.display_name, session.user.patient_id, session.guest, session.may], ['guest', 'guest', 'Uche', null, { visit_id: id, role: 'family' }, ['session_read', 'session_delete']]);
  const { closes_at } = ok(await desk.get(`/v1/visits/${id}`));
  assert.deepEqual([session.expires_at, session.idle_expires_at], [closes_at, closes_at]);
  const lobby = ok(await guest.get(`/v1/visits/${id}/lobby`));
  assert.deepEqual(Object.keys(lobby).sort(), ['clinic_name', 'clinician_name', 'closes_at', 'duration_minutes', 'opens_at', 'starts_at', 'state', 'time_zone']);
  assert.deepEqual([lobby.state, lobby.clinician_name, lobby.clinic_name], ['open', clinic.people.clinician.name, CLINIC]);
  assert.ok(Array.isArray(ok(await guest.get(`/v1/visits/${id}/ice-servers`)).ice_servers));
  for (const path of [`/v1/visits/${other}/lobby`, `/v1/visits/${other}/ice-servers`, `/v1/visits/${id}`, `/v1/patients/${ids.patient}`, `/v1/visits/${id}/invitations`])
    refused(await guest.get(path), 404, 'not_found', undefined);
  await assert.rejects(peer(other, guest).open(), { status: 404 });
  for (const path of ['check-in', 'admit', 'end', 'cancel']) refused(await guest.post(`/v1/visits/${id}/${path}`), 404, 'not_found', undefined);
  for (const client of [doctor, desk]) assert.equal((await client.get(`/v1/visits/${id}/lobby`)).status, client === doctor ? 200 : 404);
  // an account, but none of those that are managed
  const admin = await clinic.signIn(clinic.people.admin);
  const users = ok(await admin.get('/v1/users?limit=100'));
  assert.ok(!users.items.some((u) => u.id === session.user.id || u.role === 'guest'));
  refused(await admin.get(`/v1/users/${session.user.id}`), 404, 'not_found', undefined);
  refused(await admin.post(`/v1/users/${session.user.id}/deactivate`, {}, { 'if-match': '"1"' }), 404, 'not_found', undefined);
  refused(await admin.get('/v1/users?role=guest'), 422, 'invalid_field', 'role');
  admin.close();
  ok(await guest.delete('/v1/session'), 204);
  refused(await guest.get('/v1/session'), 401, 'not_signed_in', undefined);
  guest.close();
});

test('a browser gets a cookie, and a newer one ends the one before', async () => { //= PA-10: and keeps none of what has ended
  const id = await visit(), link = tokenOf(await invite(id));
  const browser = new Client(clinic.url, { role: 'guest', browser: true });
  const joined = ok(await browser.post(`/v1/invitations/${link}/join`, {}));
  assert.deepEqual([joined.token, joined.state], [undefined, 'guest']);
  ok(await browser.get(`/v1/visits/${id}/lobby`));
  const next = await join(link);
  ok(await next.get(`/v1/visits/${id}/lobby`));
  refused(await browser.get(`/v1/visits/${id}/lobby`), 401, 'not_signed_in', undefined);
  assert.ok(browser.cookie);
  refused(await browser.delete('/v1/session'), 401, 'not_signed_in', undefined);
  assert.equal(browser.cookie, null);
  browser.close();
  next.close();
});

/** A guest patient who waits, and the clinician in the room. */
async function waiting(role = 'patient') {
  const id = await visit(), invitation = await invite(id, { role, display_name: 'Ngozi' });
  const guest = await join(tokenOf(invitation), role === 'patient' ? { birth_date: BORN } : {});
  ok(guest.joined);
  const them = peer(id, guest), doc = peer(id, doctor);
  await them.hello();
  await doc.hello();
  return { id, invitation, guest, them, doc };
}

test('a guest patient waits, is let in, and takes the patient’s place', async () => { //= TR-11
  const { id, invitation, guest, them, doc } = await waiting();
  assert.deepEqual([them.welcome.role, them.welcome.admitted, them.welcome.participants], ['patient', false, []]);
  assert.equal(ok(await desk.get(`/v1/visits/${id}`)).status, 'arrived', 'who is in the waiting room has checked in');
  assert.equal((await them.hear('queue')).position, 1);
  const [other] = doc.welcome.participants;
  assert.deepEqual([other.id, other.role, other.display_name, other.admitted, other.guest], [them.self, 'patient', 'Ngozi', false, true]);
  them.say({ type: 'description', to: doc.self, description: { type: 'offer', sdp: sdp() } });
  assert.equal((await them.hear('error')).code, 'wrong_status');
  assert.equal((await list(id))[0].state, 'waiting');

  doc.say({ type: 'admit', participant: them.self });
  assert.equal((await them.hear('admitted')).participant.id, them.self);
  assert.equal((await doc.hear('admitted')).participant.id, them.self);
  assert.equal(ok(await desk.get(`/v1/visits/${id}`)).status, 'in_call');
  assert.equal((await list(id))[0].state, 'admitted');
  them.say({ type: 'description', to: doc.self, description: { type: 'offer', sdp: sdp() } });
  assert.equal((await doc.hear('description')).from, them.self);
  const [row] = await clinic.audit(`event = 'guest.admitted' AND record_id = '${invitation.id}'`);
  assert.deepEqual([row.outcome, row.actor_id, row.patient_id], ['ok', ids.doctor, ids.patient]);
  const [came] = await clinic.audit(`event = 'visit.joined' AND actor_id = '${invitation.id}'`);
  assert.deepEqual([came.outcome, came.actor_role, came.patient_id], ['ok', 'guest', ids.patient]);

  // a socket that is lost comes back inside; a new browser waits anew
  them.drop();
  await them.resume();
  assert.equal(them.welcome.admitted, true);
  const again = await join(tokenOf(invitation), { birth_date: BORN });
  const anew = peer(id, again);
  await anew.hello();
  assert.equal(anew.welcome.admitted, false);
  assert.ok([4401, 4409].includes(await them.closing()));
  const admitted = await doctor.post(`/v1/visits/${id}/invitations/${invitation.id}/admit`);
  assert.ok(admitted.status < 300, admitted.text);
  await anew.hear('admitted');

  ok(await doctor.post(`/v1/visits/${id}/end`));
  assert.equal((await anew.hear('ended')).reason, 'ended');
  assert.equal(await anew.closing(), 4410);
  refused(await again.get('/v1/session'), 401, 'not_signed_in', undefined); // the session ends with the visit
  const late = await join(tokenOf(invitation), { birth_date: BORN });
  refused(late.joined, 410, 'link_expired', undefined);
  refused(await desk.create(`/v1/visits/${id}/invitations`, { role: 'family', display_name: 'Uche' }), 409, 'wrong_status', undefined);
  for (const c of [guest, again, late]) c.close();
  doc.stop();
});

test('a call that has begun lets no guest in by itself', async () => { //= TR-11
  const { id, guest, them, doc } = await waiting();
  doc.say({ type: 'admit', participant: them.self });
  await them.hear('admitted');
  const helper = await join(tokenOf(await invite(id, { role: 'interpreter', display_name: 'Interpreter 7' })));
  const third = peer(id, helper);
  await third.hello();
  assert.deepEqual([third.welcome.admitted, third.welcome.role, third.welcome.participants], [false, 'interpreter', []]);
  assert.equal((await doc.hear('joined')).participant.admitted, false);
  them.say({ type: 'admit', participant: third.self }); // whatever a guest is called, they let nobody in
  assert.equal((await them.hear('error')).code, 'not_found');
  them.say({ type: 'remove', participant: doc.self });
  assert.equal((await them.hear('error')).code, 'not_found');
  doc.say({ type: 'admit', participant: third.self });
  await third.hear('admitted');
  assert.equal((await them.hear('admitted', (m) => m.participant.id === third.self)).participant.display_name, 'Interpreter 7');
  const colleague = await join(tokenOf(await invite(id, { role: 'clinician', display_name: 'Dr Second' })));
  const fourth = peer(id, colleague);
  await fourth.hello();
  assert.deepEqual([fourth.welcome.role, fourth.welcome.admitted], ['clinician', false]); // a name lends no right
  for (const p of [them, doc, third, fourth]) p.stop();
  for (const c of [guest, helper, colleague]) c.close();
});

test('an interpreter who is let in first does not begin the visit', async () => {
  const { id, guest, them, doc } = await waiting('interpreter');
  doc.say({ type: 'admit', participant: them.self });
  await them.hear('admitted');
  assert.equal(ok(await desk.get(`/v1/visits/${id}`)).status, 'booked');
  them.stop();
  doc.stop();
  guest.close();
});

for (const [how, remove] of /** @type {const} */ ([
  ['over the socket', ({ doc, them }) => doc.say({ type: 'remove', participant: them.self })],
  ['by the desk', async ({ id, invitation }) => ok(await desk.delete(`/v1/visits/${id}/invitations/${invitation.id}`), 204)],
]))
  test(`who is removed ${how} is out within five seconds, and stays out`, async () => { //= AZ-05
    const room = await waiting();
    room.doc.say({ type: 'admit', participant: room.them.self });
    await room.them.hear('admitted');
    const asked = Date.now();
    await remove(room);
    assert.equal((await room.them.hear('ended')).reason, 'removed');
    assert.equal(await room.them.closing(), 4403);
    assert.ok(Date.now() - asked < patiently(5000));
    assert.deepEqual([(await room.doc.hear('left')).reason], ['removed']);
    refused(await room.guest.get('/v1/session'), 401, 'not_signed_in', undefined);
    await assert.rejects(peer(room.id, room.guest).open(), { status: 401 });
    const again = await join(tokenOf(room.invitation), { birth_date: BORN });
    refused(again.joined, 410, 'link_expired', undefined);
    assert.equal((await list(room.id))[0].state, 'ended');
    const [row] = await clinic.audit(`event = 'guest.revoked' AND record_id = '${room.invitation.id}' AND outcome = 'ok'`);
    assert.equal(row.patient_id, ids.patient);
    refused(await desk.delete(`/v1/visits/${await visit()}/invitations/${room.invitation.id}`), 404, 'not_found', undefined);
    room.doc.stop();
    room.guest.close();
    again.close();
  });

test('who has an account is not removed as a guest is', async () => {
  const patient = await clinic.signIn(clinic.people.patient);
  const id = await visit(clinic.people.patient.patient_id);
  ok(await patient.post(`/v1/visits/${id}/check-in`));
  const them = peer(id, patient), doc = peer(id, doctor);
  await them.hello();
  await doc.hello();
  doc.say({ type: 'remove', participant: them.self });
  const error = await doc.hear('error');
  assert.deepEqual([error.ref, error.code], ['remove', 'wrong_status']);
  them.stop();
  doc.stop();
  patient.close();
});

test('a call with a guest is not recorded', async () => { //= RC-01: who cannot agree is not
  const { id, guest, them, doc } = await waiting(), helper = await join(tokenOf(await invite(id, { role: 'interpreter' })));
  await clinic.sql(`UPDATE clinic SET recording = 1`);
  const record = () => doctor.create(`/v1/visits/${id}/recordings`, { media_type: 'video/webm' });
  const third = peer(id, helper);
  await third.hello();
  refused(await record(), 409, 'wrong_status', undefined);
  doc.say({ type: 'admit', participant: them.self });
  await them.hear('admitted');
  refused(await record(), 409, 'guest_here', undefined);
  doc.say({ type: 'remove', participant: them.self });
  await them.hear('ended');
  made(await record()); // who waits outside is not in it
  await clinic.sql(`UPDATE clinic SET recording = 0`);
  for (const p of [them, third, doc]) p.stop();
  for (const c of [guest, helper]) c.close();
});

test('six fit into a call', async () => {
  const { id, guest, them, doc } = await waiting();
  const others = [];
  for (let n = 0; n < 4; n++) others.push(await join(tokenOf(await invite(id, { display_name: `Family ${n}` }))));
  const inside = others.map((c) => peer(id, c));
  for (const p of inside) await p.hello();
  doc.say({ type: 'admit', participant: them.self });
  await them.hear('admitted');
  for (const p of inside.slice(0, 3)) {
    doc.say({ type: 'admit', participant: p.self });
    await p.hear('admitted', (m) => m.participant.id === p.self);
  }
  doc.say({ type: 'admit', participant: inside[3].self });
  const error = await doc.hear('error');
  assert.deepEqual([error.ref, error.code], ['admit', 'visit_full']);
  for (const p of [them, doc, ...inside]) p.stop();
  for (const c of [guest, ...others]) c.close();
});

test('of many who are invited or let in at once no more fit than one by one', async () => {
  const crowd = await visit();
  const asked = await Promise.all(Array.from({ length: 20 }, (_, n) => desk.create(`/v1/visits/${crowd}/invitations`, { role: 'family', display_name: `Family ${n}` })));
  assert.equal(asked.filter((r) => r.status === 201).length, 10);
  for (const r of asked.filter((r) => r.status !== 201)) refused(r, 409, 'visit_full', undefined);
  const id = await visit(), doc = peer(id, doctor);
  const guests = await Promise.all((await Promise.all(Array.from({ length: 5 }, (_, n) => invite(id, { display_name: `Family ${n}` })))).map((one) => join(tokenOf(one))));
  const waits = guests.map((g) => peer(id, g));
  for (const p of [doc, ...waits]) await p.hello();
  for (const p of waits) doc.say({ type: 'admit', participant: p.self });
  assert.equal((await doc.hear('error')).code, 'visit_full');
  for (let n = 0; n < 4; n++) await doc.hear('admitted');
  assert.equal((await list(id)).filter((g) => g.state === 'admitted').length, 4);
  for (const p of [doc, ...waits]) p.stop();
  for (const c of guests) c.close();
});

test('however many wait by a link, who is of the visit finds room', async () => {
  const id = await visit(clinic.people.patient.patient_id), patient = await clinic.signIn(clinic.people.patient);
  const guests = await Promise.all((await Promise.all(Array.from({ length: 10 }, (_, n) => invite(id, { display_name: `Family ${n}` })))).map((one) => join(tokenOf(one))));
  const waits = guests.map((g) => peer(id, g));
  for (const p of waits) await p.hello();
  const them = peer(id, patient), doc = peer(id, doctor);
  await them.hello();
  await doc.hello();
  assert.equal(doc.welcome.participants.length, 11);
  for (const p of [them, doc, ...waits]) p.stop();
  for (const c of [patient, ...guests]) c.close();
});

test('a link opens nothing before the visit does, and says when it will', async () => {
  const id = await visit(ids.patient, Date.now() + 5 * 86400e3);
  const one = await invite(id, { role: 'patient', display_name: 'Ngozi' });
  const { opens_at } = ok(await desk.get(`/v1/visits/${id}`));
  for (let n = 0; n < 4; n++) { // who is right may look as often as they like
    const early = await join(tokenOf(one), { birth_date: BORN });
    refused(early.joined, 409, 'too_early', undefined);
    assert.equal(early.joined.body.opens_at, opens_at);
    early.close();
  }
  const wrong = await join(tokenOf(one), { birth_date: '1961-05-08' });
  refused(wrong.joined, 401, 'invalid_birth_date', 'birth_date'); // and to others it says nothing
  assert.equal(wrong.joined.body.opens_at, undefined);
  wrong.close();
});

test('the patient sees who came', async () => { //= AU-12
  const { id, guest, them, doc } = await waiting();
  them.stop();
  doc.stop();
  const officer = await clinic.signIn(clinic.people.compliance);
  const events = ok(await officer.get(`/v1/patients/${ids.patient}/accesses?limit=100`)).items;
  const came = events.find((e) => e.event === 'visit.joined' && e.actor_role === 'guest');
  assert.equal(came.actor_name, 'Ngozi');
  assert.ok(events.some((e) => e.event === 'guest.joined' && e.actor_role === 'guest'));
  assert.ok(id);
  officer.close();
  guest.close();
});

//= IA-19, LG: neither token nor birth date is where it could be read
test('a link is in no log and no column', async () => {
  const id = await visit(), one = await invite(id, { role: 'patient', display_name: 'CANARYNAME', email: 'canary@example.org' });
  const guest = await join(tokenOf(one), { birth_date: BORN });
  ok(guest.joined);
  guest.close();
  const rows = await clinic.sql(`SELECT g::text AS row FROM guest g UNION ALL SELECT a::text FROM account a UNION ALL SELECT s::text FROM session s UNION ALL SELECT l::text FROM audit l`);
  for (const secret of [tokenOf(one), BORN, 'CANARYNAME', 'canary@example.org']) {
    assert.ok(!rows.some(({ row }) => row.includes(secret)), secret);
    assert.ok(!clinic.log.includes(secret), secret);
  }
});
