// Emergency access: a record is opened without being on its care team, for a reason,
// for a short time, and somebody looks at it afterwards.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';
import { startMailbox } from '../lib/mailbox.mjs';

let clinic, box, people, doctor, other, desk, officer, patient;
const REASON = 'Unconscious in the waiting room, CANARY-REASON';

const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const done = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};
const sleep = (ms) => new Promise((done) => setTimeout(done, ms));
async function until(what, look) {
  for (const end = Date.now() + 60_000; ; await sleep(50)) {
    const seen = await look();
    if (seen) return seen;
    if (Date.now() > end) throw new Error(`never: ${what}`);
  }
}
const fresh = (client) => clinic.sql(`UPDATE session SET step_up_until = now() + interval '5 minutes' WHERE account_id = :'id'`, { id: client.account });
const made = async (family_name, more = {}) => done(await desk.create('/v1/patients', { family_name, given_name: 'Ines', birth_date: '1971-03-04', sex: 'female', ...more }), 201).id;
const open = (id, reason = REASON, who = doctor) => who.create(`/v1/patients/${id}/emergency-access`, { reason });
const search = (terms) => doctor.create('/v1/patients/emergency-search', terms);
const mails = (to, subject) => box.messages.filter((m) => m.to.includes(to.email) && subject.test(m.mail.subject));

before(async () => {
  box = await startMailbox();
  clinic = await startClinic({ mail: box.settings, jobs: box.jobs });
  people = clinic.people;
  await clinic.startJobs();
  [doctor, other, desk, officer, patient] = await Promise.all(['clinician2', 'clinician', 'scheduler', 'compliance', 'patient'].map(async (who) => {
    const client = await clinic.signIn(people[who]);
    client.account = await clinic.accountId(people[who]);
    return client;
  }));
  await fresh(doctor);
  await clinic.sql(`DELETE FROM care_team WHERE account_id = :'id'`, { id: doctor.account });
});
after(async () => {
  for (const c of [doctor, other, desk, officer, patient]) c?.close();
  await clinic?.stop();
  await box?.close();
});

//= AZ-06: one record, for reading, and each look says why
test('a record is opened for a reason, that one alone, and only to be read', async () => {
  const [id, another] = [await made('Rescued'), await made('Neighbour')];
  refused(await doctor.get(`/v1/patients/${id}`), 404, 'not_found');
  const before = Date.now();
  const access = done(await open(id), 201);
  const left = Date.parse(access.expires_at) - before;
  assert.ok(left > 59 * 60e3 && left <= 61 * 60e3, access.expires_at);
  const record = await doctor.get(`/v1/patients/${id}`);
  assert.equal(done(record).family_name, 'Rescued');
  assert.deepEqual(record.body.may.sort(), ['care_team_list', 'emergency_open', 'patient_read']);
  assert.deepEqual(done(await doctor.get(`/v1/patients/${id}/care-team`)).items, []);

  // it opens nothing else, and no way to stay
  refused(await doctor.get(`/v1/patients/${another}`), 404, 'not_found');
  refused(await other.get(`/v1/patients/${id}`), 404, 'not_found');
  refused(await doctor.patch(`/v1/patients/${id}`, { language: 'sv' }, { 'if-match': record.headers.etag }), 404, 'not_found');
  refused(await doctor.post(`/v1/patients/${id}/care-team/${doctor.account}`), 404, 'not_found');
  refused(await doctor.create(`/v1/patients/${id}/account`, {}), 404, 'not_found');
  refused(await doctor.create('/v1/visits', { patient_id: id, clinician_id: doctor.account, starts_at: '2030-01-01T10:00:00Z', duration_minutes: 30, reason: 'x' }), 404, 'not_found');
  assert.deepEqual(done(await doctor.search({ family_name: 'Rescued' })).items, []);

  const rows = await clinic.sql(`SELECT event, purpose, outcome FROM audit WHERE patient_id = :'id' AND actor_id = :'who' ORDER BY seq`, { id, who: doctor.account });
  const of = (event, outcome = 'ok') => rows.filter((r) => r.event === event && r.outcome === outcome).map((r) => r.purpose);
  assert.deepEqual(of('emergency.opened'), ['BTG']);
  assert.deepEqual(of('patient.read'), ['BTG']);
  assert.deepEqual(of('care_team.read'), ['BTG']);

  await clinic.sql(`UPDATE review SET created_at = now() - interval '1 hour', access_until = now() WHERE id = :'id'`, { id: access.id });
  refused(await doctor.get(`/v1/patients/${id}`), 404, 'not_found');
});

