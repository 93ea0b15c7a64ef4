// A copy of a patient's record: what is in it by who takes it, in the shape of FHIR R4,
// and who gets none. RC-08.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic, totp } from '../lib/clinic.mjs';

let clinic, patient, scheduler, doctor, ids;
const MANY = 230; // recordings: more than two parts hold

const ok = (r, status = 200) => { assert.equal(r.status, status, r.text); return r.body; };
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const fresh = async (client, person) => {
  await clinic.sql(`UPDATE account SET totp_last_step = 0 WHERE id = :'id'`, { id: await clinic.accountId(person) });
  ok(await client.post('/v1/session/step-up', { code: totp(person.totp_secret) }));
};

before(async () => {
  clinic = await startClinic();
  [patient, scheduler, doctor] = await Promise.all(['patient', 'scheduler', 'clinician'].map((who) => clinic.signIn(clinic.people[who])));
  const me = async (client) => ok(await client.get('/v1/session')).user;
  ids = { patient: (await me(patient)).patient_id, account: (await me(patient)).id, doctor: (await me(doctor)).id };
  const record = await scheduler.get(`/v1/patients/${ids.patient}`);
  ok(await scheduler.patch(`/v1/patients/${ids.patient}`, { ssn: '123-45-6789', preferred_name: 'Q"u\\ote', address: { line1: '1 Main St', city: 'Town', postal_code: '03801', country: 'US' }, emergency_contact: { name: 'Someone', phone: '+1 555 010 2030' }, insurance: { payer: 'Payer', member_id: 'M-1' } }, { 'if-match': record.headers.etag }));
  const visit = async (who, reason) => {
    for (let day = 300; ; day++) {
      const made = await scheduler.create('/v1/visits', { patient_id: who, clinician_id: ids.doctor, starts_at: new Date(Date.now() + day * 864e5).toISOString().replace(/\.\d+/, ''), duration_minutes: 5, reason });
      if (made.body?.code !== 'slot_taken') return ok(made, 201).id;
    }
  };
  ids.held = await visit(ids.patient, 'Of the visit that was held');
  ids.booked = await visit(ids.patient, 'Of the visit to come');
  ids.other = clinic.patients.find((id) => id !== ids.patient);
  ids.theirs = await visit(ids.other, 'Of somebody else');
  await clinic.sql(`UPDATE visit SET status = 'ended' WHERE id = :'held'`, ids);
  ids.clinic = (await clinic.sql(`SELECT clinic_id FROM patient WHERE id = :'patient'`, ids))[0].clinic_id;
  const recorded = `INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, state, prefix, media_type, duration_s, created_at, started_at, stopped_at, check_from, keep_until)
    SELECT :'clinic', gen_random_uuid(), :'visit', :'who', :'doctor', 'stored', md5(random()::text), 'video/webm', 61, now(), now(), now() + interval '61 s', now(), now() + interval '9 days' FROM generate_series(1, :'n'::int) RETURNING id`;
  ids.recordings = (await clinic.sql(recorded, { ...ids, visit: ids.held, who: ids.patient, n: MANY })).map((r) => r.id);
  await clinic.sql(recorded, { ...ids, visit: ids.theirs, who: ids.other, n: 1 });
  ids.first = ids.recordings[0];
  for (const [account, role, given] of [[ids.doctor, 'clinician', true], [ids.account, 'patient', false], [ids.account, 'patient', true]])
    await clinic.sql(`INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording) VALUES (:'clinic', gen_random_uuid(), :'first', :'account', :'role', :'given', 1)`, { ...ids, account, role, given });
  ids.never = (await clinic.sql(`INSERT INTO recording (clinic_id, id, visit_id, patient_id, clinician_id, state, prefix, created_at, stopped_at, check_from, keep_until)
    VALUES (:'clinic', gen_random_uuid(), :'held', :'patient', :'doctor', 'stopped', md5(random()::text), now(), now(), now(), now() + interval '9 days') RETURNING id`, ids))[0].id;
  await clinic.sql(`INSERT INTO recording_consent (clinic_id, id, recording_id, account_id, role, given, wording) VALUES (:'clinic', gen_random_uuid(), :'never', :'account', 'patient', false, 1)`, ids);
  ids.payment = (await clinic.sql(`WITH fee AS (INSERT INTO fee (clinic_id, id, code, title, amount_minor, currency) VALUES (:'clinic', gen_random_uuid(), 'copied', 'Video visit', 1999, 'USD') RETURNING id)
    INSERT INTO payment (clinic_id, id, visit_id, patient_id, fee_id, amount_minor, currency, created_by, state, paid_at)
    SELECT :'clinic', gen_random_uuid(), :'held', :'patient', fee.id, 1999, 'USD', :'doctor', 'paid', now() FROM fee RETURNING id`, ids))[0].id;
});
after(() => clinic?.stop());

