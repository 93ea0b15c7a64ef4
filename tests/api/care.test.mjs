// The care team: how one comes to it and leaves it, and the back doors.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';

let clinic, as, people;
let slot = 0;

const iso = (s) => new Date(Math.floor(s) * 1000).toISOString().replace('.000', '');
const now = () => Date.now() / 1000;
const free = () => iso(now() + 40 * 86400 + 3600 * slot++);
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const done = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};

const patientOf = async (who = as.scheduler) =>
  done(await who.create('/v1/patients', { family_name: 'Cared', given_name: `C${randomUUID().slice(0, 6)}`, birth_date: '1970-01-01', sex: 'other' }), 201).id;
const book = async (patient_id, more = {}) =>
  done(await as.scheduler.create('/v1/visits', { patient_id, clinician_id: people.clinician2.id, starts_at: free(), duration_minutes: 30, reason: 'Sore throat', ...more }), 201).id;
const place = (patient, who) => `/v1/patients/${patient}/care-team/${people[who].id}`;
const opens = async (who, patient) => (await as[who].get(`/v1/patients/${patient}`)).status === 200;
const team = async (patient, who = 'scheduler') => done(await as[who].get(`/v1/patients/${patient}/care-team`)).items;
const patch = async (who, id, body) => {
  const { headers } = await as.scheduler.get(`/v1/visits/${id}`);
  return as[who].patch(`/v1/visits/${id}`, body, { 'if-match': headers.etag });
};

/** Everything that a clinician could learn of a visit, or change about it. */
const reachable = async (who, id, patient) => {
  const span = `from=${iso(now() - 86400 * 400)}&to=${iso(now() + 86400 * 400)}`;
  const tries = {
    patient: await as[who].get(`/v1/patients/${patient}`),
    team: await as[who].get(`/v1/patients/${patient}/care-team`),
    read: await as[who].get(`/v1/visits/${id}`),
    length: await as[who].patch(`/v1/visits/${id}`, { duration_minutes: 45 }, { 'if-match': (await as.scheduler.get(`/v1/visits/${id}`)).headers.etag }),
    ice: await as[who].get(`/v1/visits/${id}/ice-servers`),
    book: await as[who].create('/v1/visits', { patient_id: patient, clinician_id: people[who].id, starts_at: free(), duration_minutes: 30, reason: 'x' }),
    back: await as[who].post(place(patient, who)),
  };
  for (const step of ['admit', 'end', 'cancel', 'no-show']) tries[step] = await as[who].post(`/v1/visits/${id}/${step}`);
  const found = Object.entries(tries).filter(([, r]) => r.status !== 404).map(([name, r]) => `${name} ${r.status}`);
  for (const query of ['', `&patient_id=${patient}`, `&clinician_id=${people[who].id}`]) {
    const { items } = done(await as[who].get(`/v1/visits?${span}${query}&limit=100`));
    if (items.some((v) => v.id === id)) found.push(`list ${query}`);
  }
  return found;
};

/** A visit that is over has no step any more; its clinician may hear that, and nothing else. */
const over = ['length', 'ice', 'admit', 'end', 'cancel', 'no-show'].map((name) => `${name} 409`);

before(async () => {
  clinic = await startClinic();
  people = clinic.people;
  as = {};
  for (const [name, person] of Object.entries(people)) {
    as[name] = await clinic.signIn(person);
    person.id ??= await clinic.accountId(person);
  }
  await clinic.sql(`UPDATE visit SET status = 'cancelled'`); // the demo's, out of the way
});
after(() => clinic?.stop());

test('a visit puts its clinician on the team until 30 days after its end', async () => {
  const patient = await patientOf();
  assert.deepEqual(await team(patient), []);
  assert.equal(await opens('clinician2', patient), false);
  const starts_at = free();
  const id = await book(patient, { starts_at });
  assert.equal(await opens('clinician2', patient), true);
  const [member] = await team(patient);
  const { since, ...rest } = member;
  assert.deepEqual(rest, { user_id: people.clinician2.id, display_name: people.clinician2.name, source: 'visit', until: iso(Date.parse(starts_at) / 1000 + 30 * 60 + 30 * 86400) });
  assert.ok(Math.abs(Date.parse(since) / 1000 - now()) < 60);
  assert.deepEqual(await team(patient, 'clinician2'), [member]);
  const [row] = await clinic.audit(`event = 'visit.booked' AND record_id = '${id}'`);
  assert.match(row.returned, new RegExp(people.clinician2.id));

  await clinic.sql(`UPDATE visit SET status = 'ended', starts_at = now() - interval '30 days 29 minutes', ends_at = now() - interval '29 days 23 hours' WHERE id = :'id'`, { id });
  assert.equal(await opens('clinician2', patient), true);
  await clinic.sql(`UPDATE visit SET ends_at = now() - interval '30 days 1 second' WHERE id = :'id'`, { id });
  assert.equal(await opens('clinician2', patient), false);
  assert.deepEqual(await team(patient), []);
  assert.deepEqual(await reachable('clinician2', id, patient), over);
});

