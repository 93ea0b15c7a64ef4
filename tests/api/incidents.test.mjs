// Incidents: written down, judged by four factors, with deadlines that the server
// counts, and kept as they were said.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';
import { earlyInThePeriod } from '../lib/periods.mjs';
import { Superuser } from '../lib/superuser.mjs';

let clinic, as, officer, patient, other;
const SECRET = 'CANARY-INCIDENT left at the bus stop';
const FACTORS = ['nature', 'recipient', 'acquired', 'mitigation'];
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const done = (r, status = 200) => {
  assert.equal(r.status, status, r.text);
  return r.body;
};
const open = async (more = {}) => done(await officer.create('/v1/incidents', { kind: 'device', title: SECRET, discovered_at: '2024-03-05T10:00:00Z', ...more }), 201);
const act = (id, kind, more = {}) => officer.create(`/v1/incidents/${id}/actions`, { kind, text: `What was found: ${SECRET}`, ...more });
const link = (id, body) => officer.create(`/v1/incidents/${id}/links`, body);
const read = async (id) => done(await officer.get(`/v1/incidents/${id}`));
const patch = async (id, body) => officer.patch(`/v1/incidents/${id}`, body, { 'if-match': (await officer.get(`/v1/incidents/${id}`)).headers.etag });
const close = (id, conclusion = 'low_probability') => officer.post(`/v1/incidents/${id}/close`, { conclusion, outcome: `So it was. ${SECRET}` });
const judge = async (id, finding = 'lowers') => { for (const factor of FACTORS) done(await act(id, factor, { finding }), 201); };
const dues = (v) => ['people', 'media', 'secretary'].map((whom) => v[whom] && v[whom].due_on);

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const role of ['patient', 'clinician', 'scheduler', 'admin', 'compliance']) as[role] = await clinic.signIn(clinic.people[role]);
  as.guest = await clinic.guest();
  officer = as.compliance;
  ([patient, other] = clinic.patients);
});
after(async () => {
  for (const c of Object.values(as ?? {})) c.close();
  await clinic?.stop();
});

//= OP-05
test('an incident is written down, sealed, and found again', async () => {
  const made = await open({ description: SECRET, began_at: '2024-03-01T00:00:00Z', ended_at: '2024-03-02T00:00:00Z' });
  assert.deepEqual([made.state, made.kind, made.title, made.description, made.affected, made.conclusion, made.closed_by], ['open', 'device', SECRET, SECRET, null, null, null]);
  assert.equal(made.opened_by.display_name, clinic.people.compliance.name);
  assert.deepEqual(made.factors, { nature: null, recipient: null, acquired: null, mitigation: null });
  assert.deepEqual(await read(made.id), made);
  assert.ok(done(await officer.get('/v1/incidents?state=open')).items.some((i) => i.id === made.id));
  assert.ok(!done(await officer.get('/v1/incidents?state=closed')).items.some((i) => i.id === made.id));
  const rows = await clinic.sql(`SELECT encode(title, 'escape') || x::text AS whole FROM incident x UNION ALL SELECT encode(body, 'escape') || y::text FROM incident_entry y`);
  assert.ok(!/CANARY/.test(JSON.stringify(rows) + clinic.log));
  const [{ class: of }] = await clinic.sql(`SELECT class FROM record_key WHERE subject_id = :'id'`, made);
  assert.equal(of, 'incident', 'under a key of its own');
});

test('they come in pages, the newest first', async () => {
  for (let i = 0; i < 3; i++) await open();
  const first = done(await officer.get('/v1/incidents?limit=2'));
  const second = done(await officer.get(`/v1/incidents?limit=2&cursor=${encodeURIComponent(first.next_cursor)}`));
  const ids = [...first.items, ...second.items].map((v) => v.id);
  assert.equal(new Set(ids).size, 4);
  assert.deepEqual([...ids].sort().reverse(), ids);
});