const at = (more = '', who = ids.patient) => `/v1/patients/${who}/exports${more}`;
const ask = async (client) => ok(await client.create(at(), { format: 'fhir' }), 201);
/** What a new copy holds, by resource type, and all of it as text. */
async function copyOf(client) {
  const r = await client.get(at(`/${(await ask(client)).id}/content`));
  const bundle = ok(r), of = Object.groupBy(bundle.entry.map((e) => e.resource), (one) => one.resourceType);
  return { r, bundle, of, text: r.text };
}

/** What each kind has to have (FHIR R4), and the codes that are allowed. */
const required = {
  Patient: [],
  Coverage: ['status', 'beneficiary', 'payor'],
  Practitioner: [],
  Appointment: ['status', 'participant', 'start', 'end'],
  Encounter: ['status', 'class'],
  DocumentReference: ['status', 'content'],
  Consent: ['status', 'scope', 'category', 'policyRule'],
  Invoice: ['status'],
};
const codes = {
  Coverage: ['active'],
  Appointment: ['booked', 'arrived', 'fulfilled', 'cancelled', 'noshow'],
  Encounter: ['arrived', 'in-progress', 'finished'],
  DocumentReference: ['current'],
  Consent: ['active', 'rejected'],
  Invoice: ['issued', 'balanced', 'cancelled'],
};
const INSTANT = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/;

/** All references in a value; and nothing is null or empty, as FHIR has neither. */
function references(value, path = '') {
  assert.ok(value !== null && value !== '', `${path} is null or empty`);
  if (typeof value !== 'object') return [];
  assert.ok(Object.keys(value).length > 0, `${path} is empty`);
  return [...(typeof value.reference === 'string' ? [value.reference] : []), ...Object.entries(value).flatMap(([name, inner]) => references(inner, `${path}.${name}`))];
}

function wellFormed({ resourceType, id, type, timestamp, entry, ...more }) {
  assert.deepEqual([resourceType, type, more], ['Bundle', 'collection', {}]);
  assert.match(id, /^[A-Za-z0-9.-]{1,64}$/);
  assert.match(timestamp, INSTANT);
  const there = new Set(entry.map(({ resource }) => `${resource.resourceType}/${resource.id}`));
  assert.equal(there.size, entry.length, 'each of them once');
  for (const { fullUrl, resource } of entry) {
    const name = `${resource.resourceType}/${resource.id}`;
    assert.equal(fullUrl, `${clinic.url}/fhir/r4/${name}`);
    assert.match(resource.id, /^[A-Za-z0-9.-]{1,64}$/, name);
    for (const member of required[resource.resourceType]) assert.ok(member in resource, `${name} has no ${member}`);
    if (codes[resource.resourceType]) assert.ok(codes[resource.resourceType].includes(resource.status), `${name} is ${resource.status}`);
    for (const when of ['start', 'end', 'date', 'dateTime']) if (when in resource) assert.match(resource[when], INSTANT, name);
    for (const to of references(resource, name)) assert.ok(there.has(to), `${name} refers to ${to}`);
  }
}