test('the clinic decides for how many days, for those of today too', async () => {
  const patient = await patientOf();
  const id = await book(patient);
  await clinic.sql(`UPDATE visit SET status = 'ended', starts_at = now() - interval '10 days', ends_at = now() - interval '10 days' + interval '30 min' WHERE id = :'id'`, { id });
  const change = async (days) => {
    const { headers } = await as.admin.get('/v1/clinic/policy');
    return as.admin.patch('/v1/clinic/policy', { care_days_after_visit: days }, { 'if-match': headers.etag });
  };
  assert.equal((await as.admin.get('/v1/clinic/policy')).body.care_days_after_visit, 30);
  assert.equal(await opens('clinician2', patient), true);
  for (const [days, open] of [[9, false], [10, true], [0, false], [365, true]]) {
    assert.equal(done(await change(days)).care_days_after_visit, days);
    assert.equal(await opens('clinician2', patient), open, `${days} days`);
  }
  for (const days of [-1, 366]) refused(await change(days), 422, 'invalid_field', 'care_days_after_visit');
  done(await change(30));
});

test('cancelling undoes it, and so does moving the visit to another', async () => {
  const patient = await patientOf();
  const first = await book(patient), second = await book(patient);
  done(await as.scheduler.post(`/v1/visits/${first}/cancel`));
  assert.equal(await opens('clinician2', patient), true); // the second stands
  done(await as.scheduler.post(`/v1/visits/${second}/cancel`));
  assert.equal(await opens('clinician2', patient), false);
  for (const id of [first, second]) assert.deepEqual(await reachable('clinician2', id, patient), over);

  const third = await book(patient);
  assert.equal(await opens('clinician2', patient), true);
  done(await patch('scheduler', third, { clinician_id: people.clinician.id }));
  assert.deepEqual([await opens('clinician2', patient), await opens('clinician', patient)], [false, true]);
  assert.deepEqual(await reachable('clinician2', third, patient), []);
  assert.deepEqual((await team(patient)).map((m) => m.user_id), [people.clinician.id]);
  const [row] = await clinic.audit(`event = 'visit.updated' AND record_id = '${third}' AND outcome = 'ok'`);
  assert.match(row.returned, new RegExp(people.clinician.id));
  // who was added as well stays when the visit goes
  done(await as.scheduler.post(place(patient, 'clinician')), 204);
  done(await as.scheduler.post(`/v1/visits/${third}/cancel`));
  assert.equal(await opens('clinician', patient), true);
  assert.equal((await team(patient))[0].until, null);
});