test('what makes no sense is refused, with the field named', async () => {
  const body = { kind: 'device', title: 'x', discovered_at: '2024-03-05T10:00:00Z' };
  const later = new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, '');
  for (const [more, field] of [[{ kind: 'theft' }, 'kind'], [{ title: '' }, 'title'], [{ discovered_at: later }, 'discovered_at'], [{ began_at: later }, 'began_at'],
    [{ began_at: '2024-03-02T00:00:00Z', ended_at: '2024-03-01T00:00:00Z' }, 'ended_at'], [{ affected: -1 }, 'affected'], [{ in_state: 3 }, 'in_state'], [{ affected: 2, in_state: 3 }, 'in_state'], [{ state: 'closed' }, 'state']]) {
    const r = await officer.create('/v1/incidents', { ...body, ...more });
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
  for (const missing of Object.keys(body)) assert.equal((await officer.create('/v1/incidents', { ...body, [missing]: undefined })).body.field, missing);
  const { id } = await open();
  for (const [kind, more, field] of [['nature', {}, 'finding'], ['note', { finding: 'lowers' }, 'finding'], ['delay', {}, 'until'], ['note', { until: '2024-05-01' }, 'until'], ['note', { at: later }, 'at'], ['other', {}, 'kind'], ['note', { text: ' ' }, 'text']]) {
    const r = await act(id, kind, more);
    assert.deepEqual([r.status, r.body.field], [422, field], r.text);
  }
});

//= IN-05
test('a change names the version that it was made from', async () => {
  const { id } = await open();
  refused(await officer.patch(`/v1/incidents/${id}`, { affected: 3 }), 428, 'precondition_required');
  const { headers: { etag } } = await officer.get(`/v1/incidents/${id}`);
  const changed = done(await officer.patch(`/v1/incidents/${id}`, { affected: 3, in_state: 2, description: 'More' }, { 'if-match': etag }));
  assert.deepEqual([changed.affected, changed.in_state, changed.description, changed.title], [3, 2, 'More', SECRET]);
  refused(await officer.patch(`/v1/incidents/${id}`, { affected: 4 }, { 'if-match': etag }), 412, 'stale');
  const cleared = done(await patch(id, { affected: null, in_state: null, description: null }));
  assert.deepEqual([cleared.affected, cleared.in_state, cleared.description], [null, null, null]);
});

//= PR-07: 60 days to people; to the media over 500 of a state; to the Secretary with 500 or more, else 60 days after the year
test('deadlines are counted from discovery, at the turn of a year and in a leap year', async () => {
  const at = async (discovered_at, more) => dues(await open({ discovered_at, ...more }));
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 3, in_state: 3 }), ['2024-05-04', null, '2025-03-01']);
  assert.deepEqual(await at('2023-12-31T10:00:00Z', { affected: 3, in_state: 3 }), ['2024-02-29', null, '2024-02-29'], 'sixty days into a leap year');
  assert.deepEqual(await at('2024-01-01T10:00:00Z', { affected: 3 }), ['2024-03-01', null, '2025-03-01']);
  assert.deepEqual(await at('2022-12-31T10:00:00Z', { affected: 3 }), ['2023-03-01', null, '2023-03-01']);
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 499 }), ['2024-05-04', null, '2025-03-01']);
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 500 }), ['2024-05-04', null, '2024-05-04'], '500 are told at once, and no media yet');
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 900, in_state: 500 }), ['2024-05-04', null, '2024-05-04']);
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 900, in_state: 501 }), ['2024-05-04', '2024-05-04', '2024-05-04']);
  assert.deepEqual(await at('2024-03-05T10:00:00Z', {}), ['2024-05-04', '2024-05-04', '2024-05-04'], 'a number that nobody knows is a large one');
  assert.deepEqual(await at('2024-03-05T10:00:00Z', { affected: 0 }), [null, null, null]);
});

test('days are those of the clinic’s zone, and those that are left are counted to today', async () => {
  const zone = (time_zone) => clinic.sql(`UPDATE clinic SET time_zone = :'time_zone'`, { time_zone });
  const [{ was }] = await clinic.sql(`SELECT time_zone AS was FROM clinic`);
  try {
    await zone('America/Los_Angeles');
    assert.deepEqual(dues(await open({ discovered_at: '2024-01-01T07:59:59Z', affected: 3 })), ['2024-02-29', null, '2024-02-29'], 'there it is the year before');
    assert.deepEqual(dues(await open({ discovered_at: '2024-01-01T08:00:00Z', affected: 3 })), ['2024-03-01', null, '2025-03-01']);
    await zone('Pacific/Auckland');
    assert.deepEqual(dues(await open({ discovered_at: '2023-12-31T11:30:00Z', affected: 3 })), ['2024-03-01', null, '2025-03-01'], 'and there the year after');
    await zone('UTC');
    await earlyInThePeriod(); // the day is not over meanwhile
    const now = new Date();
    const { people } = await open({ discovered_at: new Date(now.getTime() - 20 * 86400e3).toISOString().replace(/\.\d+/, ''), affected: 3 });
    assert.equal(people.days_left, 40);
    assert.ok((await open()).people.days_left < 0, 'one that is over');
  } finally {
    await zone(was);
  }
});

