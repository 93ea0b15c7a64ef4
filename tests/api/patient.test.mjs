// Patients: who sees and sets what, how they are found, who saw them.
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';

import { Client, startClinic } from '../lib/clinic.mjs';
import { Keys } from '../lib/keys.mjs';

let clinic, as;

const full = () => ({
  family_name: 'Ångström-Müller',
  given_name: 'Zoë Marie',
  preferred_name: 'Zoë',
  birth_date: '1980-02-29',
  sex: 'female',
  mrn: `T-${randomUUID().slice(0, 8)}`,
  ssn: '078-05-1120',
  phone: '+1 (555) 014-9987',
  email: 'Zoe@Example.org',
  address: { line1: '1 Quay', city: 'Oslo', postal_code: '0150', country: 'NO' },
  language: 'nb',
  emergency_contact: { name: 'Per', phone: '+47 2222 3333' },
  insurance: { payer: 'Acme', member_id: 'A-77' },
});
const minimal = (more) => ({ family_name: 'Tester', given_name: 'Una', birth_date: '1990-01-01', sex: 'unknown', ...more });

const create = async (who, body) => {
  const made = await who.create('/v1/patients', body);
  assert.equal(made.status, 201, made.text);
  return made.body.id;
};
const record = async (who, id) => {
  const r = await who.get(`/v1/patients/${id}`);
  assert.equal(r.status, 200, r.text);
  return { ...r.body, etag: r.headers.etag };
};
const patch = (who, id, etag, body) => who.patch(`/v1/patients/${id}`, body, { 'if-match': etag });
const refused = (r, status, code, field) => {
  assert.deepEqual([r.status, r.body?.code, r.body?.field], [status, code, field], r.text);
  assert.match(r.headers['content-type'], /^application\/problem\+json/);
};

before(async () => {
  clinic = await startClinic();
  as = {};
  for (const [name, person] of Object.entries(clinic.people)) as[name] = await clinic.signIn(person);
});
after(() => clinic?.stop());

//= AZ-02: the members of tables/patient_members.def, once more, by hand
test('each role sees its own members and no others', async () => {
  const body = full();
  const id = await create(as.clinician, body);
  const members = Object.keys(body).sort();
  const seen = async (who) => Object.keys(await record(who, id)).filter((k) => !['id', 'version', 'may', 'etag'].includes(k)).sort();

  assert.deepEqual(await seen(as.clinician), members.filter((m) => m !== 'ssn'));
  assert.deepEqual(await seen(as.scheduler), members.filter((m) => m !== 'ssn'));
  const shown = await record(as.clinician, id);
  assert.equal(shown.email, 'zoe@example.org');
  assert.deepEqual(shown.address, body.address);
  assert.deepEqual(shown.emergency_contact, body.emergency_contact);
  assert.equal(shown.family_name, body.family_name);
  assert.equal(shown.etag, '"1"');

  const mine = clinic.people.patient.patient_id;
  const set = await patch(as.scheduler, mine, (await record(as.scheduler, mine)).etag, { ssn: '219-09-9999' });
  assert.equal(set.status, 200, set.text);
  assert.equal('ssn' in set.body, false);
  assert.equal((await record(as.patient, mine)).ssn, '219-09-9999');
});

//= AZ-01: what is not granted does not exist, and looks just like what does not
test('nobody else learns that the record exists', async () => {
  const id = await create(as.clinician, minimal());
  const bare = (r) => [r.status, { ...r.body, request_id: null }];
  for (const who of ['clinician2', 'patient', 'patient2', 'admin', 'compliance']) {
    const there = await as[who].get(`/v1/patients/${id}`);
    const nothing = await as[who].get(`/v1/patients/${randomUUID()}`);
    assert.equal(there.status, 404, who);
    assert.deepEqual(bare(there), bare(nothing), who);
    refused(await patch(as[who], id, '"1"', { phone: '5550001111' }), 404, 'not_found');
    refused(await as[who].create(`/v1/patients/${id}/account`, {}), 404, 'not_found');
    refused(await as[who].post(`/v1/patients/${id}/care-team/${clinic.people.clinician2.id}`), 404, 'not_found');
    refused(await as[who].delete(`/v1/patients/${id}/care-team/${clinic.people.clinician.id}`), 404, 'not_found');
  }
  for (const who of ['patient', 'admin', 'compliance']) {
    refused(await as[who].create('/v1/patients', minimal()), 404, 'not_found');
    refused(await as[who].search({ family_name: 'Tester' }), 404, 'not_found');
  }
  for (const who of ['clinician', 'scheduler', 'admin', 'patient'])
    refused(await as[who].get(`/v1/patients/${id}/accesses`), 404, 'not_found');
  const rows = await clinic.audit(`event = 'patient.read' AND record_id = '${id}' AND outcome = 'not_found'`);
  assert.equal(rows.length, 5);
});

test('the desk takes a patient in and does not join the care team', async () => {
  const id = await create(as.scheduler, minimal());
  assert.equal((await record(as.scheduler, id)).given_name, 'Una');
  refused(await as.clinician.get(`/v1/patients/${id}`), 404, 'not_found');
  const [row] = await clinic.audit(`event = 'patient.created' AND record_id = '${id}'`);
  assert.deepEqual([row.outcome, row.patient_id, row.actor_role], ['ok', id, 'scheduler']);
});

test('a record number is taken once, however it is written', async () => {
  const mrn = `AB-${randomUUID().slice(0, 8)}`;
  await create(as.clinician, minimal({ mrn }));
  refused(await as.scheduler.create('/v1/patients', minimal({ mrn: mrn.toLowerCase().replace('-', '  ') })), 409, 'mrn_taken', 'mrn');
});

