// Whom a breach concerns: a planted one is found person by person, and nobody else.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';

import { startClinic } from '../lib/clinic.mjs';
import { earlyInThePeriod } from '../lib/periods.mjs';
import { secondClinic } from '../lib/second.mjs';

let clinic, officer, desk, doctor, theirs, own, people;
const span = 'from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z&limit=100';
const refused = (r, status, code, field) => assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
const scope = async (query) => {
  const r = await officer.get(`/v1/reports/breach_scope?${span}&${query}`);
  assert.equal(r.status, 200, r.text);
  return r.body.items;
};
const ids = (rows) => rows.map((r) => r.patient_id);
const sorted = (...list) => [...list].sort();

/** Puts an event into the log, as of then: `of` a patient, or a list of those it showed. */
const plant = ({ at = '2024-03-05T10:00:00Z', clinic_id = own, event = 'patient.read', action = 'R', outcome = '', actor = doctor.account, of = '', returned = '', address = '192.0.2.7', session = 77, count = '' }) => clinic.sql(`
  INSERT INTO audit_log (at, clinic_id, event, action, outcome, actor_id, actor_role, patient_id, returned, address, session, count, request_id, operation, purpose)
  VALUES (:'at', :'clinic_id', audit_word(:'event'), :'action', CASE WHEN :'outcome' <> '' THEN audit_word(:'outcome') END, :'actor', audit_word('clinician'), nullif(:'of', '')::uuid,
    nullif(:'returned', '')::uuid[], :'address', :'session', nullif(:'count', '')::integer, gen_random_uuid(), audit_word('planted'), audit_word('TREAT'))`,
{ at, clinic_id, event, action, outcome, actor, of, returned, address, session, count });

const person = async (family_name) => {
  const r = await desk.create('/v1/patients', { family_name, given_name: 'Pia', birth_date: '1980-01-01', sex: 'female', if_duplicate: 'create' });
  assert.equal(r.status, 201, r.text);
  return r.body.id;
};

before(async () => {
  clinic = await startClinic();
  [officer, desk, doctor] = await Promise.all(['compliance', 'scheduler', 'clinician'].map(async (who) => Object.assign(await clinic.signIn(clinic.people[who]), { account: await clinic.accountId(clinic.people[who]) })));
  [{ own }] = await clinic.sql(`SELECT id AS own FROM clinic`);
  theirs = await secondClinic(clinic);
  people = [];
  for (let i = 0; i < 8; i++) people.push(await person(`Planted${i}`));
});
after(async () => {
  theirs?.close();
  for (const c of [officer, desk, doctor]) c?.close();
  await clinic?.stop();
});

//= PR-07: each affected person and the kinds of data, by account, session and address
test('what an account was shown or changed is found by account, session and address, and nothing else is', async () => {
  const [read, listed, twice, before, later, other, denied, changed] = people;
  await plant({ of: read });
  await plant({ event: 'patient.searched', returned: `{${listed},${twice},${doctor.account}}`, count: 3 });
  await plant({ event: 'visit.listed', returned: `{${twice}}`, at: '2024-03-06T10:00:00Z', session: 78 });
  await plant({ event: 'recording.played', of: twice, at: '2024-03-07T10:00:00Z', address: '198.51.100.9' });
  await plant({ event: 'patient.updated', action: 'U', of: changed, address: '2001:db8:1:2:3::4', session: -5 });
  // outside of it: before and after, refused, by somebody else, in another clinic, of no patient
  await plant({ of: before, at: '2024-02-29T23:59:59Z' });
  await plant({ of: later, at: '2024-03-31T00:00:00Z' });
  await plant({ of: denied, outcome: 'not_found' });
  await plant({ of: other, actor: desk.account, address: '203.0.113.5', session: 99 });
  await plant({ of: before, clinic_id: theirs.id, actor: theirs.people.clinician });
  await plant({ event: 'user.listed', returned: `{${desk.account}}` });

  const rows = await scope(`actor_id=${doctor.account}`);
  assert.deepEqual(ids(rows), sorted(read, listed, twice, changed));
  const of = (id) => rows.find((r) => r.patient_id === id);
  assert.deepEqual([of(twice).data, of(twice).events, of(twice).first_at, of(twice).last_at], ['record, recordings, visits', 5, '2024-03-05T10:00:00Z', '2024-03-07T10:00:00Z']);
  assert.deepEqual([of(read).data, of(read).events, of(read).sealed, of(read).class_version], ['record', 1, false, 1]);
  assert.deepEqual(ids(await scope('session=000000000000004d')), sorted(read, listed, twice), 'a session by the number that the log shows');
  assert.deepEqual(ids(await scope('session=000000000000004e')), [twice]);
  assert.deepEqual(ids(await scope('session=fffffffffffffffb')), [changed], 'one whose number is negative');
  assert.deepEqual(ids(await scope('session=0000000000000001')), []);
  assert.deepEqual(ids(await scope('address=198.51.100.9')), [twice]);
  assert.deepEqual(ids(await scope('address=192.0.2.0/24')), sorted(read, listed, twice));
  assert.deepEqual(ids(await scope('address=2001:db8:1::/48')), [changed]);
  assert.deepEqual(ids(await scope('address=203.0.113.5')), [other]);
  assert.deepEqual(await scope(`actor_id=${theirs.people.clinician}`), []);
});