//= RC-08: that there are recordings, when, how long, who agreed, and where they are seen
test('a patient gets all that the clinic has of them, and nobody else’s', async () => {
  await fresh(patient, clinic.people.patient);
  const { r, bundle, of, text } = await copyOf(patient);
  assert.match(r.headers['content-type'], /^application\/fhir\+json; charset=utf-8$/);
  assert.match(r.headers['content-disposition'], /^attachment; filename="record\.json"$/);
  assert.equal(r.headers['cache-control'], 'no-store'); //= TR-05
  wellFormed(bundle);

  const [p] = of.Patient;
  assert.equal(of.Patient.length, 1);
  assert.equal(p.id, ids.patient);
  const shown = ok(await patient.get(`/v1/patients/${ids.patient}`));
  assert.deepEqual(p.name, [{ use: 'official', family: shown.family_name, given: [shown.given_name] }, { use: 'usual', text: shown.preferred_name }]);
  assert.deepEqual([p.birthDate, p.gender], [shown.birth_date, shown.sex]);
  assert.deepEqual(p.address, [{ city: 'Town', state: shown.address.state, postalCode: '03801', country: 'US', line: ['1 Main St'] }]);
  assert.equal(p.contact[0].telecom[0].value, shown.emergency_contact.phone);
  assert.ok(p.identifier.some((i) => i.value === shown.ssn && i.system === 'http://hl7.org/fhir/sid/us-ssn'));
  assert.deepEqual(of.Coverage.map((c) => [c.subscriberId, c.payor]), [['M-1', [{ display: 'Payer' }]]]);

  const visits = await clinic.sql(`SELECT id FROM visit WHERE patient_id = :'patient'`, ids);
  assert.deepEqual(of.Appointment.map((a) => a.id).sort(), visits.map((v) => v.id).sort());
  const held = of.Appointment.find((a) => a.id === ids.held);
  assert.deepEqual([held.status, held.reasonCode], ['fulfilled', [{ text: 'Of the visit that was held' }]]);
  assert.equal(of.Encounter.find((e) => e.id === ids.held).status, 'finished');
  assert.equal(of.Encounter.find((e) => e.id === ids.booked), undefined);
  const named = of.Practitioner.find((one) => one.id === ids.doctor);
  assert.equal(named.name[0].text, ok(await doctor.get('/v1/session')).user.display_name);

  assert.deepEqual(of.DocumentReference.map((d) => d.id).sort(), [...ids.recordings].sort());
  for (const d of of.DocumentReference) {
    assert.match(d.description, /^Length: 61 seconds\. Its sound and picture are not in this copy/);
    assert.equal(d.content[0].attachment.data, undefined);
    assert.equal(Date.parse(d.context.period.end) - Date.parse(d.context.period.start), 61e3);
  }
  const answers = of.Consent.filter((c) => c.id.startsWith(ids.first));
  assert.deepEqual(answers.map((c) => [c.status, c.performer[0].reference]).sort(), [['active', `Patient/${ids.patient}`], ['active', `Practitioner/${ids.doctor}`]], 'the last answer of each');
  const [no] = of.Consent.filter((c) => c.id.startsWith(ids.never));
  assert.deepEqual([no.status, no.provision], ['rejected', { type: 'deny' }]);
  assert.deepEqual(of.Invoice.map((i) => [i.id, i.status, i.totalGross]), [[ids.payment, 'balanced', { value: 19.99, currency: 'USD' }]]);
  assert.match(text, /"value":19\.99,/);

  for (const theirs of [ids.other, ids.theirs, 'Of somebody else']) assert.ok(!text.includes(theirs), theirs);
  const [{ secret }] = await clinic.sql(`SELECT prefix AS secret FROM recording WHERE id = :'first'`, ids);
  assert.ok(!text.includes(secret), 'nothing of the store');
});

//= AZ-02: what the role of who takes it does not see is not in it
test('staff get what their role sees', async () => {
  await fresh(scheduler, clinic.people.scheduler);
  await fresh(doctor, clinic.people.clinician);
  const desk = await copyOf(scheduler), care = await copyOf(doctor);
  for (const { bundle } of [desk, care]) wellFormed(bundle);
  assert.deepEqual([desk.of.DocumentReference, desk.of.Consent, desk.of.Invoice.length], [undefined, undefined, 1]);
  assert.deepEqual([care.of.DocumentReference.length, care.of.Invoice], [MANY, undefined]);
  for (const { text } of [desk, care]) assert.doesNotMatch(text, /us-ssn|123-?45-?6789/);
});