//= AZ-05: a right that is taken away stays away
test('who was taken off comes back by no visit and no step, only by being added', async () => {
  const patient = await patientOf(as.clinician);
  const id = await book(patient, { starts_at: iso(now() + 20 * 60), duration_minutes: 5 });
  assert.deepEqual((await team(patient)).map((m) => m.source).sort(), ['explicit', 'visit']);
  done(await as.clinician.delete(place(patient, 'clinician2')), 204);
  assert.deepEqual(await reachable('clinician2', id, patient), []);

  // nor by what others do to their visits
  done(await patch('scheduler', id, { duration_minutes: 10 }));
  assert.deepEqual(await reachable('clinician2', id, patient), []);
  done(await patch('scheduler', id, { clinician_id: people.clinician.id }));
  done(await patch('scheduler', id, { clinician_id: people.clinician2.id }));
  assert.deepEqual(await reachable('clinician2', id, patient), []);
  const later = await book(patient);
  assert.deepEqual(await reachable('clinician2', later, patient), []);
  done(await as.scheduler.post(`/v1/visits/${later}/cancel`));
  done(await as.scheduler.post(`/v1/visits/${id}/check-in`));
  assert.deepEqual(await reachable('clinician2', id, patient), []);
  assert.deepEqual((await team(patient)).map((m) => m.user_id), [people.clinician.id]);
  const { headers } = await as.admin.get('/v1/clinic/policy');
  const longer = await as.admin.patch('/v1/clinic/policy', { care_days_after_visit: 365 }, { 'if-match': headers.etag });
  assert.deepEqual(await reachable('clinician2', id, patient), []);
  done(await as.admin.patch('/v1/clinic/policy', { care_days_after_visit: 30 }, { 'if-match': longer.headers.etag }));

  refused(await as.scheduler.delete(place(patient, 'clinician2')), 404, 'not_found'); // is off already
  done(await as.scheduler.post(place(patient, 'clinician2')), 204);
  assert.equal(await opens('clinician2', patient), true);
  done(await as.clinician2.post(`/v1/visits/${id}/admit`));
  done(await as.clinician2.post(`/v1/visits/${id}/end`));
  const events = await clinic.audit(`patient_id = '${patient}' AND event LIKE 'care_team.%' AND event <> 'care_team.read' AND outcome = 'ok'`);
  assert.deepEqual(events.map((e) => [e.event, e.record_id]), [['care_team.removed', people.clinician2.id], ['care_team.added', people.clinician2.id]]);
  assert.match(events[0].returned, new RegExp(id)); // whose room they lost
});

test('the clinician of a visit that was, taken off the team, reads neither name nor reason', async () => {
  const patient = await patientOf();
  const id = await book(patient, { starts_at: iso(now() + 60), duration_minutes: 5 });
  done(await as.scheduler.post(`/v1/visits/${id}/check-in`));
  done(await as.clinician2.post(`/v1/visits/${id}/admit`));
  done(await as.clinician2.post(`/v1/visits/${id}/end`));
  assert.equal((await as.clinician2.get(`/v1/visits/${id}`)).status, 200);
  done(await as.scheduler.delete(place(patient, 'clinician2')), 204);
  assert.deepEqual(await reachable('clinician2', id, patient), []);
});

test('changes of visits that meet leave the team as the visits say', async () => {
  const patient = await patientOf();
  for (let round = 0; round < 8; round++) {
    const old = await book(patient);
    const [cancelled, booked] = await Promise.all([
      as.scheduler.post(`/v1/visits/${old}/cancel`),
      as.scheduler.create('/v1/visits', { patient_id: patient, clinician_id: people.clinician2.id, starts_at: free(), duration_minutes: 30, reason: 'again' }),
    ]);
    done(cancelled);
    done(booked, 201);
    assert.equal(await opens('clinician2', patient), true, `round ${round}`);
    done(await as.scheduler.post(`/v1/visits/${booked.body.id}/cancel`));
    assert.equal(await opens('clinician2', patient), false, `round ${round}`);
  }
});

test('the team is shown to its patient, itself and the desk, in pages', async () => {
  const patient = people.patient.patient_id;
  done(await as.scheduler.post(place(patient, 'clinician')), 204);
  done(await as.scheduler.post(place(patient, 'clinician2')), 204);
  const all = await team(patient);
  assert.deepEqual(await team(patient, 'patient'), all);
  assert.deepEqual(await team(patient, 'clinician'), all);
  const first = done(await as.scheduler.get(`/v1/patients/${patient}/care-team?limit=1`));
  const rest = done(await as.scheduler.get(`/v1/patients/${patient}/care-team?cursor=${first.next_cursor}`));
  assert.deepEqual([...first.items, ...rest.items], all);
  for (const who of ['patient2', 'admin', 'compliance']) refused(await as[who].get(`/v1/patients/${patient}/care-team`), 404, 'not_found');
  // an account that cannot sign in opens nothing
  await clinic.sql(`UPDATE account SET deactivated_at = now() WHERE id = :'id'`, { id: people.clinician2.id });
  assert.deepEqual((await team(patient)).map((m) => m.user_id), [people.clinician.id]);
  await clinic.sql(`UPDATE account SET deactivated_at = NULL WHERE id = :'id'`, { id: people.clinician2.id });
  done(await as.scheduler.delete(place(patient, 'clinician2')), 204);
  assert.deepEqual((await team(patient)).map((m) => m.user_id), [people.clinician.id]);
});