test('what is not well formed is refused, with the field named', async () => {
  const tomorrow = new Date(Date.now() + 3 * 86400e3).toISOString().slice(0, 10);
  const cases = [
    [{ birth_date: tomorrow }, 'invalid_field', 'birth_date'],
    [{ birth_date: '1990-02-30' }, 'invalid_field', 'birth_date'],
    [{ sex: 'F' }, 'invalid_field', 'sex'],
    [{ ssn: '12-345-678' }, 'invalid_field', 'ssn'],
    [{ ssn: '078-05-11200' }, 'invalid_field', 'ssn'],
    [{ phone: '---' }, 'invalid_field', 'phone'],
    [{ phone: 'abc' }, 'invalid_field', 'phone'],
    [{ emergency_contact: { name: 'Per', phone: 'abc' } }, 'invalid_field', 'emergency_contact.phone'],
    [{ given_name: undefined }, 'missing_field', 'given_name'],
    [{ birth_date: '1990-13' }, 'invalid_field', 'birth_date'],
    [{ birth_date: '1990-' }, 'invalid_field', 'birth_date'],
    [{ birth_date: '90' }, 'invalid_field', 'birth_date'],
    [{ birth_date: '' }, 'invalid_field', 'birth_date'],
    [{ email: 'nobody' }, 'invalid_field', 'email'],
    [{ family_name: '' }, 'invalid_field', 'family_name'],
    [{ family_name: '...' }, 'invalid_field', 'family_name'],
    [{ family_name: 'x'.repeat(101) }, 'invalid_field', 'family_name'],
    [{ given_name: '😀'.repeat(60) }, 'invalid_field', 'given_name'],
    [{ given_name: 'ක'.repeat(101) }, 'invalid_field', 'given_name'],
    [{ family_name: undefined }, 'missing_field', 'family_name'],
    [{ address: { street: 'x' } }, 'unknown_field', 'address.street'],
    [{ address: 'x' }, 'invalid_field', 'address'],
    [{ insurance: { payer: 'x' } }, 'missing_field', 'insurance.member_id'],
    [{ role: 'admin' }, 'unknown_field', 'role'],
    [{ clinic_id: randomUUID() }, 'unknown_field', 'clinic_id'],
    [{ phone: 5551234 }, 'invalid_field', 'phone'],
  ];
  const count = async () => (await clinic.sql('SELECT count(*) FROM patient'))[0].count;
  const had = await count();
  for (const [more, code, field] of cases)
    refused(await as.clinician.create('/v1/patients', minimal(more)), 422, code, field);
  assert.equal(await count(), had);
});

test('the same key makes one patient, and replays the answer', async () => {
  const key = randomUUID(), body = minimal({ family_name: 'Onlyonce' });
  const all = await Promise.all(Array.from({ length: 6 }, () => as.scheduler.create('/v1/patients', body, key)));
  assert.deepEqual([...new Set(all.map((r) => r.status))], [201]);
  assert.equal(new Set(all.map((r) => r.body.id)).size, 1);
  refused(await as.scheduler.create('/v1/patients', minimal(), key), 422, 'idempotency_key_reused', 'Idempotency-Key');
});

//= IN-05, AZ-03
test('a patch is a merge, on the version that was seen', async () => {
  const id = await create(as.clinician, full());
  refused(await as.clinician.patch(`/v1/patients/${id}`, { phone: '5550001111' }), 428, 'precondition_required');
  refused(await patch(as.clinician, id, '"7"', { phone: '5550001111' }), 412, 'stale');
  refused(await patch(as.clinician, id, 'W/"1"', { phone: '5550001111' }), 412, 'stale');
  for (const [body, code, field] of [
    [{ family_name: null }, 'invalid_field', 'family_name'],
    [{ emergency_contact: { phone: null } }, 'invalid_field', 'emergency_contact.phone'],
    [{ birth_date: '2999-01-01' }, 'invalid_field', 'birth_date'],
    [{ id: randomUUID() }, 'unknown_field', 'id'],
    [{ version: 9 }, 'unknown_field', 'version'],
    [{ role: 'admin' }, 'unknown_field', 'role'],
  ])
    refused(await patch(as.clinician, id, '"1"', body), 422, code, field);
  assert.equal((await record(as.clinician, id)).version, 1);

  const r = await patch(as.clinician, id, '"1"', { address: { city: 'Bergen', line1: null }, language: null, insurance: null });
  assert.equal(r.status, 200, r.text);
  assert.equal(r.headers.etag, '"2"');
  assert.deepEqual(r.body.address, { city: 'Bergen', postal_code: '0150', country: 'NO' });
  assert.equal('language' in r.body || 'insurance' in r.body, false);
  const { etag, ...again } = await record(as.clinician, id);
  assert.deepEqual([etag, again], ['"2"', r.body]);

  refused(await patch(as.clinician, id, '"2"', { insurance: { payer: 'New' } }), 422, 'missing_field', 'insurance.member_id');
  const same = await patch(as.clinician, id, '"2"', { address: { city: 'Bergen' } });
  assert.deepEqual([same.status, same.headers.etag], [200, '"2"']);
});

test('of ten patches made on one version, one stands', async () => {
  for (let round = 0; round < 10; round++) {
    const id = await create(as.clinician, minimal());
    const all = await Promise.all(Array.from({ length: 10 }, (_, i) => patch(as.clinician, id, '"1"', { phone: `555000${1000 + i}` })));
    const won = all.filter((r) => r.status === 200);
    assert.deepEqual([won.length, all.filter((r) => r.status === 412).length], [1, 9]);
    assert.equal((await record(as.clinician, id)).phone, won[0].body.phone);
  }
});

test('patients change how to reach them, and not who they are', async () => {
  const id = clinic.people.patient.patient_id;
  const { etag } = await record(as.patient, id);
  for (const member of ['family_name', 'birth_date', 'mrn', 'ssn', 'insurance'])
    refused(await patch(as.patient, id, etag, { [member]: full()[member] }), 422, 'unknown_field', member);
  const r = await patch(as.patient, id, etag, { phone: '+1 555 777 0000', emergency_contact: { name: 'Sam', phone: '5551112222' } });
  assert.equal(r.status, 200, r.text);
  assert.equal((await record(as.scheduler, id)).phone, '+1 555 777 0000');
});