//= PR-08: what the police ask for, and the proof that notice was given
test('a delay moves what is due, and a notice that was given ends it', async () => {
  const { id } = await open({ affected: 3 });
  done(await act(id, 'delay', { until: '2024-08-01' }), 201);
  assert.deepEqual([(await read(id)).delay_on, ...dues(await read(id))], ['2024-08-01', '2024-08-01', null, '2025-03-01']);
  done(await act(id, 'delay', { until: '2024-04-01' }), 201);
  assert.deepEqual(dues(await read(id)), ['2024-05-04', null, '2025-03-01'], 'the newest counts, and it shortens nothing');
  done(await act(id, 'notice_people', { at: '2024-05-02T09:00:00Z' }), 201);
  done(await act(id, 'notice_people', { at: '2024-05-09T09:00:00Z' }), 201);
  done(await act(id, 'delay', { until: '9999-12-31' }), 201);
  assert.ok((await read(id)).secretary.days_left <= 4e6, 'as the contract has it');
  done(await act(id, 'delay', { until: '2024-04-01' }), 201);
  const { people, secretary } = await read(id);
  assert.deepEqual([people.given_on, people.days_left, secretary.given_on], ['2024-05-02', null, null]);
  assert.ok(secretary.days_left < 0);
});

//= PR-08: closing asks for all four factors, and a breach for its notices
test('it is closed when all is judged, once, and then stays as it is', async () => {
  const { id } = await open();
  for (const factor of FACTORS) {
    refused(await close(id), 409, 'factor_missing', factor);
    done(await act(id, factor, { finding: 'raises' }), 201);
  }
  assert.deepEqual((await read(id)).factors, Object.fromEntries(FACTORS.map((f) => [f, 'raises'])));
  done(await act(id, 'mitigation', { finding: 'lowers' }), 201);
  assert.equal((await read(id)).factors.mitigation, 'lowers', 'the newest counts');
  refused(await close(id, 'breach'), 409, 'notice_missing', 'affected');
  done(await patch(id, { affected: 900, in_state: 600 }));
  for (const whom of ['people', 'media', 'secretary']) {
    refused(await close(id, 'breach'), 409, 'notice_missing', whom);
    done(await act(id, `notice_${whom}`), 201);
  }
  for (const [body, field] of [[{ outcome: 'x' }, 'conclusion'], [{ conclusion: 'breach' }, 'outcome'], [{ conclusion: 'maybe', outcome: 'x' }, 'conclusion']])
    assert.equal((await officer.post(`/v1/incidents/${id}/close`, body)).body.field, field);
  const both = (await Promise.all([close(id, 'breach'), close(id, 'breach')])).map((r) => r.status).sort();
  assert.deepEqual(both, [200, 409]);
  const closed = await read(id);
  assert.deepEqual([closed.state, closed.conclusion, closed.closed_by.display_name, closed.outcome], ['closed', 'breach', clinic.people.compliance.name, `So it was. ${SECRET}`]);
  refused(await close(id), 409, 'wrong_status');
  refused(await patch(id, { affected: 1 }), 409, 'wrong_status');
  refused(await act(id, 'note'), 409, 'wrong_status');
  refused(await link(id, { patient_id: patient }), 409, 'wrong_status');
  assert.ok(done(await officer.get('/v1/incidents?state=closed')).items.some((i) => i.id === id));
});

test('a low probability asks for the factors alone', async () => {
  const { id } = await open();
  await judge(id);
  assert.equal(done(await close(id)).conclusion, 'low_probability');
  assert.deepEqual([(await read(id)).people.days_left, (await read(id)).people.due_on], [null, '2024-05-04']);
});