test('who has it in their care needs no emergency, and their looks stay what they were', async () => {
  const id = await made('Cared');
  done(await desk.post(`/v1/patients/${id}/care-team/${doctor.account}`), 204);
  refused(await open(id), 409, 'already_done');
  done(await doctor.get(`/v1/patients/${id}`));
  const [{ purpose }] = await clinic.sql(`SELECT purpose FROM audit WHERE patient_id = :'id' AND event = 'patient.read'`, { id });
  assert.equal(purpose, 'TREAT');
  // taken off the team, it is the only way; and it is no way back
  done(await desk.delete(`/v1/patients/${id}/care-team/${doctor.account}`), 204);
  done(await open(id), 201);
  done(await doctor.get(`/v1/patients/${id}`));
  assert.deepEqual(done(await desk.get(`/v1/patients/${id}/care-team`)).items, []);
});

test('the clinic decides how long, and never longer than an hour', async () => {
  const admin = await clinic.signIn(people.admin);
  const policy = async (emergency_minutes) => admin.patch('/v1/clinic/policy', { emergency_minutes }, { 'if-match': (await admin.get('/v1/clinic/policy')).headers.etag });
  for (const minutes of [4, 61]) refused(await policy(minutes), 422, 'invalid_field', 'emergency_minutes');
  done(await policy(5));
  const { expires_at } = done(await open(await made('Brief')), 201);
  assert.ok(Date.parse(expires_at) - Date.now() <= 5 * 60e3);
  done(await policy(60));
  admin.close();
});

test('a reason is asked for, once for one request, and is kept sealed', async () => {
  const id = await made('Reasoned');
  for (const reason of [undefined, '', ' ', 7, 'x'.repeat(501)]) {
    const r = await doctor.create(`/v1/patients/${id}/emergency-access`, { reason });
    assert.deepEqual([r.status, r.body.field], [422, 'reason'], r.text);
  }
  const key = randomUUID();
  const twice = [done(await doctor.create(`/v1/patients/${id}/emergency-access`, { reason: REASON }, key), 201), done(await doctor.create(`/v1/patients/${id}/emergency-access`, { reason: REASON }, key), 201)];
  assert.deepEqual(twice[0], twice[1]);
  const rows = await clinic.sql(`SELECT encode(reason, 'escape') AS reason, x::text AS whole FROM review x WHERE patient_id = :'id'`, { id });
  assert.equal(rows.length, 1);
  assert.ok(!/CANARY-REASON/.test(rows[0].reason + rows[0].whole + clinic.log));
});

//= AZ-09: a fresh factor
test('without a fresh code nobody is found and nothing is opened', async () => {
  const id = await made('Guarded');
  await clinic.sql(`UPDATE session SET step_up_until = NULL WHERE account_id = :'id'`, { id: doctor.account });
  refused(await search({ family_name: 'Guarded', birth_date: '1971-03-04' }), 403, 'step_up_required');
  refused(await open(id), 403, 'step_up_required');
  assert.equal((await clinic.sql(`SELECT id FROM review WHERE patient_id = :'id'`, { id })).length, 0);
  await fresh(doctor);
  done(await open(id), 201);
});