test('names are found by prefix, without case or accents, by any word', async () => {
  const id = await create(as.clinician, full());
  const find = async (query) => {
    const r = await as.clinician.search(query);
    assert.equal(r.status, 200, r.text);
    return r.body.items.map((p) => p.id);
  };
  for (const family_name of ['angstrom', 'ANG', 'Ång', 'mü', 'Mull', 'Muller Ang', 'ångström-müller'])
    assert.ok((await find({ family_name })).includes(id), family_name);
  for (const family_name of ['ngstrom', 'ulle', 'angstromer', '%ngstrom', 'ang%strom'])
    assert.ok(!(await find({ family_name })).includes(id), family_name);
  assert.ok((await find({ given_name: 'marie', family_name: 'ang' })).includes(id));
  assert.ok(!(await find({ given_name: 'pierre', family_name: 'ang' })).includes(id));
  for (const query of [{ birth_date: '1980-02-29' }, { ssn: '078 05 1120' }, { ssn: '078051120' }, { phone: '1-555-014-9987' }, { phone: '5550149987' }, { email: 'ZOE@example.ORG' }])
    assert.ok((await find(query)).includes(id), JSON.stringify(query));
  for (const query of [{ birth_date: '1980-02-28' }, { ssn: '078051121' }, { phone: '5550149988' }, { email: 'zoe@example.or' }])
    assert.ok(!(await find(query)).includes(id), JSON.stringify(query));
  const [item] = (await as.clinician.search({ family_name: 'angstrom' })).body.items;
  assert.deepEqual(Object.keys(item).sort(), ['birth_date', 'family_name', 'given_name', 'id', 'mrn', 'phone', 'sex']);

  refused(await as.clinician.search({}), 422, 'missing_field');
  refused(await as.clinician.search({ family_name: '...' }), 422, 'invalid_field', 'family_name');
  refused(await as.clinician.search({ phone: 'abc' }), 422, 'invalid_field', 'phone');
  assert.deepEqual(await find({ family_name: 'a' }), []);
  refused(await as.clinician.search({ sex: 'female' }), 422, 'unknown_field', 'sex');
});

test('a word longer than its index is compared as a whole', async () => {
  const stem = 'Wolfeschlegel'; // 13 letters: one more than a prefix token holds
  const a = await create(as.clinician, minimal({ family_name: `${stem}steinhausen` }));
  const b = await create(as.clinician, minimal({ family_name: `${stem}bergerdorff` }));
  const found = (await as.clinician.search({ family_name: `${stem}stein` })).body.items.map((p) => p.id);
  assert.deepEqual(found, [a]);
  const both = (await as.clinician.search({ family_name: stem })).body.items.map((p) => p.id);
  assert.deepEqual(both.sort(), [a, b].sort());
});

test('a changed name is found, the old one is not', async () => {
  const id = await create(as.clinician, minimal({ family_name: 'Beforehand', phone: '5559990001' }));
  assert.equal((await patch(as.clinician, id, '"1"', { family_name: 'Afterwards', phone: null })).status, 200);
  const find = async (query) => (await as.clinician.search(query)).body.items.map((p) => p.id);
  assert.deepEqual(await find({ family_name: 'beforehand' }), []);
  assert.deepEqual(await find({ phone: '5559990001' }), []);
  assert.deepEqual(await find({ family_name: 'afterwards' }), [id]);
});

//= AU-02: LinuxForHealth/FHIR#2090: a search's audit row says whom it returned
test('a search returns the own patients, page by page, and its audit row names them', async () => {
  const ids = [];
  for (let i = 0; i < 5; i++) ids.push(await create(as.clinician, minimal({ family_name: 'Pageturner', given_name: `No ${i}` })));
  const foreign = await create(as.clinician2, minimal({ family_name: 'Pageturner' }));

  const seen = [];
  let cursor = null, pages = 0;
  do {
    const r = await as.clinician.search({ family_name: 'pageturner', limit: 2, cursor });
    assert.equal(r.status, 200, r.text);
    assert.ok(r.body.items.length <= 2);
    const [row] = (await clinic.audit(`request_id = '${r.headers['x-request-id']}'`));
    assert.deepEqual(row.returned.replace(/[{}]/g, '').split(','), r.body.items.map((p) => p.id));
    seen.push(...r.body.items.map((p) => p.id));
    cursor = r.body.next_cursor;
  } while (cursor && ++pages < 10);
  assert.deepEqual([...seen].sort(), [...ids].sort());
  assert.ok(!seen.includes(foreign));
  const desk = (await as.scheduler.search({ family_name: 'pageturner' })).body.items;
  assert.equal(desk.length, 6);

  refused(await as.clinician.search({ family_name: 'pageturner', cursor: 'bm90IG91cnM' }), 400, 'bad_cursor', 'cursor');
  const first = await as.clinician.search({ family_name: 'pageturner', limit: 2 });
  refused(await as.scheduler.search({ family_name: 'pageturner', cursor: first.body.next_cursor }), 400, 'bad_cursor', 'cursor');
});

//= AZ-05: a right that is taken away is gone with the next request
test('the care team opens a record, and closes it', async () => {
  const id = await create(as.clinician, minimal());
  const other = clinic.people.clinician2.id;
  const place = `/v1/patients/${id}/care-team/${other}`;
  refused(await as.clinician2.get(`/v1/patients/${id}`), 404, 'not_found');
  assert.equal((await as.clinician.post(place)).status, 204);
  assert.equal((await as.clinician.post(place)).status, 204);
  assert.equal((await as.clinician2.get(`/v1/patients/${id}`)).status, 200);
  assert.equal((await as.scheduler.delete(place)).status, 204);
  refused(await as.clinician2.get(`/v1/patients/${id}`), 404, 'not_found');
  refused(await as.scheduler.delete(place), 404, 'not_found');
  assert.equal((await as.scheduler.post(place)).status, 204);
  assert.equal((await as.clinician2.get(`/v1/patients/${id}`)).status, 200);

  const scheduler = clinic.people.scheduler.id;
  refused(await as.clinician.post(`/v1/patients/${id}/care-team/${scheduler}`), 404, 'not_found');
  refused(await as.clinician.post(`/v1/patients/${id}/care-team/${randomUUID()}`), 404, 'not_found');
  const rows = await clinic.audit(`patient_id = '${id}' AND event LIKE 'care_team.%' AND outcome = 'ok'`);
  assert.deepEqual(rows.map((r) => [r.event, r.record_id]), [
    ['care_team.added', other], ['care_team.added', other], ['care_team.removed', other], ['care_team.added', other],
  ]);
});

