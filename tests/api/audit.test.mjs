// The audit trail as the compliance officer reads it.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';

let clinic, as, patient;
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const list = async (query = '') => {
  const r = await as.compliance.get(`/v1/audit?${query}`);
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
  const made = await as.clinician.create('/v1/patients', { family_name: 'Trail', given_name: 'Ada', birth_date: '1970-01-01', sex: 'female' });
  patient = made.body.id;
  await as.clinician.get(`/v1/patients/${patient}`);
  await as.clinician2.get(`/v1/patients/${patient}`);
  await as.clinician.get('/v1/patients?family_name=trail');
});
after(() => clinic?.stop());

//= AU-02: who, when, what, with which outcome, why, from where, on whom
test('an event says all of it', async () => {
  const [e] = await list(`patient_id=${patient}&action=C`);
  const { seq, at, request_id, returned, ...rest } = e;
  assert.deepEqual(rest, {
    event: 'patient.created', action: 'C', outcome: 'ok', actor_id: clinic.people.clinician.id,
    actor_role: 'clinician', actor_name: clinic.people.clinician.name, patient_id: patient,
    record_id: patient, address: '127.0.0.1', operation: 'patient_create', purpose: 'TREAT',
  });
  assert.ok(seq > 0 && Math.abs(Date.parse(at) - Date.now()) < 60e3);
  assert.match(at, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/);
  assert.match(request_id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(returned, []);
});

test('a patient is found by what was done and by what was returned', async () => {
  const events = (await list(`patient_id=${patient}`)).map((e) => [e.event, e.outcome]);
  assert.deepEqual(events.slice(-4), [
    ['patient.searched', 'ok'], ['patient.read', 'not_found'], ['patient.read', 'ok'], ['patient.created', 'ok'],
  ]);
  const [search] = await list(`patient_id=${patient}&outcome=ok&actor_id=${clinic.people.clinician.id}`);
  assert.deepEqual([search.event, search.returned], ['patient.searched', [patient]]);
});

test('filters narrow', async () => {
  const denied = await list('outcome=not_found');
  assert.ok(denied.length >= 1 && denied.every((e) => e.outcome === 'not_found'));
  const own = await list(`actor_id=${clinic.people.clinician2.id}&action=R`);
  assert.deepEqual(own.map((e) => [e.event, e.outcome, e.record_id]), [['patient.read', 'not_found', patient]]);
  const later = new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, '');
  assert.deepEqual(await list(`from=${later}`), []);
  assert.ok((await list(`to=${later}`)).length > 0);
  refused(await as.compliance.get('/v1/audit?action=X'), 422, 'invalid_field', 'action');
  refused(await as.compliance.get('/v1/audit?from=today'), 422, 'invalid_field', 'from');
  refused(await as.compliance.get(`/v1/audit?seq=1`), 422, 'unknown_field', 'seq');
});

test('pages run from the newest to the first, without a gap', async () => {
  const [{ max }] = await clinic.sql('SELECT max(seq) FROM audit');
  const before = (await clinic.sql(`SELECT seq FROM audit WHERE seq <= ${max} AND clinic_id = (SELECT id FROM clinic LIMIT 1) ORDER BY seq DESC`)).map((r) => Number(r.seq));
  const seqs = [];
  let cursor = '';
  do {
    const r = await as.compliance.get(`/v1/audit?limit=100${cursor}`);
    assert.equal(r.status, 200, r.text);
    seqs.push(...r.body.items.map((e) => e.seq));
    cursor = r.body.next_cursor ? `&cursor=${r.body.next_cursor}` : '';
  } while (cursor);
  assert.deepEqual(seqs.filter((s) => s <= Number(max)), before);
});

//= AZ-08: the trail is the compliance officer's alone, and no chart is
test('nobody else reads the trail, and its reader reads no chart', async () => {
  for (const who of ['patient', 'clinician', 'scheduler', 'admin']) refused(await as[who].get('/v1/audit'), 404, 'not_found');
  refused(await as.compliance.get(`/v1/patients/${patient}`), 404, 'not_found');
  const reads = await clinic.audit(`event = 'audit.read'`);
  assert.ok(reads.some((r) => r.outcome === 'ok') && reads.some((r) => r.outcome === 'not_found'));
});

//= AZ-04, AU-04
test('another clinic has a trail of its own', async () => {
  const other = randomUUID();
  await clinic.sql(`INSERT INTO clinic (id, name) VALUES (:'other', 'Other'); INSERT INTO audit (clinic_id, event, action, outcome, patient_id, address, request_id, operation) VALUES (:'other', 'patient.read', 'R', 'ok', :'patient', '::1', :'other', 'patient_read')`, { other, patient });
  assert.ok((await list(`patient_id=${patient}`)).every((e) => e.address !== '::1'));
});