test('what was done stands in its order, with who wrote it down', async () => {
  const { id } = await open();
  for (const kind of ['detection', 'containment', 'recovery', 'note']) done(await act(id, kind, { at: '2024-03-05T11:00:00Z' }), 201);
  const { items } = done(await officer.get(`/v1/incidents/${id}/actions`));
  assert.deepEqual(items.map((e) => e.kind), ['note', 'recovery', 'containment', 'detection']);
  assert.deepEqual([items[0].text, items[0].at, items[0].actor.display_name, items[0].finding], [`What was found: ${SECRET}`, '2024-03-05T11:00:00Z', clinic.people.compliance.name, null]);
  const key = randomUUID(), body = { kind: 'note', text: 'Once' };
  const twice = [done(await officer.create(`/v1/incidents/${id}/actions`, body, key), 201), done(await officer.create(`/v1/incidents/${id}/actions`, body, key), 201)];
  assert.deepEqual(twice[0], twice[1]);
  const first = done(await officer.get(`/v1/incidents/${id}/actions?limit=2`));
  const rest = done(await officer.get(`/v1/incidents/${id}/actions?cursor=${encodeURIComponent(first.next_cursor)}`));
  assert.deepEqual([...first.items, ...rest.items].map((e) => e.kind), ['note', 'note', 'recovery', 'containment', 'detection']);
});

test('events, accounts and patients have to do with it, each once, and the patient can follow it up', async () => {
  const { id } = await open();
  const [{ seq }] = await clinic.sql(`SELECT max(seq) AS seq FROM audit_log WHERE clinic_id = (SELECT id FROM clinic)`);
  const account = await clinic.accountId(clinic.people.clinician);
  for (const body of [{ seq: Number(seq) }, { account_id: account }, { patient_id: clinic.people.patient.patient_id }]) {
    done(await link(id, body), 201);
    refused(await link(id, body), 409, 'already_done');
  }
  refused(await link(id, {}), 422, 'missing_field', 'patient_id');
  refused(await link(id, { seq: 1, patient_id: patient }), 422, 'invalid_field', 'seq');
  refused(await link(id, { account_id: account, patient_id: patient }), 422, 'invalid_field', 'account_id');
  refused(await link(id, { seq: 999999999999 }), 422, 'invalid_field', 'seq');
  refused(await link(id, { account_id: randomUUID() }), 422, 'invalid_field', 'account_id');
  refused(await link(id, { patient_id: randomUUID() }), 422, 'invalid_field', 'patient_id');
  const { items } = done(await officer.get(`/v1/incidents/${id}/links`));
  assert.deepEqual(items.map((l) => [l.kind, l.seq, l.account, l.patient_id]), [['patient', null, null, clinic.people.patient.patient_id],
    ['account', null, { id: account, display_name: clinic.people.clinician.name }, null], ['event', Number(seq), null, null]]);
  const first = done(await officer.get(`/v1/incidents/${id}/links?limit=2`));
  assert.equal(done(await officer.get(`/v1/incidents/${id}/links?cursor=${encodeURIComponent(first.next_cursor)}`)).items.length, 1);
  const seen = done(await as.patient.get(`/v1/patients/${clinic.people.patient.patient_id}/accesses`)).items.map((e) => e.event);
  for (const event of ['incident.linked', 'incident.links_listed']) assert.ok(seen.includes(event), event);
});