test('what a page read by itself counts too', async () => {
  const [, , , , , , , last] = people;
  await plant({ of: last, at: '2024-03-20T10:00:00Z', session: 500 });
  await clinic.sql(`INSERT INTO audit_background (clinic_id, hour, what, first_seq, first_at, last_at, more, request_id)
    SELECT clinic_id, audit_hour(at), sha256('x'), seq, at, at, 41, request_id FROM audit_log WHERE session = 500`);
  assert.deepEqual((await scope('session=00000000000001f4')).map((r) => [r.patient_id, r.events]), [[last, 42]]);
});

test('a stolen backup holds whoever was there by then, sealed', async () => {
  const [early, late] = people;
  const at = '2024-03-10T00:00:00Z';
  await clinic.sql(`UPDATE patient SET created_at = '2024-03-01T00:00:00Z' WHERE id = :'early'; UPDATE record_key SET created_at = '2024-03-01T00:00:00Z' WHERE subject_id = :'early'`, { early });
  const rows = await scope(`backup_at=${at}`);
  assert.deepEqual(rows.map((r) => [r.patient_id, r.data, r.events, r.first_at, r.sealed]), [[early, 'record', null, null, true]]);
  assert.equal(rows[0].class_version, null, 'no class key that is left is so old');
  await clinic.sql(`UPDATE class_key SET created_at = '2024-02-01T00:00:00Z' WHERE clinic_id = :'own' AND class = 'patient'`, { own });
  assert.equal((await scope(`backup_at=${at}`))[0].class_version, 1);
  const all = ids(await scope('backup_at=2099-01-01T00:00:00Z'));
  assert.deepEqual(all, (await clinic.sql(`SELECT id FROM patient WHERE clinic_id = :'own' ORDER BY id LIMIT 100`, { own })).map((p) => p.id));
  assert.ok(all.includes(late));
  assert.ok(!all.includes(theirs.ids.patients));
});

test('a lost key opens all that it ever wrapped, and no more', async () => {
  const [early, , , , , , , newest] = people;
  const until = `&to=${new Date(Date.now() + 3600e3).toISOString().replace(/\.\d+/, '')}&from=2024-03-01T00:00:00Z&limit=100`;
  const lost = async (version) => {
    const r = await officer.get(`/v1/reports/breach_scope?key_version=${version}${until}`);
    assert.equal(r.status, 200, r.text);
    return r.body.items;
  };
  assert.ok(ids(await lost(1)).includes(newest));
  assert.deepEqual(await lost(2), [], 'a version that there is not');
  // a second version, under which what came since was made and what was there lies by now
  await clinic.sql(`INSERT INTO class_key (clinic_id, class, version, wrapped, created_at) SELECT clinic_id, class, 2, wrapped, '2024-04-01T00:00:00Z' FROM class_key WHERE clinic_id = :'own' AND class = 'patient'`, { own });
  await clinic.sql(`UPDATE record_key SET wrapped = overlay(wrapped PLACING '\\x00000002'::bytea FROM 2 FOR 4) WHERE clinic_id = :'own' AND class = 'patient'`, { own });
  assert.deepEqual((await lost(1)).map((r) => [r.patient_id, r.sealed, r.class_version]), [[early, false, 1]], 'wrapped under it once, in a backup of then');
  assert.ok(ids(await lost(2)).includes(newest) && ids(await lost(2)).includes(early));
  await clinic.sql(`UPDATE record_key SET wrapped = overlay(wrapped PLACING '\\x00000001'::bytea FROM 2 FOR 4) WHERE clinic_id = :'own' AND class = 'patient'; DELETE FROM class_key WHERE clinic_id = :'own' AND version = 2`, { own });
});

//= PR-07: sixty days from discovery
test('each is to be told within sixty days of discovery, by the clinic’s day', async () => {
  const by = async (at) => (await scope(`actor_id=${doctor.account}&discovered_at=${at}`))[0].notify_by;
  assert.equal(await by('2024-01-01T10:00:00Z'), '2024-03-01');
  await clinic.sql(`UPDATE clinic SET time_zone = 'America/Los_Angeles' WHERE id = :'own'`, { own });
  assert.equal(await by('2024-01-01T07:59:00Z'), '2024-02-29');
  await clinic.sql(`UPDATE clinic SET time_zone = 'UTC' WHERE id = :'own'`, { own });
  const today = new Date(Date.now() + 60 * 86400e3).toISOString().slice(0, 10);
  assert.ok([today, new Date(Date.now() + 60 * 86400e3 - 60e3).toISOString().slice(0, 10)].includes((await scope(`actor_id=${doctor.account}`))[0].notify_by), 'from today unless it is said');
});