//= AU-01, AZ-01: a row that travels ahead of the answer is written only with one that it is true of
test('a read that is refused leaves its refusal alone, however well its reader was known', async () => {
  const id = await create(as.clinician, minimal()), other = clinic.people.clinician2, target = `/v1/patients/${id}`;
  const place = `${target}/care-team/${other.id}`;
  const outcomes = async (r) => (await clinic.audit(`request_id = '${r.headers['x-request-id']}'`)).map((row) => row.outcome);
  const reader = await clinic.signIn(other);
  /** Twice: the second time the worker knows whose token it is. */
  const opens = async () => {
    for (let i = 0; i < 2; i++) {
      const r = await reader.get(target);
      assert.equal(r.status, 200, r.text);
      assert.deepEqual(await outcomes(r), ['ok']);
    }
  };
  const closed = async (status, code) => {
    const r = await reader.get(target);
    refused(r, status, code);
    assert.deepEqual(await outcomes(r), [code]);
  };
  assert.equal((await as.clinician.post(place)).status, 204);
  await opens();
  assert.equal((await as.clinician.delete(place)).status, 204);
  await closed(404, 'not_found');
  assert.equal((await as.clinician.post(place)).status, 204);
  await opens();
  await clinic.sql(`UPDATE account SET compromised_at = now() WHERE id = :'id'`, other);
  await closed(403, 'password_expired');
  await clinic.sql(`UPDATE account SET compromised_at = NULL WHERE id = :'id'`, other);
  await opens();
  await clinic.sql(`UPDATE account SET role = 'admin' WHERE id = :'id'`, other);
  await closed(404, 'not_found');
  await clinic.sql(`UPDATE account SET role = 'scheduler' WHERE id = :'id'`, other);
  await opens(); // another right suffices
  await clinic.sql(`UPDATE account SET role = 'clinician' WHERE id = :'id'`, other);
  await opens();
  const wrong = await reader.get(`${target}?colour=red`);
  assert.equal(wrong.status, 422, wrong.text);
  assert.deepEqual(await outcomes(wrong), [wrong.body.code]);
  await clinic.sql(`UPDATE session SET ended_at = now() WHERE account_id = :'id' AND ended_at IS NULL`, other);
  const late = await reader.get(target);
  refused(late, 401, 'not_signed_in');
  assert.deepEqual((await outcomes(late)).filter((o) => o !== 'not_signed_in'), []);
  reader.close();
  as.clinician2 = await clinic.signIn(other);
});