//= EN-05: what does not open hides nothing but itself, and is not written over
test('a damaged incident, or entry, leaves the others to be read', async () => {
  const [a, b, c] = [await open({ description: 'Whole' }), await open({ description: 'Whole' }), await open()];
  for (let i = 0; i < 2; i++) done(await act(c.id, 'note'), 201);
  const flip = (column) => `set_byte(${column}, 20, get_byte(${column}, 20) # 1)`;
  await clinic.sql(`UPDATE incident SET description = ${flip('description')} WHERE id = :'a'; UPDATE record_key SET wrapped = ${flip('wrapped')} WHERE subject_id = :'b';
    ALTER TABLE incident_entry DISABLE TRIGGER incident_entry_kept; UPDATE incident_entry SET body = ${flip('body')} WHERE id = (SELECT max(id::text)::uuid FROM incident_entry WHERE incident_id = :'c'); ALTER TABLE incident_entry ENABLE TRIGGER incident_entry_kept`, { a: a.id, b: b.id, c: c.id });
  const { items } = done(await officer.get('/v1/incidents?state=open&limit=100')), of = (v) => items.find((i) => i.id === v.id);
  assert.deepEqual([of(a).title, of(a).description, of(b).title, of(b).kind, of(c).title], [SECRET, null, null, 'device', SECRET]);
  assert.deepEqual(done(await officer.get(`/v1/incidents/${c.id}/actions`)).items.map((e) => e.text), [null, `What was found: ${SECRET}`]);
  const stored = async () => (await clinic.sql(`SELECT encode(description, 'hex') AS description, affected FROM incident WHERE id = :'id'`, a))[0];
  const was = await stored();
  assert.equal((await patch(a.id, { affected: 3 })).status, 500);
  assert.deepEqual(await stored(), was);
});

test('nobody but an officer learns of one, or that there is none', async () => {
  const { id } = await open();
  const calls = [['GET', '/v1/incidents'], ['POST', '/v1/incidents', { kind: 'other', title: 'x', discovered_at: '2024-03-05T10:00:00Z' }], ['GET', `/v1/incidents/${id}`], ['PATCH', `/v1/incidents/${id}`, { affected: 1 }],
    ['POST', `/v1/incidents/${id}/close`, { conclusion: 'breach', outcome: 'x' }], ['GET', `/v1/incidents/${id}/actions`], ['POST', `/v1/incidents/${id}/actions`, { kind: 'note', text: 'x' }], ['GET', `/v1/incidents/${id}/links`], ['POST', `/v1/incidents/${id}/links`, { patient_id: patient }]];
  for (const [method, path, body] of calls) {
    for (const role of ['patient', 'clinician', 'scheduler', 'admin', 'guest']) refused(await as[role].request(method, path, body, { 'if-match': '"1"' }), 404, 'not_found');
    if (path !== '/v1/incidents') refused(await officer.request(method, path.replace(id, randomUUID()), body, { 'if-match': '"1"' }), 404, 'not_found');
  }
  assert.deepEqual([(await read(id)).version, (await read(id)).state], [1, 'open']);
  const events = await clinic.audit(`record_id = '${id}' AND outcome = 'ok'`);
  assert.deepEqual([...new Set(events.map((e) => e.event))].sort(), ['incident.opened', 'incident.read']);
});

//= OP-05, PR-08: not by the server, not by the jobs, not by the role of reports, not by the owner
test('what was said of one is changed and deleted by nobody', async () => {
  const { id } = await open();
  await judge(id);
  done(await link(id, { patient_id: other }), 201);
  done(await close(id));
  const everything = () => clinic.sql(`SELECT x::text FROM incident x WHERE id = :'id' UNION ALL SELECT y::text FROM incident_entry y WHERE incident_id = :'id' UNION ALL SELECT z::text FROM incident_link z WHERE incident_id = :'id' ORDER BY 1`, { id });
  const was = await everything();
  for (const role of ['epione_server', 'epione_jobs', 'epione_reporter', 'epione_owner'])
    for (const statement of [`UPDATE incident SET outcome = NULL WHERE id = '${id}'`, `UPDATE incident SET affected = 0 WHERE id = '${id}'`, `DELETE FROM incident WHERE id = '${id}'`, 'TRUNCATE incident CASCADE',
      ...['incident_entry', 'incident_link'].flatMap((t) => [`UPDATE ${t} SET created_at = now() WHERE incident_id = '${id}'`, `DELETE FROM ${t} WHERE incident_id = '${id}'`, `TRUNCATE ${t}`])]) {
      const db = new Superuser(clinic.superuser);
      const [{ clinic: own }] = await clinic.sql(`SELECT id AS clinic FROM clinic`);
      await assert.rejects(db.sql(`SET ROLE ${role}; SELECT set_config('epione.clinic', '${own}', false); ${statement}`), /permission denied|stays/, `${role}: ${statement}`);
      await db.close();
    }
  assert.deepEqual(await everything(), was);
});