//= AZ-01
test('who has no right to the record, or did not ask for the copy, finds none', async () => {
  await fresh(patient, clinic.people.patient);
  await fresh(scheduler, clinic.people.scheduler);
  const { id } = await ask(patient);
  for (const more of ['', '/content']) {
    refused(await scheduler.get(at(`/${id}${more}`)), 404, 'not_found');
    refused(await patient.get(at(`/${randomUUID()}${more}`)), 404, 'not_found');
    refused(await patient.get(at(`/${id}${more}`, ids.other)), 404, 'not_found');
    const theirs = ok(await scheduler.create(at('', ids.other), { format: 'fhir' }), 201);
    refused(await scheduler.get(at(`/${theirs.id}${more}`)), 404, 'not_found');
  }
  refused(await patient.create(at('', ids.other), { format: 'fhir' }), 404, 'not_found');
  // whose care ends between asking and taking
  await fresh(doctor, clinic.people.clinician);
  const mine = await ask(doctor);
  const [team] = await clinic.sql(`UPDATE care_team SET until = now() WHERE patient_id = :'patient' AND account_id = :'doctor' RETURNING since`, ids);
  refused(await doctor.get(at(`/${mine.id}/content`)), 404, 'not_found');
  await clinic.sql(`UPDATE care_team SET until = now() + interval '30 days' WHERE patient_id = :'patient' AND account_id = :'doctor'`, ids);
  assert.ok(team);
});

test('a format that there is none of is named, and nothing is kept', async () => {
  await fresh(patient, clinic.people.patient);
  const count = async () => (await clinic.sql('SELECT count(*) AS n FROM export'))[0].n;
  const before = await count();
  refused(await patient.create(at(), { format: 'pdf' }), 422, 'invalid_field', 'format');
  refused(await patient.create(at(), {}), 422, 'missing_field', 'format');
  refused(await patient.create(at(), { format: 'fhir', more: 1 }), 422, 'unknown_field', 'more');
  assert.equal(await count(), before);
});

//= AZ-09
test('a copy is asked for and taken with a fresh code, and for a day', async () => {
  await fresh(patient, clinic.people.patient);
  const { id, state, created_at, expires_at } = await ask(patient);
  assert.equal(state, 'ready');
  assert.equal(Date.parse(expires_at) - Date.parse(created_at), 864e5);
  await clinic.sql(`UPDATE session SET step_up_until = now() WHERE account_id = :'account'`, ids);
  refused(await patient.create(at(), { format: 'fhir' }), 403, 'step_up_required');
  refused(await patient.get(at(`/${id}/content`)), 403, 'step_up_required');
  assert.equal(ok(await patient.get(at(`/${id}`))).state, 'ready');
  await fresh(patient, clinic.people.patient);
  ok(await patient.get(at(`/${id}/content`)));
  await clinic.sql(`UPDATE export SET created_at = now() - interval '25 hours', expires_at = now() - interval '1 s' WHERE id = :'id'`, { id });
  assert.equal(ok(await patient.get(at(`/${id}`))).state, 'expired');
  refused(await patient.get(at(`/${id}/content`)), 410, 'export_expired');
  //= AU-01: who asked, who took, of whom
  const events = await clinic.sql(`SELECT event, actor_id, patient_id, outcome FROM audit WHERE record_id = :'id' ORDER BY seq`, { id });
  const of = { actor_id: ids.account, patient_id: ids.patient };
  assert.deepEqual(events, [['export.made', 'ok'], ['export.taken', 'step_up_required'], ['export.read', 'ok'], ['export.taken', 'ok'], ['export.read', 'ok'], ['export.taken', 'export_expired']].map(([event, outcome]) => ({ event, ...of, outcome })));
});