//= AZ-06, AZ-09: told again it opens nothing, says what it was, and is told to nobody who could not ask
test('one that is asked for again by its key opens nothing anew', async () => {
  const id = await made('Repeated'), key = randomUUID();
  const again = () => doctor.create(`/v1/patients/${id}/emergency-access`, { reason: REASON }, key);
  const first = done(await again(), 201);
  await clinic.sql(`UPDATE review SET created_at = now() - interval '1 hour', access_until = now() WHERE id = :'id'`, { id: first.id });
  assert.deepEqual(done(await again(), 201), first);
  refused(await doctor.get(`/v1/patients/${id}`), 404, 'not_found');
  const rows = await clinic.sql(`SELECT purpose FROM audit WHERE patient_id = :'id' AND event = 'emergency.opened' AND outcome = 'ok'`, { id });
  assert.deepEqual(rows.map((r) => r.purpose), ['BTG', 'BTG']);
  await clinic.sql(`UPDATE session SET step_up_until = NULL WHERE account_id = :'id'`, { id: doctor.account });
  refused(await again(), 403, 'step_up_required');
  await fresh(doctor);
});

test('a person is found by name and whole birth date, and not looked through', async () => {
  const id = await made('Searched', { birth_date: '1966-06-07' });
  const found = done(await search({ family_name: 'Searched', birth_date: '1966-06-07' })).items;
  assert.deepEqual(found.map((p) => [p.id, p.family_name, p.birth_date]), [[id, 'Searched', '1966-06-07']]);
  for (const terms of [{ birth_date: '1966-06-08' }, { family_name: 'Another' }, { given_name: 'Otto' }])
    assert.deepEqual(done(await search({ family_name: 'Searched', birth_date: '1966-06-07', ...terms })).items, []);
  for (const [terms, field] of [[{ family_name: 'Searched' }, 'birth_date'], [{ birth_date: '1966-06-07' }, 'family_name'], [{ family_name: 'Searched', birth_date: '1966' }, 'birth_date'], [{ family_name: 'Searched', birth_date: '1966-06-07', ssn: '123456789' }, 'ssn']]) {
    const r = await search(terms);
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
  const [row] = await clinic.sql(`SELECT returned::text, purpose FROM audit WHERE event = 'emergency.searched' AND returned @> ARRAY[:'id'::uuid]`, { id });
  assert.equal(row.purpose, 'BTG');
});

//= AZ-06: the officer is told at once, and it stays until somebody has signed it
test('the officer is told, reviews it, and the patient learns of it', async () => {
  const { patient_id } = people.patient;
  const told = mails(people.compliance, /emergency access/).length;
  const before = Date.now();
  const { id } = done(await open(patient_id), 201);
  done(await doctor.get(`/v1/patients/${patient_id}`));
  await until('a mail to the officer', () => mails(people.compliance, /emergency access/).length > told);
  assert.ok(Date.now() - before < 60_000);
  assert.ok(!/CANARY|Unconscious/.test(JSON.stringify(box.messages.map((m) => m.mail.text))));
  assert.ok(done(await officer.get('/v1/session')).reviews_waiting > 0);
  assert.equal(done(await doctor.get('/v1/session')).reviews_waiting, null);

  const item = done(await officer.get('/v1/reviews?state=open&limit=100')).items.find((v) => v.id === id);
  assert.deepEqual([item.kind, item.state, item.patient_id, item.actor, item.reason, item.finding, item.signed_by], ['emergency_access', 'open', patient_id, { id: doctor.account, display_name: people.clinician2.name }, REASON, null, null]);
  for (const [body, field] of [[{ note: 'x' }, 'finding'], [{ finding: 'fine', note: 'x' }, 'finding'], [{ finding: 'justified' }, 'note']]) {
    const r = await officer.post(`/v1/reviews/${id}/sign`, body);
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
  const sign = () => officer.post(`/v1/reviews/${id}/sign`, { finding: 'justified', note: 'Spoke with both. CANARY-NOTE' });
  const both = (await Promise.all([sign(), sign()])).map((r) => r.status).sort();
  assert.deepEqual(both, [204, 409]);
  refused(await sign(), 409, 'already_done');
  const signed = done(await officer.get('/v1/reviews?state=signed&limit=100')).items.find((v) => v.id === id);
  assert.deepEqual([signed.finding, signed.note, signed.signed_by.id], ['justified', 'Spoke with both. CANARY-NOTE', officer.account]);
  assert.ok(!done(await officer.get('/v1/reviews?state=open&limit=100')).items.some((v) => v.id === id));
  await until('a mail to the patient', () => mails(people.patient, /opened in an emergency/).length === 1);

  const looks = done(await patient.get(`/v1/patients/${patient_id}/accesses`)).items.filter((e) => e.purpose === 'BTG');
  assert.ok(looks.some((e) => e.event === 'patient.read' && e.actor_name === people.clinician2.name), JSON.stringify(looks));
});

test('nobody reviews what they did themselves', async () => {
  const { id } = done(await open(await made('Own')), 201);
  await clinic.sql(`UPDATE review SET account_id = :'who' WHERE id = :'id'`, { id, who: officer.account });
  refused(await officer.post(`/v1/reviews/${id}/sign`, { finding: 'justified', note: 'x' }), 409, 'own_request');
  refused(await officer.post(`/v1/reviews/${randomUUID()}/sign`, { finding: 'justified', note: 'x' }), 404, 'not_found');
});

test('reviews come in pages, the newest first', async () => {
  for (let i = 0; i < 3; i++) done(await open(await made(`Paged${i}`)), 201);
  const first = done(await officer.get('/v1/reviews?limit=2'));
  const second = done(await officer.get(`/v1/reviews?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`));
  const ids = [...first.items, ...second.items].map((v) => v.id);
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual([...ids].sort().reverse(), ids);
});

//= AZ-06: a record that is gone does not take with it what has to be said of who opened it
test('the opening of a record that was shredded meanwhile is signed', async () => {
  const id = await made('Shredded'), { id: review } = done(await open(id), 201);
  await clinic.sql(`UPDATE record_key SET wrapped = NULL, shredded_at = now() WHERE subject_id = :'id'`, { id });
  assert.equal(done(await officer.get('/v1/reviews?state=open&limit=100')).items.find((v) => v.id === review).reason, null);
  done(await officer.post(`/v1/reviews/${review}/sign`, { finding: 'unclear', note: 'The record is gone. CANARY-NOTE' }), 204);
  const signed = done(await officer.get('/v1/reviews?state=signed&limit=100')).items.find((v) => v.id === review);
  assert.deepEqual([signed.reason, signed.note], [null, 'The record is gone. CANARY-NOTE']);
  assert.doesNotMatch((await clinic.sql(`SELECT x::text AS whole FROM review x WHERE id = :'review'`, { review }))[0].whole, /CANARY/);
});

//= EN-05: what does not open is logged, and hides nothing but itself
test('a damaged reason, and a damaged key, leave the other reviews to be read', async () => {
  const [value, key, well] = [await made('Damaged'), await made('Keyless'), await made('Well')];
  const [a, b, c] = [done(await open(value), 201).id, done(await open(key), 201).id, done(await open(well), 201).id];
  const flip = (column) => `set_byte(${column}, 20, get_byte(${column}, 20) # 1)`;
  await clinic.sql(`UPDATE review SET reason = ${flip('reason')} WHERE id = :'a'; UPDATE record_key SET wrapped = ${flip('wrapped')} WHERE subject_id = :'key'`, { a, key });
  const items = done(await officer.get('/v1/reviews?state=open&limit=100')).items, of = (id) => items.find((v) => v.id === id);
  assert.deepEqual([of(a).reason, of(b).reason, of(c).reason], [null, null, REASON]);
  assert.match(clinic.log, /"sealed_value_refused"[^\n]*review\.reason/);
  assert.match(clinic.log, /"record_key_refused"/);
  done(await officer.post(`/v1/reviews/${b}/sign`, { finding: 'unclear', note: 'Its key does not open.' }), 204);
});