test('exactly one thing is asked for, and written as it is', async () => {
  const ask = (query) => officer.get(`/v1/reports/breach_scope?${query}`);
  refused(await ask(''), 422, 'missing_field', 'actor_id');
  refused(await ask(`actor_id=${doctor.account}&session=000000000000004d`), 422, 'invalid_field', 'session');
  refused(await ask(`session=000000000000004d&backup_at=2024-01-01T00:00:00Z`), 422, 'invalid_field', 'backup_at');
  for (const [name, values] of [['address', ['nowhere', '10.0.0.0/8 10.1.0.0/16', '10.0.0.1/8', '300.1.1.1', "1'; DROP"]], ['session', ['000000000000004D', '4d', 'zzzzzzzzzzzzzzzz']], ['key_version', ['0', '-1', '1000001']]])
    for (const value of values) {
      const r = await ask(`${name}=${encodeURIComponent(value)}`);
      assert.deepEqual([r.status, r.body.field], [422, name], `${value}: ${r.text}`);
    }
  const { items } = (await officer.get('/v1/reports')).body;
  assert.deepEqual(items.find((r) => r.name === 'breach_scope').parameters.map((p) => [p.name, p.kind, p.one]), [['from', 'time', false], ['to', 'time', false], ['actor_id', 'account', true],
    ['session', 'session', true], ['address', 'network', true], ['key_version', 'int', true], ['backup_at', 'instant', true], ['discovered_at', 'instant', false]]);
});

test('it comes in pages, and as a file with a fresh code', async () => {
  const asked = `/v1/reports/breach_scope?from=2024-03-01T00:00:00Z&to=2024-03-31T00:00:00Z&actor_id=${doctor.account}`;
  const all = ids(await scope(`actor_id=${doctor.account}`)), seen = [];
  for (let cursor = null; ; ) {
    const { body } = await officer.get(`${asked}&limit=2${cursor ? `&cursor=${encodeURIComponent(cursor)}` : ''}`);
    seen.push(...ids(body.items));
    if (!(cursor = body.next_cursor)) break;
  }
  assert.deepEqual(seen, all);
  await clinic.sql(`UPDATE session SET step_up_until = NULL`);
  refused(await officer.get(asked, { accept: 'text/csv' }), 403, 'step_up_required');
  await clinic.sql(`UPDATE session SET step_up_until = now() + interval '5 minutes'`);
  const { text } = await officer.get(asked, { accept: 'text/csv' });
  assert.deepEqual(text.trimEnd().split('\r\n').slice(1).map((l) => l.split(',')[0].replaceAll('"', '')), all);
  const [{ parameters }] = await clinic.sql(`SELECT parameters FROM report_asked WHERE report = 'breach_scope' AND parameters LIKE '%' || :'who' || '%' LIMIT 1`, { who: doctor.account });
  assert.deepEqual([JSON.parse(parameters).actor_id, JSON.parse(parameters).key_version, JSON.parse(parameters).backup_at], [doctor.account, null, null]);
});

//= OP-05, PR-08
test('incidents are a report, with what was found of them and when each notice is due', async () => {
  const made = await officer.create('/v1/incidents', { kind: 'access', title: 'CANARY-TITLE', discovered_at: '2024-03-05T10:00:00Z', affected: 3, in_state: 2 });
  assert.equal(made.status, 201, made.text);
  for (const body of [{ kind: 'nature', text: 'x', finding: 'raises' }, { kind: 'notice_people', text: 'x', at: '2024-04-05T10:00:00Z' }]) assert.equal((await officer.create(`/v1/incidents/${made.body.id}/actions`, body)).status, 201);
  const run = async (clientOf, query = span) => (await clientOf.get(`/v1/reports/incidents?${query}`)).body.items;
  const [row, ...none] = await run(officer);
  assert.deepEqual(none, []);
  assert.deepEqual(row, { discovered_at: '2024-03-05T10:00:00Z', incident_id: made.body.id, kind: 'access', state: 'open', affected: 3, in_state: 2, nature: 'raises', recipient: null, acquired: null, mitigation: null, conclusion: null, delay_on: null,
    people_due: '2024-05-04', people_on: '2024-04-05', media_due: null, media_on: null, secretary_due: '2025-03-01', secretary_on: null, created_by: officer.account, created_by_name: clinic.people.compliance.name, closed_at: null, closed_by: null, closed_by_name: null });
  assert.deepEqual(await run(theirs.as.compliance), []);
  await earlyInThePeriod(); // the day is not over meanwhile
  const [{ incidents_open, notice_days }] = (await officer.get('/v1/reports/attention')).body.items;
  assert.deepEqual([incidents_open, notice_days], [1, Math.round((Date.parse('2025-03-01') - Date.parse(new Date().toISOString().slice(0, 10))) / 86400e3)]);
  const kept = (await officer.get('/v1/reports/retention?limit=100')).body.items.find((k) => k.kind === 'Incidents');
  assert.equal(kept.count, 1);
});