test('a patient is invited to an account at the address of the record, until it is open', async () => {
  const email = `p-${randomUUID()}@example.org`;
  const id = await create(as.clinician, minimal({ email }));
  const r = await as.clinician.create(`/v1/patients/${id}/account`, {});
  assert.equal(r.status, 201, r.text);
  assert.match(r.body.invitation_url, /^https:\/\/localhost:\d+\/invitation#[\w-]{22,}$/);
  const [account] = await clinic.sql(`SELECT role, patient_id FROM account WHERE id = :'id'`, { id: r.body.id });
  assert.deepEqual(account, { role: 'patient', patient_id: id });
  for (const body of [{ email: `q-${randomUUID()}@example.org` }, { display_name: 'Q' }])
    refused(await as.clinician.create(`/v1/patients/${id}/account`, body), 422, 'unknown_field', Object.keys(body)[0]);

  // who has not come yet is invited again, at the address as it is now
  const moved = `m-${randomUUID()}@example.org`;
  const { headers } = await as.scheduler.get(`/v1/patients/${id}`);
  assert.equal((await as.scheduler.patch(`/v1/patients/${id}`, { email: moved }, { 'if-match': headers.etag })).status, 200);
  const again = await as.scheduler.create(`/v1/patients/${id}/account`, {});
  assert.deepEqual([again.status, again.body.id], [201, r.body.id]);
  const guest = new Client(clinic.url, { role: 'patient' });
  const open = (url, phrase) => guest.post(`/v1/invitations/${url.split('#')[1]}/accept`, { password: 'fifteen letters long', phrase, client: 'api' });
  refused(await open(r.body.invitation_url), 410, 'link_expired');
  assert.equal((await open(again.body.invitation_url, await clinic.confirm(again.body))).status, 200);
  for (const [address, want] of [[email, 401], [moved, 200]])
    assert.equal((await guest.post('/v1/session', { email: address, password: 'fifteen letters long', client: 'api' })).status, want, address);
  refused(await as.scheduler.create(`/v1/patients/${id}/account`, {}), 409, 'already_done');
  guest.close();

  const bare = await create(as.clinician, minimal());
  refused(await as.clinician.create(`/v1/patients/${bare}/account`, {}), 422, 'missing_field', 'email');
  const twin = await create(as.clinician, minimal({ email: clinic.people.patient.email.toUpperCase() }));
  refused(await as.clinician.create(`/v1/patients/${twin}/account`, {}), 409, 'email_taken', 'email');
});

test('patients see who opened their record, by name; so does compliance', async () => {
  const id = clinic.people.patient.patient_id;
  await as.scheduler.get(`/v1/patients/${id}`);
  const { family_name } = await record(as.patient, id);
  await as.scheduler.search({ family_name: family_name });

  const r = await as.patient.get(`/v1/patients/${id}/accesses`);
  assert.equal(r.status, 200, r.text);
  const [search, read] = r.body.items;
  assert.deepEqual([search.event, search.actor_name, search.actor_role], ['patient.searched', clinic.people.scheduler.name, 'scheduler']);
  assert.deepEqual([read.event, read.actor_name], ['patient.read', clinic.people.scheduler.name]);
  assert.ok(r.body.items.every((a) => a.actor_role !== 'patient'));
  assert.deepEqual(Object.keys(read).sort(), ['action', 'actor_id', 'actor_name', 'actor_role', 'at', 'count', 'event', 'purpose', 'seq']);
  refused(await as.patient2.get(`/v1/patients/${id}/accesses`), 404, 'not_found');

  const all = [];
  let cursor = '';
  do {
    const page = (await as.compliance.get(`/v1/patients/${id}/accesses?limit=3${cursor}`)).body;
    all.push(...page.items);
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor);
  assert.ok(all.some((a) => a.actor_role === 'patient'));
  assert.deepEqual(all.map((a) => a.at), all.map((a) => a.at).sort().reverse());
});

//= AU-12: a line for each person, purpose and day, however often a page looked
test('who opened a record, by day', async () => {
  const { patient_id: id } = clinic.people.patient;
  const doctor = await clinic.accountId(clinic.people.clinician);
  const days = async (more = '', who = as.patient) => {
    const r = await who.get(`/v1/patients/${id}/accesses?by=day${more}`);
    assert.equal(r.status, 200, r.text);
    return r.body;
  };
  for (let i = 0; i < 12; i++) assert.equal((await as.clinician.get('/v1/visits', { 'x-background': '1' })).status, 200);
  await as.clinician.get(`/v1/patients/${id}`);
  const today = (await days('&zone=UTC')).items.filter((item) => item.actor_id === doctor);
  assert.ok(today.length === 1 || new Set(today.map((item) => item.day)).size === today.length, JSON.stringify(today));
  const [line] = today;
  assert.deepEqual([line.event, line.actor_name, line.actor_role, line.purpose, line.day], ['patient.read', clinic.people.clinician.name, 'clinician', 'TREAT', line.at.slice(0, 10)]);
  assert.ok(line.events.includes('patient.read') && line.events.includes('visit.listed') && line.count >= 13, JSON.stringify(line));
  assert.ok(line.first_at <= line.at);
  // a day in New York in which the clocks change has 23 hours; in UTC it is parts of two
  const other = randomUUID();
  for (const [at, event] of [['2026-03-08T05:00:00Z', 'patient.read'], ['2026-03-09T03:59:59Z', 'visit.read'], ['2026-03-08T04:59:59Z', 'patient.read']])
    await clinic.sql(`INSERT INTO audit_log (clinic_id, at, actor_id, actor_role, event, action, operation, purpose, patient_id, request_id) VALUES ((SELECT clinic_id FROM patient WHERE id = :'id'), :'at', :'doctor', audit_word('clinician'), audit_word(:'event'), 'R', audit_word('patient_read'), audit_word('TREAT'), :'id', :'other')`, { id, at, event, doctor, other });
  const march = (items) => items.filter((item) => item.at < '2026-04').map((item) => [item.day, item.first_at, item.at, item.count, item.events]);
  assert.deepEqual(march((await days('&zone=America/New_York&limit=100')).items), [
    ['2026-03-08', '2026-03-08T05:00:00Z', '2026-03-09T03:59:59Z', 2, ['patient.read', 'visit.read']], ['2026-03-07', '2026-03-08T04:59:59Z', '2026-03-08T04:59:59Z', 1, ['patient.read']]]);
  assert.deepEqual(march((await days('&zone=UTC&limit=100')).items).map(([day, , , count]) => [day, count]), [['2026-03-09', 1], ['2026-03-08', 2]]);
  assert.deepEqual(march((await days('&limit=100', as.compliance)).items), march((await days('&zone=UTC&limit=100')).items), 'the clinic\'s own zone');
  // pages are of the moment of the first, without a gap
  const whole = (await days('&zone=UTC&limit=100', as.compliance)).items;
  const parts = [];
  let cursor = '';
  do {
    const page = await days(`&zone=UTC&limit=1${cursor}`, as.compliance);
    assert.equal(page.items.length, 1);
    parts.push(...page.items);
    if (parts.length === 1) await as.clinician.get(`/v1/patients/${id}`);
    cursor = page.next_cursor ? `&cursor=${page.next_cursor}` : '';
  } while (cursor);
  const keys = (items) => items.filter((item) => item.actor_role !== 'compliance').map((item) => [item.day, item.actor_id, item.purpose, item.seq, item.count]);
  assert.deepEqual(keys(parts), keys(whole));
  refused(await as.patient.get(`/v1/patients/${id}/accesses?by=day&zone=Mars/Olympus`), 422, 'invalid_field', 'zone');
  refused(await as.patient.get(`/v1/patients/${id}/accesses?by=week`), 422, 'invalid_field', 'by');
  refused(await as.patient2.get(`/v1/patients/${id}/accesses?by=day`), 404, 'not_found');
});

//= EN-01: the values a record is made of stand nowhere in the tables
test('nothing of a record can be read from the database', async () => {
  const canary = { family_name: 'Canaryfamily', given_name: 'Canarygiven', preferred_name: 'Canarypreferred', mrn: `CANARY-${randomUUID().slice(0, 8)}`, ssn: '666-55-4321', phone: '5556667778', email: 'canary@canary.example', address: { line1: 'Canary Wharf' }, language: 'canaryish', emergency_contact: { name: 'Canarycontact', phone: '5556667779' }, insurance: { payer: 'Canarypayer', member_id: 'CANARY-MEMBER' } };
  await create(as.clinician, minimal(canary));
  const dump = JSON.stringify(await clinic.sql(`SELECT p::text AS p, encode(convert_to(p::text, 'UTF8'), 'escape') AS e FROM patient p UNION ALL SELECT t::text, '' FROM patient_token t UNION ALL SELECT i::text, '' FROM idempotency i UNION ALL SELECT a::text, '' FROM audit a`)).toLowerCase();
  const flat = Object.values(canary).flatMap((v) => (typeof v === 'string' ? [v] : Object.values(v)));
  for (const value of flat)
    for (const form of [value, Buffer.from(value).toString('hex'), Buffer.from(value).toString('base64').replace(/=+$/, '')])
      assert.equal(dump.includes(form.toLowerCase()), false, value);
});

//= EN-04, IN-01: a sealed value that was moved or altered is not shown
test('a value moved to another row is refused, not shown', async () => {
  const a = await create(as.clinician, minimal({ given_name: 'Alpha' })), b = await create(as.clinician, minimal({ given_name: 'Beta' }));
  await clinic.sql(`UPDATE patient SET given_name = (SELECT given_name FROM patient WHERE id = :'a') WHERE id = :'b'`, { a, b });
  const r = await as.clinician.get(`/v1/patients/${b}`);
  refused(r, 500, 'integrity');
  assert.equal(/Alpha|Beta/.test(r.text), false);
  const rows = await clinic.audit(`request_id = '${r.headers['x-request-id']}'`);
  assert.equal(rows.at(-1).outcome, 'integrity'); // behind one that it was read
});

//= EN-03: seals are counted with what was sealed
test('the record key counts what was sealed under it', async () => {
  const id = await create(as.clinician, minimal());
  const seals = async () => Number((await clinic.sql(`SELECT seals FROM record_key WHERE subject_id = :'id'`, { id }))[0].seals);
  assert.equal(await seals(), 4);
  await patch(as.clinician, id, '"1"', { phone: '5550001112', language: 'en' });
  assert.equal(await seals(), 6);
  await patch(as.clinician, id, '"2"', { phone: null });
  assert.equal(await seals(), 6);
});

//= EN-03: of 2^32 values sealed under one key the last is refused, and so is what comes with it
test('a key that has sealed 2^32 values seals no other', async () => {
  const id = await create(as.scheduler, minimal());
  const used = (n) => clinic.sql(`UPDATE record_key SET seals = ${n} WHERE subject_id = :'id'`, { id });
  const warned = async () => /rotate now/.test(await clinic.operator('key', 'status'));
  await used(2 ** 31 - 1);
  assert.equal(await warned(), false);
  await used(2 ** 31);
  assert.equal(await warned(), true, 'the operator is told at half of it');
  await used(2 ** 32 - 3);
  refused(await patch(as.scheduler, id, '"1"', { phone: '5550001112', language: 'en', email: 'u@example.org' }), 500, 'internal');
  assert.equal((await patch(as.scheduler, id, '"1"', { phone: '5550001112', language: 'en' })).status, 200, 'the last two');
  refused(await patch(as.scheduler, id, '"2"', { language: 'nb' }), 500, 'internal');
  refused(await as.scheduler.create('/v1/visits', { patient_id: id, clinician_id: clinic.people.clinician.id, starts_at: '2031-03-03T10:00:00Z', duration_minutes: 30, reason: 'x' }), 500, 'internal');
  const { language, phone, version } = await record(as.scheduler, id);
  assert.deepEqual([language, version], ['en', 2], `what was there is read as before: ${phone}`);
  const [{ visits }] = await clinic.sql(`SELECT count(*) AS visits FROM visit WHERE patient_id = :'id'`, { id });
  assert.equal(visits, '0');
  // without a value to seal nothing is in the way
  assert.equal((await patch(as.scheduler, id, '"2"', { language: null })).status, 200);
});

const sealed = ['family_name', 'given_name', 'preferred_name', 'birth_date', 'sex', 'mrn', 'ssn', 'phone', 'email', 'address', 'language', 'emergency_contact', 'insurance'];
const versionsOf = async (id) => {
  const [row] = await clinic.sql(`SELECT key_version, ${sealed.map((c) => `get_byte(${c}, 4) AS ${c}`)} FROM patient WHERE id = :'id'`, { id });
  assert.deepEqual([...new Set(sealed.map((c) => row[c]))], [row.key_version], 'all members lie under the version that the row names');
  return Number(row.key_version);
};

//= EN-07: with two versions of its keys a record is read, found and listed once
test('a record is read under the key it lies under, and sealed under the newest by its next change', async () => {
  const keys = new Keys(clinic);
  const body = { ...full(), family_name: 'Zweischlüssel' }, id = await create(as.clinician, body), doctor = clinic.people.clinician;
  const visit = async (day, reason) => {
    const made = await as.scheduler.create('/v1/visits', { patient_id: id, clinician_id: doctor.id, starts_at: `2032-03-${day}T10:00:00Z`, duration_minutes: 20, reason });
    assert.equal(made.status, 201, made.text);
    return made.body.id;
  };
  const once = async (r) => {
    assert.equal(r.status, 200, r.text);
    assert.deepEqual(r.body.items.map((i) => i.id), [id], 'found once');
  };
  const everything = async () => {
    for (const terms of [{ mrn: body.mrn }, { name: 'zweischl', birth_date: body.birth_date }, { name: 'marie zweischluessel' }, { phone: body.phone, name: 'zwei' }]) await once(await as.scheduler.search({ ...terms, limit: 50 }));
    await once(await as.clinician.search({ name: 'Zoë Marie Zweischlüssel' }));
    const listed = await as.scheduler.get(`/v1/visits?patient_id=${id}`);
    assert.equal(listed.status, 200, listed.text);
    const { etag, may, version, ...members } = await record(as.clinician, id);
    assert.ok((await as.clinician.get(`/v1/patients/${id}/care-team`)).body.items.length === 1);
    return { members, visits: listed.body.items.map((v) => [v.id, v.reason, v.patient_name]) };
  };
  const old = await visit('01', 'under the first');
  const before = await everything();
  assert.equal(await keys.text('patient', id, 'family_name'), body.family_name, 'opened as docs/KEYS.md says');

  const klass = await keys.newClassKey('patient');
  assert.equal(await keys.newRecordKey('patient', id), 2);
  await keys.newRecordKey('account', doctor.id);
  assert.deepEqual(await everything(), before, 'nothing is shown twice, or otherwise');
  assert.equal(await versionsOf(id), 1);

  const young = await visit('02', 'under the second');
  const [{ versions }] = await clinic.sql(`SELECT string_agg(key_version::text, ' ' ORDER BY starts_at) AS versions FROM visit WHERE patient_id = :'id'`, { id });
  assert.equal(versions, '1 2');
  const name = before.visits[0][2];
  assert.deepEqual((await everything()).visits, [[old, 'under the first', name], [young, 'under the second', name]]);

  refused(await patch(as.clinician, id, '"7"', { language: 'sv' }), 412, 'stale');
  assert.equal(await versionsOf(id), 1, 'an old view rewrites nothing');
  const changed = await patch(as.clinician, id, '"1"', { language: 'sv' });
  assert.equal(changed.status, 200, changed.text);
  assert.equal(await versionsOf(id), 2);
  const after = await everything();
  assert.deepEqual(after.members, { ...before.members, language: 'sv' });
  assert.equal(after.visits.length, 2, 'the older reason is opened under the older key');
  assert.equal((await as.scheduler.get(`/v1/visits/${old}`)).body.reason, 'under the first');
  assert.equal(await keys.text('patient', id, 'ssn'), body.ssn);
  const seals = async () => (await clinic.sql(`SELECT seals FROM record_key WHERE subject_id = :'id' ORDER BY version`, { id })).map((k) => Number(k.seals));
  assert.deepEqual((await seals())[1], 1 + sealed.length);
  assert.equal((await patch(as.clinician, id, '"2"', { language: 'nb' })).status, 200);
  assert.deepEqual((await seals())[1], 2 + sealed.length, 'and after that a change seals what it changes');

  const no = (statement, why) => assert.rejects(clinic.sql(statement, { id }), new RegExp(why));
  await no(`UPDATE patient SET given_name = overlay(given_name PLACING '\\x00000001' FROM 2) WHERE id = :'id'`, 'patient_one_key');
  await no(`UPDATE patient SET family_name = overlay(family_name PLACING '\\x00000003' FROM 2), given_name = NULL, preferred_name = NULL, birth_date = NULL, sex = overlay(sex PLACING '\\x00000003' FROM 2),
    mrn = NULL, ssn = NULL, phone = NULL, email = NULL, address = NULL, language = NULL, emergency_contact = NULL, insurance = NULL WHERE id = :'id'`, 'foreign key');
  await no(`DELETE FROM record_key WHERE subject_id = :'id' AND version = 1`, 'visit');
  await no(`DELETE FROM class_key WHERE class = 'patient' AND version = 1`, 'record_key');
  await no(`DELETE FROM class_key WHERE class = 'patient' AND version = ${klass}`, 'record_key');
  const unused = await keys.newClassKey('patient');
  await clinic.sql(`DELETE FROM class_key WHERE class = 'patient' AND version = ${unused}`);
});

//= EN-07: an account whose key has a second version is shown once, and signs in
test('an account is read under the key it lies under', async () => {
  const keys = new Keys(clinic), person = clinic.people.clinician2, id = await clinic.accountId(person);
  await keys.newClassKey('account');
  await keys.newRecordKey('account', id);
  const again = await clinic.signIn(person);
  assert.equal((await again.get('/v1/session')).body.user.display_name, person.name);
  const listed = (await as.admin.get('/v1/users?limit=100')).body.items.filter((u) => u.id === id);
  assert.equal(listed.length, 1);
  const { headers } = await as.admin.get(`/v1/users/${id}`);
  const renamed = await as.admin.patch(`/v1/users/${id}`, { display_name: 'Renamed' }, { 'if-match': headers.etag });
  assert.equal(renamed.status, 200, renamed.text);
  assert.equal(await keys.text('account', id, 'display_name'), 'Renamed');
  assert.equal((await clinic.sql(`SELECT key_version FROM account WHERE id = :'id'`, { id }))[0].key_version, '1', 'of which all is written in parts');
  const log = (await as.compliance.get(`/v1/audit?limit=100`)).body.items;
  assert.equal(new Set(log.map((e) => e.seq ?? e.id)).size, log.length, 'each event once');
});

test('a second record of one person is asked about, or at least told', async () => {
  const one = () => ({ family_name: `O\u2019Dupe-${randomUUID().replace(/[^a-f]/g, '')}`, given_name: 'Zoë', birth_date: '1980-02-29', sex: 'female' });
  const ask = (who, body) => who.create('/v1/patients', { ...body, if_duplicate: 'ask' });
  const asked = (r, count) => { refused(r, 409, 'possible_duplicate', 'if_duplicate'); assert.equal(r.body.possible_duplicates, count); };
  const body = one();
  const plain = (r, count) => assert.deepEqual([r.status, r.body.possible_duplicates, Object.keys(r.body)[0]], [201, count, 'id'], r.text);

  plain(await ask(as.scheduler, body), undefined); // the first is nobody's double
  for (const same of [{}, { sex: 'male', mrn: `D-${randomUUID().slice(0, 8)}` }, { family_name: body.family_name.toUpperCase().replace('\u2019', ' ') }, { given_name: 'zoe' }, { given_name: 'ZOE\u0308' }, { birth_date: '1980-02' }, { birth_date: '1980' }])
    asked(await ask(as.scheduler, { ...body, ...same }), 1);
  for (const other of [{ given_name: 'Zoë Marie' }, { given_name: null }, { family_name: `${body.family_name}s` }, { birth_date: '1980-02-28' }, { birth_date: '1981' }, { birth_date: null }])
    plain(await ask(as.scheduler, { ...body, ...other }), undefined);
  plain(await as.scheduler.create('/v1/patients', { ...body, if_duplicate: 'create' }), 1); // another person, says the desk
  plain(await as.scheduler.create('/v1/patients', body), 2); // who does not know the question is told
  asked(await ask(as.scheduler, body), 3);
  refused(await as.scheduler.create('/v1/patients', { ...body, if_duplicate: 'merge' }), 422, 'invalid_field', 'if_duplicate');
  refused(await as.admin.create('/v1/patients', { ...body, if_duplicate: 'ask' }), 404, 'not_found'); // no way to find out
  const { items } = (await as.compliance.get('/v1/audit?outcome=possible_duplicate')).body;
  assert.deepEqual([items.length >= 7, items[0].operation, items[0].actor_role], [true, 'patient_create', 'scheduler']);

  // a person of one name, and a record that is gone
  const single = { ...one(), given_name: null };
  plain(await ask(as.scheduler, single), undefined);
  asked(await ask(as.scheduler, single), 1);
  plain(await ask(as.scheduler, { ...single, given_name: 'Zoë' }), undefined);
});

test('of those who are taken in at once, one is first', async () => {
  const body = { ...minimal({ family_name: `Race${randomUUID().replace(/[^a-f]/g, '')}` }), if_duplicate: 'ask' };
  for (let i = 0; i < 5; i++) {
    const given_name = `Al${'abcde'[i]}`;
    const all = await Promise.all(Array.from({ length: 6 }, (_, n) => [as.scheduler, as.clinician][n % 2].create('/v1/patients', { ...body, given_name })));
    assert.equal(all.filter((r) => r.status === 201).length, 1, all.map((r) => r.text).join('\n'));
    for (const r of all) assert.ok(r.status === 201 || r.body.code === 'possible_duplicate' || r.status === 429, r.text);
  }
});

//= AZ-01: that somebody is a patient of the clinic is an answer: few a minute, of records that one may not see
test('a clinician learns that there is a record, not whose, and not often', async () => {
  const known = await Promise.all(Array.from({ length: 5 }, async (_, i) => {
    const body = minimal({ family_name: `Hidden${'abcdef'[i]}${randomUUID().replace(/[^a-f]/g, '')}` });
    await create(as.scheduler, body);
    return { ...body, if_duplicate: 'ask' };
  }));
  const answers = [];
  for (const body of known) answers.push(await as.clinician2.create('/v1/patients', body));
  assert.deepEqual(Object.keys(answers[0].body).sort(), ['code', 'field', 'possible_duplicates', 'request_id', 'status', 'title', 'type']);
  assert.deepEqual([answers[0].status, answers.at(-1).status], [409, 429], answers.map((r) => r.text).join('\n'));
  assert.ok(Number(answers.at(-1).headers['retry-after']) >= 1);
  // of those on whose team one is, as often as one likes
  const own = minimal({ family_name: `Own${randomUUID().replace(/[^a-f]/g, '')}` });
  await create(as.clinician2, own);
  for (let i = 0; i < 5; i++) refused(await as.clinician2.create('/v1/patients', { ...own, if_duplicate: 'ask' }), 409, 'possible_duplicate', 'if_duplicate');
});

//= EN-07, EN-09: what is indexed names its key, and is looked for under each that there is
test('those who were indexed under the first index key are found beside those of the second', async () => {
  const keys = new Keys(clinic), nil = '00000000-0000-0000-0000-000000000000';
  const named = (given) => ({ ...full(), family_name: 'Wendezeit', given_name: given, phone: '+1 555 014 7777', birth_date: '1931-05-06' });
  const bodies = [named('Alte Weise'), named('Neue Weise')];
  const old = await create(as.clinician, bodies[0]);
  await assert.rejects(keys.newClassKey('index'), /class_key_index_turn/, 'not before all processes can hear of it');
  await clinic.sql('ALTER TABLE class_key DROP CONSTRAINT class_key_index_turn');
  for (const of of [await keys.own(), nil]) assert.equal(await keys.newClassKey('index', of), 2);
  await clinic.stopServer();
  await clinic.startServer();

  const young = await create(as.clinician, bodies[1]);
  const under = async (id) => (await clinic.sql(`SELECT get_byte(p.mrn_token, 1) AS mrn, get_byte(p.birth_day, 1) AS day, (SELECT string_agg(DISTINCT get_byte(t.token, 1)::text, ' ') FROM patient_token t WHERE t.patient_id = p.id) AS words FROM patient p WHERE id = :'id'`, { id }))[0];
  assert.deepEqual([await under(old), await under(young)], [{ mrn: '1', day: '1', words: '1' }, { mrn: '2', day: '2', words: '2' }]);
  const pages = async (who, terms, limit) => {
    const found = [];
    for (let cursor = null, page = 0; page === 0 || cursor; page++) {
      const r = await who.search({ ...terms, limit, cursor });
      assert.equal(r.status, 200, r.text);
      found.push(...r.body.items.map((i) => i.id));
      cursor = r.body.next_cursor;
    }
    return found.sort();
  };
  const finds = async (terms, ...ids) => {
    for (const who of [as.scheduler, as.clinician]) for (const limit of [1, 50]) assert.deepEqual(await pages(who, terms, limit), ids.sort(), JSON.stringify(terms));
  };
  const both = [old, young];
  for (const terms of [{ name: 'wendezeit' }, { name: 'we' }, { name: 'weise wend' }, { family_name: 'Wendezeit', birth_date: '1931' }, { name: 'wend', birth_date: '1931-05-06' }, { phone: bodies[0].phone, birth_date: '1931-05' }])
    await finds(terms, ...both);
  for (const [i, id] of both.entries()) {
    await finds({ name: `Wendezeit ${bodies[i].given_name}` }, id);
    await finds({ family_name: 'wendezeit', given_name: bodies[i].given_name }, id);
    await finds({ mrn: bodies[i].mrn }, id);
    await finds({ email: bodies[i].email, name: bodies[i].given_name.split(' ')[0] }, id);
    const again = await as.scheduler.create('/v1/patients', { ...bodies[i], mrn: undefined, if_duplicate: 'ask' });
    refused(again, 409, 'possible_duplicate', 'if_duplicate');
  }
  // a changed name takes all words of the record to the newest key
  const changed = await patch(as.clinician, old, (await record(as.clinician, old)).etag, { given_name: 'Werner' });
  assert.equal(changed.status, 200, changed.text);
  assert.deepEqual(await under(old), { mrn: '1', day: '1', words: '2' });
  await finds({ name: 'we' }, ...both);
  await finds({ name: 'werner wendezeit' }, old);

  const [{ tokens }] = await clinic.sql(`SELECT string_agg(DISTINCT get_byte(sign_in_token, 1)::text, ' ') AS tokens FROM account WHERE sign_in_token IS NOT NULL`);
  assert.equal(tokens, '1');
  const client = await clinic.signIn(clinic.people.scheduler);
  assert.equal((await client.get('/v1/session')).status, 200, 'and who signed up before signs in');
});
